package chat

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Cursor is how much of a conversation a client has applied.
type Cursor struct {
	Gen          uint32
	Public, Desk uint64
	// Read, when set, raises the user's read cursor.
	Read uint64
}

// TrackView is the newest part of a track, as it continues a client's cursor.
type TrackView struct {
	Head   uint64
	Events []Event
	// Limited says that Events does not connect to the cursor: it is the newest page instead.
	Limited bool
}

// Snapshot is a conversation as hello found it.
type Snapshot struct {
	Head         *Head
	Public, Desk TrackView
	// Attention is staff's.
	Attention
	// Standing is how it stands, for a customer who waits.
	Standing *Standing
}

// Welcome is the answer to a hello.
type Welcome struct {
	Conversations []Snapshot
	// Gone lists conversations of the cursors in which the user has no part.
	Gone    []ConversationID
	Waiting []Waiting
	// More continues the list of open conversations.
	More ConversationID
	// Moved holds the read cursors that moved, for those who are to see it.
	Moved []*Signal
	// Operator is how the user stands to routing; nil for one who is not on duty.
	Operator *Operator
}

const (
	// pageEvents is how many events the newest page of a limited view holds at most.
	pageEvents = 50
	// welcomeBytes bounds the events of one welcome: a frame, less the room for what surrounds them.
	welcomeBytes = MaxFrame - 6<<10
	// snapshotBytes is what a snapshot takes besides its events and participants, participantBytes what each of
	// those takes: ids, heads and cursors of any length.
	snapshotBytes, participantBytes = 700, 120
	// waitingShown is how many waiting conversations a welcome lists.
	waitingShown = 20
)

// Arrivals reads in one go what a hello must know of its user.
type Arrivals interface {
	// Arrive checks the principal's session as SessionChecker does, and lists the user's newest open conversations
	// as Directory.Open does: both consistently, and after the call began.
	Arrive(ctx context.Context, p Principal, limit int) ([]ConversationID, error)
}

// Hello subscribes the socket to the user's conversations and returns what the client lacks of them.
//
// The socket's row is written before the session and the memberships are read. An assignment commits before it reads
// the socket rows, and so does a sign-out: whichever comes first, one of the two sees the other. (A session that is
// checked before the row is written leaves a gap in which a sign-out finds no socket to close.)
func (s *Service) Hello(ctx context.Context, p Principal, cursors map[ConversationID]Cursor, more ConversationID) (*Welcome, error) {
	if _, err := authorize(p, CommandHello); err != nil {
		return nil, err
	}
	if err := checkCursors(cursors, more); err != nil {
		return nil, err
	}
	known := false
	err := s.retry(ctx, func() (err error) {
		known, err = s.Sockets.Opened(ctx, p, s.listensUntil(p))
		return err
	})
	if errors.Is(err, ErrGone) {
		return nil, Errorf(CodeHelloFirst, "the socket has closed; say hello on another")
	}
	if err != nil {
		return nil, err
	}
	open, err := s.arrive(ctx, p, more)
	if err != nil {
		if CodeOf(err) == CodeUnauthenticated {
			_ = s.Sockets.SocketClosed(ctx, p) // $disconnect does it too, and the row expires
		}
		return nil, err
	}
	w := &Welcome{}
	if more == "" {
		if w.Operator, err = s.Arrived(ctx, p); err != nil {
			return nil, err
		}
	}
	ids := toSubscribe(open, cursors, more, w)
	var heard map[ConversationID]*Head
	if known {
		if heard, err = s.heard(ctx, p, ids); err != nil {
			return nil, err
		}
	}
	if err := s.subscribeAll(ctx, p, ids, cursors, heard, w); err != nil {
		return nil, err
	}
	if Allowed(p.Role, CommandWaiting) != Denied && more == "" {
		w.Waiting, err = s.Waiting(ctx, p, waitingShown)
	}
	return w, err
}

// arrive checks the session and lists the open conversations: in one read where there is a port for it, unless the
// list goes on behind an id.
func (s *Service) arrive(ctx context.Context, p Principal, more ConversationID) (open []ConversationID, err error) {
	if s.Arrivals != nil && more == "" {
		err = s.retry(ctx, func() (err error) {
			open, err = s.Arrivals.Arrive(ctx, p, MaxSubscriptions+1)
			return err
		})
		return open, err
	}
	if err := s.checkSession(ctx, p); err != nil {
		return nil, err
	}
	err = s.retry(ctx, func() (err error) {
		open, err = s.Dir.Open(ctx, p.Workspace, p.User, more, MaxSubscriptions+1)
		return err
	})
	return open, err
}

