package chat

import (
	"context"
	"time"
)

// Standing is where a conversation stands in its queue.
type Standing struct {
	Waiting
	// Position in the queue, from 1.
	Position int
	// Estimate of the wait to come, 0 when Basis is BasisNone.
	Estimate time.Duration
	Basis    string
}

// What an estimate goes by.
const (
	BasisRate = "rate" // how fast the department's conversations were given out lately
	BasisNone = "none" // nothing is known
)

// rateLife is how old the newest assignment may be for the rate to tell anything.
const rateLife = 30 * time.Minute

// Positions says where each conversation of a queue stands, and when its turn comes if things go on as they did: with
// the times of the newest assignments, oldest first, the n-th waits n mean gaps between them. A queue that has not moved
// for longer than such a gap is counted as that slow. Offered ones keep their position: the offer may be declined.
func Positions(queue []Waiting, assigned []time.Time, now time.Time) []Standing {
	gap := meanGap(assigned, now)
	out := make([]Standing, len(queue))
	for i, w := range queue {
		out[i] = Standing{Waiting: w, Position: i + 1, Basis: BasisNone}
		if gap > 0 && !w.Again.After(now) { // it goes by those that somebody took when their turn came
			out[i].Estimate, out[i].Basis = time.Duration(i+1)*gap, BasisRate
		}
	}
	return out
}

// meanGap is the mean time between assignments, 0 when too little is known.
func meanGap(assigned []time.Time, now time.Time) time.Duration {
	n := len(assigned)
	if n < 2 || now.Sub(assigned[n-1]) > rateLife {
		return 0
	}
	gap := assigned[n-1].Sub(assigned[0]) / time.Duration(n-1)
	return max(gap, now.Sub(assigned[n-1])/time.Duration(n), time.Second)
}

// positionsTold bounds how many of those who wait are told how it stands: further back the position changes little.
const positionsTold = 200

// TellPositions tells the customers who wait in a department how it stands, when their position has changed since they
// were told last, at most once in the policy's PositionEvery. What was told lies on the waiting entry: reading it costs
// nothing beside the queue, and only a change costs a read of HEAD and a write of the entry. It returns how many wait.
func (s *Service) TellPositions(ctx context.Context, w WorkspaceID, d DepartmentID) (int, error) {
	policy, err := s.Policy(ctx, w, d)
	if err != nil {
		return 0, err
	}
	var queue []Waiting
	var assigned []time.Time
	err = s.retry(ctx, func() (err error) {
		if queue, err = s.Dir.Waiting(ctx, w, d, positionsTold); err != nil || len(queue) == 0 {
			return err
		}
		assigned, err = s.Entries.Assignments(ctx, w, d)
		return err
	})
	if err != nil {
		return 0, err
	}
	now := s.now()
	var due []Standing
	for _, st := range Positions(queue, assigned, now) {
		// A timer that is due every so often comes a little early or late: half a second counts as on time.
		if st.Told != st.Position && now.Sub(st.ToldAt) >= policy.PositionEvery-time.Second/2 {
			due = append(due, st)
		}
	}
	_, err = parallel(ctx, due, func(ctx context.Context, st Standing) (struct{}, error) {
		return struct{}{}, s.tellPosition(ctx, w, st, now)
	})
	return len(queue), err
}

func (s *Service) tellPosition(ctx context.Context, w WorkspaceID, st Standing, now time.Time) error {
	head, err := s.headAfter(ctx, Ref{w, st.Conversation})
	if CodeOf(err) == CodeNotFound {
		return nil
	}
	if err != nil || !head.Status.Waits() {
		return err
	}
	st.Told, st.ToldAt = st.Position, stamp(now)
	if err := s.retry(ctx, func() error { return s.Entries.ToldPosition(ctx, w, st.Waiting) }); err != nil {
		return err
	}
	var to []Target
	for _, t := range Targets(head, Public, "", now) {
		if t.Listener.Role == RoleCustomer {
			to = append(to, t)
		}
	}
	s.Delivery.Signal(ctx, &Signal{Head: head, To: to}, s.Delivery.Encode.Position(st))
	return nil
}
