package chat

import (
	"context"
	"slices"
	"time"
)

// sweep looks after one workspace: every queue in which somebody waits gets a job for routing, its positions are told,
// offers get their timers again, operators who are gone are found, and once an hour conversations that lost a timer.
func (k *Timekeeper) sweep(ctx context.Context, t Timer) error {
	now := k.now()
	operators, err := k.Staff.Operators(ctx, t.Workspace)
	if err != nil {
		return err
	}
	waiting, err := k.sweepQueues(ctx, t.Workspace, operators)
	if err != nil {
		return err
	}
	busy := waiting
	for _, o := range operators {
		busy = busy || o.Load > 0 || o.OnDuty() && o.Connected(now)
		if o.lost(now) {
			if err := k.Actions.Gone(ctx, t.Workspace, o.User); err != nil {
				return err
			}
		}
	}
	if hourly(t.Workspace, now) {
		return k.recover(ctx, t.Workspace, operators)
	}
	if busy || k.Active == nil || now.Sub(t.Until) < activeLife {
		return nil
	}
	return k.Active.Retire(ctx, ActiveWorkspace{Workspace: t.Workspace, Stamped: t.Until})
}

// lost says whether nobody has seen yet that the operator's lease and grace are over. Whoever was never on duty has no
// lease to lose.
func (o Operator) lost(now time.Time) bool {
	return o.Duty != "" && !o.Connected(now) && (o.Load > 0 || !o.Online.IsZero())
}

// hourly says whether it is the workspace's minute of the hour.
func hourly(w WorkspaceID, now time.Time) bool {
	return now.Minute() == int(hashOf(string(w))%60)
}

// hashOf is FNV-1a.
func hashOf(text string) uint32 {
	h := uint32(2166136261)
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * 16777619
	}
	return h
}

// sweepQueues looks at the head of each queue, and says whether anybody waits.
func (k *Timekeeper) sweepQueues(ctx context.Context, w WorkspaceID, operators []Operator) (bool, error) {
	departments, err := k.Chat.departments(ctx, system(w), Workspace)
	if err != nil {
		return false, err
	}
	for _, o := range operators {
		departments = append(departments, o.Departments.All()...)
	}
	slices.Sort(departments)
	departments = slices.Compact(departments)
	anybody := false
	for _, d := range departments {
		entries, err := k.Chat.Dir.Waiting(ctx, w, d, sweepDepth)
		if err != nil {
			return false, err
		}
		if len(entries) == 0 {
			continue
		}
		anybody = true
		if err := k.sweepQueue(ctx, w, d, entries); err != nil {
			return false, err
		}
	}
	return anybody, nil
}

// sweepDepth is how many entries of a queue are looked at for offers: those that wait longest.
const sweepDepth = 100

func (k *Timekeeper) sweepQueue(ctx context.Context, w WorkspaceID, d DepartmentID, entries []Waiting) error {
	if err := k.Routing.Route(ctx, RouteJob{Workspace: w, Department: d, Reason: "sweep"}); err != nil {
		return err
	}
	if err := k.beginTelling(ctx, w, d); err != nil {
		return err
	}
	policy, err := k.Chat.Policy(ctx, w, d)
	if err != nil {
		return err
	}
	var lost []Timer
	for _, e := range entries {
		if e.Offered { // an offer lives half a minute: few are seen by two sweeps, and none ends too early by this
			lost = append(lost, Timer{
				Ref: Ref{w, e.Conversation}, Kind: TimerOffer, Version: e.Version, Department: d, Due: k.now().Add(policy.OfferLife),
			})
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return k.Timers.Arm(ctx, lost...)
}

// openPage is how many of an operator's conversations are read at once.
const openPage = 50

// recover finds conversations whose timer was lost (it failed until it was a dead letter, or the stream's record was
// given up on): active ones that have been silent for far longer than it takes to be idle, and snoozed ones that should
// be awake. They are among the open conversations of the workspace's operators.
func (k *Timekeeper) recover(ctx context.Context, w WorkspaceID, operators []Operator) error {
	for _, o := range operators {
		for after := ConversationID(""); ; {
			page, err := k.Chat.Dir.Open(ctx, w, o.User, after, openPage)
			if err != nil {
				return err
			}
			for _, id := range page {
				if err := k.recoverOne(ctx, Ref{w, id}, o.User); err != nil {
					return err
				}
				after = id
			}
			if len(page) < openPage {
				break
			}
		}
	}
	return nil
}

func (k *Timekeeper) recoverOne(ctx context.Context, ref Ref, operator UserID) error {
	head, err := k.Chat.Reader.Head(ctx, ref)
	if err != nil || head == nil || head.Assignee != operator || k.Arming == nil {
		return err
	}
	due, err := k.Arming.Due(ctx, nil, head)
	if err != nil {
		return err
	}
	var lost []Timer
	for _, t := range due {
		overdue, err := k.overdue(ctx, t, head)
		if err != nil {
			return err
		}
		if overdue {
			lost = append(lost, t)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return k.Timers.Arm(ctx, lost...)
}

// overdue says whether the timer, were it armed, would have fired long ago.
func (k *Timekeeper) overdue(ctx context.Context, t Timer, head *Head) (bool, error) {
	switch t.Kind {
	case TimerSnooze:
		return k.now().Sub(t.Due) > IdleAfter, nil
	case TimerIdle:
		var last time.Time
		err := k.backwards(ctx, head, func(e Event) bool { last = e.At; return false })
		return k.now().Sub(last) > 2*IdleAfter, err
	default:
	}
	return false, nil
}
