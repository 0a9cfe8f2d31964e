package chat

import (
	"cmp"
	"context"
	"slices"
)

// announce tells those who do not listen to the conversation yet but must know of it, when the actor has
// changed its state: the actor's other sockets and those of whom the step is about, at once; the desk and routing,
// through queues. It comes after the commit: a hello that misses the change is seen here, and one that is missed here
// sees the change. A retry announces again, since its first try may have died before.
func (d *Delivery) announce(ctx context.Context, p Principal, out *Outcome) error {
	var steps []Event
	waits, moved := false, false
	for _, e := range out.Push {
		moved = moved || e.Type == EventPriority && out.Head.Status.Waits()
		if e.Sender == p.User && e.To != "" && changesState(e.Type) {
			steps = append(steps, e)
			waits = waits || e.From.Waits() || e.To.Waits()
		}
	}
	if len(steps) == 0 {
		if moved { // in the queue
			d.showDesk(ctx, out.Head.Workspace)
		}
		return nil
	}
	told := map[UserID]Role{}
	if p.User != SystemUser && !slices.Contains(out.Gone, p.User) { // whose part has ended has a notice of that
		told[p.User] = p.Role
	}
	for _, e := range steps {
		if _, twice := told[e.Subject]; e.Subject != "" && !twice {
			told[e.Subject] = cmp.Or(out.Head.Participants[e.Subject].Role, RoleOperator)
		}
	}
	for user, role := range told {
		if err := d.tellSockets(ctx, p, user, role, out); err != nil {
			return err
		}
	}
	d.route(ctx, out.Head, steps)
	if waits {
		d.showDesk(ctx, out.Head.Workspace)
	}
	return nil
}

// showDesk tells the live desk that what waits has changed. It is only for speed: the relay tells the same from the
// stream.
func (d *Delivery) showDesk(ctx context.Context, w WorkspaceID) {
	if d.Desk != nil {
		_ = d.Desk.Enqueue(ctx, DeskJob{Workspace: w})
	}
}

// changesState says whether events of the type step from one status to another.
func changesState(t EventType) bool {
	switch t {
	case EventStarted, EventAssigned, EventClosed, EventReopened, EventQueued, EventTransferred, EventAbandoned, EventOffline,
		EventBotEngaged, EventHandedOff, EventOffered, EventOfferMissed, EventIdle, EventResumed, EventSnoozed:
		return true
	default:
	}
	return false
}

// tellSockets pushes the events to the user's sockets that are no listeners: they see a conversation that
// they do not know, and say hello.
func (d *Delivery) tellSockets(ctx context.Context, p Principal, user UserID, role Role, out *Outcome) error {
	sockets, err := d.Sockets.OfUser(ctx, p.Workspace, user)
	if err != nil {
		return Errorf(CodeUnavailable, "storage did not answer in time; send the same again")
	}
	var to []Target
	for _, c := range sockets {
		if _, listens := out.Head.Listeners[c]; !listens && c != p.Connection {
			to = append(to, Target{c, Listener{User: user, Role: role}})
		}
	}
	if len(to) == 0 {
		return nil
	}
	d.push(ctx, to, d.Encode.Events(out.Head, out.Track, out.Push), d.budget(), func(ctx context.Context, t Target) {
		d.forgetSocket(ctx, p.Workspace, t)
	})
	return nil
}

// route tells routing what the steps mean for it. It is only for speed: the relay tells the same from the stream.
func (d *Delivery) route(ctx context.Context, h *Head, steps []Event) {
	if d.Routing == nil {
		return
	}
	if jobs := routeJobs(h, steps); len(jobs) > 0 {
		_ = d.Routing.Route(ctx, jobs...)
	}
}

// routeJobs lists what routing has to look at after the steps: the queue that a conversation has come into, and whose
// place has come free. Where the steps do not say whose, the conversation's department stands for it.
func routeJobs(h *Head, steps []Event) []RouteJob {
	var jobs []RouteJob
	add := func(j RouteJob) {
		j.Workspace = h.Workspace
		if !slices.Contains(jobs, j) {
			jobs = append(jobs, j)
		}
	}
	for _, e := range steps {
		if e.To == StatusQueued && h.Status == StatusQueued {
			add(RouteJob{Department: h.Department, Reason: "queued"})
		}
		switch {
		case e.From == "" || e.Type == EventOffered || e.From == StatusQueued && e.Type == EventAssigned:
		case e.From.Loads() && e.To.Loads() || e.To.Over() && h.Assignee == "":
			add(RouteJob{Department: h.Department, Reason: "freed"})
		case e.From.Loads():
			add(RouteJob{Department: h.Department, Operator: freedBy(h, e), Reason: "freed"})
		}
	}
	return jobs
}

// freedBy is who had the conversation before the step.
func freedBy(h *Head, e Event) UserID {
	switch {
	case e.To.Waits() && e.Subject != "":
		return e.Subject
	case h.Assignee != "":
		return h.Assignee
	}
	return h.LastOperator
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
