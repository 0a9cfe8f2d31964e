package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func (w *world) hello(p chat.Principal, cursors map[chat.ConversationID]chat.Cursor) *chat.Welcome {
	w.Helper()
	out, err := w.svc.Hello(w.Context(), p, cursors, "")
	w.must(err)
	return out
}

func TestHelloSubscribesAndShowsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	_, err := w.svc.Send(t.Context(), w.operator, w.conv, chat.Desk, 0, w.messages("note"))
	w.must(err)
	w.moveTail(chat.Public, 1)
	tab := w.customer
	tab.Connection = "customer-2"
	snap := w.hello(tab, nil).Conversations[0]
	w.same(seqs(snap.Public.Events), []uint64{1, 2, 3})
	if snap.Public.Limited || snap.Public.Head != 3 || snap.Desk.Head != 0 || len(snap.Desk.Events) != 0 {
		t.Fatalf("%+v", snap)
	}
	if _, listens := snap.Head.Listeners["customer-2"]; !listens {
		t.Fatal("the tab does not listen")
	}
	sockets, err := w.store.OfUser(t.Context(), tab.Workspace, tab.User)
	w.must(err)
	w.same(sockets, []chat.ConnectionID{"customer-2"})
	snap = w.hello(w.operator, nil).Conversations[0]
	w.same(seqs(snap.Desk.Events), []uint64{1})
}

func TestHelloContinuesCursors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("2", "3", "4")
	for _, c := range []struct {
		name    string
		cursor  chat.Cursor
		want    []uint64
		limited bool
	}{
		{"part", chat.Cursor{Public: 2}, []uint64{3, 4}, false},
		{"all", chat.Cursor{Public: 4}, nil, false},
		{"none", chat.Cursor{}, []uint64{1, 2, 3, 4}, false},
		{"ahead, as after a restore", chat.Cursor{Public: 9}, []uint64{1, 2, 3, 4}, false},
		{"another generation", chat.Cursor{Gen: 7, Public: 3}, []uint64{1, 2, 3, 4}, false},
		{"read beyond the log", chat.Cursor{Public: 4, Read: 99}, nil, false},
	} {
		for _, keep := range []uint64{99, 1} {
			w.moveTail(chat.Public, keep)
			v := w.hello(w.customer, map[chat.ConversationID]chat.Cursor{w.conv: c.cursor}).Conversations[0].Public
			if !slices.Equal(seqs(v.Events), c.want) || v.Limited != c.limited || v.Head != 4 {
				t.Errorf("%s, tail of %d: %+v", c.name, keep, v)
			}
		}
	}
}

func TestHelloNamesWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	nowhere := w.newConversation()
	out := w.hello(w.operator, map[chat.ConversationID]chat.Cursor{w.conv: {Public: 2}, nowhere: {Public: 1}})
	if len(out.Conversations) != 0 {
		t.Fatalf("%+v", out.Conversations)
	}
	slices.Sort(out.Gone)
	want := []chat.ConversationID{w.conv, nowhere}
	slices.Sort(want)
	w.same(out.Gone, want)
	w.close(w.customer)
	if out := w.hello(w.customer, nil); len(out.Conversations) != 0 {
		t.Fatal("a closed conversation that nobody asked for")
	}
	if out := w.hello(w.customer, map[chat.ConversationID]chat.Cursor{w.conv: {Public: 2}}); len(out.Conversations) != 1 {
		t.Fatal("a closed conversation of the cursors is missing")
	}
}

