package chat

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrGone says that a connection does not exist any more.
var ErrGone = errors.New("the connection is gone")

// Pusher posts a frame to a connection. Errors: ErrGone, or anything else for "not now" (throttled, the
// client's buffer is full, the service failed). A nil error is no proof that the client has it.
type Pusher interface {
	Post(context.Context, ConnectionID, []byte) error
	// Disconnect closes the connection; one that is gone is not an error.
	Disconnect(context.Context, ConnectionID) error
}

// DeliveryQueue takes jobs that a request must not wait for. At least once, in no order.
type DeliveryQueue interface {
	Enqueue(ctx context.Context, delay time.Duration, jobs ...Job) error
}

// Job is a delivery to be made, or made up for. It refers to events, it does not carry them.
type Job struct {
	Ref
	Track    Track
	From, To uint64
	// Connections names the listeners still owed; empty with Shard.
	Connections []ConnectionID
	// Shard, when positive, means the listener rows of shard Shard-1.
	Shard int
	// Except is the connection that has the events already, as its acknowledgement.
	Except ConnectionID
	// Waiting is a change of the waiting list as an earlier version queued it. Nothing is done with it: the live desk has
	// taken its place.
	Waiting *WaitingChange
	// Notice, when set, is to be told to Connections, which are its user's.
	Notice *Notice
	// Announce says that everybody is owed the events who is to know of them, and not only some listeners.
	Announce bool
	Attempt  int
}

// WaitingChange is one conversation that came to wait, or ceased to.
type WaitingChange struct {
	Added   *Waiting
	Removed ConversationID
}

// Encoder writes the frames that delivery pushes.
type Encoder interface {
	Events(head *Head, t Track, events []Event) [][]byte
	Notice(Ref, Notice) []byte
	Position(Standing) []byte
}

// Delivery pushes what was committed to those who listen.
type Delivery struct {
	Push    Pusher
	Queue   DeliveryQueue
	Reader  Reader
	Rows    ListenerRows
	Subs    Subscriptions
	Sockets Sockets
	Encode  Encoder
	// Routing may be nil: then only the relay tells routing of what was committed.
	Routing RoutingQueue
	// Desk takes broadcasts to the live desk; nil: only the relay asks for them.
	Desk DeskQueue
	// Budget bounds the pushes of one request, default 300 ms: what is left over goes to the queue.
	Budget time.Duration
	// Parallel bounds the posts under way at once, default 32.
	Parallel int
	Now      func() time.Time
}

// MaxAttempts is how often a push is tried through the queue before its connection is closed instead: its
// client opens another and resumes from the log. With the delays of delayOf that is after about two minutes.
const MaxAttempts = 7

func delayOf(attempt int) time.Duration { return min(time.Second<<attempt, time.Minute) }

// Committed pushes the outcome's events to every listener in its image but the actor's own connection, and
// announces changes of state. When it returns nil, each listener has been pushed to, is gone, or is owed a
// queued job: the caller may acknowledge.
func (d *Delivery) Committed(ctx context.Context, p Principal, out *Outcome) error {
	if out.Beside != nil {
		if err := d.Committed(ctx, p, out.Beside); err != nil {
			return err
		}
	}
	for _, n := range notices(p, out) {
		if err := d.tell(ctx, out.Head.Ref, n, p.Connection); err != nil {
			return err
		}
	}
	if len(out.Push) == 0 {
		return nil
	}
	if err := d.announce(ctx, p, out); err != nil {
		return err
	}
	if len(out.Other) > 0 { // first, and without a track's worth of its own: steps of the other track are few and small
		if err := d.Committed(ctx, p, &Outcome{Head: out.Head, Track: out.Track.Other(), Push: out.Other}); err != nil {
			return err
		}
	}
	except := p.Connection
	job := Job{Ref: out.Head.Ref, Track: out.Track, From: out.Push[0].Seq, To: out.Push[len(out.Push)-1].Seq, Except: except}
	var jobs []Job
	for shard := range out.Head.ListenerShards {
		j := job
		j.Shard = shard + 1
		jobs = append(jobs, j)
	}
	frames := d.Encode.Events(out.Head, out.Track, out.Push)
	left := d.push(ctx, Targets(out.Head, out.Track, except, d.now()), frames, d.budget(), d.forgetListener(job.Ref))
	if len(left) > 0 {
		job.Connections = left
		jobs = append(jobs, job)
	}
	if len(jobs) == 0 {
		return nil
	}
	if err := d.Queue.Enqueue(ctx, 0, jobs...); err != nil {
		return Errorf(CodeUnavailable, "delivery could not be queued; send the same again")
	}
	return nil
}

// Target is a connection that is owed a push.
type Target struct {
	Connection ConnectionID
	Listener   Listener
}

// Targets lists the connections that may hear of the track's events: live listeners whose user takes part in
// this very image, staff only for the desk track. Whoever was transferred away is not among them.
func Targets(h *Head, t Track, except ConnectionID, now time.Time) []Target {
	return targets(h, h.Listeners, t, except, now)
}

func targets(h *Head, listeners map[ConnectionID]Listener, t Track, except ConnectionID, now time.Time) []Target {
	var out []Target
	for c, l := range listeners {
		if c != except && hears(h, t, l, now) {
			out = append(out, Target{c, l})
		}
	}
	slices.SortFunc(out, func(a, b Target) int { return cmp.Compare(a.Connection, b.Connection) })
	return out
}

func hears(h *Head, t Track, l Listener, now time.Time) bool {
	p, takesPart := h.Participants[l.User]
	return takesPart && l.Expires.After(now) && (t == Public || p.Role.Staff())
}

// gone tells where a connection that is gone must be forgotten.
type gone func(context.Context, Target)

// push posts the frames to each connection, side by side, and returns the connections still owed.
func (d *Delivery) push(ctx context.Context, to []Target, frames [][]byte, budget time.Duration, forget gone) []ConnectionID {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	var (
		mu   sync.Mutex
		left []ConnectionID
	)
	sideBySide(len(to), d.parallel(), func(i int) {
		if !d.pushOne(ctx, to[i], frames, forget) {
			mu.Lock()
			left = append(left, to[i].Connection)
			mu.Unlock()
		}
	})
	return left
}

// pushOne returns false when the connection is still owed the frames.
func (d *Delivery) pushOne(ctx context.Context, t Target, frames [][]byte, forget gone) bool {
	for _, f := range frames {
		err := d.Push.Post(ctx, t.Connection, f)
		if errors.Is(err, ErrGone) {
			forget(context.WithoutCancel(ctx), t)
			return true
		}
		if err != nil {
			return false
		}
	}
	return true
}

// forgetListener removes a listener of HEAD and the socket's row. Best effort: both expire by themselves, and
// the next push would find the connection gone again.
func (d *Delivery) forgetListener(ref Ref) gone {
	return func(ctx context.Context, t Target) {
		_ = d.Subs.Unsubscribe(ctx, ref, t.Connection)
		d.forgetSocket(ctx, ref.Workspace, t)
	}
}

func (d *Delivery) forgetSocket(ctx context.Context, w WorkspaceID, t Target) {
	_ = d.Sockets.SocketClosed(ctx, Principal{Workspace: w, User: t.Listener.User, Role: t.Listener.Role, Connection: t.Connection})
}

func (d *Delivery) budget() time.Duration {
	if d.Budget > 0 {
		return d.Budget
	}
	return 300 * time.Millisecond
}

func (d *Delivery) parallel() int {
	if d.Parallel > 0 {
		return d.Parallel
	}
	return 32
}

func (d *Delivery) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}
