package chat

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Mover moves tails into chunks. Both writes of a move are plain conditional ones, each safe to repeat.
type Mover interface {
	// MoveTail puts the tail's events up to upTo, or as many of them as one write can take, into a chunk, unless
	// a chunk with that first seq exists (then the end that it stores is adopted), and trims the tail if it
	// still begins where the image's does. relayed, when positive, is stored with the trim, and listeners of
	// the image that have expired are removed with it. A tail that has moved already is no error.
	MoveTail(ctx context.Context, head *Head, t Track, upTo, relayed uint64) error
	// SetRelayed raises the seq up to which integrations were told.
	SetRelayed(ctx context.Context, ref Ref, t Track, relayed uint64) error
}

// Subscription is an integrator's wish to be told of events.
type Subscription struct {
	ID   string
	Kind string // "sqs", "webhook", …
	// Types filters; empty means all.
	Types []EventType
}

// Wants says whether the subscription is about events of this type.
func (s Subscription) Wants(t EventType) bool {
	for _, w := range s.Types {
		if w == t {
			return true
		}
	}
	return len(s.Types) == 0
}

// IntegrationJob tells that an event is to be delivered to a subscription. It is a reference, not a body.
type IntegrationJob struct {
	Ref
	// Subject is whose own log the event is in: an operator or a contact. Then there is no conversation and no track.
	Subject      string
	Subscription string
	Track        Track
	Seq          uint64
	Gen          uint32
	Type         EventType
}

// EventKey is the event's name outside the system: the same however often it is delivered, and never that of
// another event, since whatever is appended after a restore has another Gen.
func (j IntegrationJob) EventKey() string {
	if j.Subject != "" {
		return fmt.Sprintf("%s.%s.%d.%d", j.Workspace, j.Subject, j.Gen, j.Seq)
	}
	return fmt.Sprintf("%s.%s.%d.%s.%d", j.Workspace, j.Conversation, j.Gen, j.Track, j.Seq)
}

// IntegrationQueue takes jobs; those of one subscription and conversation, or subject, stay in order.
type IntegrationQueue interface {
	Enqueue(context.Context, []IntegrationJob) error
}

// SubscriptionSource lists a workspace's subscriptions.
type SubscriptionSource interface {
	Subscriptions(context.Context, WorkspaceID) ([]Subscription, error)
}

const (
	// tailBytes is where the relay moves a tail: with it and the rest of HEAD under 1 KB, a send costs one
	// write unit (DynamoDB bills writes per started KB of the item). The whole tail moves: an event that stayed
	// would be billed with every write until the next move (dynamo.TestWriteUnits has the figures).
	tailBytes = 520
	// eventOverhead is about what an event takes in the tail besides its text.
	eventOverhead = 44
	// repairPage is how many events a repair reads at once.
	repairPage = 200
)

// Relay carries what was committed to whatever hangs on the table's stream. Records come at least once, those
// of one conversation in order; everything it does is idempotent or deduplicated by the event's key.
type Relay struct {
	Reader        Reader
	Own           OwnLogs
	Tails         Mover
	Subscriptions SubscriptionSource
	Queue         IntegrationQueue
	// Routing takes what routing has to look at, Deliver what is to be told of what routing did; both may be nil.
	Routing RoutingQueue
	Deliver DeliveryQueue
	// Desk takes broadcasts to the live desk; it may be nil.
	Desk DeskQueue
	// Mentions may be nil: then nobody's are kept.
	Mentions MentionStore
	// Arming may be nil: then no timers are armed.
	Arming *Arming

	handled handled
}

// Record handles one append: before is nil when the conversation is new. It returns when every subscription
// has a job for each new event, and everybody whom a new note mentions has it in their list.
func (r *Relay) Record(ctx context.Context, before, after *Head) error {
	subs, err := r.Subscriptions.Subscriptions(ctx, after.Workspace)
	if err != nil {
		return err
	}
	for _, t := range Tracks() {
		from := uint64(0)
		if before != nil {
			from = before.Track(t).Last
		}
		quiet := rests(after.Status)
		if quiet {
			from = min(from, r.handled.upTo(after, t)) // the repair of what the stream may have lost
		}
		if err := r.tell(ctx, subs, after, t, from, quiet); err != nil {
			return err
		}
	}
	return nil
}

