package chat

import (
	"context"
	"errors"
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
func (d *drain) choose(w Waiting) (*try, bool) {
	if w.Offered {
		return nil, false
	}
	user, decision := Decide(w, d.operators, d.now())
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
// transactions side by side. Two of one operator's would conflict, so a wave has one for each. more says that the job's
// bounds ended it.
func (d *drain) page(ctx context.Context, policy RoutingPolicy, page []Waiting) (more bool, err error) {
	var wave []*try
	for i := 0; i < len(page); i++ {
		if d.spent() {
			return true, d.flush(ctx, policy, wave)
		}
		t, ok := d.choose(page[i])
		if !ok {
			continue
		}
		full := len(wave) == parallelCalls
		if full || slices.ContainsFunc(wave, func(o *try) bool { return o.user == t.user }) {
			d.undo(t)
			if err := d.flush(ctx, policy, wave); err != nil {
				return false, err
			}
			wave = nil
			i-- // chosen again, by what the wave has shown
			continue
		}
		wave = append(wave, t)
	}
	return false, d.flush(ctx, policy, wave)
}

// flush makes the wave's transactions. Whoever had no room is read again, and those conversations are given out one by
// one, once it is known which places the others took.
func (d *drain) flush(ctx context.Context, policy RoutingPolicy, wave []*try) error {
	if len(wave) == 0 {
		return nil
	}
	sideBySide(len(wave), parallelCalls, func(i int) { wave[i].make(ctx, d, policy) })
	var all error
	for _, t := range wave {
		all = errors.Join(all, d.settle(ctx, t))
	}
	for _, t := range wave {
		if all == nil && t.refused() != "" {
			all = d.give(ctx, policy, t.Waiting)
		}
	}
	return all
}

// make makes the transaction, and tells those concerned.
func (t *try) make(ctx context.Context, d *drain, policy RoutingPolicy) {
	if t.out, t.err = d.assign(ctx, policy, t.Waiting, t); t.err == nil {
		t.err = d.Delivery.Committed(ctx, system(d.workspace), t.out)
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
	switch {
	case t.err == nil:
		return nil
	case errors.Is(t.err, errStale):
		d.undo(t)
		return d.mend(ctx, t.Waiting)
	case t.refused() != "":
		d.undo(t)
		return d.again(ctx, t.refused())
	case t.out == nil:
		d.undo(t)
	}
	return t.err
}

func (d *drain) undo(t *try) {
	*d.operator(t.user) = t.before
	d.left++
}
