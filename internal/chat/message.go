package chat

import (
	"context"
	"time"
	"unicode/utf8"
)

// Rate bounds what a customer may write: more than Messages within Window, as far as the tail shows, mutes
// the sender for Pause. It costs nothing until it strikes. Staff is not limited.
type Rate struct {
	Messages      int
	Window, Pause time.Duration
}

// DefaultRate is far above what a person types, and below what a script does to an operator's screen.
var DefaultRate = Rate{Messages: 30, Window: 10 * time.Second, Pause: 10 * time.Second}

// NewMessage is a message as a client hands it in.
type NewMessage struct {
	ID   EventID
	Text string
}

// Send appends messages (public) or notes (desk). See Service.append for what a retry does.
func (s *Service) Send(ctx context.Context, p Principal, ref ConversationID, t Track, after uint64, messages []NewMessage) (*Outcome, error) {
	scope, err := authorize(p, onTrack(CommandSend, t))
	if err != nil {
		return nil, err
	}
	drafts, err := draftMessages(p, t, messages)
	if err != nil {
		return nil, err
	}
	if !ref.Valid() {
		return nil, errBadConversation()
	}
	c := &command{drafts: drafts, Append: Append{
		Ref: Ref{p.Workspace, ref}, Track: t, After: after,
		Rule: Rule{Actor: p.User, Participant: scope == Own, UnmutedAt: s.now(), Statuses: []Status{StatusQueued, StatusActive}},
	}}
	if t == Public {
		c.Cursor = after
	}
	out, err := s.append(ctx, c)
	if CodeOf(err) == CodeClosed && p.Role == RoleCustomer && t == Public {
		out, err = s.reopenBySending(ctx, p, c)
	}
	if err != nil {
		return nil, err
	}
	s.limitRate(ctx, p, out)
	s.trimIfHuge(ctx, out)
	return out, nil
}

// limitRate mutes a customer of whom the tail shows too much. Failing to is not the sender's problem.
func (s *Service) limitRate(ctx context.Context, p Principal, out *Outcome) {
	if p.Role != RoleCustomer || s.Rate.Messages == 0 {
		return
	}
	now, n := s.now(), 0
	for _, e := range out.Head.Track(out.Track).Tail {
		if e.Sender == p.User && now.Sub(e.At) < s.Rate.Window {
			n++
		}
	}
	if n > s.Rate.Messages {
		_ = s.Subs.Mute(ctx, out.Head.Ref, p.User, now.Add(s.Rate.Pause))
	}
}

func draftMessages(p Principal, t Track, messages []NewMessage) ([]Event, error) {
	if len(messages) == 0 || len(messages) > MaxMessages {
		return nil, Errorf(CodeInvalid, "messages: 1 to %d in a frame, not %d", MaxMessages, len(messages))
	}
	typ := EventMessage
	if t == Desk {
		typ = EventNote
	}
	seen := make(map[EventID]bool, len(messages))
	drafts := make([]Event, len(messages))
	for i, m := range messages {
		if err := checkText(m.Text); err != nil {
			return nil, err
		}
		if !m.ID.Valid() || seen[m.ID] {
			return nil, Errorf(CodeInvalid, "messages[%d].id: a well-formed id, once in the frame", i)
		}
		seen[m.ID] = true
		drafts[i] = Event{ID: m.ID, Type: typ, Sender: p.User, Role: p.Role, Text: m.Text}
	}
	return drafts, nil
}

func checkText(text string) error {
	switch {
	case text == "":
		return Errorf(CodeInvalid, "text: must not be empty")
	case len(text) > MaxText:
		return Errorf(CodeInvalid, "text: at most %d bytes, not %d", MaxText, len(text))
	case !utf8.ValidString(text):
		return Errorf(CodeInvalid, "text: must be valid UTF-8")
	}
	return nil
}

// Revision is an edit or a deletion of a message.
type Revision struct {
	Conversation ConversationID
	Track        Track
	After        uint64
	ID           EventID
	Target       uint64
	Text         string // of an edit
}

// Edit replaces the text of the actor's own message or note.
func (s *Service) Edit(ctx context.Context, p Principal, r Revision) (*Outcome, error) {
	if err := checkText(r.Text); err != nil {
		return nil, err
	}
	return s.revise(ctx, p, r, CommandEdit, EventEdited)
}

// Delete withdraws a message or note: the actor's own, or anybody's for whom the table says Workspace.
func (s *Service) Delete(ctx context.Context, p Principal, r Revision) (*Outcome, error) {
	r.Text = ""
	return s.revise(ctx, p, r, CommandDelete, EventDeleted)
}

func (s *Service) revise(ctx context.Context, p Principal, r Revision, cmd Command, typ EventType) (*Outcome, error) {
	scope, err := authorize(p, onTrack(cmd, r.Track))
	if err != nil {
		return nil, err
	}
	ref := Ref{p.Workspace, r.Conversation}
	if !r.ID.Valid() || r.Target == 0 {
		return nil, Errorf(CodeInvalid, "id and target: a well-formed id and the seq of a message")
	}
	if err := s.mayRevise(ctx, p, ref, r, cmd, scope); err != nil {
		return nil, err
	}
	return s.append(ctx, &command{
		drafts: []Event{{ID: r.ID, Type: typ, Sender: p.User, Role: p.Role, Target: r.Target, Text: r.Text}},
		Append: Append{Ref: ref, Track: r.Track, After: r.After, Rule: Rule{Actor: p.User, Participant: scope == Own}},
	})
}

// mayRevise reads the target: authorship never changes, so reading it before the write is safe.
func (s *Service) mayRevise(ctx context.Context, p Principal, ref Ref, r Revision, cmd Command, scope Scope) error {
	head, err := s.visible(ctx, p, ref, scope)
	if err != nil {
		return err
	}
	if r.Target > head.Track(r.Track).Last {
		return Errorf(CodeInvalid, "target: the log ends at %d", head.Track(r.Track).Last)
	}
	found, err := s.events(ctx, head, r.Track, r.Target-1, r.Target)
	if err != nil {
		return err
	}
	target := found[0]
	if target.Type != EventMessage && target.Type != EventNote {
		return Errorf(CodeInvalid, "target: seq %d is a %s, which cannot be changed", r.Target, target.Type)
	}
	if target.Sender == p.User || cmd == CommandDelete && (p.Role == RoleSupervisor || p.Role == RoleAdmin) {
		return nil
	}
	return Errorf(CodeForbidden, "only the author may %s a message", cmd)
}

// visible reads the image if the principal may see the conversation. What one may not see does not exist.
func (s *Service) visible(ctx context.Context, p Principal, ref Ref, scope Scope) (*Head, error) {
	if !ref.Conversation.Valid() {
		return nil, errBadConversation()
	}
	var head *Head
	err := s.retry(ctx, func() (err error) {
		head, err = s.Reader.Head(ctx, ref)
		return err
	})
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, errNotFound()
	}
	if _, ok := head.Participants[p.User]; !ok && scope != Workspace {
		return nil, errNotFound()
	}
	return head, nil
}
