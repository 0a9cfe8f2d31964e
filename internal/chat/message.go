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
	// Mentions lists the colleagues whom a note mentions.
	Mentions []UserID
}

// MaxMentions is how many colleagues one note may mention.
const MaxMentions = 20

// Sending is what Post takes.
type Sending struct {
	Conversation ConversationID
	Track        Track
	After        uint64
	Messages     []NewMessage
	// Epoch of a bot, see Step.
	Epoch *uint64
	// Reply says that the messages' ids follow from what they reply to: whatever is stored under one is the reply, also
	// if a bot has found other words this time.
	Reply bool
}

// Send appends messages (public) or notes (desk). See Service.append for what a retry does.
func (s *Service) Send(ctx context.Context, p Principal, ref ConversationID, t Track, after uint64, messages []NewMessage) (*Outcome, error) {
	return s.Post(ctx, p, Sending{Conversation: ref, Track: t, After: after, Messages: messages})
}

// Post is Send with what bots and API keys have to say besides.
func (s *Service) Post(ctx context.Context, p Principal, m Sending) (*Outcome, error) {
	scope, err := authorize(p, onTrack(CommandSend, m.Track))
	if err != nil {
		return nil, err
	}
	drafts, err := draftMessages(p, m.Track, m.Messages)
	if err != nil {
		return nil, err
	}
	if !m.Conversation.Valid() {
		return nil, errBadConversation()
	}
	if err := s.checkMentions(ctx, p, m); err != nil {
		return nil, err
	}
	rule := s.mayWrite(p, scope)
	rule.Epoch = m.Epoch
	if m.Track == Desk {
		rule.Statuses = noted
	}
	c := &command{drafts: drafts, loose: m.Reply || p.Rule != "", rule: p.Rule, Append: Append{Ref: Ref{p.Workspace, m.Conversation}, Track: m.Track, After: m.After, Rule: rule}}
	if m.Track == Public && p.Role != RoleSystem { // who reads nothing has no cursor
		c.Cursor = m.After
	}
	out, err := s.appendOrWake(ctx, p, c)
	if err != nil {
		return nil, err
	}
	s.limitRate(ctx, p, out)
	s.trimIfHuge(ctx, out)
	return out, nil
}

// checkMentions demands that notes alone mention, and colleagues alone are mentioned.
func (s *Service) checkMentions(ctx context.Context, p Principal, m Sending) error {
	seen := map[UserID]bool{}
	for i, message := range m.Messages {
		if len(message.Mentions) > MaxMentions || len(message.Mentions) > 0 && m.Track != Desk {
			return Errorf(CodeInvalid, "messages[%d].mentions: at most %d, in notes only", i, MaxMentions)
		}
		for _, u := range message.Mentions {
			if seen[u] {
				continue
			}
			seen[u] = true
			if _, err := s.colleague(ctx, p.Workspace, u); CodeOf(err) == CodeInvalid {
				return Errorf(CodeInvalid, "messages[%d].mentions: no member of staff has the id %.40q", i, u)
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// writable lists the statuses in which a plain append takes a message. A customer's message to any other wakes the
// conversation, which is a transition; staff may go on writing to one that sleeps without waking it. More is added to a
// message that was left: it enters the queue when the business opens.
func writable(r Role) []Status {
	switch {
	case r == RoleBot:
		return botLeads
	case r.person():
		return unoffered
	case r.Staff():
		return noted
	}
	return []Status{StatusBot, StatusQueued, StatusOffered, StatusActive, StatusOffline}
}

// noted is when a note may be written: until the conversation is over.
var noted = []Status{StatusBot, StatusQueued, StatusOffered, StatusActive, StatusIdle, StatusSnoozed, StatusOffline}

// unoffered is when a person may speak to the customer. Who is asked to take the conversation takes it first: else the
// customer would be answered by somebody who may never have it.
var unoffered = []Status{StatusBot, StatusQueued, StatusActive, StatusIdle, StatusSnoozed, StatusOffline}

// botLeads is when a bot may speak: only while it leads, so that it never talks over a person, whatever epoch it has
// read. Its notes and its tags are welcome at any time.
var botLeads = []Status{StatusBot}

// mayWrite is the rule for new messages.
func (s *Service) mayWrite(p Principal, scope Scope) Rule {
	r := Rule{UnmutedAt: s.now(), Statuses: writable(p.Role)}
	return r.reach(p, scope)
}

// appendOrWake appends; what a customer writes to a closed conversation reopens it.
func (s *Service) appendOrWake(ctx context.Context, p Principal, c *command) (*Outcome, error) {
	out, err := s.append(ctx, c)
	for code := CodeOf(err); (code == CodeClosed || code == CodeNotClosed) && p.Role == RoleCustomer && c.Track == Public; code = CodeOf(err) {
		if out, err = s.wakeBySending(ctx, p, c); err == nil {
			out.Standing = s.expectation(ctx, p, out.Head)
		}
		if !errors.Is(err, errAwake) {
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
		if len(m.Mentions) > 0 {
			drafts[i].Detail = &Detail{Mentions: m.Mentions}
		}
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
	rule := Rule{UnmutedAt: s.now()}
	if p.Role == RoleBot && typ == EventEdited && r.Track == Public {
		rule.Statuses = botLeads
	}
	c := &command{
		drafts: []Event{{ID: r.ID, Type: typ, Sender: p.User, Role: p.Role, Target: r.Target, Text: r.Text}},
		Append: Append{Ref: ref, Track: r.Track, After: r.After, Rule: rule.reach(p, scope)},
	}
	if err := s.mayRevise(ctx, p, ref, r, cmd, scope); CodeOf(err) == CodeNotFound {
		return s.again(ctx, c)
	} else if err != nil {
		return nil, err
	}
	out, err := s.append(ctx, c)
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

// ReplyID makes the id of a reply from what it replies to: the same for every try.
func ReplyID(by UserID, to string) EventID { return derivedID("reply "+string(by), EventID(to)) }
