package chat

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// DeskView is a part of the live desk that a client may have open.
type DeskView string

// The views.
const (
	ViewQueue       DeskView = "queue"       // what waits, by department
	ViewColleagues  DeskView = "colleagues"  // who is at work, and how loaded
	ViewVisitors    DeskView = "visitors"    // who is on the site, and on which page
	ViewSupervision DeskView = "supervision" // departments and conversations of those that one runs
)

// DeskViews lists every view. The order is the storage code: append only.
func DeskViews() []DeskView {
	return []DeskView{ViewQueue, ViewColleagues, ViewVisitors, ViewSupervision}
}

// Command is what one must be allowed to open the view.
func (v DeskView) Command() Command {
	switch v {
	case ViewQueue:
		return CommandWaiting
	case ViewColleagues:
		return CommandColleagues
	case ViewVisitors:
		return CommandVisitors
	default:
		return CommandSupervise
	}
}

// Limits of the live desk.
const (
	// FrameGap is the least time between two frames to one socket of the desk.
	FrameGap = 2 * time.Second
	// VisitorsEvery is the least time between two looks at who is on the site.
	VisitorsEvery = 5 * time.Second
	// QueueShown bounds the list of the queue in a frame, which like the others may be cut further to fit: the HTTP API has
	// all of it.
	QueueShown = 50
	// ColleaguesShown likewise.
	ColleaguesShown = 100
	// VisitorsShown likewise.
	VisitorsShown = 100
	// SupervisedShown bounds the conversations that a supervisor is shown.
	SupervisedShown = 50
	// QueueCounted is up to where the entries of a department's queue are counted.
	QueueCounted = 1000
	// MaxDeskDepartments bounds the departments that a client may choose.
	MaxDeskDepartments = 50
)

// Viewer is a socket of staff with views open. Its principal's departments are those that the views are about, "" for
// all of the workspace.
type Viewer struct {
	Principal
	Views []DeskView
}

func (v Viewer) sees(view DeskView) bool { return slices.Contains(v.Views, view) }

// DeskClaim is what a broadcast finds when it begins.
type DeskClaim struct {
	// Revision of what the broadcast will show: its time in milliseconds.
	Revision uint64
	// Before is the revision of the broadcast before, and Shown what was noted last, by the one of revision ShownBy.
	Before, ShownBy uint64
	Shown           []byte
	// Visitors is when the site was looked at last.
	Visitors time.Time
}

// DeskStore keeps what the live desk needs between two broadcasts. All of it expires.
type DeskStore interface {
	// OpenViews sets the open views of a socket that Opened has recorded, none to close them; ErrGone if it has not, or
	// the socket has closed.
	OpenViews(context.Context, Viewer) error
	// Viewers lists the sockets of the workspace that have a view open, consistently.
	Viewers(context.Context, WorkspaceID) ([]Viewer, error)
	// ClaimDesk begins a broadcast, unless another began less than gap ago: then nil. The revisions of claims grow.
	ClaimDesk(ctx context.Context, w WorkspaceID, at time.Time, gap time.Duration) (*DeskClaim, error)
	// DeskShown notes what the broadcast has shown, and when it looked at the site, if no other has begun meanwhile.
	DeskShown(ctx context.Context, w WorkspaceID, revision uint64, shown []byte, visitors time.Time) error
	// DeskRevision is the revision of the last claim, 0 before the first. Consistent.
	DeskRevision(context.Context, WorkspaceID) (uint64, error)
	// WaitingCount counts the entries of a department's queue, up to limit. It may lag.
	WaitingCount(ctx context.Context, w WorkspaceID, d DepartmentID, limit int) (int, error)
}

// DeskJob asks for a broadcast to the workspace's desk; or, with Connections, for what these have not taken.
type DeskJob struct {
	Workspace   WorkspaceID
	Connections []ConnectionID
	Attempt     int
	// Revision at which the first attempt failed.
	Revision uint64
}

// DeskQueue takes jobs and hands each on after a moment (DeskDelay), at most one per workspace and DeskSlot. Whoever has
// changed something enqueues after it has committed; the job then sees it.
type DeskQueue interface {
	Enqueue(context.Context, ...DeskJob) error
}

// A job waits longer than its slot lasts: whoever finds that the slot has one already has committed before it runs, also
// if the clocks of two machines differ by DeskDelay less DeskSlot. A slot lasts longer than FrameGap, so that under steady
// change broadcasts do not fall into each other's gap.
const (
	DeskSlot  = 2500 * time.Millisecond
	DeskDelay = 3 * time.Second // DelaySeconds of DeskQueue in the template
)

// DeskEncoder writes the frames of the live desk.
type DeskEncoder interface {
	// Desk writes a frame of at most MaxFrame bytes. What does not fit is cut at the end of its list, which says so.
	Desk(DeskFrame) []byte
}

// DeskFrame shows whole views, each as of Revision or later. A client drops what has a lower revision than it has seen.
type DeskFrame struct {
	Revision uint64
	At       time.Time
	// Open is how many views the client has open: each has an equal share of a frame.
	Open        int
	Queue       *QueueView
	Colleagues  *ColleaguesView
	Visitors    *VisitorsView
	Supervision *SupervisionView
}

// QueueView is what waits, in the order of the queues.
type QueueView struct {
	Departments []QueueCount
	Entries     []Waiting
	// More says that more wait than are listed.
	More bool
}

// QueueCount is how long a department's queue is.
type QueueCount struct {
	Department DepartmentID
	Waiting    int
	// AtLeast says that counting ended at Waiting.
	AtLeast bool
	// Oldest is since when the longest has waited; zero for none.
	Oldest time.Time
}

