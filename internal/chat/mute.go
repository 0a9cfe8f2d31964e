package chat

import (
	"context"
	"time"
)

// MaxMute is how long a customer may be muted by one command; who is to be kept out for longer is banned.
const MaxMute = 24 * time.Hour

// Muting asks that a customer writes nothing for a while.
type Muting struct {
	Conversation ConversationID
	After        uint64 // of the desk track; 0 is always right, and merely dearer
	ID           EventID
	User         UserID
	// Until is when the customer may write again, at most MaxMute from now, kept to the millisecond; zero lets them
	// write at once.
	Until  time.Time
	Reason string
}

// Mute keeps a customer of the conversation from writing there, on whatever socket: what they send is answered with
// CodeTooFast and how long to wait, as it is to those who write too fast. The desk is told who did it, by an event
// that the same write stores; so a retry mutes nobody again who was unmuted since.
//
// Errors: CodeInvalid also for a user who is no customer of this conversation.
func (s *Service) Mute(ctx context.Context, p Principal, m Muting) (*Outcome, error) {
	scope, err := authorize(p, CommandMute)
	if err != nil {
		return nil, err
	}
	if err := m.check(s.now()); err != nil {
		return nil, err
	}
	muted := Event{ID: m.ID, Type: EventMuted, Sender: p.User, Role: p.Role, Subject: m.User, Reason: m.Reason}
	var until time.Time
	if !m.Until.IsZero() {
		until = time.UnixMilli(m.Until.UnixMilli())
		muted.Detail = &Detail{Until: until}
	}
	out, err := s.append(ctx, &command{drafts: []Event{muted}, Append: Append{
		Ref: Ref{p.Workspace, m.Conversation}, Track: Desk, After: m.After,
		Rule: Rule{Customer: m.User}.reach(p, scope), Mute: &Mute{User: m.User, Until: until},
	}})
	if err != nil {
		return nil, err
	}
	s.trimIfHuge(ctx, out)
	return out, nil
}

func (m Muting) check(now time.Time) error {
	switch {
	case !m.User.Valid():
		return Errorf(CodeInvalid, "user: must be a well-formed id")
	case m.Until.Sub(now) > MaxMute:
		return Errorf(CodeInvalid, "until: at most %v from now", MaxMute)
	}
	return Step{Conversation: m.Conversation, ID: m.ID, Reason: m.Reason}.check()
}