func (s *Service) checkSession(ctx context.Context, p Principal) error {
	return s.retry(ctx, func() error { return s.Sessions.Check(ctx, p) })
}

func checkCursors(cursors map[ConversationID]Cursor, more ConversationID) error {
	if len(cursors) > MaxSubscriptions {
		return Errorf(CodeInvalid, "cursors: at most %d", MaxSubscriptions)
	}
	for id := range cursors {
		if !id.Valid() {
			return Errorf(CodeInvalid, "cursors: keys must be conversation ids")
		}
	}
	if more != "" && !more.Valid() {
		return Errorf(CodeInvalid, "more: not a value of a welcome")
	}
	return nil
}

// toSubscribe lists the conversations of this hello: those of the cursors, and the newest open ones.
func toSubscribe(open []ConversationID, cursors map[ConversationID]Cursor, more ConversationID, w *Welcome) []ConversationID {
	ids := slices.SortedFunc(maps.Keys(cursors), func(a, b ConversationID) int { return strings.Compare(string(b), string(a)) })
	for _, c := range open {
		if _, known := cursors[c]; known {
			continue
		}
		if len(ids) == MaxSubscriptions {
			// More is the last open id that this hello covers: the next one continues behind it.
			w.More = lastCovered(open, ids, more)
			break
		}
		ids = append(ids, c)
	}
	return ids
}

// lastCovered returns the last of the open ids before the first that did not fit.
func lastCovered(open, ids []ConversationID, start ConversationID) ConversationID {
	last := start
	for _, c := range open {
		if !slices.Contains(ids, c) {
			break
		}
		last = c
	}
	if last == "" { // nothing but cursors fitted: the next hello begins with the newest
		last = ConversationID(FormatID(ConversationPrefix, [16]byte(slices.Repeat([]byte{0xff}, 16))))
	}
	return last
}

// heard reads the conversations that the socket listens to already, as it does when it says hello again: whoever is given
// a conversation, or meets one that they do not know, asks so for the rest of it. A consistent image that holds the
// listener is as good as a subscription: whatever commits later finds the listener and pushes. It costs one read in place
// of a write for each.
func (s *Service) heard(ctx context.Context, p Principal, ids []ConversationID) (map[ConversationID]*Head, error) {
	if s.Heads == nil || p.Connection == "" || len(ids) == 0 {
		return nil, nil
	}
	var heads []*Head
	err := s.retry(ctx, func() (err error) {
		heads, err = s.Heads.HeadsOf(ctx, p.Workspace, ids)
		return err
	})
	out := map[ConversationID]*Head{}
	now := s.now()
	for _, h := range heads {
		// A listener outlives its socket by ten minutes (ListenerLife): it need not be renewed.
		if l, listens := h.Listeners[p.Connection]; listens && l.User == p.User && hears(h, Public, l, now) {
			out[h.Conversation] = h
		}
	}
	return out, err
}

// subscribeOnce is subscribe, but for a conversation whose image shows that the socket listens.
func (s *Service) subscribeOnce(ctx context.Context, p Principal, ref Ref, read uint64, heard *Head) (*Head, *Signal, error) {
	if heard == nil {
		return s.subscribe(ctx, p, ref, read)
	}
	return s.movedTo(ctx, p, heard, read)
}

func (s *Service) subscribeAll(ctx context.Context, p Principal, ids []ConversationID, cursors map[ConversationID]Cursor, heard map[ConversationID]*Head, w *Welcome) error {
	type found struct {
		head  *Head
		moved *Signal
	}
	all, err := parallel(ctx, ids, func(ctx context.Context, id ConversationID) (f found, err error) {
		f.head, f.moved, err = s.subscribeOnce(ctx, p, Ref{p.Workspace, id}, cursors[id].Read, heard[id])
		return f, err
	})
	if err != nil {
		return err
	}
	room := welcomeBytes
	for _, f := range all {
		if f.head != nil {
			room -= snapshotSize(f.head)
		}
	}
	for i, f := range all {
		head := f.head
		if head == nil {
			if _, asked := cursors[ids[i]]; asked {
				w.Gone = append(w.Gone, ids[i])
			}
			continue
		}
		if f.moved != nil {
			w.Moved = append(w.Moved, f.moved)
		}
		cursor, known := cursors[ids[i]]
		if cursor.Gen != head.Gen {
			cursor, known = Cursor{}, false
		}
		snap, used, err := s.snapshot(ctx, p, head, cursor, known, room/(len(all)-i))
		if err != nil {
			return err
		}
		room -= used
		w.Conversations = append(w.Conversations, snap)
	}
	return nil
}

