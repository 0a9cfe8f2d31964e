package chat

import (
	"slices"
	"sync"
	"time"
)

// looks remembers which departments this process has looked at, and when, so that of many jobs that pile up behind one
// look at a queue all that were sent before the next look begins cost nothing more. Forgetting is harmless: then there is
// one more look.
type looks struct {
	mu sync.Mutex
	of map[WorkspaceID]*look
}

// look is what is known of one workspace.
type look struct {
	begun map[DepartmentID]time.Time
	staff map[UserID]DepartmentList // of those on duty at the last look; "" for all departments
	all   []DepartmentID            // every department, if somebody of all of them was looked after; else empty
	since time.Time                 // when staff was read
}

const (
	// lookSkew is by how much the clocks of the queue and of this process may differ: AWS keeps both within
	// milliseconds.
	lookSkew = 250 * time.Millisecond
	// maxLooks bounds the memory.
	maxLooks = 1000
)

// note says that whatever was in these departments when the job began has been given out, as far as there was anybody to
// take it.
func (l *looks) note(d *drain, departments []DepartmentID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= maxLooks {
		l.of = map[WorkspaceID]*look{}
	}
	k := &look{begun: map[DepartmentID]time.Time{}, staff: map[UserID]DepartmentList{}, all: d.all, since: d.begun}
	if old := l.of[d.workspace]; old != nil {
		k.begun = old.begun
		if d.operators == nil { // nothing waited
			k.staff, k.all, k.since = old.staff, old.all, old.since
		}
	}
	for _, department := range departments {
		k.begun[department] = d.begun
	}
	for _, o := range d.operators {
		k.staff[o.User] = o.Departments
	}
	l.of[d.workspace] = k
}

// open leaves out the jobs that a look since they were sent has answered.
func (l *looks) open(jobs []RouteJob) []RouteJob {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(jobs), func(j RouteJob) bool {
		k := l.of[j.Workspace]
		return k != nil && !j.Sent.IsZero() && k.answers(j)
	})
}

func (k *look) answers(j RouteJob) bool {
	covers := func(d DepartmentID) bool { return k.begun[d].After(j.Sent.Add(lookSkew)) }
	if j.Operator == "" {
		return covers(j.Department)
	}
	list, known := k.staff[j.Operator]
	works := append([]DepartmentID{""}, list.All()...)
	if list == "" {
		works = k.all
	}
	return known && len(works) > 0 && k.since.After(j.Sent.Add(lookSkew)) &&
		!slices.ContainsFunc(works, func(d DepartmentID) bool { return !covers(d) })
}
