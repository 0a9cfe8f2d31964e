package chattest

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func subscribe(t *testing.T, w *world) {
	w.create(t, "1")
	l := chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: w.now.Add(time.Hour).Truncate(time.Second)}
	c := w.connection()
	h, err := w.Subscribe(t.Context(), w.ref, c, l)
	must(t, err)
	if h.Public.Last != 1 || len(h.Public.Tail) != 1 {
		t.Fatalf("the answer holds no snapshot: %+v", h.Public)
	}
	same(t, h.Listeners[c], l)
	_, err = w.Subscribe(t.Context(), w.ref, w.connection(), chat.Listener{User: w.operator, Role: chat.RoleOperator, Expires: l.Expires})
	if old := refusedBy(t, err); old == nil || len(old.Listeners) != 1 {
		t.Fatalf("refusal of a stranger: %+v", old)
	}
	h, err = w.Append(t.Context(), w.append(1, "2"))
	must(t, err)
	same(t, h.Listeners, map[chat.ConnectionID]chat.Listener{c: l})
}

func listenersBeyond(t *testing.T, w *world) {
	w.create(t, "1")
	l := chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: w.now.Add(time.Hour).Truncate(time.Second)}
	want := map[chat.ConnectionID]chat.Listener{}
	var h *chat.Head
	for range chat.MaxListeners + 9 {
		c := w.connection()
		want[c] = l
		var err error
		h, err = w.Subscribe(t.Context(), w.ref, c, l)
		must(t, err)
	}
	if len(h.Listeners) != chat.MaxListeners || h.ListenerShards == 0 {
		t.Fatalf("%d listeners in the head, %d shards", len(h.Listeners), h.ListenerShards)
	}
	same(t, allListeners(t, w, h), want)
	for shard := range h.ListenerShards {
		rows, err := w.ListenerRows(t.Context(), w.ref, shard)
		must(t, err)
		for c := range rows {
			must(t, w.DropListenerRow(t.Context(), w.ref, shard, c))
			must(t, w.DropListenerRow(t.Context(), w.ref, shard, c))
		}
	}
	if got := len(allListeners(t, w, h)); got != chat.MaxListeners {
		t.Fatalf("%d listeners after dropping the rows", got)
	}
}

func allListeners(t *testing.T, w *world, h *chat.Head) map[chat.ConnectionID]chat.Listener {
	t.Helper()
	out := map[chat.ConnectionID]chat.Listener{}
	for c, l := range h.Listeners {
		out[c] = l
	}
	for shard := range h.ListenerShards {
		rows, err := w.ListenerRows(t.Context(), w.ref, shard)
		must(t, err)
		for c, l := range rows {
			out[c] = l
		}
	}
	return out
}

func expiredListeners(t *testing.T, w *world) {
	w.create(t, "1")
	for i := range chat.MaxListeners {
		expires := w.now.Add(time.Hour)
		if i < 3 {
			expires = w.now.Add(-time.Minute)
		}
		_, err := w.Subscribe(t.Context(), w.ref, w.connection(), chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: expires.Truncate(time.Second)})
		must(t, err)
	}
	h, err := w.Subscribe(t.Context(), w.ref, w.connection(), chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: w.now.Add(time.Hour).Truncate(time.Second)})
	must(t, err)
	if h.ListenerShards != 0 || len(h.Listeners) != chat.MaxListeners-2 {
		t.Fatalf("%d listeners, %d shards: the expired ones were not pruned", len(h.Listeners), h.ListenerShards)
	}
}

