package chat

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
)

// MaxDeskAttempts is how often a frame of the desk is tried on a socket before the socket is closed.
const MaxDeskAttempts = 5

// Work makes one broadcast: it reads what the open views show, and pushes to each socket, in one frame, those of its
// views that differ from what was shown last. An error means that the job must come again.
//
// Correctness rests on an order. Whoever changes something enqueues after the commit, so a job that begins after it sees
// the change. What was shown is noted as a whole, with its revision, and holds only for the very next broadcast: if one
// died or was overtaken, the next shows everything. The sockets are read again after the state: one that opened its views
// later has read the state later, too.
func (l *LiveDesk) Work(ctx context.Context, j DeskJob) error {
	viewers, err := l.Store.Viewers(ctx, j.Workspace)
	if err != nil || len(viewers) == 0 {
		return err // nobody looks: whoever comes reads for themselves
	}
	if len(j.Connections) > 0 {
		return l.workAgain(ctx, j, viewers)
	}
	claim, err := l.Store.ClaimDesk(ctx, j.Workspace, l.now(), FrameGap)
	if err != nil {
		return err
	}
	if claim == nil { // another has just pushed: a moment later
		return l.Queue.Enqueue(ctx, DeskJob{Workspace: j.Workspace})
	}
	known := shownOf(claim)
	visitors := known == nil || l.now().Sub(claim.Visitors) >= VisitorsEvery
	scene, err := l.look(ctx, j.Workspace, viewers, visitors)
	if err != nil {
		return err
	}
	if viewers, err = l.Store.Viewers(ctx, j.Workspace); err != nil {
		return err
	}
	shown, err := l.broadcast(ctx, scene, viewers, claim.Revision, known)
	if err != nil {
		return err
	}
	looked := claim.Visitors
	if visitors {
		looked = scene.at
	}
	if err := l.Store.DeskShown(ctx, j.Workspace, claim.Revision, packShown(shown), looked); err != nil {
		return err
	}
	return l.follow(ctx, j.Workspace, viewers)
}

// follow keeps looking at the site while somebody has that view open: nothing tells of visitors who leave, and their page
// views must not each send a job.
func (l *LiveDesk) follow(ctx context.Context, w WorkspaceID, viewers []Viewer) error {
	if slices.ContainsFunc(viewers, func(v Viewer) bool { return v.sees(ViewVisitors) }) {
		return l.Queue.Enqueue(ctx, DeskJob{Workspace: w})
	}
	return nil
}

// audience is what viewers with the same views of the same departments have in common: their frame.
type audience struct {
	viewers []Viewer
	frame   []byte
}

// broadcast pushes to each viewer what has changed, and returns what all have been shown.
func (l *LiveDesk) broadcast(ctx context.Context, s *scene, viewers []Viewer, revision uint64, known map[uint64]uint64) (map[uint64]uint64, error) {
	shown := map[uint64]uint64{}
	audiences := map[uint64]*audience{}
	for _, v := range viewers {
		id := audienceOf(v)
		a := audiences[id]
		if a == nil {
			a = &audience{frame: l.changed(s, v, id, revision, known, shown)}
			audiences[id] = a
		}
		a.viewers = append(a.viewers, v)
	}
	var left []ConnectionID
	for _, a := range audiences {
		if a.frame != nil {
			left = append(left, l.post(ctx, a.viewers, a.frame)...)
		}
	}
	if len(left) == 0 {
		return shown, nil
	}
	slices.Sort(left)
	w := viewers[0].Workspace
	return shown, l.Queue.Enqueue(ctx, DeskJob{Workspace: w, Connections: left, Attempt: 1, Revision: revision})
}

func audienceOf(v Viewer) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(v.Departments)) // never fails
	for _, view := range v.Views {
		_, _ = h.Write([]byte("#" + view))
	}
	return h.Sum64()
}

