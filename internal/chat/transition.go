package chat

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// transit appends c's drafts together with a change of state, in one transaction. decide looks at a fresh
// image and returns the change, and events to append before the drafts. When the log or the state moves on
// in between, the transaction is refused as a whole and everything is decided again.
func (s *Service) transit(ctx context.Context, p Principal, c *command, scope Scope, decide func(*Head) (*Change, []Event, error)) (*Outcome, error) {
	c.first = c.After
	var out *Outcome
	err := s.retry(ctx, func() error {
		head, err := s.visible(ctx, p, c.Ref, scope)
		if CodeOf(err) == CodeNotFound {
			out, err = s.again(ctx, c)
			return err
		}
		if err != nil {
			return err
		}
		if err := s.catchUp(ctx, c, head); err != nil {
			return err
		}
		if len(c.drafts) == 0 {
			out = c.outcome(head)
			return nil
		}
		out, err = s.tryTransit(ctx, c, head, decide)
		var refused *Refused
		if errors.As(err, &refused) {
			c.full = refused.NoPlace // the decision is made again, without them
			return fmt.Errorf("%w: the conversation moved on", ErrUnknownOutcome)
		}
		return err
	})
	return out, err
}

func (s *Service) tryTransit(ctx context.Context, c *command, head *Head, decide func(*Head) (*Change, []Event, error)) (*Outcome, error) {
	change, before, err := decide(head)
	if err != nil {
		return nil, err
	}
	change.Old = head
	s.numberOther(head, c, change.Other)
	c.Rule.Version = &head.Version
	own := c.drafts
	c.drafts = slices.Concat(before, own)
	events := c.number(s)
	for i := range events { // what the business does among itself is told on the desk track
		if c.Track == Public {
			events[i].From, events[i].To = events[i].From.Shown(), events[i].To.Shown()
		}
	}
	c.Events = events
	c.drafts = own
	if err := s.Log.Transition(ctx, c.Append, *change); err != nil {
		return nil, err
	}
	after, err := s.headAfter(ctx, c.Ref)
	if err == nil {
		err = s.asStored(ctx, after, c.Track, events)
	}
	if err != nil {
		return nil, err
	}
	c.missed = append(c.missed, events[:len(before)]...)
	c.stored(events[len(before):])
	out := c.outcome(after)
	out.Gone = change.Remove
	return out, nil
}

// numberOther completes the events of a transition's other track.
func (s *Service) numberOther(h *Head, c *command, events []Event) {
	now := s.now()
	for i := range events {
		events[i].Seq = h.Track(c.Track.Other()).Last + uint64(i) + 1
		events[i].At, events[i].Gen = now, s.Epoch
		events[i].Detail = events[i].Detail.by(c.rule)
		if c.Track == Desk { // customers see it
			events[i].From, events[i].To = events[i].From.Shown(), events[i].To.Shown()
		}
	}
}

// headAfter reads the image after a transaction committed: reading before would lose listeners.
func (s *Service) headAfter(ctx context.Context, ref Ref) (*Head, error) {
	var head *Head
	err := s.retry(ctx, func() (err error) {
		head, err = s.Reader.Head(ctx, ref)
		return err
	})
	if err == nil && head == nil {
		err = errNotFound()
	}
	return head, err
}

// Step is a join, close or reopen.
type Step struct {
	Conversation ConversationID
	After        uint64 // 0 is always right, and merely dearer: the whole log is searched for ID
	ID           EventID
	Reason       string
	// Epoch, when set, is the count of changes of control that a bot knows of: its command is refused with
	// CodeStaleEpoch when somebody else leads by now.
	Epoch *uint64
}

func (st Step) check() error {
	switch {
	case !st.Conversation.Valid():
		return errBadConversation()
	case !st.ID.Valid():
		return Errorf(CodeInvalid, "id: must be a well-formed id")
	case len(st.Reason) > MaxReason:
		return Errorf(CodeInvalid, "reason: at most %d bytes", MaxReason)
	}
	return nil
}