// moveTailPrunes: expired listeners go with a tail that is moved, also those that the image does not know to be gone.
// Whoever said hello again since the image stays.
func moveTailPrunes(t *testing.T, w *world) {
	for _, track := range chat.Tracks() {
		w.ref.Conversation = newConversation()
		w.create(t, "1")
		note := w.append(0, "note")
		note.Track = chat.Desk
		_, err := w.Append(t.Context(), note)
		must(t, err)
		live := chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: w.now.Add(time.Hour).Truncate(time.Second)}
		dead := live
		dead.Expires = w.now.Add(-time.Minute).Truncate(time.Second)
		stays, goes, gone, again := w.connection(), w.connection(), w.connection(), w.connection()
		listen := func(c chat.ConnectionID, l chat.Listener) *chat.Head {
			t.Helper()
			h, err := w.Subscribe(t.Context(), w.ref, c, l)
			must(t, err)
			return h
		}
		listen(stays, live)
		listen(goes, dead)
		image := listen(gone, dead)
		must(t, w.Unsubscribe(t.Context(), w.ref, gone))
		must(t, w.MoveTail(t.Context(), image, track, 1, 0))
		h, err := w.Head(t.Context(), w.ref)
		must(t, err)
		same(t, h.Listeners, map[chat.ConnectionID]chat.Listener{stays: live})
		if h.Track(track).From != 2 {
			t.Fatalf("%s: the tail begins at %d: one who is gone has kept it from moving", track, h.Track(track).From)
		}
		more := w.append(1, "2")
		more.Track = track
		_, err = w.Append(t.Context(), more)
		must(t, err)
		image = listen(again, dead)
		listen(again, live)
		must(t, w.MoveTail(t.Context(), image, track, 2, 0))
		h, err = w.Head(t.Context(), w.ref)
		must(t, err)
		same(t, h.Listeners, map[chat.ConnectionID]chat.Listener{stays: live, again: live})
		if h.Track(track).From != 3 || len(w.log(t, track)) != 2 {
			t.Fatalf("%s: the tail begins at %d: one who is back has kept it from moving", track, h.Track(track).From)
		}
	}
}

func unsubscribe(t *testing.T, w *world) {
	w.create(t, "1")
	c := w.connection()
	_, err := w.Subscribe(t.Context(), w.ref, c, chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: w.now.Add(time.Hour)})
	must(t, err)
	for range 2 {
		must(t, w.Unsubscribe(t.Context(), w.ref, c))
	}
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if len(h.Listeners) != 0 {
		t.Fatalf("still listening: %v", h.Listeners)
	}
	must(t, w.Unsubscribe(t.Context(), chat.Ref{Workspace: w.ref.Workspace, Conversation: newConversation()}, c))
}

func cursorGrows(t *testing.T, w *world) {
	w.create(t, "1", "2")
	_, err := w.Append(t.Context(), w.append(2, "3", "4", "5"))
	must(t, err)
	h, err := w.MoveCursor(t.Context(), w.ref, w.customer, 4)
	must(t, err)
	if h.Participants[w.customer].Cursor != 4 {
		t.Fatalf("cursor %+v", h.Participants)
	}
	for _, seq := range []uint64{4, 3, 6} { // there already, backwards, beyond the log
		_, err := w.MoveCursor(t.Context(), w.ref, w.customer, seq)
		if old := refusedBy(t, err); old.Participants[w.customer].Cursor != 4 {
			t.Fatalf("cursor moved to %d", old.Participants[w.customer].Cursor)
		}
	}
	_, err = w.MoveCursor(t.Context(), w.ref, w.operator, 1)
	refusedBy(t, err)
}

func mute(t *testing.T, w *world) {
	w.create(t, "1")
	until := w.now.Add(time.Minute)
	must(t, w.Mute(t.Context(), w.ref, w.customer, until))
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if got := h.Participants[w.customer].MutedUntil; !got.Equal(until.Truncate(time.Millisecond)) {
		t.Fatalf("muted until %v, want %v", got, until)
	}
	refusedBy(t, w.Mute(t.Context(), w.ref, w.operator, until))
	for _, earlier := range []time.Time{until, until.Add(-time.Second)} {
		old := refusedBy(t, w.Mute(t.Context(), w.ref, w.customer, earlier))
		if got := old.Participants[w.customer].MutedUntil; !got.Equal(until.Truncate(time.Millisecond)) {
			t.Fatalf("a shorter mute made it %v", got)
		}
	}
	muteByAppending(t, w)
}

