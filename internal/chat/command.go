package chat

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"unicode/utf8"
)

// act is what every command of a conversation's life has in common.
type act struct {
	command Command
	// track is where the command's own event lies: the one with the client's id.
	track Track
	// draft is that event, without id, sender and role. Its status is filled in by whoever decides.
	draft Event
	// either is another type under which the same may have been stored: a customer who closes leaves, if nobody has
	// come yet.
	either EventType
	// reason is that of the edge when the actor gives none; "" for what is no edge.
	reason string
}

// errNothing says that there is nothing to do: the command is acknowledged, and nothing is stored.
var errNothing = errors.New("nothing to do")

// perform decides on a fresh image, and stores the command's event with the change, again and again until nothing has
// come between. full is an operator who turned out to have no room.
func (s *Service) perform(ctx context.Context, p Principal, st Step, a act, decide func(h *Head, e *Event, full UserID) (*Change, error)) (*Outcome, error) {
	scope, err := authorize(p, a.command)
	if err != nil {
		return nil, err
	}
	if err := st.check(); err != nil {
		return nil, err
	}
	draft := a.draft
	draft.ID, draft.Sender, draft.Role, draft.Reason = st.ID, p.User, p.Role, cmp.Or(st.Reason, a.reason)
	rule := Rule{Actor: p.User, Epoch: st.Epoch}
	if p.Role == RoleCustomer {
		rule.UnmutedAt = s.now()
	}
	c := &command{
		drafts: []Event{draft}, either: a.either, rule: p.Rule, loose: p.Rule != "",
		Append: Append{Ref: Ref{p.Workspace, st.Conversation}, Track: a.track, After: st.After, Rule: rule},
	}
	var seen *Head
	out, err := s.transit(ctx, p, c, scope, func(h *Head) (*Change, []Event, error) {
		seen = h
		c.Rule.Version = nil // of an earlier try
		if err := c.Rule.Check(h); err != nil {
			return nil, nil, err
		}
		e := &c.drafts[0]
		e.Type, e.From = a.draft.Type, h.Status
		change, err := decide(h, e, c.full)
		return change, nil, err
	})
	if errors.Is(err, errNothing) {
		return c.outcome(seen), nil
	}
	if err != nil {
		return nil, err
	}
	s.limitRate(ctx, p, out)
	s.trimIfHuge(ctx, out)
	return out, nil
}

// beside makes an event that a command appends on the other track.
func (e Event) beside(what string, typ EventType) Event {
	return Event{ID: derivedID(what, e.ID), Type: typ, Sender: e.Sender, Role: e.Role, From: e.From, To: e.To, Reason: e.Reason, Subject: e.Subject}
}

// asides are events that change no status.
func (e *Event) aside() { e.From, e.To = "", "" }

// facts reads STATE and lets edit change a copy of it.
func (s *Service) facts(ctx context.Context, ref Ref, edit func(*State) error) (*Facts, error) {
	old, err := s.States.State(ctx, ref)
	if err != nil {
		return nil, err
	}
	if old == nil {
		return nil, errNotFound()
	}
	next := *old
	next.Tags, next.Fields, next.Linked = slices.Clone(old.Tags), maps.Clone(old.Fields), slices.Clone(old.Linked)
	if err := edit(&next); err != nil {
		return nil, err
	}
	return &Facts{Old: old, New: &next}, nil
}

// errStatus says that the command does not fit the status.
func errStatus(h *Head) *Error {
	if h.Status.Over() {
		return Errorf(CodeClosed, "the conversation is %s", h.Status)
	}
	return Errorf(CodeNotClosed, "the conversation is %s", h.Status)
}

func errFull(who string) *Error {
	return Errorf(CodeAtCapacity, "%s as many conversations as they can take; choose somebody else, or close or snooze one first", who)
}

// checkName checks a short text that is no message: a tag, or the name or value of a field. It may hold no control
// characters but line breaks and tabs.
func checkName(what, text string, most int) error {
	switch {
	case len(text) > most:
		return Errorf(CodeInvalid, "%s: at most %d bytes", what, most)
	case !utf8.ValidString(text) || controls(text) > 0:
		return Errorf(CodeInvalid, "%s: must be valid UTF-8 without control characters", what)
	}
	return nil
}

// asStored gives desk events the public seq that the write stored with them: only the write itself knows it.
func (s *Service) asStored(ctx context.Context, after *Head, t Track, events []Event) error {
	if t != Desk || len(events) == 0 {
		return nil
	}
	stored, err := s.read(ctx, after, t, events[0].Seq-1, events[len(events)-1].Seq)
	if err != nil {
		return err
	}
	for i := range min(len(stored), len(events)) {
		events[i].Follows = stored[i].Follows
	}
	return nil
}
