package chat

import (
	"context"
	"errors"
	"time"
)

const (
	// sweepAhead is how far the sweep looks ahead: rows become messages with a delay to the second, so that a timer is
	// not late by up to a minute.
	sweepAhead = time.Minute
	// firstLook is how far back the very first sweep looks.
	firstLook = time.Hour
	// maxBuckets bounds how many minutes one sweep makes up for after an outage; the next one goes on.
	maxBuckets = 240
	// duePage is how many rows are enqueued before they are deleted.
	duePage = 100
	// activeLife is how long a workspace is looked after at least since it was last stamped: longer than a process
	// remembers that it has stamped it.
	activeLife = 2 * stampEvery
	// stampEvery is how often a process stamps a workspace at most.
	stampEvery = 5 * time.Minute
)

// ActiveShards is how many partitions the registry of active workspaces has.
const ActiveShards = 4

// ActiveWorkspace is one in which somebody may wait or be on duty.
type ActiveWorkspace struct {
	Workspace WorkspaceID
	Stamped   time.Time
}

// Active is the registry of workspaces that the minute's sweep looks after.
type Active interface {
	// Stamp says that something is going on in the workspace at that time.
	Stamp(ctx context.Context, w WorkspaceID, at time.Time) error
	// ActiveWorkspaces lists those of a shard.
	ActiveWorkspaces(ctx context.Context, shard int) ([]ActiveWorkspace, error)
	// Retire takes a workspace out, unless it was stamped again since.
	Retire(context.Context, ActiveWorkspace) error
}

// Sweep is what happens once a minute.
type Sweep struct {
	Dues   Dues
	Queue  TimerQueue
	Active Active
	Now    func() time.Time
}

// Run enqueues the timers that have come due since the last run, and one job for each active workspace. It may run
// twice at a time: then some timers come twice. Errors leave the rest to the next run.
func (s *Sweep) Run(ctx context.Context) error {
	return errors.Join(s.workspaces(ctx), s.dues(ctx))
}

// dues works off the buckets since the last run. Rows are deleted after they were enqueued, and the bucket is passed
// after all of its rows: a sweep that dies in between does it again.
func (s *Sweep) dues(ctx context.Context) error {
	swept, err := s.Dues.Swept(ctx)
	if err != nil {
		return err
	}
	now := clock(s.Now)
	from, next := swept, swept
	if swept.IsZero() {
		next = now.Truncate(time.Minute).Add(-firstLook)
	}
	last := now.Truncate(time.Minute).Add(sweepAhead)
	for range maxBuckets {
		minute := next.Add(time.Minute)
		if minute.After(last) || ctx.Err() != nil {
			break
		}
		if err = s.bucket(ctx, minute); err != nil {
			break
		}
		next = minute
	}
	if !next.After(from) {
		return err
	}
	moved := s.Dues.SetSwept(ctx, from, next)
	var refused *Refused
	if errors.As(moved, &refused) {
		moved = nil // another sweep has been here: what it has not done yet it will do
	}
	return errors.Join(err, moved)
}

func (s *Sweep) bucket(ctx context.Context, minute time.Time) error {
	shards := make([]int, DueShards)
	for i := range shards {
		shards[i] = i
	}
	_, err := parallel(ctx, shards, func(ctx context.Context, shard int) (struct{}, error) {
		for {
			rows, err := s.Dues.Due(ctx, minute, shard, duePage)
			if err != nil || len(rows) == 0 {
				return struct{}{}, err
			}
			if err := s.Queue.Delay(ctx, clock(s.Now), rows...); err != nil {
				return struct{}{}, err
			}
			for _, t := range rows {
				if err := s.Dues.DropDue(ctx, minute, t); err != nil {
					return struct{}{}, err
				}
			}
		}
	})
	return err
}

// workspaces enqueues one job for each workspace in which something goes on.
func (s *Sweep) workspaces(ctx context.Context) error {
	if s.Active == nil {
		return nil
	}
	now := clock(s.Now)
	for shard := range ActiveShards {
		list, err := s.Active.ActiveWorkspaces(ctx, shard)
		if err != nil {
			return err
		}
		jobs := make([]Timer, len(list))
		for i, a := range list {
			jobs[i] = Timer{Ref: Ref{Workspace: a.Workspace}, Kind: TimerSweep, Due: now, Until: a.Stamped}
		}
		if len(jobs) == 0 {
			continue
		}
		if err := s.Queue.Delay(ctx, now, jobs...); err != nil {
			return err
		}
	}
	return nil
}
