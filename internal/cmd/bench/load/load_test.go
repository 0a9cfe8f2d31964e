package load

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const conversation = "c_00000000000000000000000001"

func TestScan(t *testing.T) {
	t.Parallel()
	b := NewBook(7, 10)
	push := encode(t, protocol.Events{Type: protocol.TypeEvents, Conversation: conversation, Track: chat.Public,
		Events: []protocol.Event{{Seq: 41, ID: chat.EventID(b.id(3)), Text: text}, {Seq: 42, ID: chat.EventID(b.id(4)), Text: text}}})
	if got := string(quoted(push, typeMark)); got != protocol.TypeEvents {
		t.Errorf("type %q", got)
	}
	if got := string(quoted(push, conversationMark)); got != conversation {
		t.Errorf("conversation %q", got)
	}
	if got := maxSeq(push); got != 42 {
		t.Errorf("seq %d", got)
	}
	eachID(push, b.sawPush)
	eachID(push, b.sawPush) // a duplicate counts once
	if b.seen.Load() != 2 || b.marks[3].seen.Load() == 0 || b.marks[4].seen.Load() == 0 {
		t.Errorf("%d seen", b.seen.Load())
	}
	other := NewBook(8, 10)
	eachID(push, other.sawPush)
	if other.seen.Load() != 0 {
		t.Error("a message of another measurement was counted")
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	var latencies []time.Duration
	for i := 1000; i > 0; i-- {
		latencies = append(latencies, time.Duration(i)*time.Millisecond)
	}
	want := Quantiles{P50: 501, P99: 991, P999: 1000, Max: 1000}
	if d := cmp.Diff(want, QuantilesOf(latencies)); d != "" {
		t.Error(d)
	}
	if QuantilesOf(nil) != (Quantiles{}) {
		t.Error("quantiles of nothing")
	}
}

// TestLatencyCountsFromTheDueTime: a message that had to wait for its lane is late by that much.
func TestLatencyCountsFromTheDueTime(t *testing.T) {
	t.Parallel()
	b := NewBook(1, 10)
	b.start = time.Now().Add(-time.Second) // due at once, answered a second later
	i, ok := b.enter(1)
	if !ok {
		t.Fatal("full")
	}
	id, _ := chat.IDBytes(chat.EventPrefix, b.id(i))
	b.sawAck(id)
	if r := b.result(time.Second); r.Ack.P50 < 1000 || r.Acked != 1 || r.Seen != 0 {
		t.Errorf("%+v", r)
	}
}

// TestFramesAreTheStandards: what is written by hand here is what a library reads.
func TestFramesAreTheStandards(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 125, 126, 5000, 32 << 10} {
		payload := bytes.Repeat([]byte("a"), n)
		got, op, err := wsutil.ReadClientData(readWriter{bytes.NewReader(appendFrame(nil, ws.OpText, payload))})
		if err != nil || op != ws.OpText || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: %v, opcode %d, %d bytes back", n, err, op, len(got))
		}
	}
}

type readWriter struct{ io.Reader }

func (readWriter) Write(b []byte) (int, error) { return len(b), nil }

// echoServer answers each frame with what answer returns.
func echoServer(t *testing.T, answer func([]byte) [][]byte) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_ = ws.WriteFrame(conn, ws.NewPingFrame([]byte("still there?")))
		for {
			frame, err := wsutil.ReadClientText(conn)
			if err != nil {
				return
			}
			for _, a := range answer(frame) {
				if wsutil.WriteServerText(conn, a) != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http", "ws", 1)
}

func TestLaneHasOneFrameInFlight(t *testing.T) {
	t.Parallel()
	var frames atomic.Int32
	release := make(chan struct{})
	address := echoServer(t, func(frame []byte) [][]byte {
		frames.Add(1)
		<-release
		var acks []protocol.Acked
		eachID(frame, func(id [16]byte) {
			acks = append(acks, protocol.Acked{ID: chat.EventID(chat.FormatID(chat.EventPrefix, id)), Seq: 5})
		})
		return [][]byte{encode(t, protocol.Ack{Type: protocol.TypeAck, Conversation: conversation, Acks: acks})}
	})
	s, err := Dial(context.Background(), address, "http://localhost")
	if err != nil {
		t.Fatal(err)
	}
	c := &Crowd{}
	p := c.peer(s)
	l := p.lane(conversation, 4)
	c.adopt(p)
	b := c.open(10)
	for range 3 {
		i, _ := b.enter(b.now())
		l.say(b, i)
	}
	for n := range 2 { // the first message alone, then what waited together
		release <- struct{}{}
		for deadline := time.Now().Add(10 * time.Second); b.acked.Load() < int64(1+2*n) && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		}
	}
	if frames.Load() != 2 || b.acked.Load() != 3 || l.last() != 5 {
		t.Errorf("%d frames, %d acknowledged, seq %d", frames.Load(), b.acked.Load(), l.last())
	}
	close(release)
	c.Close()
}

func TestErrorsAreCounted(t *testing.T) {
	t.Parallel()
	b := NewBook(1, 10)
	c := &Crowd{}
	p := c.peer(nil)
	l := p.lane(conversation, 0)
	l.flying = []int{0, 1}
	p.handle(b, encode(t, protocol.Error{Type: protocol.TypeError, Ref: conversation, Code: chat.CodeTooFast}))
	l.flying = []int{2}
	p.handle(b, []byte(`{"message": "Internal server error", "connectionId":"x", "requestId":"y"}`))
	if d := cmp.Diff(map[string]int{"too_fast": 2, "gateway": 1}, b.errors); d != "" {
		t.Error(d)
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	welcome := func(limited bool, seqs ...uint64) protocol.Welcome {
		v := protocol.TrackView{Limited: limited}
		for _, s := range seqs {
			v.Events = append(v.Events, protocol.Event{Seq: s})
		}
		return protocol.Welcome{Conversations: []protocol.Snapshot{{Public: v}}}
	}
	tests := []struct {
		name string
		w    protocol.Welcome
		want bool
	}{
		{"all", welcome(false, 4, 5), true},
		{"a hole", welcome(false, 4, 6), false},
		{"too few", welcome(false, 4), false},
		{"limited", welcome(true, 4, 5), false},
		{"none", protocol.Welcome{}, false},
	}
	for _, tt := range tests {
		if got := complete(tt.w, 3, 2); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// FuzzScan: whatever comes, the scanners stay inside it.
func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"type":"ack","acks":[{"id":"m_00000000000000000000000001","seq":18446744073709551615}]}`))
	f.Add([]byte(`"id":"`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		eachID(frame, func(id [16]byte) {
			if !bytes.Contains(frame, []byte(chat.FormatID(chat.EventPrefix, id))) {
				t.Errorf("id %x is not in %q", id, frame)
			}
		})
		maxSeq(frame)
		quoted(frame, typeMark)
	})
}