// Join takes an unassigned conversation: the actor becomes its assignee and a participant, and the
// connection listens to it from the same write on.
func (s *Service) Join(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	out, err := s.step(ctx, p, st, CommandJoin, EventAssigned, ReasonTaken, func(h *Head, e *Event, full UserID) (*Change, error) {
		rule := Rule{Actor: p.User, Unassigned: true, Statuses: []Status{StatusQueued}}
		if full == p.User {
			return nil, Errorf(CodeAtCapacity, "you have as many conversations as you can take; close or snooze one first")
		}
		if h.Assignee == p.User {
			return nil, Errorf(CodeAlreadyAssigned, "this conversation is already yours")
		}
		if err := rule.Check(h); err != nil {
			if CodeOf(err) == CodeNotClosed {
				err = Errorf(CodeAlreadyAssigned, "this conversation does not wait for an operator")
			}
			return nil, err
		}
		e.Subject = p.User
		e.To = StatusActive
		return &Change{Status: StatusActive, Assignee: p.User, Join: p.Role, Listen: p.Connection, Listener: s.listener(p), Places: []Place{{User: p.User, Take: true, At: s.now()}}}, nil
	})
	if err != nil || !out.Acks[0].Duplicate {
		return out, err
	}
	return out, s.listenAgain(ctx, p, out)
}

// listenAgain subscribes the connection of a retry: what the first try subscribed may have been another one.
func (s *Service) listenAgain(ctx context.Context, p Principal, out *Outcome) error {
	if _, listens := out.Head.Listeners[p.Connection]; listens || p.Connection == "" {
		return nil
	}
	head, _, err := s.subscribe(ctx, p, out.Head.Ref, 0)
	if head != nil {
		out.Head = head
	}
	return err
}

// Reopen takes up a closed conversation again: with its assignee, or in the waiting list if it had none.
func (s *Service) Reopen(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	return s.step(ctx, p, st, CommandReopen, EventReopened, ReasonReopened, func(h *Head, e *Event, full UserID) (*Change, error) {
		if !h.Status.Over() {
			return nil, Errorf(CodeNotClosed, "the conversation is %s", h.Status)
		}
		change, err := s.wake(ctx, h, full)
		if err != nil {
			return nil, err
		}
		e.To = change.Status
		return change, nil
	})
}

// wake gives the conversation to its operator, if they have room, else puts it into the queue at its first time, where
// its operator is preferred. full is who turned out to have no room.
func (s *Service) wake(ctx context.Context, h *Head, full UserID) (*Change, error) {
	now := s.now()
	if h.Assignee != "" && h.Assignee != full {
		return &Change{Status: StatusActive, Places: []Place{{User: h.Assignee, Take: true, Eligible: true, At: now}}}, nil
	}
	return s.requeueAtFirst(ctx, h)
}

// requeueAtFirst is requeue for a conversation under way: one that was never queued comes to wait at its start. One that
// is over or led by a bot has not waited for a person so far.
func (s *Service) requeueAtFirst(ctx context.Context, h *Head) (*Change, error) {
	c := s.requeue(h)
	var err error
	if c.Department, err = s.moved(ctx, h); err != nil {
		return nil, err
	}
	if c.Entry.Preferred != "" {
		policy, err := s.Policy(ctx, h.Workspace, h.Department)
		if err != nil {
			return nil, err
		}
		c.Entry.PreferredUntil = s.now().Add(policy.PreferredWait)
	}
	if !h.FirstQueued.IsZero() || h.Status.Over() || h.Status == StatusBot {
		return c, nil
	}
	first, err := s.events(ctx, h, Public, 0, 1)
	if err != nil {
		return nil, err
	}
	c.QueuedAt = stamp(first[0].At)
	return c, nil
}

// PreferredWait is how long a conversation waits for the customer's last operator, if they are connected but full.
const PreferredWait = 30 * time.Second

