package dynamo

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// TestWaitsOfOldHeads: what the first version has stored tells nothing of waits, and what a version appends that does not
// count leaves a gap: neither is ever taken for knowledge, whatever is appended after, and what a client is told is what
// the log says.
func TestWaitsOfOldHeads(t *testing.T) {
	t.Parallel()
	s, svc := newBaseline(t, unchanged)
	svc.States = s
	operator := chat.Principal{Workspace: skewWorkspace, User: skewOperator, Role: chat.RoleOperator}
	own := func(ref chat.Ref) chat.OwnConversation {
		t.Helper()
		list, err := svc.Own(t.Context(), operator, []chat.ConversationID{ref.Conversation})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return list[0]
	}
	at := func(seq uint64) time.Time { // of an event of the log
		t.Helper()
		h, err := s.Head(t.Context(), skewRef(1))
		if err != nil {
			t.Fatal(err)
		}
		events, err := s.After(t.Context(), skewRef(1), chat.Public, seq-1, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range append(events, h.Public.Tail...) {
			if e.Seq == seq {
				return e.At
			}
		}
		t.Fatalf("no event %d", seq)
		return time.Time{}
	}
	// The log: 5 is the operator's answer, 6 and 7 are the customer's, and the operator has read up to 7.
	if got := own(skewRef(1)); got.Head.Wait.Known || !got.WaitingSince.Equal(at(6)) || got.Unread != 0 {
		t.Errorf("the first version's: %+v, %+v", got.Head.Wait, got.Attention)
	}
	say := func(ref chat.Ref, who chat.UserID, role chat.Role, more func(*expression)) *chat.Head {
		t.Helper()
		h, err := s.Head(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		e := chat.Event{ID: chat.EventID(chat.NewID(chat.EventPrefix, s.now())), Type: chat.EventMessage, Sender: who, Role: role, At: s.now().Truncate(time.Millisecond), Text: "x"}
		x := newExpression()
		x.appendEvents(chat.Append{Ref: ref, Track: chat.Public, After: h.Public.Last, Events: []chat.Event{e}, Rule: chat.Rule{Actor: who}})
		x.rule(chat.Rule{Actor: who})
		more(x)
		h, err = s.updateHead(t.Context(), ref, x)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	counts := func(*expression) {}
	if h := say(skewRef(1), skewOperator, chat.RoleOperator, counts); h.Wait.Known {
		t.Error("an append to an old HEAD makes it known")
	}
	if got := own(skewRef(1)); !got.WaitingSince.IsZero() {
		t.Errorf("answered: %+v", got.Attention)
	}
	// A conversation of today's, to which a version beside appends an answer that it does not count.
	fresh := chat.Ref{Workspace: skewWorkspace, Conversation: chat.ConversationID(chat.NewID(chat.ConversationPrefix, s.now()))}
	hello := chat.Event{Seq: 1, ID: chat.EventID(chat.NewID(chat.EventPrefix, s.now())), Type: chat.EventMessage, Sender: skewCustomer, Role: chat.RoleCustomer, At: s.now().Truncate(time.Millisecond), Text: "hello"}
	err := s.Create(t.Context(), chat.Creation{Ref: fresh, Customer: skewCustomer, Role: chat.RoleCustomer, Bot: skewOperator, Status: chat.StatusBot, At: hello.At, Events: []chat.Event{hello}})
	if err != nil {
		t.Fatal(err)
	}
	if got := own(fresh); !got.Head.Wait.Known || !got.WaitingSince.Equal(hello.At) || got.Unread != 1 {
		t.Errorf("today's: %+v, %+v", got.Head.Wait, got.Attention)
	}
	old := func(x *expression) { // as it was written before
		x.set, x.remove = x.set[:0], nil
		x.names, x.values = map[string]string{}, item{":n": x.values[":n"], ":e": x.values[":e"], ":a": x.values[":a"], ":k": str(kindAppend)}
		x.set = append(x.set, "n = :n", "T = list_append(T, :e)", "k = :k")
	}
	say(fresh, skewOperator, chat.RoleOperator, old)
	if h := say(fresh, skewCustomer, chat.RoleCustomer, counts); h.Wait.Known || h.Wait.Since.IsZero() {
		t.Errorf("a gap is taken for knowledge: %+v", h.Wait)
	}
	h, err := s.Head(t.Context(), fresh)
	if err != nil {
		t.Fatal(err)
	}
	if got := own(fresh); !got.WaitingSince.Equal(h.Public.Tail[2].At) {
		t.Errorf("told %+v, the log says %v", got.Attention, h.Public.Tail[2].At)
	}
}
