package chat

import (
	"context"
	"errors"
	"time"
)

// TimerActions is what timers bring about in routing. Every method may be repeated, and does nothing when the
// conversation is not at the version any more.
type TimerActions interface {
	// Missed takes a conversation from the operator who let an offer or the first reply pass.
	Missed(ctx context.Context, ref Ref, version uint64, operator UserID, reason string) error
	// Gone takes an operator out whose lease and grace are over.
	Gone(context.Context, WorkspaceID, UserID) error
	// Idle frees the operator's place.
	Idle(ctx context.Context, ref Ref, version uint64) error
	// BotSilent takes it from the bot that has left the customer waiting.
	BotSilent(ctx context.Context, ref Ref, version uint64) error
}

// PositionTurns keeps which timer tells positions in a department, so that there is one.
type PositionTurns interface {
	// TakeTurn makes due the time of the department's next telling, if the last one is not later than passed.
	// False: somebody else's is.
	TakeTurn(ctx context.Context, w WorkspaceID, d DepartmentID, passed, due time.Time) (bool, error)
	// EndTurn forgets the department's next telling, if it is still at due.
	EndTurn(ctx context.Context, w WorkspaceID, d DepartmentID, due time.Time) error
}

// Timekeeper carries out timers that have come due. A timer that comes twice, or too late, does nothing.
type Timekeeper struct {
	Chat    *Service
	Actions TimerActions
	Timers  Timers
	Routing RoutingQueue
	// Staff is how operators stand.
	Staff  Operators
	Turns  PositionTurns
	Active Active
	// Arming re-arms what was lost.
	Arming *Arming
	// SLA and Hours are as in Arming.
	SLA   func(context.Context, WorkspaceID, DepartmentID) (SLAPolicy, error)
	Hours func(context.Context, WorkspaceID, DepartmentID) (Hours, error)
	Now   func() time.Time
}

func (k *Timekeeper) now() time.Time { return clock(k.Now) }

// early is how much too early a timer may come: a machine's clock may be off by as much.
const early = time.Second

// Fire carries out a timer. An error means that it must come again.
func (k *Timekeeper) Fire(ctx context.Context, t Timer) error {
	if t.Due.Sub(k.now()) > early { // it came out of a bucket, or a clock is off
		return k.Timers.Arm(ctx, t)
	}
	switch t.Kind {
	case TimerPreferred, TimerAgain:
		return k.route(ctx, t)
	case TimerHours:
		if t.Conversation == "" {
			return k.route(ctx, t)
		}
	case TimerGrace:
		return k.grace(ctx, t)
	case TimerPosition:
		return k.position(ctx, t)
	case TimerSweep:
		return k.sweep(ctx, t)
	default:
	}
	var head *Head
	err := k.Chat.retry(ctx, func() (err error) {
		head, err = k.Chat.Reader.Head(ctx, t.Ref)
		return err
	})
	if err != nil || head == nil {
		return err
	}
	return k.ofConversation(ctx, t, head)
}

func (k *Timekeeper) ofConversation(ctx context.Context, t Timer, head *Head) error {
	switch t.Kind { // those that outlast changes of state
	case TimerPromise:
		return k.promise(ctx, t, head)
	case TimerSLA:
		return k.sla(ctx, t, head)
	case TimerSnooze: // a repetition tells again what the first try may not have told
		return k.wakeUp(ctx, t)
	case TimerHours:
		return k.opened(ctx, t)
	case TimerLink:
		return k.link(ctx, t, head)
	default:
	}
	if head.Version != t.Version {
		return nil
	}
	switch t.Kind {
	case TimerOffer:
		return k.Actions.Missed(ctx, t.Ref, t.Version, head.OfferedTo, ReasonExpired)
	case TimerNoAnswer:
		return k.noAnswer(ctx, t, head)
	case TimerIdle:
		return k.idle(ctx, t, head)
	case TimerBot:
		return k.bot(ctx, t, head)
	default:
	}
	return Errorf(CodeInvalid, "timer of kind %q", t.Kind)
}

func (k *Timekeeper) route(ctx context.Context, t Timer) error {
	reason := "timer"
	if t.Kind == TimerHours {
		reason = "hours"
	}
	return k.Routing.Route(ctx, RouteJob{Workspace: t.Workspace, Department: t.Department, Reason: reason})
}

// link finishes a merge. The conversation that another was merged into may be erased by now.
func (k *Timekeeper) link(ctx context.Context, t Timer, head *Head) error {
	if t.Desk == 0 || t.Desk > head.Desk.Last { // the log was restored to an earlier time
		return nil
	}
	events, err := k.Chat.events(ctx, head, Desk, t.Desk-1, t.Desk)
	if err != nil {
		return err
	}
	out, err := k.Chat.FinishLink(ctx, head.Ref, events[0])
	if CodeOf(err) == CodeNotFound {
		return nil
	}
	if err != nil || out == nil {
		return err
	}
	return k.Chat.Delivery.Committed(ctx, system(t.Workspace), out)
}

// grace takes out an operator who did not come back. Whose lease was renewed has a socket again, whose end arms a timer
// of its own.
func (k *Timekeeper) grace(ctx context.Context, t Timer) error {
	o, err := k.Staff.Operator(ctx, t.Workspace, t.User)
	if err != nil || o == nil || o.Duty == "" || o.Connected(k.now()) {
		return err
	}
	return k.Actions.Gone(ctx, t.Workspace, t.User)
}

