package chat

import (
	"context"
	"errors"
	"unicode/utf8"
)

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
		Rule: s.mayWrite(p, scope),
	}}
	if t == Public {
		c.Cursor = after
	}
	out, err := s.appendOrWake(ctx, p, c)
	if err != nil {
		return nil, err
	}
	s.limitRate(ctx, p, out)
	s.trimIfHuge(ctx, out)
	return out, nil
}

// writable lists the statuses in which a plain append takes a message. A customer's message to any other wakes the
// conversation, which is a transition; staff may go on writing to one that sleeps without waking it.
func writable(r Role) []Status {
	if r.Staff() {
		return []Status{StatusBot, StatusQueued, StatusOffered, StatusActive, StatusIdle, StatusSnoozed, StatusOffline}
	}
	return []Status{StatusBot, StatusQueued, StatusOffered, StatusActive}
}

// mayWrite is the rule for new messages.
func (s *Service) mayWrite(p Principal, scope Scope) Rule {
	r := Rule{UnmutedAt: s.now(), Statuses: writable(p.Role)}
	return r.reach(p, scope)
}

// appendOrWake appends; what a customer writes to a closed conversation reopens it.
func (s *Service) appendOrWake(ctx context.Context, p Principal, c *command) (*Outcome, error) {
	out, err := s.append(ctx, c)
	for code := CodeOf(err); (code == CodeClosed || code == CodeNotClosed) && p.Role == RoleCustomer && c.Track == Public; code = CodeOf(err) {
		if out, err = s.wakeBySending(ctx, p, c); !errors.Is(err, errAwake) {
			break
		}
		c.Rule = s.mayWrite(p, Own)
		out, err = s.append(ctx, c)
	}
	return out, err
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
	case len(text)+controlWeight*controls(text) > 2*MaxText:
		return Errorf(CodeInvalid, "text: too many control characters")
	}
	return nil
}

// controlWeight is what a control character takes in JSON (\u0001) beyond its one byte. With it no text is longer
// than 2 × MaxText in a frame, and every event fits into one.
const controlWeight = 5

func controls(text string) int {
	n := 0
	for i := range len(text) {
		if text[i] < 0x20 && text[i] != '\n' && text[i] != '\t' {
			n++
		}
	}
	return n
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
	out, err := s.append(ctx, &command{
		drafts: []Event{{ID: r.ID, Type: typ, Sender: p.User, Role: p.Role, Target: r.Target, Text: r.Text}},
		Append: Append{Ref: ref, Track: r.Track, After: r.After, Rule: Rule{UnmutedAt: s.now()}.reach(p, scope)},
	})
	if err == nil {
		s.limitRate(ctx, p, out)
		s.trimIfHuge(ctx, out)
	}
	return out, err
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
	found, err := s.read(ctx, head, r.Track, r.Target-1, r.Target)
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
	if !p.reaches(head, scope) {
		return nil, errNotFound()
	}
	return head, nil
}

// reaches says whether the scope takes the principal to the conversation.
func (p Principal) reaches(h *Head, scope Scope) bool {
	_, takesPart := h.Participants[p.User]
	return takesPart || scope == Workspace || scope == Department && p.WorksIn(h.Department)
}