// ColleaguesView is who is at work: on duty, or with conversations left. The most loaded come first.
type ColleaguesView struct {
	Colleagues []DeskColleague
	More       bool
}

// DeskColleague is one of them.
type DeskColleague struct {
	Operator
	Connected bool
}

// VisitorsView is who is on the site, the newest first.
type VisitorsView struct {
	Total int
	// AtLeast says that counting ended at Total, More that not all are listed.
	AtLeast, More bool
	Visitors      []Visitor
}

// SupervisionView is how the departments do.
type SupervisionView struct {
	Departments []DepartmentLoad
	// Conversations that are not over, newest first.
	Conversations []State
	More          bool
}

// DepartmentLoad sums up a department's queue and operators. Operators who work in several count in each.
type DepartmentLoad struct {
	QueueCount
	// Accepting and Away count the operators on duty who are connected.
	Accepting, Away int
	Load, Capacity  int
}

// LiveDesk shows operators and supervisors what goes on. Its fields are ports, set once before use; Push, Encode and
// Sockets are for broadcasts, which no request makes.
type LiveDesk struct {
	Store    DeskStore
	Dir      Directory
	Staff    Operators
	States   States
	Visitors VisitorStore
	Queue    DeskQueue
	// Departments lists a workspace's departments; nil stands for a workspace without any.
	Departments func(context.Context, WorkspaceID) ([]DepartmentID, error)

	Push    Pusher
	Sockets Sockets
	Encode  DeskEncoder
	// Parallel bounds the posts under way at once, default 32.
	Parallel int
	Now      func() time.Time
}

func (l *LiveDesk) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

// Open sets which views the principal's socket has open, for departments of theirs (none: all of theirs), and returns
// what they show now. Repeated, it is a refresh; without views they are closed. Nothing of a view that is not open is
// pushed. A hello closes the views of its socket.
func (l *LiveDesk) Open(ctx context.Context, p Principal, views []DeskView, departments []DepartmentID) (*DeskFrame, error) {
	scope, err := authorize(p, CommandDesk)
	if err != nil {
		return nil, err
	}
	v, err := viewerOf(p, scope, views, departments)
	if err != nil {
		return nil, err
	}
	switch err := l.Store.OpenViews(ctx, v); {
	case errors.Is(err, ErrGone):
		return nil, Errorf(CodeHelloFirst, "say hello before desk")
	case err != nil:
		return nil, noAnswer(err)
	}
	if len(v.Views) == 0 {
		return &DeskFrame{At: l.now()}, nil
	}
	if v.sees(ViewVisitors) {
		if err := l.Queue.Enqueue(ctx, DeskJob{Workspace: p.Workspace}); err != nil {
			return nil, Errorf(CodeUnavailable, "the visitors could not be followed; send the same again")
		}
	}
	return l.Show(ctx, v)
}

// Show reads what the views show. The revision is read first: a broadcast of the same or a higher one may be newer.
func (l *LiveDesk) Show(ctx context.Context, v Viewer) (*DeskFrame, error) {
	revision, err := l.Store.DeskRevision(ctx, v.Workspace)
	if err != nil {
		return nil, noAnswer(err)
	}
	scene, err := l.look(ctx, v.Workspace, []Viewer{v}, true)
	if err != nil {
		return nil, noAnswer(err)
	}
	f := scene.frame(v)
	f.Revision = revision
	return &f, nil
}

// Look returns what one view shows now, without opening it.
func (l *LiveDesk) Look(ctx context.Context, p Principal, view DeskView, departments []DepartmentID) (*DeskFrame, error) {
	scope, err := authorize(p, view.Command())
	if err != nil {
		return nil, err
	}
	v, err := viewerOf(p, scope, []DeskView{view}, departments)
	if err != nil {
		return nil, err
	}
	return l.Show(ctx, v)
}

// viewerOf checks what a client wants to see.
func viewerOf(p Principal, scope Scope, views []DeskView, departments []DepartmentID) (Viewer, error) {
	v := Viewer{Principal: p}
	if scope == Workspace {
		v.Departments = ""
	}
	for _, view := range views {
		if !slices.Contains(DeskViews(), view) {
			return v, Errorf(CodeInvalid, "views: queue, colleagues, visitors or supervision")
		}
		if _, err := authorize(p, view.Command()); err != nil {
			return v, err
		}
		if !v.sees(view) {
			v.Views = append(v.Views, view)
		}
	}
	slices.SortFunc(v.Views, func(a, b DeskView) int {
		return cmp.Compare(slices.Index(DeskViews(), a), slices.Index(DeskViews(), b))
	})
	return v, v.choose(departments)
}

// choose narrows the views to departments of the principal.
func (v *Viewer) choose(departments []DepartmentID) error {
	if len(departments) > MaxDeskDepartments {
		return Errorf(CodeInvalid, "departments: at most %d", MaxDeskDepartments)
	}
	for _, d := range departments {
		if !d.Valid() {
			return Errorf(CodeInvalid, "departments: well-formed ids")
		}
		if !v.WorksIn(d) {
			return Errorf(CodeForbidden, "departments: only those that you work in")
		}
	}
	if len(departments) > 0 {
		v.Departments = JoinDepartments(slices.Compact(slices.Sorted(slices.Values(departments)))...)
	}
	return nil
}

// noAnswer keeps the codes of errors that have one; the others are storage's.
func noAnswer(err error) error {
	if CodeOf(err) != CodeInternal {
		return err
	}
	return Errorf(CodeUnavailable, "storage did not answer in time; send the same again")
}
