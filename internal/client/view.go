package client

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// View is one conversation as this client knows it: a fold over its log. It is not safe for concurrent use.
type View struct {
	Conversation chat.ConversationID
	// Gen is the generation that the events belong to.
	Gen      uint32
	Status   chat.Status
	Version  uint64
	Assignee chat.UserID
	// OfferedTo is the operator who may accept, Department and Priority where it is in the queues; staff only.
	OfferedTo  chat.UserID
	Department chat.DepartmentID
	Priority   int
	// Position is how a customer who waits was told that it stands; zero when it was not, or they wait no more.
	Position protocol.PositionPush
	// Participants as of the last snapshot, and who was assigned since; their read cursors follow the pushes.
	Participants map[chat.UserID]protocol.Participant
	// Gone says that the server knows no part of this user in the conversation (any more).
	Gone bool

	public, desk track
	// known are the seqs up to which the state of play is the snapshot's; changed is the public seq at, or after, which the
	// status was changed last.
	known   map[chat.Track]uint64
	changed uint64
	// stale: the log has another generation; hello (or a page) must reload the view.
	stale bool
	// probe: hello did not mention the conversation although it has a cursor here; ask for what follows.
	probe bool
	// heard is when another participant was last seen to be there.
	heard  time.Time
	typed  time.Time
	typing map[chat.UserID]time.Time
	// reading is the read cursor that the user has reached, told the one that the server surely has.
	reading, told uint64
	// waitingSince is when the customer wrote the first message that no person has answered, in Unix milliseconds, 0 for none.
	waitingSince int64
	// hidden is how many unread messages a snapshot counted that lie before what the view holds.
	hidden  int
	readDue time.Time
}

// track is the fold of one track. Invariant: events are those with the seqs base+1 … base+len(events).
type track struct {
	base   uint64 // greater than 0 when the view begins in the middle of the log
	events []protocol.Event
	early  map[uint64]protocol.Event // came before something that is still missing
	head   uint64                    // the highest seq known to exist
	gapDue time.Time                 // when to ask for what is missing, zero when not decided yet
	asking bool                      // a page is under way
	tries  int
	mutant mutant
}

func newView(id chat.ConversationID, m mutant) *View {
	return &View{Conversation: id, Participants: map[chat.UserID]protocol.Participant{},
		public: track{mutant: m}, desk: track{mutant: m}}
}

func (v *View) track(t chat.Track) *track {
	if t == chat.Desk {
		return &v.desk
	}
	return &v.public
}

// Applied returns the seq up to which the track is complete.
func (v *View) Applied(t chat.Track) uint64 { return v.track(t).applied() }

// Head returns the highest seq that the client knows to exist on the track.
func (v *View) Head(t chat.Track) uint64 { return v.track(t).head }

// Base returns the seq before the oldest event that the view holds: 0 when it holds the track from its start.
func (v *View) Base(t chat.Track) uint64 { return v.track(t).base }

// Events returns the applied events of a track in the order in which they were applied. The caller must not
// modify them.
func (v *View) Events(t chat.Track) []protocol.Event { return v.track(t).events }

// Missing says whether the client knows of events that it does not have.
func (v *View) Missing(t chat.Track) bool { return v.track(t).missing() }

// Typing returns who types at the moment.
func (v *View) Typing(now time.Time) []chat.UserID {
	var users []chat.UserID
	for u, until := range v.typing {
		if now.Before(until) {
			users = append(users, u)
		}
	}
	return users
}

func (t *track) applied() uint64 { return t.base + uint64(len(t.events)) }

func (t *track) missing() bool { return t.head > t.applied() }

func (t *track) saw(head uint64) { t.head = max(t.head, head) }

// learn takes events in any order and returns those that could be applied.
func (t *track) learn(events []protocol.Event) []protocol.Event {
	before := len(t.events)
	for _, e := range events {
		if t.mutant != dropEarly || e.Seq <= t.applied()+1 {
			t.saw(e.Seq)
		}
		switch next := t.applied() + 1; {
		case e.Seq == next || t.mutant == applyUnseen && e.Seq > next:
			t.events = append(t.events, e)
			t.release()
		case e.Seq > next && t.mutant != dropEarly:
			t.hold(e)
		case e.Seq < next && t.mutant == applyTwice:
			t.events = append(t.events, e)
		}
	}
	if !t.missing() {
		t.gapDue, t.tries = time.Time{}, 0
	}
	return t.events[before:]
}

func (t *track) hold(e protocol.Event) {
	if t.early == nil {
		t.early = map[uint64]protocol.Event{}
	}
	t.early[e.Seq] = e
}

// release applies what was held back and follows now.
func (t *track) release() {
	for {
		e, ok := t.early[t.applied()+1]
		if !ok {
			return
		}
		delete(t.early, e.Seq)
		t.events = append(t.events, e)
	}
}

// restart drops the track; it goes on after base.
func (t *track) restart(base uint64) {
	t.base, t.events = base, nil
	for seq := range t.early {
		if seq <= base {
			delete(t.early, seq)
		}
	}
}

// page takes a newest page that need not connect to what the track has: if it does not, the page replaces it.
// A page that is older than the view changes nothing.
func (t *track) page(head uint64, events []protocol.Event) []protocol.Event {
	if head > t.applied() {
		first := head + 1
		if len(events) > 0 {
			first = events[0].Seq
		}
		if first > t.applied()+1 {
			t.restart(first - 1)
		}
	}
	t.saw(head)
	return t.learn(events)
}

