package chat

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Wait is how the customer's wait for a person's answer stands, as HEAD keeps it: the writes that append say so, with
// the same write.
type Wait struct {
	// Since is when the customer wrote the first message that no person has answered; zero when none waits.
	Since time.Time
	// Known says that every event of the public track was accounted for. A version that did not keep it, before this one
	// or beside it during a deployment, leaves it unknown: then the log says.
	Known bool
}

// WaitChange is what events of the public track do to a wait.
type WaitChange struct {
	// Answered ends it: a person has written, or the conversation has ended.
	Answered bool
	// Asked begins one, if none goes on (or Answered has ended it): the time of the first message of the customer; zero
	// for none.
	Asked time.Time
}

// WaitChanges sums up events of the public track, which are appended together.
func WaitChanges(events []Event) (c WaitChange) {
	for _, e := range events {
		switch {
		case endsWait(e):
			c = WaitChange{Answered: true}
		case e.Type == EventMessage && e.Role == RoleCustomer && c.Asked.IsZero():
			c.Asked = e.At
		default:
		}
	}
	return c
}

// After returns the wait after the change.
func (w Wait) After(c WaitChange) Wait {
	if c.Answered {
		w.Since = time.Time{}
	}
	if w.Since.IsZero() {
		w.Since = c.Asked
	}
	return w
}

// endsWait says whether the event ends the customer's wait: for an engagement that is over, whatever is next counts anew.
func endsWait(e Event) bool {
	return e.Type == EventClosed || e.Type == EventAbandoned || e.Type == EventMessage && isPerson(e.Role)
}

// Attention is what a conversation asks of one of staff.
type Attention struct {
	// WaitingSince is when the customer wrote the first message that no person has answered; zero for none.
	WaitingSince time.Time
	// Unread counts the customer's messages behind the user's read cursor, up to UnreadCounted.
	Unread int
}

// UnreadCounted is up to where unread messages are counted.
const UnreadCounted = 100

// attention reckons from the image where it can: the log is read for what was unread when its tail was moved last, and for
// conversations whose wait is not known, lookBack events back at most.
func (s *Service) attention(ctx context.Context, user UserID, h *Head) (a Attention, err error) {
	me, takesPart := h.Participants[user]
	if a.WaitingSince = h.Wait.Since; !h.Wait.Known {
		a.WaitingSince = time.Time{}
	}
	waitDone, readDone := h.Wait.Known, !takesPart || me.Cursor >= h.Public.Last
	if waitDone && readDone {
		return a, nil
	}
	err = s.backwards(ctx, h, func(e Event) bool {
		asks := e.Type == EventMessage && e.Role == RoleCustomer
		if !readDone && asks && e.Seq > me.Cursor {
			a.Unread++
		}
		if waitDone = waitDone || endsWait(e); !waitDone && asks {
			a.WaitingSince = e.At
		}
		readDone = readDone || e.Seq <= me.Cursor+1 || a.Unread == UnreadCounted
		return !waitDone || !readDone
	})
	return a, err
}

// OwnConversation is one of a member of staff's conversations.
type OwnConversation struct {
	Summary
	Attention
}

// OwnCounted is how many of one's open conversations are put in the order of their waits: the newest.
const OwnCounted = 200

// Own reads up to MaxStates conversations and what they ask of the user, in the order of the ids. Those that the user takes
// no part in, by now, are left out.
func (s *Service) Own(ctx context.Context, p Principal, ids []ConversationID) ([]OwnConversation, error) {
	own, err := s.own(ctx, p, ids)
	if err != nil {
		return nil, err
	}
	return s.summarized(ctx, own)
}

// own is Own without the newest messages.
func (s *Service) own(ctx context.Context, p Principal, ids []ConversationID) ([]OwnConversation, error) {
	if _, err := authorize(p, CommandMine); err != nil || len(ids) == 0 {
		return nil, err
	}
	var heads []*Head
	err := s.retry(ctx, func() (err error) {
		heads, err = s.States.HeadsOf(ctx, p.Workspace, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	heads = slices.DeleteFunc(heads, func(h *Head) bool { _, in := h.Participants[p.User]; return !in })
	slices.SortFunc(heads, func(a, b *Head) int {
		return cmp.Compare(slices.Index(ids, a.Conversation), slices.Index(ids, b.Conversation))
	})
	return parallel(ctx, heads, func(ctx context.Context, h *Head) (OwnConversation, error) {
		a, err := s.attention(ctx, p.User, h)
		return OwnConversation{Summary{Head: h}, a}, err
	})
}

func (s *Service) summarized(ctx context.Context, own []OwnConversation) ([]OwnConversation, error) {
	return parallel(ctx, own, func(ctx context.Context, o OwnConversation) (_ OwnConversation, err error) {
		o.Summary, err = s.summary(ctx, o.Head)
		return o, err
	})
}

// Unanswered lists the user's open conversations, the one whose customer has waited longest for a person's answer first,
// behind them those where nobody waits, the newest first: of the newest OwnCounted.
func (s *Service) Unanswered(ctx context.Context, p Principal, limit int) ([]OwnConversation, error) {
	if _, err := authorize(p, CommandMine); err != nil {
		return nil, err
	}
	var ids []ConversationID
	err := s.retry(ctx, func() (err error) {
		ids, err = s.Dir.Open(ctx, p.Workspace, p.User, "", OwnCounted)
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []OwnConversation
	for part := range slices.Chunk(ids, MaxStates) {
		own, err := s.own(ctx, p, part)
		if err != nil {
			return nil, err
		}
		all = append(all, own...)
	}
	slices.SortStableFunc(all, func(a, b OwnConversation) int { return byWait(a.WaitingSince, b.WaitingSince) })
	return s.summarized(ctx, all[:min(len(all), limit)])
}

// byWait puts the longest wait first, and no wait last.
func byWait(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}
