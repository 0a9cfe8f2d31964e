package chat

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How long what a timer waits for may take. All are defaults of a workspace's policy.
const (
	// OfferLife is how long an offer lives.
	OfferLife = 30 * time.Second
	// FirstReply is how long an assigned operator has for the first reply.
	FirstReply = 180 * time.Second
	// TypingGrace is how much longer they have while they type.
	TypingGrace = 60 * time.Second
	// IdleAfter is how long nobody writes before a conversation is idle.
	IdleAfter = 10 * time.Minute
	// PromiseAfter is how long a customer waits without an answer before they are told what to expect.
	PromiseAfter = 10 * time.Second
	// PositionEvery is how often those who wait are told how it stands, at most.
	PositionEvery = 15 * time.Second
)

// maxRounds is how often in a row a timer is re-armed as a delayed message. Then it goes by way of a due-row, so that
// the minute's sweep begins a new chain: AWS counts 16 rounds of one (Lambda developer guide, "Use Lambda recursive
// loop detection to prevent infinite loops"), and a chain that never ends by itself is cut by this.
const maxRounds = 12

// TimerQueue delays timers.
type TimerQueue interface {
	// Delay makes each timer come back when it is due, which is within MaxDelay of now, at least once. An error means
	// that at least one was not taken.
	Delay(ctx context.Context, now time.Time, timers ...Timer) error
}

// Dues keeps timers that are due later than a message can be delayed, in buckets of a minute.
type Dues interface {
	// PutDue keeps the timer in the bucket of that minute. The same timer again changes nothing.
	PutDue(ctx context.Context, minute time.Time, t Timer) error
	// Due lists up to limit timers of a shard of the bucket, consistently.
	Due(ctx context.Context, minute time.Time, shard, limit int) ([]Timer, error)
	// DropDue removes a timer from the bucket; removing it again changes nothing.
	DropDue(ctx context.Context, minute time.Time, t Timer) error
	// Swept returns up to which minute, itself included, every bucket has been emptied; zero before the first sweep.
	Swept(ctx context.Context) (time.Time, error)
	// SetSwept moves that on. *Refused when it is not at from any more: another sweep is at work.
	SetSwept(ctx context.Context, from, to time.Time) error
}

// DueShards is how many shards a bucket has: 1,000 rows a second can be written to each.
const DueShards = 4

// Timetable arms timers: those that are due within MaxDelay as delayed messages, later ones as rows that the minute's
// sweep finds. It implements Timers.
type Timetable struct {
	Queue TimerQueue
	Dues  Dues
	Now   func() time.Time
}

// Arm returns when every timer is kept; after an error some may be.
func (tt *Timetable) Arm(ctx context.Context, timers ...Timer) error {
	now := clock(tt.Now)
	var soon, later []Timer
	for _, t := range timers {
		if t.Round < maxRounds && t.Due.Sub(now) <= MaxDelay {
			soon = append(soon, t)
		} else {
			t.Round = 0
			later = append(later, t)
		}
	}
	_, err := parallel(ctx, later, func(ctx context.Context, t Timer) (struct{}, error) {
		return struct{}{}, tt.Dues.PutDue(ctx, bucketOf(t, now), t)
	})
	if err != nil || len(soon) == 0 {
		return err
	}
	return tt.Queue.Delay(ctx, now, soon...)
}

// bucketOf is the minute whose sweep is to find the timer: its own, but none that a sweep may have passed by the time
// the row is there.
func bucketOf(t Timer, now time.Time) time.Time {
	due, first := t.Due.Truncate(time.Minute), now.Truncate(time.Minute).Add(sweepAhead+2*time.Minute)
	if due.Before(first) {
		return first
	}
	return due
}

func clock(now func() time.Time) time.Time {
	if now != nil {
		return now()
	}
	return time.Now()
}

// errAgain makes a refused write a reason for the timer to come again: what it was decided on has changed.
func errAgain(err error) error {
	var refused *Refused
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: the conversation moved on", ErrUnknownOutcome)
	}
	return err
}
