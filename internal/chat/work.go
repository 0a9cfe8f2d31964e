package chat

import (
	"context"
	"slices"
	"time"
)

// workBudget bounds the pushes of one queued job: the deliver function's timeout is 20 s.
const workBudget = 10 * time.Second

// Work carries out one queued job. An error means that the job must be delivered again.
func (d *Delivery) Work(ctx context.Context, j Job) error {
	if j.Waiting != nil {
		return nil
	}
	if j.Notice != nil {
		return d.again(ctx, j, d.pushNotice(ctx, j.Ref, *j.Notice, j.Connections))
	}
	head, err := d.Reader.Head(ctx, j.Ref)
	if err != nil || head == nil {
		return err // a conversation that is gone needs no delivery
	}
	if j.Announce {
		return d.announceAgain(ctx, head, j)
	}
	to, forget, err := d.owed(ctx, head, j)
	if err != nil || len(to) == 0 {
		return err
	}
	s := Service{Reader: d.Reader}
	last := min(j.To, head.Track(j.Track).Last)
	if j.From > last {
		return nil // the log was restored to an earlier time
	}
	events, err := s.events(ctx, head, j.Track, j.From-1, last)
	if err != nil {
		return err
	}
	left := d.push(ctx, to, d.Encode.Events(head, j.Track, events), workBudget, forget)
	return d.again(ctx, j, left)
}

// owed lists the listeners of the job who may still hear the events, by the image of now.
func (d *Delivery) owed(ctx context.Context, head *Head, j Job) ([]Target, gone, error) {
	if j.Shard == 0 {
		var to []Target
		for _, t := range Targets(head, j.Track, j.Except, d.now()) {
			if slices.Contains(j.Connections, t.Connection) {
				to = append(to, t)
			}
		}
		return to, d.forgetListener(j.Ref), nil
	}
	rows, err := d.Rows.ListenerRows(ctx, j.Ref, j.Shard-1)
	if err != nil {
		return nil, nil, err
	}
	to := targets(head, rows, j.Track, j.Except, d.now())
	if len(j.Connections) > 0 {
		to = slices.DeleteFunc(to, func(t Target) bool { return !slices.Contains(j.Connections, t.Connection) })
	}
	forget := func(ctx context.Context, t Target) {
		_ = d.Rows.DropListenerRow(ctx, j.Ref, j.Shard-1, t.Connection)
		d.forgetSocket(ctx, j.Workspace, t)
	}
	return to, forget, nil
}

// again queues what is left, or closes connections that have not taken anything for too long.
func (d *Delivery) again(ctx context.Context, j Job, left []ConnectionID) error {
	if len(left) == 0 {
		return nil
	}
	j.Connections = left
	j.Attempt++
	if j.Attempt < MaxAttempts {
		return d.Queue.Enqueue(ctx, delayOf(j.Attempt), j)
	}
	for _, c := range left {
		if err := d.Push.Disconnect(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