// requeue takes the conversation from whoever has it back into the queue, at its first time; one that was never queued
// begins to wait now.
func (s *Service) requeue(h *Head) *Change {
	now := s.now()
	c := &Change{Status: StatusQueued, Unassign: true, QueuedAt: now, Places: h.freed(now)}
	if !h.FirstQueued.IsZero() {
		c.QueuedAt = h.FirstQueued
	}
	if h.Assignee != "" {
		c.Entry = Waiting{Preferred: h.Assignee, PreferredUntil: now.Add(PreferredWait)}
	}
	return c
}

// freed is the place that the conversation takes at the moment, to be left.
func (h *Head) freed(at time.Time) []Place {
	switch h.Status {
	case StatusActive:
		if h.Assignee != "" {
			return []Place{{User: h.Assignee, At: at}}
		}
	case StatusOffered:
		return []Place{{User: h.OfferedTo, At: at}}
	default:
	}
	return nil
}

// step is perform for steps from one status to another, which all may see.
func (s *Service) step(ctx context.Context, p Principal, st Step, cmd Command, typ EventType, reason string, change func(*Head, *Event, UserID) (*Change, error)) (*Outcome, error) {
	a := act{command: cmd, track: Public, draft: Event{Type: typ}, reason: reason}
	if cmd == CommandJoin || cmd == CommandAccept {
		a.draft.Subject = p.User
	}
	return s.perform(ctx, p, st, a, change)
}

// errAwake says that a conversation that was to be woken takes plain messages by now.
var errAwake = errors.New("the conversation is awake")

// wakeBySending stores a customer's message to a conversation that is over, put off or idle, and takes it up again
// with the same transaction, under the same After. errAwake: an append will do.
func (s *Service) wakeBySending(ctx context.Context, p Principal, c *command) (*Outcome, error) {
	return s.transit(ctx, p, c, Own, func(h *Head) (*Change, []Event, error) {
		c.Rule.UnmutedAt, c.Rule.Statuses = s.now(), nil
		c.Rule.Version = nil // of an earlier try
		if err := c.Rule.Check(h); err != nil {
			return nil, nil, err
		}
		if slices.Contains(writable(p.Role), h.Status) { // somebody else took it up
			return nil, nil, errAwake
		}
		change, err := s.wake(ctx, h, c.full)
		if err != nil {
			return nil, nil, err
		}
		step := Event{Sender: p.User, Role: p.Role, From: h.Status, To: change.Status, Reason: ReasonWrote}
		if change.Status == StatusActive && !h.Status.Over() { // customers do not see that it slept
			step.ID, step.Type = derivedID(resumedBeside, c.drafts[0].ID), EventResumed
			change.Other = []Event{step}
			return change, nil, nil
		}
		step.ID, step.Type = derivedID(reopenedBeside, c.drafts[0].ID), EventReopened
		if !h.Status.Over() {
			step.Type = EventQueued
		}
		return change, []Event{step}, nil
	})
}

// What a command appends beside the client's own events.
const (
	startedBeside  = "start"
	reopenedBeside = "reopen"
	resumedBeside  = "resume"
	queuedBeside   = "queue"
	noteBeside     = "note"
	closedBeside   = "close"
	linkedBeside   = "link"
	botBeside      = "bot"
	formBeside     = "form"
	alertBeside    = "alert"
	busyBeside     = "busy"
)

// besides lists them all.
var besides = []string{startedBeside, reopenedBeside, resumedBeside, queuedBeside, noteBeside, closedBeside, linkedBeside, botBeside, formBeside,
	alertBeside, busyBeside}

// derivedID makes the id of an event that a command appends beside the client's own: the same for every try.
func derivedID(what string, id EventID) EventID {
	sum := sha256.Sum256([]byte(what + "\x00" + string(id)))
	return EventID(FormatID(EventPrefix, [16]byte(sum[:16])))
}

func (s *Service) listener(p Principal) Listener {
	return Listener{User: p.User, Role: p.Role, Expires: s.listensUntil(p).Truncate(time.Second)}
}