// Timers lists the timers that an append calls for, as Arming.Due does. They are for Arm, together with those of other
// records: one call takes ten.
func (r *Relay) Timers(ctx context.Context, before, after *Head) ([]Timer, error) {
	if r.Arming == nil {
		return nil, nil
	}
	timers, err := r.Arming.Due(ctx, before, after)
	if err == nil && len(timers) > 0 {
		err = r.Arming.Stamp(ctx, after)
	}
	return timers, err
}

// Arm arms timers. An error means that they are to be armed again, all of them.
func (r *Relay) Arm(ctx context.Context, timers []Timer) error {
	if len(timers) == 0 {
		return nil
	}
	return r.Arming.Timers.Arm(ctx, timers...)
}

// rests says that nothing more is expected of the conversation for now: the time to repair and to note how far it has
// been relayed, by a process that has relayed most of it itself.
func rests(s Status) bool { return s.Over() || s == StatusIdle || s == StatusSnoozed }

// emit writes jobs for (from, last] of the image, in order, and keeps whom notes mention.
func (r *Relay) emit(ctx context.Context, subs []Subscription, head *Head, t Track, from uint64) error {
	mentions := r.Mentions != nil && t == Desk
	if len(subs) == 0 && !mentions {
		return nil
	}
	s := Service{Reader: r.Reader}
	for last := head.Track(t).Last; from < last; {
		to := min(from+repairPage, last)
		events, err := s.events(ctx, head, t, from, to)
		if err != nil {
			return err
		}
		var jobs []IntegrationJob
		for _, e := range events {
			jobs = append(jobs, jobsFor(subs, head.Ref, t, e)...)
			if mentions {
				for _, m := range mentionsIn(head.Conversation, e) {
					if err := r.Mentions.PutMention(ctx, head.Workspace, m); err != nil {
						return err
					}
				}
			}
		}
		if len(jobs) > 0 {
			if err := r.Queue.Enqueue(ctx, jobs); err != nil {
				return err
			}
		}
		from = to
	}
	return nil
}

func jobsFor(subs []Subscription, ref Ref, t Track, e Event) []IntegrationJob {
	var jobs []IntegrationJob
	for _, s := range subs {
		if s.Wants(e.Type) {
			jobs = append(jobs, IntegrationJob{Ref: ref, Subscription: s.ID, Track: t, Seq: e.Seq, Gen: e.Gen, Type: e.Type})
		}
	}
	return jobs
}

// Trim moves the tails that have grown past their bound into chunks, and notes with the move up to where all
// events are known to have been relayed. after must be an image that Record has handled.
func (r *Relay) Trim(ctx context.Context, after *Head) error {
	for _, t := range Tracks() {
		track := after.Track(t)
		if sizeOfTail(track.Tail) <= tailBytes {
			continue
		}
		if err := r.Tails.MoveTail(ctx, after, t, track.Last, r.handled.upTo(after, t)); err != nil {
			return err
		}
	}
	return nil
}

func sizeOfTail(tail []Event) int {
	n := 0
	for _, e := range tail {
		n += len(e.Text) + len(e.Reason) + eventOverhead + e.Detail.size()
	}
	return n
}

// size is about what the texts of a detail take in the tail.
func (d *Detail) size() int {
	if d == nil {
		return 0
	}
	n := eventOverhead
	for k, v := range d.Fields {
		n += len(k) + len(v)
	}
	for _, tag := range slices.Concat(d.Tags, d.Untagged) {
		n += len(tag)
	}
	return n
}

// trimIfHuge is what a handler does when the relay has been away for so long that the tail is past
// MaxTailBytes. Failing to is not the sender's problem: the next send tries again.
func (s *Service) trimIfHuge(ctx context.Context, out *Outcome) {
	track := out.Head.Track(out.Track)
	if s.Tails == nil || sizeOfTail(track.Tail) <= MaxTailBytes {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = s.Tails.MoveTail(ctx, out.Head, out.Track, track.Last, 0)
}
