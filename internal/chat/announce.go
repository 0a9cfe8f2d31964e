package chat

import (
	"context"
	"slices"
)

// announce tells those who do not listen to the conversation yet but must know of it, when the actor has
// changed its state: the actor's other sockets, at once; the desk, through the queue. It comes after the
// commit: a hello that misses the change is seen here, and one that is missed here sees the change.
// A retry announces again, since its first try may have died before.
func (d *Delivery) announce(ctx context.Context, p Principal, out *Outcome) error {
	for _, e := range slices.Concat(out.Push, out.Missed) {
		if e.Sender != p.User || !changesState(e.Type) {
			continue
		}
		if err := d.tellOwnSockets(ctx, p, out); err != nil {
			return err
		}
		if change, ok := waitingChange(out.Head, e); ok {
			return d.queueWaiting(ctx, out.Head.Ref, change)
		}
		return nil
	}
	return nil
}

func changesState(t EventType) bool {
	return t == EventStarted || t == EventAssigned || t == EventClosed || t == EventReopened
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

func waitingChange(h *Head, e Event) (WaitingChange, bool) {
	switch e.Type {
	case EventStarted, EventReopened:
		if e.To == StatusQueued {
			return WaitingChange{Added: &Waiting{Conversation: h.Conversation, Customer: customerOf(h), Since: e.At}}, true
		}
	case EventAssigned:
		return WaitingChange{Removed: h.Conversation}, true
	case EventClosed:
		if e.From == StatusQueued {
			return WaitingChange{Removed: h.Conversation}, true
		}
	default: // messages do not change who waits
	}
	return WaitingChange{}, false
}

func customerOf(h *Head) UserID {
	for u, p := range h.Participants {
		if p.Role == RoleCustomer {
			return u
		}
	}
	return ""
}

func (d *Delivery) queueWaiting(ctx context.Context, ref Ref, change WaitingChange) error {
	if err := d.Queue.Enqueue(ctx, 0, Job{Ref: ref, Waiting: &change}); err != nil {
		return Errorf(CodeUnavailable, "delivery could not be queued; send the same again")
	}
	return nil
}
