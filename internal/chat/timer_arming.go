package chat

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Arming arms the timers that a change of a conversation's state calls for. The relay does it, from the table's
// stream: whoever made the change may have died right after it.
type Arming struct {
	Timers Timers
	// Active is stamped for workspaces in which something goes on.
	Active Active
	// States says until when a conversation is snoozed, if the image does not.
	States States
	// Policies returns how a department routes; nil stands for the defaults. Answer from memory.
	Policies func(context.Context, WorkspaceID, DepartmentID) (RoutingPolicy, error)
	// SLA returns a department's clocks; nil stands for none. Answer from memory.
	SLA func(context.Context, WorkspaceID, DepartmentID) (SLAPolicy, error)
	// Hours returns a department's business hours; nil stands for always open. Answer from memory.
	Hours func(context.Context, WorkspaceID, DepartmentID) (Hours, error)
	Now   func() time.Time

	mu      sync.Mutex // guards stamped
	stamped map[WorkspaceID]time.Time
}

// Hours are business hours.
type Hours interface {
	Open(at time.Time) bool
	// NextOpen returns when the business opens next, at itself if it is open; false when it never does.
	NextOpen(at time.Time) (time.Time, bool)
	// Add returns when it will have been open for d since at; false when it never will.
	Add(at time.Time, d time.Duration) (time.Time, bool)
	// Between returns for how long it is open from one time to another; 0 when to is not after from.
	Between(from, to time.Time) time.Duration
}

// Due lists the timers that the change from before to after calls for, before nil for a conversation that is new or
// whose change is not known. It is a function of its arguments and of the time: a repetition lists the same timers,
// a little later. Most appends change no state, and call for none.
func (a *Arming) Due(ctx context.Context, before, after *Head) ([]Timer, error) {
	set := &armed{head: after, now: clock(a.Now)}
	if before != nil {
		set.links(before)
		if before.Version == after.Version {
			return set.timers, nil
		}
	}
	policy := DefaultRoutingPolicy()
	if a.Policies != nil {
		var err error
		if policy, err = a.Policies(ctx, after.Workspace, after.Department); err != nil {
			return nil, err
		}
	}
	a.engagement(set, before, policy)
	switch after.Status {
	case StatusQueued:
		set.preferred(before, policy)
		set.again(before)
	case StatusOffered:
		set.add(TimerOffer, policy.OfferLife).User = after.OfferedTo
	case StatusActive:
		set.active(before, policy)
	case StatusBot:
		set.bot(before, policy)
	case StatusSnoozed:
		if err := a.snoozed(ctx, set); err != nil {
			return nil, err
		}
	default:
	}
	if err := a.hours(ctx, set); err != nil {
		return nil, err
	}
	err := a.clocks(ctx, set, before)
	return set.timers, err
}

// armed collects the timers of one change.
type armed struct {
	head   *Head
	now    time.Time
	timers []Timer
}

func (s *armed) add(kind TimerKind, in time.Duration) *Timer {
	h := s.head
	s.timers = append(s.timers, Timer{
		Ref: h.Ref, Kind: kind, Version: h.Version, Department: h.Department, Due: s.now.Add(in), After: h.Public.Last, Desk: h.Desk.Last,
	})
	return &s.timers[len(s.timers)-1]
}

// active arms what watches over an operator: the first reply, if the conversation has just come to them, and silence.
func (s *armed) active(before *Head, policy RoutingPolicy) {
	h := s.head
	if before == nil || before.Status.Control() != ControlOperator || before.Assignee != h.Assignee {
		t := s.add(TimerNoAnswer, policy.FirstReply)
		t.User, t.Until = h.Assignee, t.Due.Add(policy.TypingExtension)
	}
	s.add(TimerIdle, policy.IdleAfter)
}

// bot arms what watches over a bot, as long as it leads.
func (s *armed) bot(before *Head, policy RoutingPolicy) {
	if before == nil || before.Status != StatusBot {
		s.add(TimerBot, policy.BotReply)
	}
}

// preferred arms the end of the wait for the operator who had the conversation until now: whether routing waits for them
// at all lies on the waiting entry, and if not, it looks at the queue once for nothing.
func (s *armed) preferred(before *Head, policy RoutingPolicy) {
	h := s.head
	if before != nil && before.Assignee != "" && before.Assignee == h.LastOperator && !slices.Contains(h.Tried, h.LastOperator) {
		s.add(TimerPreferred, policy.PreferredWait)
	}
}