// A view that does not connect must say so: never a silent hole.
func TestHelloLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.svc.Rate, w.svc.SizeOf = chat.Rate{}, protocol.EventSize
	w.start("hello")
	for range 10 {
		w.say(w.customer, slices.Repeat([]string{"x"}, chat.MaxMessages)...)
	}
	w.moveTail(chat.Public, 5)
	last := w.head().Public.Last // 202
	view := func(c map[chat.ConversationID]chat.Cursor) chat.TrackView {
		t.Helper()
		v := w.hello(w.customer, c).Conversations[0].Public
		if v.Head != last {
			t.Fatalf("head %d", v.Head)
		}
		if n := len(v.Events); n > 0 && v.Events[n-1].Seq != last {
			t.Fatalf("events end at %d", v.Events[n-1].Seq)
		}
		return v
	}
	if v := view(nil); !v.Limited || len(v.Events) != 50 {
		t.Fatalf("unknown: limited %v, %d events", v.Limited, len(v.Events))
	}
	at := func(seq uint64) map[chat.ConversationID]chat.Cursor {
		return map[chat.ConversationID]chat.Cursor{w.conv: {Public: seq}}
	}
	if v := view(at(last - 60)); v.Limited || len(v.Events) != 60 {
		t.Fatalf("60 behind: limited %v, %d events: whoever has a view gets the complete rest", v.Limited, len(v.Events))
	}
	if v := view(at(1)); !v.Limited || len(v.Events) != 50 {
		t.Fatalf("201 behind: limited %v, %d events", v.Limited, len(v.Events))
	}
	for range 4 {
		w.say(w.customer, strings.Repeat("y", chat.MaxText))
	}
	last += 4
	if v := view(at(last - 4)); !v.Limited || len(v.Events) == 4 || len(v.Events) == 0 {
		t.Fatalf("rest of 32 KB: limited %v, %d events", v.Limited, len(v.Events))
	}
}

