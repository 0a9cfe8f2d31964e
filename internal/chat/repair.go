package chat

import "context"

// Repair tells the integrations of everything in the conversation's log that they are not known to have been told,
// on both tracks, notes that they were, and arms the timers of the state that the conversation is in. It is for what the stream may have lost: for a conversation whose records
// the relay gave up on, and for one that goes idle. What it tells may have been told before (a process knows only what
// it has relayed itself); the event's key says so. A conversation that does not exist needs no repair. An error means
// that the repair is to be made again, whole.
func (r *Relay) Repair(ctx context.Context, ref Ref) error {
	head, err := r.Reader.Head(ctx, ref)
	if err != nil || head == nil {
		return err
	}
	subs, err := r.Subscriptions.Subscriptions(ctx, ref.Workspace)
	if err != nil {
		return err
	}
	for _, t := range Tracks() {
		if err := r.tell(ctx, subs, head, t, r.handled.upTo(head, t), true); err != nil {
			return err
		}
	}
	timers, err := r.Timers(ctx, nil, head)
	if err != nil {
		return err
	}
	return r.Arm(ctx, timers)
}

// Repair is Relay.Repair as a use case, for whoever finds that a conversation has gone idle. It is nobody's command: no
// principal asks for it. What this process has not relayed itself is told again if HEAD does not note it. Errors:
// CodeInvalid, CodeUnavailable, or what the integration queue answered; the repair is then to be made again.
func (s *Service) Repair(ctx context.Context, w WorkspaceID, id ConversationID) error {
	if !w.Valid() || !id.Valid() {
		return errBadConversation()
	}
	return s.retry(ctx, func() error { return s.Relay.Repair(ctx, Ref{w, id}) })
}

// tell emits (from, last] of the image's track. With settle, everything up to last is then known to have been told,
// and that is stored: from must be at or below upTo.
func (r *Relay) tell(ctx context.Context, subs []Subscription, head *Head, t Track, from uint64, settle bool) error {
	if err := r.emit(ctx, subs, head, t, from); err != nil {
		return err
	}
	r.handled.note(head, t, from)
	if last := head.Track(t).Last; settle && head.Track(t).Relayed < last {
		return r.Tails.SetRelayed(ctx, head.Ref, t, last)
	}
	return nil
}
