package chat

import "context"

// Colleague is a member of staff or a bot, as far as conversations may be given to them.
type Colleague struct {
	User UserID
	Role Role
	// Departments that their account names; "" stands for all.
	Departments DepartmentList
}

// Transfer passes a conversation on: to an operator (and into a department, if both are named), to a department, or to
// the workspace's bot.
type Transfer struct {
	Step
	Operator   UserID
	Department DepartmentID
	Bot        bool
	// Note, when not empty, is for the desk, and stored with the same write.
	Note string
}

// Transfer gives the conversation away. Who had it takes part no more from that very write on: neither their sockets
// nor their lists have it. In a department's queue it keeps its place by the time of its first queueing.
//
// Errors: CodeAtCapacity when the operator has no room; CodeInvalid when there is no such operator or department.
func (s *Service) Transfer(ctx context.Context, p Principal, t Transfer) (*Outcome, error) {
	draft := Event{Type: EventTransferred, Subject: t.Operator}
	if t.Department != "" {
		draft.Detail = &Detail{Department: t.Department}
	}
	if _, err := authorize(p, CommandTransfer); err != nil {
		return nil, err
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	return s.perform(ctx, p, t.Step, act{command: CommandTransfer, track: Public, draft: draft, reason: ReasonTransferred}, func(h *Head, e *Event, full UserID) (*Change, error) {
		to, err := s.destination(ctx, p.Workspace, t) // of a retry it does not matter any more
		if err != nil {
			return nil, err
		}
		change, err := s.passOn(ctx, h, t, to, full)
		if err != nil {
			return nil, err
		}
		e.To = change.Status
		if t.Note != "" {
			note := e.beside(noteBeside, EventNote)
			note.From, note.To, note.Reason, note.Subject, note.Text = "", "", "", "", t.Note
			change.Other = append(change.Other, note)
		}
		return change, nil
	})
}

// check looks at nothing but the command itself.
func (t Transfer) check() error {
	if (t.Operator != "" || t.Department != "") == t.Bot {
		return Errorf(CodeInvalid, "operator, department, bot: name an operator or a department or both, or the bot")
	}
	if t.Note != "" {
		return checkText(t.Note)
	}
	return nil
}

// destination looks up where the conversation is to go, and returns the colleague if it is one.
func (s *Service) destination(ctx context.Context, w WorkspaceID, t Transfer) (*Colleague, error) {
	if t.Department != "" {
		if err := s.checkDepartment(ctx, w, t.Department); err != nil {
			return nil, err
		}
	}
	if t.Operator == "" {
		return nil, nil
	}
	return s.colleague(ctx, w, t.Operator)
}

// colleague demands a member of staff of the workspace.
func (s *Service) colleague(ctx context.Context, w WorkspaceID, u UserID) (*Colleague, error) {
	var found *Colleague
	if s.Colleague != nil && u.Valid() {
		var err error
		if found, err = s.Colleague(ctx, w, u); err != nil {
			return nil, err
		}
	}
	if found == nil || !found.Role.person() {
		return nil, Errorf(CodeInvalid, "operator: no member of staff has this id")
	}
	return found, nil
}

// person says that the role is that of a member of staff, who reads and writes by hand.
func (r Role) person() bool { return r == RoleOperator || r == RoleSupervisor || r == RoleAdmin }

func (s *Service) passOn(ctx context.Context, h *Head, t Transfer, to *Colleague, full UserID) (*Change, error) {
	if h.Status.Over() {
		return nil, errStatus(h)
	}
	switch {
	case to != nil:
		change, err := s.give(h, *to, full)
		if err == nil {
			change.Department = t.Department
		}
		return change, err
	case t.Bot:
		return s.toBot(ctx, h)
	case h.Status.Waits() && h.Department == t.Department:
		return nil, Errorf(CodeAlreadyAssigned, "the conversation waits in that department already")
	}
	change, err := s.requeueAtFirst(ctx, h)
	if err != nil {
		return nil, err
	}
	change.Department, change.Entry = t.Department, Waiting{Tried: []UserID{}, TriedAt: stamp(s.now())}
	if h.Assignee != "" { // who has just passed it on does not want it back soon
		change.Entry.Tried = append(change.Entry.Tried, h.Assignee)
	}
	change.Remove = h.holders("")
	return change, nil
}

// give makes the colleague the assignee, if they have room: they need not be on duty.
func (s *Service) give(h *Head, to Colleague, full UserID) (*Change, error) {
	switch {
	case h.Status.Over():
		return nil, errStatus(h)
	case full == to.User:
		return nil, errFull("the operator has")
	case h.Assignee == to.User && h.Status == StatusActive:
		return nil, Errorf(CodeAlreadyAssigned, "the operator has this conversation already")
	}
	now := s.now()
	change := &Change{
		Status: StatusActive, Assignee: to.User, Add: map[UserID]Role{to.User: to.Role},
		Places: append(h.freed(now), Place{User: to.User, Take: true, At: now}),
	}
	if h.Status == StatusOffered && h.OfferedTo == to.User { // the place of the offer becomes theirs
		change.Places = nil
	}
	change.Remove = h.holders(to.User)
	return change, nil
}

// holders lists whose part ends when the conversation goes to next: its operator, and whoever it is offered to.
func (h *Head) holders(next UserID) []UserID {
	var list []UserID
	if h.Assignee != "" && h.Assignee != next {
		list = append(list, h.Assignee)
	}
	return append(list, h.unasked(next)...)
}

// unasked lists whose part ends with an offer that nobody accepts any more: they never had the conversation.
func (h *Head) unasked(next UserID) []UserID {
	if p, in := h.Participants[h.OfferedTo]; h.Status != StatusOffered || h.OfferedTo == next || !in || p.Watching {
		return nil
	}
	return []UserID{h.OfferedTo}
}

func (s *Service) toBot(ctx context.Context, h *Head) (*Change, error) {
	bot, err := s.botOf(ctx, h.Workspace, h.Department)
	switch {
	case err != nil:
		return nil, err
	case bot == "":
		return nil, Errorf(CodeInvalid, "bot: the workspace has none")
	case h.Status == StatusBot:
		return nil, Errorf(CodeInvalid, "bot: a bot leads the conversation already")
	}
	return &Change{
		Status: StatusBot, Unassign: true, Add: map[UserID]Role{bot: RoleBot}, Remove: h.holders(""), Places: h.freed(s.now()),
	}, nil
}

// botOf is the bot that greets in a department; "" for none.
func (s *Service) botOf(ctx context.Context, w WorkspaceID, d DepartmentID) (UserID, error) {
	if s.Bot == nil {
		return "", nil
	}
	return s.Bot(ctx, w, d)
}

// Assign gives a conversation to an operator who has room, whoever had it.
func (s *Service) Assign(ctx context.Context, p Principal, st Step, operator UserID) (*Outcome, error) {
	if _, err := authorize(p, CommandAssign); err != nil {
		return nil, err
	}
	a := act{command: CommandAssign, track: Public, draft: Event{Type: EventAssigned, Subject: operator}, reason: ReasonAssigned}
	return s.perform(ctx, p, st, a, func(h *Head, e *Event, full UserID) (*Change, error) {
		to, err := s.colleague(ctx, p.Workspace, operator)
		if err != nil {
			return nil, err
		}
		e.To = StatusActive
		return s.give(h, *to, full)
	})
}

// TakeOver makes the actor the assignee, and lets the actor's socket listen from that very write on. Who had the
// conversation watches on, if keep says so, else leaves.
func (s *Service) TakeOver(ctx context.Context, p Principal, st Step, keep bool) (*Outcome, error) {
	a := act{command: CommandTakeOver, track: Public, draft: Event{Type: EventAssigned, Subject: p.User}, reason: ReasonTakenOver}
	out, err := s.perform(ctx, p, st, a, func(h *Head, e *Event, full UserID) (*Change, error) {
		if full == p.User {
			return nil, errFull("you have")
		}
		change, err := s.give(h, Colleague{User: p.User, Role: p.Role}, full)
		if err != nil {
			return nil, err
		}
		e.To = StatusActive
		change.Listen, change.Listener = p.Connection, s.listener(p)
		if keep && len(change.Remove) > 0 && change.Remove[0] == h.Assignee {
			change.Watchers, change.Remove = change.Remove[:1], change.Remove[1:]
		}
		return change, nil
	})
	return s.listening(ctx, p, out, err)
}
