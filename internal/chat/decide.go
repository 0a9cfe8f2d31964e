package chat

import (
	"cmp"
	"slices"
	"time"
)

// The policies that a decision names.
const (
	policyLast   = "last_operator"
	policySpare  = "spare_capacity"
	policyManual = "manual"
	policyWait   = "wait"
	policyNone   = "none"
)

// Decide chooses the operator for a waiting conversation, "" when it must go on waiting. It is a pure function, and its
// decision holds what it went by: Replay chooses again. Order: the preferred operator if eligible; then the highest
// share of spare capacity; then the longest time since the last assignment (never comes first); then the id. A
// preferred operator who lacks nothing but room is waited for until PreferredUntil.
func Decide(w Waiting, operators []Operator, now time.Time) (UserID, *Decision) {
	d := &Decision{Policy: policyNone, Preferred: w.Preferred}
	var eligible []Candidate
	waits := false
	for _, o := range operators {
		if !o.worksIn(w.Department) {
			continue
		}
		reason := o.excluded(w, now)
		if reason == "" {
			eligible = append(eligible, Candidate{User: o.User, Load: o.Load, Capacity: o.Capacity, LastAssigned: stamp(o.LastAssigned)})
			continue
		}
		if d.Excluded == nil {
			d.Excluded = map[string]int{}
		}
		d.Excluded[reason]++
		waits = waits || reason == excludedFull && o.User == w.Preferred && now.Before(w.PreferredUntil)
	}
	slices.SortFunc(eligible, d.order)
	d.Eligible, d.Candidates = len(eligible), eligible[:min(len(eligible), MaxCandidates)]
	switch {
	case waits:
		d.Policy = policyWait
	case len(eligible) > 0 && eligible[0].User == w.Preferred:
		d.Policy = policyLast
	case len(eligible) > 0:
		d.Policy = policySpare
	}
	return Replay(d), d
}

// Replay makes the choice of a recorded decision again, from what it recorded.
func Replay(d *Decision) UserID {
	if d == nil || len(d.Candidates) == 0 || d.Policy == policyWait || d.Policy == policyNone {
		return ""
	}
	if d.Policy == policyManual {
		return d.Candidates[0].User
	}
	return slices.MinFunc(d.Candidates, d.order).User
}

// order sorts the better candidate first. Shares are compared as integers: (c-l)/c > (d-m)/d if (c-l)d > (d-m)c.
func (d *Decision) order(a, b Candidate) int {
	if d.Preferred != "" && (a.User == d.Preferred) != (b.User == d.Preferred) {
		if a.User == d.Preferred {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare((b.Capacity-b.Load)*a.Capacity, (a.Capacity-a.Load)*b.Capacity),
		a.LastAssigned.Compare(b.LastAssigned),
		cmp.Compare(a.User, b.User),
	)
}

// stamp is the precision at which times are stored, without a clock's monotonic reading and zone.
func stamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli())
}

// Why an operator is not eligible.
const (
	excludedOff     = "off"
	excludedAway    = "away"
	excludedMissing = "disconnected"
	excludedSkills  = "skills"
	excludedTried   = "tried"
	excludedFull    = "full"
)

// excluded says why the operator, who works in the department, is not eligible; "" if they are. Room comes last: whoever
// is "full" lacks nothing else.
func (o Operator) excluded(w Waiting, now time.Time) string {
	switch {
	case o.Duty == DutyAway:
		return excludedAway
	case o.Duty != DutyAccepting: // also who was never on duty: they take conversations by hand
		return excludedOff
	case !o.Connected(now):
		return excludedMissing
	case !o.hasSkills(w.Skills):
		return excludedSkills
	case w.letPass(o):
		return excludedTried
	case o.Load >= o.Capacity:
		return excludedFull
	}
	return ""
}

// letPass says whether the operator has declined or missed the conversation, and has not come on duty anew since.
func (w Waiting) letPass(o Operator) bool {
	return slices.Contains(w.Tried, o.User) && !o.DutySince.After(w.TriedAt)
}

// rested is the entry without those who have let the conversation pass, once they may be asked again.
func (p RoutingPolicy) rested(w Waiting, now time.Time) Waiting {
	if now.Sub(w.TriedAt) >= p.AskAgain {
		w.Tried = nil
	}
	return w
}

func (o Operator) hasSkills(needed []string) bool {
	for _, s := range needed {
		if !slices.Contains(o.Skills, s) {
			return false
		}
	}
	return true
}

// worksIn says whether conversations of the department may come to the operator. One of no department may come to
// anybody: it dates from before the workspace had any, and must not stick.
func (o Operator) worksIn(d DepartmentID) bool {
	return d == "" || o.Departments == "" || o.Departments.Has(d)
}

// accepts says whether a conversation could come to the operator at all at the moment.
func (o Operator) accepts(d DepartmentID, now time.Time) bool {
	return o.worksIn(d) && o.Duty == DutyAccepting && o.Connected(now) && o.Load < o.Capacity
}
