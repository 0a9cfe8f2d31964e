package client

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func entry(id, text string) *Entry {
	return &Entry{Action: protocol.ActionSend, Conversation: "c_1", Track: chat.Public, ID: chat.EventID(id), Text: text}
}

func ids(es []*Entry) string {
	var out []string
	for _, e := range es {
		out = append(out, string(e.ID))
	}
	return strings.Join(out, " ")
}

func TestRetryRepeatsItsAfterAndMayGrow(t *testing.T) {
	t.Parallel()
	l := &lane{entries: []*Entry{entry("m1", "a")}}
	if got := ids(l.take(7)); got != "m1" || l.flight.retry {
		t.Fatalf("first try: %s, retry %v", got, l.flight.retry)
	}
	l.flight = nil // no answer
	l.entries = append(l.entries, entry("m2", "b"))
	if got := ids(l.take(12)); got != "m1 m2" || !l.flight.retry {
		t.Fatalf("second try: %s, retry %v", got, l.flight.retry)
	}
	for _, e := range l.entries {
		if e.After != 7 {
			t.Errorf("%s goes after %d, want 7", e.ID, e.After)
		}
	}
}

func TestOnlyAnAckOfAllLandsTheFlight(t *testing.T) {
	t.Parallel()
	l := &lane{entries: []*Entry{entry("m1", "a"), entry("m2", "b")}}
	l.take(0)
	l.end("m1") // the late ack of an earlier try that held m1 alone
	if l.flight == nil {
		t.Fatal("the flight landed with m2 unanswered")
	}
	l.end("m2")
	if l.flight != nil || len(l.entries) != 0 {
		t.Fatal("the flight is still up")
	}
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", chat.MaxText)
	quotes := strings.Repeat(`"`, chat.MaxText)
	alone := entry("m1", "a")
	tests := []struct {
		name string
		lane lane
		want int
	}{
		{"twenty", lane{entries: many(30, "a")}, chat.MaxMessages},
		{"bytes", lane{entries: many(10, big)}, 3},
		{"escaped bytes", lane{entries: many(10, quotes)}, 1},
		{"alone", lane{entries: many(10, "a"), alone: 2}, 1},
		{"other commands go alone", lane{entries: []*Entry{{Action: protocol.ActionClose}, alone}}, 1},
		{"and are not joined", lane{entries: []*Entry{alone, {Action: protocol.ActionClose}}}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := len(tt.lane.batch()); got != tt.want {
				t.Errorf("%d entries in the frame, want %d", got, tt.want)
			}
		})
	}
}

func many(n int, text string) (es []*Entry) {
	for range n {
		es = append(es, entry("m_00000000000000000000000001", text))
	}
	return es
}

// TestFramesFit: whatever is queued, a frame is never larger than the gateway takes, and the estimate that
// decides it is never below the truth.
func TestFramesFit(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune{0, 1, '"', '\\', '<', '\u2028', '\u2029', 'x', '…', '😀'}), 1, 3000, chat.MaxText))
	rapid.Check(t, func(rt *rapid.T) {
		l := &lane{}
		for _, s := range rapid.SliceOfN(text, 1, 25).Draw(rt, "texts") {
			e := entry("m_00000000000000000000000001", s)
			if e.check() == nil {
				l.entries = append(l.entries, e)
			}
		}
		for len(l.entries) > 0 {
			es := l.take(1 << 60)
			frame := l.frame("zzzzzzzzzz")
			if len(frame) > chat.MaxFrame {
				rt.Fatalf("a frame of %d bytes", len(frame))
			}
			var back protocol.Send
			if err := json.Unmarshal(frame, &back); err != nil || len(back.Messages) != len(es) || back.Messages[0].Text != es[0].Text {
				rt.Fatalf("%s does not read back: %v", frame, err)
			}
			for _, m := range back.Messages {
				if one := encode(m); len(one)+1 > entry(string(m.ID), m.Text).size() {
					rt.Fatalf("%q takes %d bytes, estimated %d", m.Text, len(one)+1, entry(string(m.ID), m.Text).size())
				}
			}
			l.entries, l.flight = l.entries[len(es):], nil
		}
	})
}

func TestTextsThatNoServerTakes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "long": strings.Repeat("x", chat.MaxText+1), "not UTF-8": "a\xff", "too long once escaped": strings.Repeat("\x01", chat.MaxText)} {
		if err := entry("m", text).check(); !errors.Is(err, ErrText) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&Entry{Action: protocol.ActionClose, Reason: strings.Repeat("x", chat.MaxReason+1)}).check(); !errors.Is(err, ErrReason) {
		t.Errorf("reason: %v", err)
	}
}

func TestStores(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.json")
	for name, s := range map[string]Store{"memory": &MemoryStore{}, "file": FileStore{Path: path}} {
		t.Run(name, func(t *testing.T) {
			if got, err := s.Load(); err != nil || len(got) != 0 {
				t.Fatalf("new store: %v, %v", got, err)
			}
			want := []Entry{*entry("m1", "a"), {Action: protocol.ActionClose, ID: "m2", After: 4, Tried: true, Failed: chat.CodeForbidden}}
			if err := s.Save(want[:1]); err != nil {
				t.Fatal(err)
			}
			if err := s.Save(want); err != nil {
				t.Fatal(err)
			}
			got, err := s.Load()
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%v %s", err, d)
			}
		})
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (FileStore{Path: path}).Load(); err == nil {
		t.Error("a damaged outbox was taken for an empty one")
	}
}
