package chat

import (
	"context"
	"errors"
)

// MaxPage is the longest page address that start takes, in bytes.
const MaxPage = 2048

// Start creates a conversation with its first messages. The id is the client's: a retried start finds the
// conversation that its first try made, and acknowledges the same messages.
func (s *Service) Start(ctx context.Context, p Principal, id ConversationID, page string, messages []NewMessage) (*Outcome, error) {
	if _, err := authorize(p, CommandStart); err != nil {
		return nil, err
	}
	drafts, err := draftMessages(p, Public, messages)
	if err != nil {
		return nil, err
	}
	if !id.Valid() || len(page) > MaxPage {
		return nil, Errorf(CodeInvalid, "conversation and page: a well-formed id, and at most %d bytes", MaxPage)
	}
	started := Event{ID: derivedID(startedBeside, drafts[0].ID), Type: EventStarted, Sender: p.User, Role: p.Role, To: StatusQueued}
	c := &command{drafts: append([]Event{started}, drafts...), Append: Append{Ref: Ref{p.Workspace, id}, Track: Public}}
	head, err := s.create(ctx, p, c, page)
	if err != nil {
		return nil, err
	}
	if head == nil { // it was there before: a retry, or somebody else's
		return s.startAgain(ctx, p, c, drafts)
	}
	out := c.outcome(head)
	out.Missed, out.Acks = []Event{out.Acks[0].Event}, out.Acks[1:]
	return out, nil
}

// create returns nil without an error when the conversation exists.
func (s *Service) create(ctx context.Context, p Principal, c *command, page string) (*Head, error) {
	exists := false
	err := s.retry(ctx, func() error {
		c.Events = c.number(s)
		err := s.Log.Create(ctx, Creation{
			Ref: c.Ref, Customer: p.User, Role: p.Role, Events: c.Events,
			Listen: p.Connection, Listener: s.listener(p), At: s.now(), Page: page,
		})
		var refused *Refused
		if errors.As(err, &refused) {
			exists = true
			return nil
		}
		return err
	})
	if err != nil || exists {
		return nil, err
	}
	c.stored(c.Events)
	return s.headAfter(ctx, c.Ref)
}

// startAgain acknowledges what an earlier try stored and appends what it did not carry yet. A conversation of
// somebody else looks like an id that was used before.
func (s *Service) startAgain(ctx context.Context, p Principal, c *command, drafts []Event) (*Outcome, error) {
	head, _, err := s.subscribe(ctx, p, c.Ref, 0)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, Errorf(CodeIDReused, "conversation: this id was used before")
	}
	c.drafts, c.acks, c.After = drafts, nil, 0
	c.Rule = s.mayWrite(p, Own)
	if err := s.retry(ctx, func() error { return s.catchUp(ctx, c, head) }); err != nil {
		return nil, err
	}
	if len(c.drafts) == 0 {
		return c.outcome(head), nil
	}
	return s.appendOrWake(ctx, p, c)
}