// noAnswer looks whether the operator has written since the conversation came to them. Who is typing gets more time; a
// customer who was answered before waits for nobody. What was missed before is forgotten with a reply (Missed sees it).
func (k *Timekeeper) noAnswer(ctx context.Context, t Timer, head *Head) error {
	replied, waits := false, true
	err := k.backwards(ctx, head, func(e Event) bool {
		if e.Type != EventMessage {
			return true
		}
		if e.Seq <= t.After { // the newest message before the assignment
			waits = !isPerson(e.Role)
			return false
		}
		replied = e.Sender == t.User
		return !replied
	})
	if err != nil {
		return err
	}
	if !replied && !waits {
		return nil
	}
	if !replied {
		if typing, err := k.typing(ctx, t); err != nil || typing {
			return err
		}
	}
	return k.Actions.Missed(ctx, t.Ref, t.Version, t.User, ReasonNoAnswer)
}

// typing puts the timer off while the operator types, up to its end.
func (k *Timekeeper) typing(ctx context.Context, t Timer) (bool, error) {
	now := k.now()
	o, err := k.Staff.Operator(ctx, t.Workspace, t.User)
	if err != nil || o == nil || !o.TypingUntil.After(now) || !now.Before(t.Until) {
		return false, err
	}
	t.Due, t.Round = o.TypingUntil, t.Round+1
	if t.Due.After(t.Until) {
		t.Due = t.Until
	}
	return true, k.Timers.Arm(ctx, t)
}

// idle looks when somebody wrote last, and waits on from there: a message arms no timer.
func (k *Timekeeper) idle(ctx context.Context, t Timer, head *Head) error {
	if head.Status != StatusActive {
		return nil
	}
	policy, err := k.Chat.Policy(ctx, head.Workspace, head.Department)
	if err != nil {
		return err
	}
	var last time.Time
	err = k.backwards(ctx, head, func(e Event) bool {
		last = e.At
		return false
	})
	if err != nil {
		return err
	}
	if due := last.Add(policy.IdleAfter); due.After(k.now()) {
		t.Due, t.Round = due, t.Round+1
		return k.Timers.Arm(ctx, t)
	}
	if err := k.Actions.Idle(ctx, t.Ref, t.Version); err != nil {
		return err
	}
	if head, err = k.Chat.Reader.Head(ctx, t.Ref); err != nil || head == nil || head.Version != t.Version {
		return err
	}
	t.Due, t.Round = k.now().Add(policy.IdleAfter), t.Round+1 // somebody wrote in the last moment
	return k.Timers.Arm(ctx, t)
}

// bot looks whether the customer waits for a word of the bot that leads. It is looked at again when the customer will have
// waited for long enough, and the less often the longer nobody wrote.
func (k *Timekeeper) bot(ctx context.Context, t Timer, head *Head) error {
	due, err := k.Chat.botDue(ctx, head)
	if err == nil && !due.After(k.now()) {
		if err = k.Actions.BotSilent(ctx, t.Ref, t.Version); err == nil {
			if head, err = k.Chat.Reader.Head(ctx, t.Ref); err == nil && head != nil && head.Version == t.Version {
				due, err = k.Chat.botDue(ctx, head) // it answered in the last moment
			}
		}
	}
	if err != nil || head == nil || head.Version != t.Version || head.Status != StatusBot {
		return err
	}
	t.Due, t.Round = due, t.Round+1
	return k.Timers.Arm(ctx, t)
}

// moveWake names what ends a snooze.
const moveWake = "wake"

// wakeUp ends a snooze: the conversation goes to its operator if there is room, else into the queue at its first time.
// A repetition tells again what the first try may not have told.
func (k *Timekeeper) wakeUp(ctx context.Context, t Timer) error {
	var full UserID
	for {
		out, err := k.Chat.systemStep(ctx, t.Ref, t.Version, func(h *Head) (*systemStep, error) {
			if h.Status != StatusSnoozed {
				return nil, errStale
			}
			change, err := k.Chat.wake(ctx, h, full)
			if err != nil {
				return nil, err
			}
			e := systemEvent(moveWake, h, EventResumed, change.Status, ReasonSnoozeOver)
			if change.Status == StatusActive {
				return &systemStep{Desk, []Event{e}, change}, nil
			}
			queued := systemEvent(moveBack, h, EventQueued, StatusQueued, ReasonWaitsAgain)
			change.Other = []Event{e}
			return &systemStep{Public, []Event{queued}, change}, nil
		}, moveWake, moveBack)
		var refused *Refused
		switch {
		case err == nil:
			return k.Chat.Delivery.Committed(ctx, system(t.Workspace), out)
		case errors.Is(err, errStale):
			return nil
		case errors.As(err, &refused) && full == "":
			full = refused.NoPlace
		default:
			return err
		}
	}
}

// backwards shows the public track's events, newest first, until show has seen enough.
func (k *Timekeeper) backwards(ctx context.Context, head *Head, show func(Event) bool) error {
	return k.Chat.backwards(ctx, head, show)
}