// changed writes the frame of those views that differ from what is known; nil if none does.
func (l *LiveDesk) changed(s *scene, v Viewer, id, revision uint64, known, shown map[uint64]uint64) []byte {
	whole := s.frame(v)
	out := DeskFrame{Revision: revision, At: s.at, Open: whole.Open}
	differs := false
	for i, view := range v.Views {
		part := id + uint64(i) + 1
		one := DeskFrame{Open: whole.Open}
		if !one.take(whole, view) { // not looked at this time, or came after the look
			if n, ok := known[part]; ok && view == ViewVisitors {
				shown[part] = n
			}
			continue
		}
		sum := sha256.Sum256(l.Encode.Desk(one))
		shown[part] = binary.BigEndian.Uint64(sum[:])
		if n, ok := known[part]; !ok || n != shown[part] {
			differs = out.take(whole, view) || differs
		}
	}
	if !differs {
		return nil
	}
	return l.Encode.Desk(out)
}

// take takes over one view; false if there is nothing of it.
func (f *DeskFrame) take(from DeskFrame, view DeskView) bool {
	switch view {
	case ViewQueue:
		f.Queue = from.Queue
		return f.Queue != nil
	case ViewColleagues:
		f.Colleagues = from.Colleagues
		return f.Colleagues != nil
	case ViewVisitors:
		f.Visitors = from.Visitors
		return f.Visitors != nil
	default:
		f.Supervision = from.Supervision
		return f.Supervision != nil
	}
}

// post pushes the frame to each, and returns those who did not take it.
func (l *LiveDesk) post(ctx context.Context, to []Viewer, frame []byte) []ConnectionID {
	ctx, cancel := context.WithTimeout(ctx, workBudget)
	defer cancel()
	limit := l.Parallel
	if limit == 0 {
		limit = 32
	}
	var (
		mu   sync.Mutex
		left []ConnectionID
	)
	sideBySide(len(to), limit, func(i int) {
		err := l.Push.Post(ctx, to[i].Connection, frame)
		if errors.Is(err, ErrGone) {
			_ = l.Sockets.SocketClosed(context.WithoutCancel(ctx), to[i].Principal) // it expires by itself, too
			return
		}
		if err != nil {
			mu.Lock()
			left = append(left, to[i].Connection)
			mu.Unlock()
		}
	})
	return left
}

// workAgain pushes everything to those who did not take a frame, as it is now.
func (l *LiveDesk) workAgain(ctx context.Context, j DeskJob, viewers []Viewer) error {
	viewers = slices.DeleteFunc(viewers, func(v Viewer) bool { return !slices.Contains(j.Connections, v.Connection) })
	if len(viewers) == 0 {
		return nil
	}
	revision, err := l.Store.DeskRevision(ctx, j.Workspace)
	if err != nil {
		return err
	}
	scene, err := l.look(ctx, j.Workspace, viewers, true)
	if err != nil {
		return err
	}
	var left []ConnectionID
	for _, v := range viewers {
		f := scene.frame(v)
		f.Revision = revision
		left = append(left, l.post(ctx, []Viewer{v}, l.Encode.Desk(f))...)
	}
	if len(left) == 0 {
		return nil
	}
	if j.Attempt < MaxDeskAttempts {
		return l.Queue.Enqueue(ctx, DeskJob{Workspace: j.Workspace, Connections: left, Attempt: j.Attempt + 1, Revision: j.Revision})
	}
	for _, c := range left { // its client opens another socket, and the views
		if err := l.Push.Disconnect(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// shownOf reads what was shown last, nil if that says nothing of what the viewers have: it is noted by the broadcast
// before this one, or by none.
func shownOf(c *DeskClaim) map[uint64]uint64 {
	if c.Before == 0 || c.ShownBy != c.Before || len(c.Shown)%16 != 0 {
		return nil
	}
	out := map[uint64]uint64{}
	for b := c.Shown; len(b) > 0; b = b[16:] {
		out[binary.BigEndian.Uint64(b)] = binary.BigEndian.Uint64(b[8:])
	}
	return out
}

func packShown(shown map[uint64]uint64) []byte {
	var out []byte
	for _, part := range slices.Sorted(maps.Keys(shown)) {
		out = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(out, part), shown[part])
	}
	return out
}

// ShowsOnDesk says whether an append changes what the live desk shows: it stepped from one state to another, moved in the
// queue, or other people have part in it. before is nil for a new conversation.
func ShowsOnDesk(before, after *Head) bool {
	return before == nil || before.Version != after.Version || before.Asides != after.Asides
}