// subscribe returns nil without an error when the user has no part in the conversation, and the signal of the
// read cursor if it moved. A command that came otherwise than on a socket only reads.
func (s *Service) subscribe(ctx context.Context, p Principal, ref Ref, read uint64) (*Head, *Signal, error) {
	if p.Connection == "" {
		head, err := s.visible(ctx, p, ref, Own)
		if CodeOf(err) == CodeNotFound {
			return nil, nil, nil
		}
		return head, nil, err
	}
	var head *Head
	err := s.retry(ctx, func() (err error) {
		head, err = s.Subs.Subscribe(ctx, ref, p.Connection, s.listener(p))
		return err
	})
	var refused *Refused
	if errors.As(err, &refused) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return s.movedTo(ctx, p, head, read)
}

// movedTo moves the read cursor of a hello, if there is one.
func (s *Service) movedTo(ctx context.Context, p Principal, head *Head, read uint64) (*Head, *Signal, error) {
	if read == 0 {
		return head, nil, nil
	}
	if sig, err := s.moveCursor(ctx, p, head.Ref, read); err == nil && sig.Moved {
		return sig.Head, sig, nil
	} // beyond the log, such as after a restore: a hello is no place to complain, or nobody could resync
	return head, nil, nil
}

func snapshotSize(h *Head) int { return snapshotBytes + participantBytes*len(h.Participants) }

// snapshot makes the views of a conversation within about room bytes. What does not fit is cut to the newest
// page and marked as limited: never a silent hole.
func (s *Service) snapshot(ctx context.Context, p Principal, head *Head, c Cursor, known bool, room int) (Snapshot, int, error) {
	snap := Snapshot{Head: head, Standing: s.expectation(ctx, p, head)}
	var used, usedDesk int
	var err error
	share := room
	if p.Role.Staff() {
		share = room * 3 / 4
	}
	if snap.Public, used, err = s.view(ctx, head, Public, c.Public, known, share); err != nil {
		return snap, 0, err
	}
	if p.Role.Staff() {
		if snap.Desk, usedDesk, err = s.view(ctx, head, Desk, c.Desk, known, room-used); err != nil {
			return snap, 0, err
		}
		snap.Attention, err = s.attention(ctx, p.User, head)
	}
	return snap, used + usedDesk, err
}

func (s *Service) view(ctx context.Context, head *Head, t Track, after uint64, known bool, room int) (TrackView, int, error) {
	track := head.Track(t)
	v := TrackView{Head: track.Last}
	if after > track.Last { // a view from another life of this log: start over
		after, known = 0, false
	}
	if track.Last == after {
		return v, 0, nil
	}
	from, most := after, uint64(pageEvents)
	if known {
		most = MaxPageEvents // whoever has a view gets the complete rest, if it fits
	}
	if track.Last-after > most {
		from, v.Limited = track.Last-pageEvents, true
	}
	events, whole := s.tailWithin(track, from, room)
	if whole { // there is room for more than the tail
		var err error
		if events, err = s.read(ctx, head, t, from, track.Last); err != nil {
			return v, 0, err
		}
	}
	events, used := s.newestWithin(events, room)
	v.Events = events
	if len(events) == 0 || events[0].Seq != after+1 {
		v.Limited = true
	}
	return v, used, nil
}

// tailWithin returns the events of the tail behind a seq, and whether all of them fit into room bytes: if not, there is
// no need to read the chunks before them.
func (s *Service) tailWithin(track *TrackHead, from uint64, room int) (events []Event, whole bool) {
	events = slices.DeleteFunc(slices.Clone(track.Tail), func(e Event) bool { return e.Seq <= from })
	kept, _ := s.newestWithin(events, room)
	return events, len(kept) == len(events)
}

// newestWithin keeps the newest events that fit into room bytes.
func (s *Service) newestWithin(events []Event, room int) ([]Event, int) {
	used, i := 0, len(events)
	for i > 0 {
		size := s.sizeOf(events[i-1])
		if used+size > room {
			break
		}
		used += size
		i--
	}
	return events[i:], used
}

// Snapshot returns the whole state of play of an image for the principal, within one frame.
func (s *Service) Snapshot(ctx context.Context, p Principal, head *Head) (Snapshot, error) {
	snap, _, err := s.snapshot(ctx, p, head, Cursor{}, false, welcomeBytes-snapshotSize(head))
	return snap, err
}
