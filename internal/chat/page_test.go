package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func TestPagesReachEverythingBothWays(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"short", strings.Repeat("x", chat.MaxText), strings.Repeat("\u2028", chat.MaxText/3)} {
		for _, keep := range []uint64{99, 3} {
			w := newWorld(t)
			w.svc.Rate, w.svc.SizeOf, w.svc.Tails = chat.Rate{}, protocol.EventSize, nil
			w.start("hello")
			for range 20 {
				w.say(w.customer, text)
			}
			w.moveTail(chat.Public, keep)
			for _, limit := range []int{3, 0, chat.MaxPageEvents} {
				w.walk(t, limit)
			}
		}
	}
}

// walk pages forward from the start and back from the end, and compares with the log.
func (w *world) walk(t *testing.T, limit int) {
	t.Helper()
	want := seqs(w.log(chat.Public))
	query := func(q chat.PageQuery) *chat.PageResult {
		t.Helper()
		q.Conversation, q.Track, q.Limit = w.conv, chat.Public, limit
		r, err := w.svc.Page(t.Context(), w.customer, q)
		w.must(err)
		reply := protocol.PageReply{Type: protocol.TypePage, Conversation: w.conv, Events: protocol.EventsOf(r.Events), Ref: strings.Repeat("r", 64)}
		if size := len(protocol.Encode(reply)); size > chat.MaxFrame {
			t.Fatalf("a page of %d bytes", size)
		}
		return r
	}
	var got []uint64
	for after := uint64(0); ; {
		r := query(chat.PageQuery{After: &after})
		got = append(got, seqs(r.Events)...)
		if !r.More {
			break
		}
		if len(r.Events) == 0 {
			t.Fatal("an empty page with more behind it")
		}
		after = r.Events[len(r.Events)-1].Seq
	}
	w.same(got, want)
	got = nil
	var before *uint64
	for {
		r := query(chat.PageQuery{Before: before})
		got = append(seqs(r.Events), got...)
		if !r.More {
			break
		}
		before = &r.Events[0].Seq
	}
	w.same(got, want)
}

func TestPageEdges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("2", "3")
	at := func(n uint64) *uint64 { return &n }
	for _, c := range []struct {
		q    chat.PageQuery
		want []uint64
		more bool
	}{
		{chat.PageQuery{}, []uint64{1, 2, 3}, false},
		{chat.PageQuery{Limit: 2}, []uint64{2, 3}, true},
		{chat.PageQuery{After: at(3)}, nil, false},
		{chat.PageQuery{After: at(1 << 62)}, nil, false},
		{chat.PageQuery{After: at(0), Limit: 1}, []uint64{1}, true},
		{chat.PageQuery{Before: at(0)}, nil, false},
		{chat.PageQuery{Before: at(1)}, nil, false},
		{chat.PageQuery{Before: at(2)}, []uint64{1}, false},
		{chat.PageQuery{Before: at(99), Limit: 1}, []uint64{3}, true},
		{chat.PageQuery{After: at(0), Bytes: 1}, []uint64{1}, true}, // one at least
		{chat.PageQuery{Bytes: 1}, []uint64{3}, true},
	} {
		c.q.Conversation, c.q.Track = w.conv, chat.Public
		r, err := w.svc.Page(t.Context(), w.customer, c.q)
		w.must(err)
		if !slices.Equal(seqs(r.Events), c.want) || r.More != c.more {
			t.Errorf("%+v: %v, more %v", c.q, seqs(r.Events), r.More)
		}
	}
	for i, q := range []chat.PageQuery{{After: at(1), Before: at(2)}, {Limit: -1}, {Limit: chat.MaxPageEvents + 1}, {Conversation: "c_x"}} {
		if q.Conversation == "" {
			q.Conversation = w.conv
		}
		_, err := w.svc.Page(t.Context(), w.customer, q)
		if chat.CodeOf(err) != chat.CodeInvalid {
			t.Error(fmt.Sprint(i), err)
		}
	}
	w.moveTail(chat.Public, 0)
	struck := w.fault("After", 1, false)
	r, err := w.svc.Page(t.Context(), w.customer, chat.PageQuery{Conversation: w.conv, Track: chat.Public})
	w.must(err)
	w.same(len(r.Events), 3)
	w.same(*struck, 1)
}