// A welcome must fit into one frame of 32 KB whatever it holds, measured as it is sent.
func TestWelcomeFitsAFrame(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"plain":     strings.Repeat("x", chat.MaxText),
		"quotes":    strings.Repeat(`"\`, chat.MaxText/2),
		"separator": strings.Repeat("\u2028", chat.MaxText/3),
		"controls":  strings.Repeat("\x01", 2*chat.MaxText/6),
		"short":     "x",
		"200":       strings.Repeat("é", 100),
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.svc.Rate, w.svc.SizeOf = chat.Rate{}, protocol.EventSize
			cursors := map[chat.ConversationID]chat.Cursor{}
			for i := range 25 + 20 + 3 { // open ones of the operator's, gone ones, waiting ones
				w.conv = w.newConversation()
				if i >= 25 && i < 30 {
					cursors[w.conv] = chat.Cursor{Public: 1}
					continue
				}
				w.start("hello")
				if i < 25 {
					w.join()
					for range 4 {
						w.say(w.customer, text, text)
						_, err := w.svc.Send(t.Context(), w.operator, w.conv, chat.Desk, w.head().Desk.Last, w.messages(text))
						w.must(err)
					}
				}
			}
			out := w.hello(w.operator, cursors)
			frame := protocol.Welcome{
				Type: protocol.TypeWelcome, Ref: strings.Repeat("r", protocol.MaxRef), Version: protocol.Version, User: w.operator.User,
				Role: w.operator.Role, Now: w.clock.Now().UnixMilli(), Gone: out.Gone, Waiting: protocol.WaitingOf(out.Waiting), More: string(out.More),
			}
			events := 0
			for _, s := range out.Conversations {
				frame.Conversations = append(frame.Conversations, protocol.SnapshotOf(s, w.operator.Role))
				events += len(s.Public.Events) + len(s.Desk.Events)
			}
			size := len(protocol.Encode(frame))
			if size > chat.MaxFrame {
				t.Fatalf("%d bytes", size)
			}
			if len(out.Conversations) != 20 || len(out.Gone) != 5 || len(out.Waiting) < 15 || out.More == "" {
				t.Fatalf("%d conversations, %d gone, %d waiting, more %q", len(out.Conversations), len(out.Gone), len(out.Waiting), out.More)
			}
			if name == "short" && events < 30 {
				t.Fatalf("only %d events in %d bytes", events, size)
			}
			one, err := w.svc.Snapshot(t.Context(), w.operator, out.Conversations[0].Head)
			w.must(err)
			if size := len(protocol.Encode(protocol.SnapshotOf(one, w.operator.Role))); size > chat.MaxFrame-2<<10 {
				t.Fatalf("a snapshot of %d bytes leaves no room for its ack", size)
			}
		})
	}
}

// A client with more conversations than fit walks on with `more`: none is lost, and without cursors none comes twice.
func TestHelloWalk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ open, known, closed int }{
		{24, 0, 0}, {25, 0, 0}, {26, 0, 0}, {51, 0, 0}, {80, 0, 0},
		{30, 5, 0}, {60, 25, 0}, {60, 60, 0}, {30, 0, 25}, {40, 10, 30}, {0, 0, 40},
	} {
		t.Run(fmt.Sprintf("%d open, %d of them known, %d closed", c.open, c.known, c.closed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var views []chat.ConversationID // what the client has, as it offers it: 25 at a time
			want := map[chat.ConversationID]bool{}
			for i := range c.open + c.closed {
				w.conv = w.newConversation()
				w.start("hello")
				want[w.conv] = true
				if i%2 == 0 && len(views) < c.known || i >= c.open {
					views = append(views, w.conv)
				}
				if i >= c.open {
					w.close(w.customer)
				}
			}
			got, parts := map[chat.ConversationID]int{}, 0
			for more := chat.ConversationID(""); ; parts++ {
				if parts > 20 {
					t.Fatal("the walk does not end")
				}
				n := min(len(views), chat.MaxSubscriptions)
				cursors := map[chat.ConversationID]chat.Cursor{}
				for _, id := range views[:n] {
					cursors[id] = chat.Cursor{Public: 2}
				}
				views = views[n:]
				out, err := w.svc.Hello(t.Context(), w.customer, cursors, more)
				w.must(err)
				if len(out.Conversations) > chat.MaxSubscriptions {
					t.Fatalf("%d conversations in one welcome", len(out.Conversations))
				}
				for _, s := range out.Conversations {
					got[s.Head.Conversation]++
				}
				if more = out.More; more == "" && len(views) == 0 {
					break
				}
			}
			for id := range want {
				if got[id] == 0 {
					t.Errorf("%s is lost", id)
				}
				if got[id] > 1 && c.known+c.closed == 0 {
					t.Errorf("%s came %d times", id, got[id])
				}
			}
		})
	}
}

func TestHelloRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	many := map[chat.ConversationID]chat.Cursor{}
	for range chat.MaxSubscriptions + 1 {
		many[w.newConversation()] = chat.Cursor{}
	}
	for name, c := range map[string]struct {
		cursors map[chat.ConversationID]chat.Cursor
		more    chat.ConversationID
	}{
		"too many":    {many, ""},
		"bad key":     {map[chat.ConversationID]chat.Cursor{"u_x": {}}, ""},
		"forged more": {nil, "Oc_#"},
	} {
		_, err := w.svc.Hello(t.Context(), w.customer, c.cursors, c.more)
		if chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.sessions.answers = []error{chat.Errorf(chat.CodeUnauthenticated, "revoked"), chat.Errorf(chat.CodeUnauthenticated, "revoked")}
	_, err := w.svc.Hello(t.Context(), w.customer, nil, "")
	w.refused(err, chat.CodeUnauthenticated)
	_, err = w.svc.Ping(t.Context(), w.customer, nil)
	w.refused(err, chat.CodeUnauthenticated)
	sockets, err := w.store.OfUser(t.Context(), w.customer.Workspace, w.customer.User)
	w.must(err)
	w.same(len(sockets), 0) // a revoked session gets no row
}

// What does not fit into a welcome is not read: the chunks before a tail that fills the frame.
func TestHelloReadsWhatFits(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{7_000: 0, 100: 1} {
		w := newWorld(t)
		w.start("hello")
		w.join()
		for range 8 {
			w.say(w.operator, strings.Repeat("x", size))
		}
		w.moveTail(chat.Public, 6)
		reads := 0
		w.store.Fault = func(call string, after bool) error {
			if call == "After" && !after {
				reads++
			}
			return nil
		}
		v := w.hello(w.customer, map[chat.ConversationID]chat.Cursor{w.conv: {Public: 1}}).Conversations[0].Public
		if reads != want || len(v.Events) == 0 || v.Events[len(v.Events)-1].Seq != v.Head || v.Limited != (want == 0) {
			t.Errorf("%d bytes each: %d reads of chunks, want %d; %d events, limited %v", size, reads, want, len(v.Events), v.Limited)
		}
	}
}

// A hello that is overtaken by the end of its socket leaves nothing behind: no row, no listener.
func TestHelloAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	late := w.customer
	late.Connection = "LateNdnOjoECGjA="
	w.must(w.store.SocketEnded(t.Context(), late))
	_, err := w.svc.Hello(t.Context(), late, nil, "")
	w.refused(err, chat.CodeHelloFirst)
	sockets, err := w.store.OfUser(t.Context(), late.Workspace, late.User)
	w.must(err)
	if slices.Contains(sockets, late.Connection) {
		t.Error("the row of a closed socket was written")
	}
	head, err := w.store.Head(t.Context(), chat.Ref{Workspace: late.Workspace, Conversation: w.conv})
	w.must(err)
	if _, listens := head.Listeners[late.Connection]; listens {
		t.Error("a closed socket listens")
	}
}

// arrivals signs the session out in the moment in which it is read, or before.
type arrivals struct {
	w      *world
	before bool
}

func (a arrivals) Arrive(ctx context.Context, p chat.Principal, limit int) ([]chat.ConversationID, error) {
	seen, err := a.w.store.OfUser(ctx, p.Workspace, p.User) // what a sign-out of this moment would close
	a.w.must(err)
	if !slices.Contains(seen, p.Connection) {
		a.w.Error("the session is read before the row is written: a sign-out between the two closes nothing")
	}
	if a.before {
		return nil, chat.Errorf(chat.CodeUnauthenticated, "signed out")
	}
	return a.w.store.Open(ctx, p.Workspace, p.User, "", limit)
}

// Whichever comes first, the sign-out or the read of the session, one of the two sees the other.
func TestHelloRacesWithASignOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	p := w.customer
	p.Connection = "RaceNdnOjoECGjA="
	w.svc.Arrivals = arrivals{w: w}
	out, err := w.svc.Hello(t.Context(), p, nil, "")
	w.must(err)
	w.same(len(out.Conversations), 1)
	w.must(w.store.SocketClosed(t.Context(), p))
	w.svc.Arrivals = arrivals{w: w, before: true}
	_, err = w.svc.Hello(t.Context(), p, nil, "")
	w.refused(err, chat.CodeUnauthenticated)
	sockets, err := w.store.OfUser(t.Context(), p.Workspace, p.User)
	w.must(err)
	if slices.Contains(sockets, p.Connection) {
		t.Error("the row of a refused hello is left")
	}
}

func TestHelloSurvivesThrottling(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Opened", "Open", "Subscribe", "MoveCursor", "After", "session"} {
		w := newWorld(t)
		w.start("hello")
		w.moveTail(chat.Public, 0)
		struck := new(int)
		if call == "session" {
			w.sessions.answers = []error{fmt.Errorf("reading a session: %w", chat.ErrUnknownOutcome)}
			*struck = 1
		} else {
			struck = w.fault(call, 1, false)
		}
		out := w.hello(w.customer, map[chat.ConversationID]chat.Cursor{w.conv: {Public: 1, Read: 2}})
		w.same(seqs(out.Conversations[0].Public.Events), []uint64{2})
		w.same(*struck, 1)
	}
}

func TestHelloListsWhoWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 25 {
		w.conv = w.newConversation()
		w.start("hello")
		w.clock.Advance(time.Second)
	}
	out := w.hello(w.operator, nil)
	if len(out.Waiting) != 20 || !slices.IsSortedFunc(out.Waiting, func(a, b chat.Waiting) int { return a.Since.Compare(b.Since) }) {
		t.Fatalf("%d waiting", len(out.Waiting))
	}
	if out := w.hello(w.customer, nil); len(out.Waiting) != 0 {
		t.Fatal("a customer sees who waits")
	}
}
