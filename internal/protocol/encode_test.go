package protocol

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

var nasty = []string{
	"", "plain", strings.Repeat(`"`, 500), strings.Repeat(`\`, 500), strings.Repeat("\x00", 500), strings.Repeat("\x7f", 500), strings.Repeat("\n\t\r\b\f", 99),
	strings.Repeat("\u2028\u2029", 300), strings.Repeat("\xff\xfe", 300), "a\xe2\x80", strings.Repeat("😀", 300), strings.Repeat("<&>'", 99), "\ufffd\ufffd", "\xed\xa0\x80",
}

func nastyText(t *rapid.T, name string) string {
	if rapid.Bool().Draw(t, name+" from the list") {
		return rapid.SampledFrom(nasty).Draw(t, name)
	}
	return string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, name))
}

func anyEvent(t *rapid.T) chat.Event {
	id := func(prefix string) string {
		return chat.FormatID(prefix, [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, prefix)))
	}
	statuses := []chat.Status{"", chat.StatusQueued, chat.StatusActive, chat.StatusClosed}
	return chat.Event{
		Seq: rapid.Uint64().Draw(t, "seq"), ID: chat.EventID(id(chat.EventPrefix)), Type: rapid.SampledFrom(chat.EventTypes()).Draw(t, "type"),
		At: time.UnixMilli(rapid.Int64Range(-1<<62, 1<<62).Draw(t, "at")), Sender: chat.UserID(id(chat.UserPrefix)),
		Role: rapid.SampledFrom(chat.Roles()).Draw(t, "role"), Follows: rapid.Uint64().Draw(t, "follows"), Target: rapid.Uint64().Draw(t, "target"),
		Text: nastyText(t, "text"), From: rapid.SampledFrom(statuses).Draw(t, "from"), To: rapid.SampledFrom(statuses).Draw(t, "to"),
		Reason: nastyText(t, "reason"), Subject: chat.UserID(id(chat.UserPrefix)),
	}
}

// EventSize is what keeps frames under 32 KB: it may never be less than what the event takes, comma included.
func TestEventSizeIsAnUpperBound(t *testing.T) {
	t.Parallel()
	check := func(e chat.Event) (encoded, bound int) { return len(Encode(EventOf(e))) + 1, EventSize(e) }
	rapid.Check(t, func(t *rapid.T) {
		if encoded, bound := check(anyEvent(t)); encoded > bound {
			t.Fatalf("%d bytes, bound %d", encoded, bound)
		}
	})
	for _, text := range nasty {
		if encoded, bound := check(chat.Event{Text: text, Reason: text}); encoded > bound {
			t.Errorf("%q: %d bytes, bound %d", text, encoded, bound)
		}
	}
	plain := chat.Event{Seq: 1000, ID: "m_01kaw3v4x00123456789abcdef", Type: chat.EventMessage, At: time.UnixMilli(1_790_000_000_000), Sender: "u_01kaw3v4x00123456789abcdef", Role: chat.RoleCustomer, Text: strings.Repeat("x", 1000)}
	if encoded, bound := check(plain); bound > encoded+300 {
		t.Errorf("a bound of %d for %d bytes wastes frames", bound, encoded)
	}
}

// largest is the longest text that the domain takes, as JSON.
var largest = []string{strings.Repeat("\u2028", chat.MaxText/3), strings.Repeat(`"`, chat.MaxText), strings.Repeat("\x01", 2*chat.MaxText/6), strings.Repeat("x", chat.MaxText)}

func TestEncoderSplitsIntoFrames(t *testing.T) {
	t.Parallel()
	head := &chat.Head{Ref: chat.Ref{Conversation: conversation}, Gen: 1<<32 - 1}
	rapid.Check(t, func(t *rapid.T) {
		events := make([]chat.Event, rapid.IntRange(0, 12).Draw(t, "events"))
		for i := range events {
			events[i] = anyEvent(t)
			events[i].Seq = uint64(i) + 1
			if rapid.IntRange(0, 2).Draw(t, "large") == 0 {
				events[i].Text, events[i].Reason = rapid.SampledFrom(largest).Draw(t, "text"), ""
			}
		}
		next, size := uint64(1), 0
		frames := Encoder{}.Events(head, chat.Desk, events)
		for _, raw := range frames {
			if len(raw) > chat.MaxFrame {
				t.Fatalf("a frame of %d bytes", len(raw))
			}
			size += len(raw)
			var f Events
			if err := json.Unmarshal(raw, &f); err != nil {
				t.Fatal(err)
			}
			if f.Type != TypeEvents || f.Conversation != conversation || f.Track != chat.Desk || f.Gen != head.Gen || len(f.Events) == 0 {
				t.Fatalf("%+v", f)
			}
			for _, e := range f.Events {
				if e.Seq != next {
					t.Fatalf("seq %d where %d was due", e.Seq, next)
				}
				next++
			}
		}
		if next != uint64(len(events))+1 {
			t.Fatalf("%d of %d events", next-1, len(events))
		}
		if len(frames) > 1 && len(frames) > 2+2*size/chat.MaxFrame+len(events)/4 {
			t.Fatalf("%d frames for %d bytes", len(frames), size)
		}
	})
}

// What is internal to the desk must not be in a customer's frames, not even as a number.
func TestCustomersSeeNoDesk(t *testing.T) {
	t.Parallel()
	s := chat.Snapshot{
		Head: &chat.Head{Ref: chat.Ref{Conversation: conversation}, Desk: chat.TrackHead{Last: 4711}},
		Desk: chat.TrackView{Head: 4711, Events: []chat.Event{{Text: marker}}},
	}
	for _, role := range chat.Roles() {
		snapshot, heads := string(Encode(SnapshotOf(s, role))), string(Encode(HeadsOf(s.Head, "u_a", role)))
		if leaks := strings.Contains(snapshot+heads, "4711"); leaks != role.Staff() {
			t.Errorf("%s: %s %s", role, snapshot, heads)
		}
		if leaks := strings.Contains(snapshot, marker); leaks != role.Staff() {
			t.Errorf("%s: %s", role, snapshot)
		}
	}
}

func TestTextIsNotEscapedForHTML(t *testing.T) {
	t.Parallel()
	if got := string(Encode(EventOf(chat.Event{Text: "<b>&"}))); !strings.Contains(got, `"text":"<b>&"`) {
		t.Error(got)
	}
}
