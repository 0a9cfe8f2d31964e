package chat

import (
	"context"
	"errors"
	"slices"
)

// MaxPage is the longest page address that start takes, in bytes.
const MaxPage = 2048

// NewConversation is a conversation as whoever starts it hands it in.
type NewConversation struct {
	// ID is the client's: a retried start finds the conversation that its first try made.
	ID       ConversationID
	Page     string
	Messages []NewMessage
	// Department to go to; "" for none.
	Department DepartmentID
	// Form holds the answers of the form before the chat, or of the one that takes its place while nobody is there.
	Form Form
	// Customer is in whose name an API key starts the conversation. Only API keys may set it, and must; only they set
	// Skills and Priority.
	Customer UserID
	Skills   []string
	Priority int
}

// Start creates a conversation with its first messages, and acknowledges the same messages to a retry. It begins with the
// workspace's bot, if there is one, else in the queue; or as a message that is left, when nobody is there.
//
// Errors: CodeInvalid, with Fields, when a customer's answers do not fit the workspace's form, or it was not filled in.
func (s *Service) Start(ctx context.Context, p Principal, n NewConversation) (*Outcome, error) {
	if _, err := authorize(p, CommandStart); err != nil {
		return nil, err
	}
	by, p, err := s.onBehalf(ctx, p, n)
	if err != nil {
		return nil, err
	}
	drafts, err := draftMessages(p, Public, n.Messages)
	if err != nil {
		return nil, err
	}
	creation, lead, err := s.creation(ctx, by, p, n)
	if CodeOf(err) == CodeInvalid && n.ID.Valid() {
		// What was stored is acknowledged to its retry, though forms or departments have changed since.
		if out := s.startedBefore(ctx, p, Ref{p.Workspace, n.ID}, drafts); out != nil {
			return out, s.capture(ctx, p, lead)
		}
	}
	if err != nil {
		return nil, err
	}
	out, err := s.startWith(ctx, by, p, creation, drafts)
	if err != nil {
		return nil, err
	}
	return out, s.capture(ctx, p, lead)
}

// startWith stores the conversation, or finds it.
func (s *Service) startWith(ctx context.Context, by, p Principal, creation Creation, drafts []Event) (*Outcome, error) {
	first := drafts[0].ID
	beside := []Event{{ID: derivedID(startedBeside, first), Type: EventStarted, Sender: by.User, Role: by.Role, To: creation.Status, Reason: ReasonStarted}}
	if by.Role == RoleCustomer {
		beside[0].Reason = ReasonWrote
	}
	if creation.Department != "" {
		beside[0].Detail = &Detail{Department: creation.Department}
	}
	if creation.Bot != "" {
		beside = append(beside, Event{ID: derivedID(botBeside, first), Type: EventBotEngaged, Sender: by.User, Role: by.Role, Subject: creation.Bot})
	}
	if len(creation.Fields) > 0 {
		beside = append(beside, Event{ID: derivedID(formBeside, first), Type: EventForm, Sender: p.User, Role: p.Role, Detail: &Detail{Fields: creation.Fields}})
	}
	c := &command{drafts: append(slices.Clone(beside), drafts...), Append: Append{Ref: creation.Ref, Track: Public, Rule: Rule{Actor: p.User}}}
	head, err := s.create(ctx, c, creation)
	if err != nil {
		return nil, err
	}
	if head == nil { // it was there before: a retry, or somebody else's
		return s.startAgain(ctx, p, c, drafts)
	}
	out := c.outcome(head)
	for _, a := range out.Acks[:len(beside)] {
		out.Missed = append(out.Missed, a.Event)
	}
	out.Acks = out.Acks[len(beside):]
	out.Standing = s.expectation(ctx, p, head)
	return out, nil
}

// onBehalf returns who acts and who is the customer: the same, but for API keys.
func (s *Service) onBehalf(ctx context.Context, p Principal, n NewConversation) (by, customer Principal, err error) {
	if p.Role != RoleAPIKey {
		if n.Customer != "" || len(n.Skills) > 0 || n.Priority != 0 {
			return p, p, Errorf(CodeInvalid, "customer, skills, priority: for API keys")
		}
		return p, p, nil
	}
	switch {
	case !n.Customer.Valid() || n.Customer == p.User:
		return p, p, Errorf(CodeInvalid, "customer: must be the id of a customer")
	case n.Priority < MinPriority || n.Priority > MaxPriority:
		return p, p, Errorf(CodeInvalid, "priority: %d to %d", MinPriority, MaxPriority)
	case len(n.Skills) > MaxSkills:
		return p, p, Errorf(CodeInvalid, "skills: at most %d", MaxSkills)
	}
	for _, skill := range n.Skills {
		if err := checkName("skills", skill, MaxTag); err != nil || skill == "" {
			return p, p, Errorf(CodeInvalid, "skills: 1 to %d bytes each", MaxTag)
		}
	}
	if s.Colleague != nil {
		found, err := s.Colleague(ctx, p.Workspace, n.Customer)
		if err != nil {
			return p, p, err
		}
		if found != nil {
			return p, p, Errorf(CodeInvalid, "customer: this is a member of staff")
		}
	}
	return p, Principal{Workspace: p.Workspace, User: n.Customer, Role: RoleCustomer}, nil
}

