package chat

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
)

// try is one conversation on its way to an operator.
type try struct {
	Waiting
	user     UserID
	decision *Decision
	before   Operator // as they stood when they were chosen
	out      *Outcome
	err      error
}

// choose makes the choice for a conversation, and counts the place as taken from then on.
func (d *drain) choose(policy RoutingPolicy, w Waiting) (*try, bool) {
	if w.Offered {
		return nil, false
	}
	user, decision := Decide(policy.rested(w, d.now()), d.operators, d.now())
	if user == "" {
		return nil, false
	}
	o := d.operator(user)
	t := &try{Waiting: w, user: user, decision: decision, before: *o}
	o.Load++
	o.LastAssigned = stamp(d.now())
	d.left--
	return t, true
}

// operator is one of those that a choice may fall on, as known by now.
func (d *drain) operator(user UserID) *Operator {
	return &d.operators[slices.IndexFunc(d.operators, func(o Operator) bool { return o.User == user })]
}

// page gives out a page of the queue: choices are made one after the other, each knowing those before it, and the
// transactions run side by side, no two of one operator's, which would conflict. more says that the job's bounds ended
// it, lost that somebody else was faster with something: nobody behind takes what is left before the queue is read again.
func (d *drain) page(ctx context.Context, policy RoutingPolicy, page []Waiting) (more, lost bool, err error) {
	f := &flight{drain: d, policy: policy, busy: map[UserID]bool{}, landed: make(chan *try, drainFlights)}
	for i := 0; i < len(page) && f.err == nil && !f.lost; i++ {
		if more = d.spent(); more {
			break
		}
		t, ok := d.choose(policy, page[i])
		if !ok {
			continue
		}
		if len(f.busy) == drainFlights || f.busy[t.user] {
			d.undo(t)
			f.land(ctx)
			i-- // chosen again, by what has been seen since
			continue
		}
		f.begin(ctx, t)
	}
	for len(f.busy) > 0 {
		f.land(ctx)
	}
	return more, f.lost, f.err
}

// flight is what one page has under way.
type flight struct {
	*drain
	policy RoutingPolicy
	busy   map[UserID]bool
	landed chan *try
	lost   bool
	err    error
}

func (f *flight) begin(ctx context.Context, t *try) {
	f.busy[t.user] = true
	go func() {
		defer func() {
			if v := recover(); v != nil { // left here it would end the process
				t.err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
			f.landed <- t
		}()
		t.make(ctx, f.drain, f.policy)
	}()
}

// land waits for one that is under way: a slow one holds up nobody but its operator.
func (f *flight) land(ctx context.Context) {
	t := <-f.landed
	delete(f.busy, t.user)
	f.lost = f.lost || t.refused() != "" || errors.Is(t.err, errTaken) || errors.Is(t.err, errStale)
	f.err = errors.Join(f.err, f.settle(ctx, t))
}

// make makes the transaction, and tells those concerned.
func (t *try) make(ctx context.Context, d *drain, policy RoutingPolicy) {
	if t.out, t.err = d.assign(ctx, policy, t.Waiting, t); t.err == nil {
		t.err = d.delivery.Committed(ctx, system(d.workspace), t.out)
	}
}

// refused is who had no room.
func (t *try) refused() UserID {
	var refused *Refused
	if errors.As(t.err, &refused) {
		return refused.NoPlace
	}
	return ""
}

// settle takes note of how the try went.
func (d *drain) settle(ctx context.Context, t *try) error {
	if t.err == nil {
		return nil
	}
	d.torn = true
	if t.out == nil {
		d.undo(t)
	}
	switch {
	case errors.Is(t.err, errTaken):
		return nil
	case errors.Is(t.err, errStale):
		d.stale[t.Conversation] = true
		return d.mend(ctx, t.Waiting)
	case t.refused() != "":
		d.full[t.user]++
		return nil
	}
	return t.err
}

func (d *drain) undo(t *try) {
	*d.operator(t.user) = t.before
	d.left++
}