// again arms the time when those who let the conversation pass are asked again, if everybody has. Else others are asked
// meanwhile, and the minute's sweep looks at every queue. It fires too late rather than too early: then routing would find
// that nobody may be asked yet.
func (s *armed) again(before *Head) {
	for _, e := range s.head.Desk.Tail {
		if before != nil && e.Seq > before.Desk.Last && e.Type == EventAlerted && e.Detail != nil && !e.Detail.Until.IsZero() {
			s.add(TimerAgain, 0).Due = e.Detail.Until.Add(early)
		}
	}
}

// links has the other half of a merge finished at once, for whoever merged may have died between the halves: most often
// there is nothing to do.
func (s *armed) links(before *Head) {
	for _, e := range s.head.Desk.Tail {
		if e.Seq > before.Desk.Last && e.Type == EventLinked && e.Target == 0 {
			s.add(TimerLink, 0).Desk = e.Seq
		}
	}
}

// engagement arms the promise when a customer begins to wait for a person: with a new conversation, one that is taken
// up again, and one that a bot hands off.
func (a *Arming) engagement(set *armed, before *Head, policy RoutingPolicy) {
	if begins(before, set.head) {
		t := set.add(TimerPromise, policy.PromiseAfter)
		if before == nil {
			t.After = 0 // nobody else can have answered yet, and a repetition by a repair must find the same
		}
	}
}

// begins says whether an engagement with people begins with the change.
func begins(before, after *Head) bool {
	if !resolves(after.Status) {
		return false
	}
	if before == nil {
		return after.Version == 1
	}
	return before.Status.Over() || before.Status == StatusBot
}

// snoozed arms the end of a snooze.
func (a *Arming) snoozed(ctx context.Context, set *armed) error {
	until, err := a.snoozedUntil(ctx, set.head)
	if err == nil && !until.IsZero() {
		set.add(TimerSnooze, 0).Due = until
	}
	return err
}

func (a *Arming) snoozedUntil(ctx context.Context, h *Head) (time.Time, error) {
	for i := len(h.Desk.Tail) - 1; i >= 0; i-- {
		if e := h.Desk.Tail[i]; e.Type == EventSnoozed && e.Detail != nil {
			return e.Detail.Until, nil
		}
	}
	if a.States == nil {
		return time.Time{}, nil
	}
	state, err := a.States.State(ctx, h.Ref)
	if err != nil || state == nil {
		return time.Time{}, err
	}
	return state.Until, nil
}

// hours arms the opening for whoever waits while the business is closed: one timer for the department and opening. A
// message that was left is in no queue, so it has a timer of its own.
func (a *Arming) hours(ctx context.Context, set *armed) error {
	h := set.head
	if !h.Status.Waits() && h.Status != StatusOffline {
		return nil
	}
	var hours Hours
	var err error
	if a.Hours != nil {
		if hours, err = a.Hours(ctx, h.Workspace, h.Department); err != nil {
			return err
		}
	}
	if hours == nil || hours.Open(set.now) {
		if h.Status == StatusOffline { // not for the hours: nobody was there
			set.add(TimerHours, StaffCheck)
		}
		return nil
	}
	if opens, ok := hours.NextOpen(set.now); ok {
		if h.Status == StatusOffline {
			set.add(TimerHours, 0).Due = opens
			return nil
		}
		set.timers = append(set.timers, Timer{Ref: Ref{Workspace: h.Workspace}, Kind: TimerHours, Department: h.Department, Due: opens})
	}
	return nil
}

// Stamp notes that something goes on in the workspace of a conversation in this state, at most every stampEvery.
func (a *Arming) Stamp(ctx context.Context, h *Head) error {
	if a.Active == nil || h.Status.Control() == ControlBot || h.Status.Over() {
		return nil
	}
	now := clock(a.Now)
	a.mu.Lock()
	fresh := now.Sub(a.stamped[h.Workspace]) < stampEvery
	a.mu.Unlock()
	if fresh {
		return nil
	}
	if err := a.Active.Stamp(ctx, h.Workspace, now); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stamped == nil || len(a.stamped) >= maxStamped {
		a.stamped = map[WorkspaceID]time.Time{}
	}
	a.stamped[h.Workspace] = now
	return nil
}

// maxStamped bounds the memory of stamps: forgetting costs a write.
const maxStamped = 10_000