// muteByAppending sets either way, with the event, and nothing without it.
func muteByAppending(t *testing.T, w *world) {
	mute := func(after uint64, user chat.UserID, until time.Time) (*chat.Head, error) {
		a := w.append(after, "muted")
		a.Track, a.Rule, a.Mute = chat.Desk, chat.Rule{Actor: w.operator, Customer: user}, &chat.Mute{User: user, Until: until}
		return w.Append(t.Context(), a)
	}
	for i, until := range []time.Time{w.now.Add(time.Second), {}, w.now.Add(time.Hour), {}, {}} {
		h, err := mute(uint64(i), w.customer, until)
		must(t, err)
		want := chat.Participant{Role: chat.RoleCustomer, Cursor: 1}
		if !until.IsZero() {
			want.MutedUntil = until.Truncate(time.Millisecond)
		}
		got := h.Participants[w.customer]
		if !got.MutedUntil.Equal(want.MutedUntil) || got.MutedUntil.IsZero() != want.MutedUntil.IsZero() || got.Cursor != want.Cursor || h.Desk.Last != uint64(i)+1 {
			t.Fatalf("%+v, want %+v", got, want)
		}
	}
	for name, refuse := range map[string]func() (*chat.Head, error){
		"a stranger":  func() (*chat.Head, error) { return mute(5, w.operator, w.now.Add(time.Hour)) },
		"a stale seq": func() (*chat.Head, error) { return mute(4, w.customer, w.now.Add(time.Hour)) },
	} {
		_, err := refuse()
		old := refusedBy(t, err)
		if !old.Participants[w.customer].MutedUntil.IsZero() || len(old.Participants) != 1 || old.Desk.Last != 5 {
			t.Fatalf("%s: %+v", name, old)
		}
	}
}

// opened records the socket, and demands that it was known or not.
func (w *world) opened(t *testing.T, p chat.Principal, known bool) {
	t.Helper()
	was, err := w.Opened(t.Context(), p, w.now.Add(time.Hour))
	must(t, err)
	same(t, was, known)
}

func sockets(t *testing.T, w *world) {
	c := chat.Principal{Workspace: w.ref.Workspace, User: w.customer, Role: chat.RoleCustomer, Session: "s_x", Connection: w.connection()}
	o := chat.Principal{Workspace: w.ref.Workspace, User: w.operator, Role: chat.RoleOperator, Session: "s_y", Connection: w.connection()}
	for i, p := range []chat.Principal{c, o, c, o} {
		w.opened(t, p, i >= 2)
	}
	got, err := w.OfUser(t.Context(), w.ref.Workspace, w.customer)
	must(t, err)
	same(t, got, []chat.ConnectionID{c.Connection})
	desk, err := w.OfDesk(t.Context(), w.ref.Workspace)
	must(t, err)
	same(t, desk, []chat.Principal{o})
	for range 2 {
		must(t, w.SocketClosed(t.Context(), o))
	}
	desk, err = w.OfDesk(t.Context(), w.ref.Workspace)
	must(t, err)
	same(t, desk, []chat.Principal{})
}

// socketsThatEnded: an end that overtakes the hello keeps the socket unknown, however often either comes.
func socketsThatEnded(t *testing.T, w *world) {
	unique := func() chat.ConnectionID { return chat.ConnectionID(chat.NewID("", w.now)) } // what ended stays ended for all tests of the store
	for _, p := range []chat.Principal{
		{Workspace: w.ref.Workspace, User: w.customer, Role: chat.RoleCustomer, Session: "s_x", Connection: unique()},
		{Workspace: w.ref.Workspace, User: w.operator, Role: chat.RoleOperator, Session: "s_y", Connection: unique()},
	} {
		known := p
		known.Connection = unique()
		w.opened(t, known, false)
		for range 2 {
			must(t, w.SocketEnded(t.Context(), known))
			must(t, w.SocketEnded(t.Context(), p))
			if _, err := w.Opened(t.Context(), p, w.now.Add(time.Hour)); !errors.Is(err, chat.ErrGone) {
				t.Fatalf("a socket that had closed is open: %v", err)
			}
		}
		user, err := w.OfUser(t.Context(), w.ref.Workspace, p.User)
		must(t, err)
		same(t, user, []chat.ConnectionID{})
		desk, err := w.OfDesk(t.Context(), w.ref.Workspace)
		must(t, err)
		same(t, desk, []chat.Principal{})
	}
}
