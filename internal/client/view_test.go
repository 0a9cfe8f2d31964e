package client

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func message(seq uint64, text string) protocol.Event {
	return protocol.Event{Seq: seq, ID: chat.EventID("m_" + text), Type: chat.EventMessage, Sender: "u_a", Role: chat.RoleCustomer, Text: text}
}

func texts(v *View) []string {
	var out []string
	for _, m := range v.Messages() {
		out = append(out, m.Text)
	}
	return out
}

func TestTrackAppliesInOrderOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		steps   [][]uint64
		applied []uint64 // after each step
		missing bool
	}{
		{"in order", [][]uint64{{1}, {2, 3}}, []uint64{1, 3}, false},
		{"early", [][]uint64{{2}, {3}, {1}}, []uint64{0, 0, 3}, false},
		{"reversed in one frame", [][]uint64{{3, 2, 1}}, []uint64{3}, false},
		{"known again", [][]uint64{{1, 2}, {1}, {2, 3}}, []uint64{2, 2, 3}, false},
		{"gap", [][]uint64{{1}, {4}, {3}}, []uint64{1, 1, 1}, true},
		{"gap filled twice", [][]uint64{{3}, {1, 2, 3}, {3}}, []uint64{0, 3, 3}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tr track
			for i, seqs := range tt.steps {
				var events []protocol.Event
				for _, seq := range seqs {
					events = append(events, message(seq, "x"))
				}
				tr.learn(events)
				if tr.applied() != tt.applied[i] {
					t.Fatalf("step %d: applied %d, want %d", i, tr.applied(), tt.applied[i])
				}
			}
			for i, e := range tr.events {
				if e.Seq != uint64(i+1) {
					t.Fatalf("event %d has seq %d", i, e.Seq)
				}
			}
			if tr.missing() != tt.missing {
				t.Errorf("missing %v, want %v", tr.missing(), tt.missing)
			}
		})
	}
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	snap := func(gen uint32, limited bool, head uint64, events ...protocol.Event) protocol.Snapshot {
		return protocol.Snapshot{Conversation: "c_1", Gen: gen, Public: protocol.TrackView{Head: head, Limited: limited, Events: events}}
	}
	tests := []struct {
		name          string
		snapshot      protocol.Snapshot
		base, applied uint64
		texts         []string
		missing       bool
	}{
		{"rest", snap(1, false, 4, message(3, "c"), message(4, "d")), 0, 4, []string{"a", "b", "c", "d"}, false},
		{"limited that connects", snap(1, true, 4, message(2, "b"), message(3, "c"), message(4, "d")), 0, 4, []string{"a", "b", "c", "d"}, false},
		{"limited beyond", snap(1, true, 9, message(8, "h"), message(9, "i")), 7, 9, []string{"h", "i"}, false},
		{"limited and empty", snap(1, true, 9), 9, 9, nil, false},
		{"older than the view", snap(1, true, 1, message(1, "a")), 0, 2, []string{"a", "b"}, false},
		{"older generation", snap(0, false, 3, message(3, "x")), 0, 2, []string{"a", "b"}, false},
		{"new generation", snap(2, false, 1, message(1, "A")), 0, 1, []string{"A"}, false},
		{"new generation, limited", snap(2, true, 6, message(6, "F")), 5, 6, []string{"F"}, false},
		{"not connecting though complete", snap(1, false, 9, message(9, "i")), 0, 2, []string{"a", "b"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newView("c_1", sane)
			v.Gen = 1
			v.learn(chat.Public, 1, []protocol.Event{message(1, "a"), message(2, "b")})
			v.load(tt.snapshot, true)
			if v.Base(chat.Public) != tt.base || v.Applied(chat.Public) != tt.applied || v.Missing(chat.Public) != tt.missing {
				t.Errorf("base %d, applied %d, missing %v", v.Base(chat.Public), v.Applied(chat.Public), v.Missing(chat.Public))
			}
			if d := cmp.Diff(tt.texts, texts(v)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEarlyEventsSurviveALimitedSnapshot(t *testing.T) {
	t.Parallel()
	v := newView("c_1", sane)
	v.learn(chat.Public, 0, []protocol.Event{message(1, "a"), message(5, "e"), message(9, "i")})
	v.load(protocol.Snapshot{Public: protocol.TrackView{Head: 8, Limited: true, Events: []protocol.Event{message(7, "g"), message(8, "h")}}}, true)
	if d := cmp.Diff([]string{"g", "h", "i"}, texts(v)); d != "" {
		t.Error(d)
	}
}

// A snapshot that was read before an event which came early fills the hole in front of it: the event then says
// more than the snapshot does.
func TestSnapshotReleasesALaterState(t *testing.T) {
	t.Parallel()
	v := newView("c_1", sane)
	closed := message(3, "bye")
	closed.Type, closed.From, closed.To = chat.EventClosed, chat.StatusActive, chat.StatusClosed
	v.learn(chat.Public, 0, []protocol.Event{message(1, "a"), closed})
	v.load(protocol.Snapshot{Conversation: "c_1", Status: chat.StatusActive, Public: protocol.TrackView{Head: 2, Events: []protocol.Event{message(2, "b")}}}, true)
	if v.Applied(chat.Public) != 3 || v.Status != chat.StatusClosed {
		t.Errorf("applied %d, %s; want 3, closed", v.Applied(chat.Public), v.Status)
	}
}

func TestGenerationMakesAViewStale(t *testing.T) {
	t.Parallel()
	v := newView("c_1", sane)
	v.Gen = 2
	v.learn(chat.Public, 2, []protocol.Event{message(1, "a")})
	v.learn(chat.Public, 1, []protocol.Event{message(2, "old")})
	if v.stale || v.Applied(chat.Public) != 1 {
		t.Fatalf("an event of an older generation: stale %v, applied %d", v.stale, v.Applied(chat.Public))
	}
	v.learn(chat.Public, 3, []protocol.Event{message(2, "new")})
	if !v.stale || v.Applied(chat.Public) != 1 {
		t.Fatalf("an event of a newer generation: stale %v, applied %d", v.stale, v.Applied(chat.Public))
	}
	if c := v.cursor(true); c.Public != 0 || c.Gen != 2 {
		t.Errorf("a stale view offers cursor %+v, which would be continued", c)
	}
}

func TestMessagesFoldEditsDeletionsAndNotes(t *testing.T) {
	t.Parallel()
	v := newView("c_1", sane)
	v.learn(chat.Desk, 0, []protocol.Event{
		{Seq: 1, Type: chat.EventNote, Text: "first of all", Follows: 0},
		{Seq: 2, Type: chat.EventNote, Text: "wrong", Follows: 2},
		{Seq: 3, Type: chat.EventDeleted, Target: 2, Follows: 3},
	})
	v.learn(chat.Public, 0, []protocol.Event{
		{Seq: 1, Type: chat.EventStarted, To: chat.StatusQueued},
		message(2, "hello"),
		{Seq: 3, Type: chat.EventAssigned, To: chat.StatusActive, Subject: "u_op"},
		message(4, "how are"),
		{Seq: 5, Type: chat.EventEdited, Target: 4, Text: "how are you"},
		message(6, "oops"),
		{Seq: 7, Type: chat.EventDeleted, Target: 6},
		{Seq: 8, Type: chat.EventEdited, Target: 6, Text: "too late"},
		{Seq: 9, Type: chat.EventEdited, Target: 99, Text: "of nothing"},
		{Seq: 10, Type: chat.EventClosed, From: chat.StatusActive, To: chat.StatusClosed},
	})
	got := v.Messages()
	type line struct {
		Track           chat.Track
		Seq             uint64
		Text            string
		Edited, Deleted bool
	}
	var lines []line
	for _, m := range got {
		lines = append(lines, line{m.Track, m.Seq, m.Text, m.Edited, m.Deleted})
	}
	want := []line{
		{chat.Desk, 1, "first of all", false, false},
		{chat.Public, 2, "hello", false, false},
		{chat.Desk, 2, "", false, true},
		{chat.Public, 4, "how are you", true, false},
		{chat.Public, 6, "", false, true},
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Error(d)
	}
	if v.Status != chat.StatusClosed || v.Assignee != "u_op" {
		t.Errorf("status %s, assignee %s", v.Status, v.Assignee)
	}
}

// Who has a conversation follows from its events alone.
func TestAssigneeFollowsTransfersAndTheQueue(t *testing.T) {
	t.Parallel()
	v := newView("c_1", sane)
	for i, c := range []struct {
		event protocol.Event
		want  chat.UserID
	}{
		{protocol.Event{Type: chat.EventStarted, To: chat.StatusQueued}, ""},
		{protocol.Event{Type: chat.EventAssigned, To: chat.StatusActive, Subject: "u_a"}, "u_a"},
		{protocol.Event{Type: chat.EventTransferred, To: chat.StatusActive, Subject: "u_b"}, "u_b"},
		{protocol.Event{Type: chat.EventTransferred, To: chat.StatusQueued}, ""},
		{protocol.Event{Type: chat.EventAssigned, To: chat.StatusActive, Subject: "u_c"}, "u_c"},
		{protocol.Event{Type: chat.EventClosed, To: chat.StatusClosed}, "u_c"},
		{protocol.Event{Type: chat.EventReopened, To: chat.StatusQueued}, ""},
	} {
		c.event.Seq = uint64(i + 1)
		v.learn(chat.Public, 0, []protocol.Event{c.event})
		if v.Assignee != c.want {
			t.Errorf("after %s to %s: %q, want %q", c.event.Type, c.event.To, v.Assignee, c.want)
		}
	}
}
