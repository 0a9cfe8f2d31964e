package chattest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func moveTail(t *testing.T, w *world) {
	want := w.create(t, "1")
	for i := range 20 {
		a := w.append(uint64(i)+1, fmt.Sprint(i+2))
		want = append(want, a.Events...)
		_, err := w.Append(t.Context(), a)
		must(t, err)
		if i%3 == 0 {
			h, err := w.Head(t.Context(), w.ref)
			must(t, err)
			must(t, w.MoveTail(t.Context(), h, chat.Public, h.Public.Last-uint64(i%2), h.Public.Last))
		}
		same(t, w.log(t, chat.Public), want)
	}
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if h.Public.Relayed == 0 || h.Public.From < 15 {
		t.Fatalf("tail from %d, relayed %d", h.Public.From, h.Public.Relayed)
	}
	for after := range uint64(22) {
		part, err := w.After(t.Context(), w.ref, chat.Public, after, 5)
		must(t, err)
		if after+1 < h.Public.From && (len(part) == 0 || part[0].Seq != after+1) {
			t.Fatalf("after %d: %v", after, part)
		}
	}
}

func moveStale(t *testing.T, w *world) {
	want := w.create(t, "1", "2", "3")
	old, err := w.Head(t.Context(), w.ref)
	must(t, err)
	a := w.append(3, "4", "5")
	want = append(want, a.Events...)
	_, err = w.Append(t.Context(), a)
	must(t, err)
	fresh, err := w.Head(t.Context(), w.ref)
	must(t, err)
	for _, m := range []struct {
		head *chat.Head
		upTo uint64
	}{{old, 2}, {old, 3}, {fresh, 5}, {fresh, 4}, {old, 2}} {
		must(t, w.MoveTail(t.Context(), m.head, chat.Public, m.upTo, 0))
		same(t, w.log(t, chat.Public), want)
	}
}

func bigTail(t *testing.T, w *world) {
	want := w.create(t, "1")
	for i := range 12 {
		a := w.append(uint64(i)+1, strings.Repeat("x", chat.MaxText))
		want = append(want, a.Events...)
		_, err := w.Append(t.Context(), a)
		must(t, err)
	}
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	must(t, w.MoveTail(t.Context(), h, chat.Public, h.Public.Last-1, 0))
	same(t, w.log(t, chat.Public), want)
}