// snapshot takes the track as hello or join found it.
func (t *track) snapshot(s protocol.TrackView) []protocol.Event {
	if s.Limited {
		return t.page(s.Head, s.Events)
	}
	t.saw(s.Head)
	return t.learn(s.Events)
}

// applied is what one step added to a view.
type applied struct {
	public, desk []protocol.Event
	reloaded     bool
}

// load takes a snapshot. One of an older generation is ignored; one of a newer replaces the view, and so does
// any when the view is stale.
func (v *View) load(s protocol.Snapshot, known bool) (a applied) {
	if known && s.Gen < v.Gen {
		return a
	}
	if known && (s.Gen > v.Gen || v.stale) {
		v.reset()
		a.reloaded = true
	}
	if s.Public.Head >= v.public.applied() {
		v.state(s) // before the events: the snapshot may release later ones that were held back
	}
	v.Gen, v.stale, v.probe, v.Gone = s.Gen, false, false, false
	a.public = v.fold(chat.Public, v.public.snapshot(s.Public))
	if s.Desk != nil {
		a.desk = v.fold(chat.Desk, v.desk.snapshot(*s.Desk))
	}
	return a
}

func (v *View) reset() {
	v.public, v.desk, v.changed = track{mutant: v.public.mutant}, track{mutant: v.desk.mutant}, 0
	v.known = nil
}

// state takes the state of play from a snapshot that is not older than the view.
func (v *View) state(s protocol.Snapshot) {
	v.Status, v.Version, v.Assignee, v.changed = s.Status, s.Version, s.Assignee, s.Public.Head
	v.known = map[chat.Track]uint64{chat.Public: s.Public.Head}
	if s.Desk != nil {
		v.known[chat.Desk] = s.Desk.Head
	}
	v.OfferedTo, v.Department, v.Priority = s.OfferedTo, s.Department, s.Priority
	v.waitingSince = s.WaitingSince
	v.settle()
	before := v.Participants
	if v.Gone { // a part that is new begins with what the server says
		before = nil
	}
	v.Participants = make(map[chat.UserID]protocol.Participant, len(s.Participants))
	for _, p := range s.Participants {
		p.Read = max(p.Read, before[p.User].Read)
		v.Participants[p.User] = p
	}
}

// learn takes events of one generation. A newer generation makes the view stale.
func (v *View) learn(t chat.Track, gen uint32, events []protocol.Event) []protocol.Event {
	if gen > v.Gen {
		v.stale = true
	}
	if gen != v.Gen || v.stale {
		return nil
	}
	return v.fold(t, v.track(t).learn(events))
}

// fold carries what was applied into the state of play.
func (v *View) fold(t chat.Track, events []protocol.Event) []protocol.Event {
	for _, e := range events {
		if e.Seq > v.known[t] {
			v.turn(t, e)
			v.wait(t, e)
		}
		if t == chat.Public && e.Type == chat.EventMessage {
			delete(v.typing, e.Sender)
		}
	}
	v.settle()
	return events
}

// turn makes the change of state that an event tells.
func (v *View) turn(t chat.Track, e protocol.Event) {
	switch {
	case e.Type == chat.EventAssigned || e.Type == chat.EventTransferred && e.To == chat.StatusActive:
		v.Assignee = e.Subject
		if _, known := v.Participants[e.Subject]; !known && e.Subject != "" {
			v.Participants[e.Subject] = protocol.Participant{User: e.Subject, Role: chat.RoleOperator}
		}
	case t == chat.Public && (e.To == chat.StatusQueued || e.To == chat.StatusBot):
		v.Assignee = ""
	case e.Type == chat.EventPriority:
		v.Priority = 0
		if e.Detail != nil {
			v.Priority = e.Detail.Priority
		}
	}
	if e.Detail != nil && e.Detail.Department != "" {
		v.Department = e.Detail.Department
	}
	v.step(t, e)
}

// step makes a step from status to status, unless the view knows a later one. Two tracks have no order among their
// pushes; but a desk event says which public event it follows.
func (v *View) step(t chat.Track, e protocol.Event) {
	at, later := e.Seq, e.Seq > v.changed
	if t == chat.Desk {
		at, later = e.Follows, e.Follows >= v.changed
	}
	if e.To == "" || !later {
		return
	}
	v.Status, v.changed = e.To, at
	if e.Type == chat.EventOffered {
		v.OfferedTo = e.Subject
	}
}

// settle drops what the status leaves no room for.
func (v *View) settle() {
	if v.Status != chat.StatusOffered {
		v.OfferedTo = ""
	}
	if !v.Status.Waits() {
		v.Position = protocol.PositionPush{}
	}
}

func (v *View) read(user chat.UserID, seq uint64) bool {
	p, ok := v.Participants[user]
	if !ok || p.Read >= seq {
		return false
	}
	p.Read = seq
	v.Participants[user] = p
	return true
}

func (v *View) cursor(staff bool) protocol.Cursor {
	c := protocol.Cursor{Gen: v.Gen}
	if !v.stale { // else all of it, or its newest page, is wanted
		c.Public = v.public.applied()
	}
	if staff && !v.stale {
		c.Desk = v.desk.applied()
	}
	if v.reading > v.told {
		c.Read = v.reading
	}
	return c
}
