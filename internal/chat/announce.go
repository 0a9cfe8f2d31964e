package chat

import "context"

// announce tells those who do not listen to the conversation yet but must know of it, when the actor has
// changed its state: the actor's other sockets, at once; the desk, through the queue. It comes after the
// commit: a hello that misses the change is seen here, and one that is missed here sees the change.
// A retry announces again, since its first try may have died before.
func (d *Delivery) announce(ctx context.Context, p Principal, out *Outcome) error {
	changed, waits := false, false
	for _, e := range out.Push {
		if e.Sender == p.User && changesState(e.Type) {
			changed = true
			waits = waits || e.From.Waits() || e.To.Waits()
		}
	}
	if !changed {
		return nil
	}
	if err := d.tellOwnSockets(ctx, p, out); err != nil || !waits {
		return err
	}
	return d.queueWaiting(ctx, out.Head)
}

// changesState says whether events of the type step from one status to another.
func changesState(t EventType) bool {
	switch t {
	case EventStarted, EventAssigned, EventClosed, EventReopened, EventQueued, EventTransferred, EventAbandoned, EventOffline,
		EventBotEngaged, EventHandedOff, EventOffered, EventOfferMissed, EventIdle, EventResumed, EventSnoozed:
		return true
	}
	return false
}

// tellOwnSockets pushes the events to the actor's sockets that are no listeners: they see a conversation that
// they do not know, and say hello.
func (d *Delivery) tellOwnSockets(ctx context.Context, p Principal, out *Outcome) error {
	sockets, err := d.Sockets.OfUser(ctx, p.Workspace, p.User)
	if err != nil {
		return Errorf(CodeUnavailable, "storage did not answer in time; send the same again")
	}
	var to []Target
	for _, c := range sockets {
		if _, listens := out.Head.Listeners[c]; !listens && c != p.Connection {
			to = append(to, Target{c, Listener{User: p.User, Role: p.Role}})
		}
	}
	d.push(ctx, to, d.Encode.Events(out.Head, out.Track, out.Push), d.budget(), func(ctx context.Context, t Target) {
		d.forgetSocket(ctx, p.Workspace, t)
	})
	return nil
}

// waiting completes an entry of the waiting list by the image.
func (h *Head) waiting(e Waiting) *Waiting {
	e.Conversation, e.Customer, e.Department, e.Priority = h.Conversation, customerOf(h), h.Department, h.Priority
	e.Since, e.Version, e.Offered = h.QueuedAt, h.Version, h.Status == StatusOffered
	return &e
}

// Customer returns the conversation's customer.
func (h *Head) Customer() UserID { return customerOf(h) }

func customerOf(h *Head) UserID {
	for u, p := range h.Participants {
		if p.Role == RoleCustomer {
			return u
		}
	}
	return ""
}

// queueWaiting tells how the conversation stands in the waiting list by the image, not by the event: a retry
// may find its event long after somebody else has taken the conversation.
func (d *Delivery) queueWaiting(ctx context.Context, h *Head) error {
	change := WaitingChange{Removed: h.Conversation, Department: h.Department}
	if h.Status.Waits() {
		change = WaitingChange{Added: h.waiting(Waiting{}), Department: h.Department}
	}
	if err := d.Queue.Enqueue(ctx, 0, Job{Ref: h.Ref, Waiting: &change}); err != nil {
		return Errorf(CodeUnavailable, "delivery could not be queued; send the same again")
	}
	return nil
}