// creation decides how the conversation begins.
func (s *Service) creation(ctx context.Context, by, p Principal, n NewConversation) (c Creation, lead Lead, err error) {
	if !n.ID.Valid() || len(n.Page) > MaxPage {
		return c, lead, Errorf(CodeInvalid, "conversation and page: a well-formed id, and at most %d bytes", MaxPage)
	}
	if n.Department != "" {
		if err := s.checkDepartment(ctx, p.Workspace, n.Department); err != nil {
			return c, lead, err
		}
	} else if s.DefaultDepartment != nil {
		if n.Department, err = s.DefaultDepartment(ctx, p.Workspace); err != nil {
			return c, lead, err
		}
	}
	c = Creation{
		Ref: Ref{p.Workspace, n.ID}, Customer: p.User, Role: p.Role, Page: n.Page, Status: StatusQueued, Department: n.Department,
		Priority: n.Priority, Entry: Waiting{Skills: n.Skills}, Listen: p.Connection, Listener: s.listener(p),
	}
	if c.Bot, err = s.botOf(ctx, p.Workspace, n.Department); err != nil {
		return c, lead, err
	}
	if c.Bot != "" {
		c.Status = StatusBot
	} else if s.Availability != nil {
		if c.Status, err = s.Availability(ctx, p.Workspace, n.Department); err != nil {
			return c, lead, err
		}
	}
	if c.Status == StatusQueued {
		if nobody, err := s.unstaffed(ctx, p.Workspace, n.Department); err != nil {
			return c, lead, err
		} else if nobody {
			c.Status = StatusOffline
		}
	}
	c.Fields, lead, err = s.firstForm(ctx, by, c, n.Form)
	return c, lead, err
}

// firstForm reads the form that a conversation begins with. The business's own systems need not fill in what customers
// are asked.
func (s *Service) firstForm(ctx context.Context, by Principal, c Creation, f Form) (map[string]string, Lead, error) {
	var form filled
	var err error
	if !f.empty() {
		if form, err = s.fill(f); err != nil {
			return nil, Lead{}, err
		}
	}
	if by.Role == RoleCustomer {
		form.Department, form.Offline, form.Starts = c.Department, c.Status == StatusOffline, true
		err = s.fits(ctx, c.Workspace, form.Submission)
	}
	return form.fields, form.lead, err
}

// create returns nil without an error when the conversation exists.
func (s *Service) create(ctx context.Context, c *command, creation Creation) (*Head, error) {
	exists := false
	err := s.retry(ctx, func() error {
		c.Events = c.number(s)
		creation.Events, creation.At = c.Events, s.now()
		err := s.Log.Create(ctx, creation)
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

// startedBefore returns the outcome of an earlier try that stored all of the drafts, nil if there was none.
func (s *Service) startedBefore(ctx context.Context, p Principal, ref Ref, drafts []Event) *Outcome {
	c := &command{Append: Append{Ref: ref, Track: Public, Rule: Rule{Actor: p.User}}}
	head, err := s.found(ctx, p, c, drafts)
	if err != nil || head == nil || len(c.drafts) > 0 {
		return nil
	}
	return c.outcome(head)
}

// found acknowledges what an earlier try of a start stored; the other drafts are left. No head: the conversation is not
// there, or somebody else's.
func (s *Service) found(ctx context.Context, p Principal, c *command, drafts []Event) (*Head, error) {
	head, _, err := s.subscribe(ctx, p, c.Ref, 0)
	if err != nil || head == nil {
		return nil, err
	}
	c.drafts, c.acks, c.After = drafts, nil, 0
	c.Rule = s.mayWrite(p, Own)
	return head, s.retry(ctx, func() error { return s.catchUp(ctx, c, head) })
}

// startAgain acknowledges what an earlier try stored and appends what it did not carry yet. A conversation of
// somebody else looks like an id that was used before.
func (s *Service) startAgain(ctx context.Context, p Principal, c *command, drafts []Event) (*Outcome, error) {
	head, err := s.found(ctx, p, c, drafts)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, Errorf(CodeIDReused, "conversation: this id was used before")
	}
	if len(c.drafts) == 0 {
		out := c.outcome(head)
		out.Standing = s.expectation(ctx, p, head)
		return out, nil
	}
	return s.appendOrWake(ctx, p, c)
}
