package chat_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// repair makes the relay repair the conversation and returns the jobs that it wrote.
func (s *stream) repair() []string {
	s.Helper()
	s.must(s.relay.Repair(s.Context(), s.ref()))
	return s.out.take()
}

// What the stream lost is told while the conversation is open, on both tracks, wherever it lies by now; what is told
// is noted, and not told again.
func TestRepairOfAnOpenConversation(t *testing.T) {
	t.Parallel()
	for _, keep := range []uint64{100, 0, 1} {
		s := newStream(t, all("a"), chat.Subscription{ID: "b", Kind: "sqs", Types: []chat.EventType{chat.EventNote}})
		s.start("hello")
		s.join()
		s.record()
		s.out.take()
		s.say(s.customer, "lost")
		_, err := s.svc.Send(t.Context(), s.operator, s.conv, chat.Desk, 0, s.messages("lost too"))
		s.must(err)
		s.lose()
		s.say(s.customer, "relayed")
		s.record()
		s.moveTail(chat.Public, keep)
		s.moveTail(chat.Desk, keep)
		s.out.take()
		s.same(s.repair(), []string{"a public 1", "a public 2", "a public 3", "a public 4", "a public 5", "a desk 1", "b desk 1"})
		s.same(s.head().Public.Relayed, uint64(5))
		s.same(s.head().Desk.Relayed, uint64(1))
		s.same(s.repair(), []string(nil))
		s.say(s.customer, "next")
		s.record()
		s.same(s.out.take(), []string{"a public 6"})
	}
}

// A relay that has seen everything has nothing to tell: it only notes it.
func TestRepairKnowsWhatItsProcessRelayed(t *testing.T) {
	t.Parallel()
	s := newStream(t, all("a"))
	s.start("hello")
	s.record()
	s.say(s.customer, "x")
	s.record()
	s.out.take()
	s.same(s.repair(), []string(nil))
	s.same(s.head().Public.Relayed, uint64(3))
	s.say(s.customer, "y")
	s.lose()
	s.relay = newRelay(s.world, s.out) // another process goes on where the note ends
	s.same(s.repair(), []string{"a public 4"})
}

// Repair notes only what was told: whatever fails, the next one tells it.
func TestRepairThatFailsIsMadeAgain(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Head", "Subscriptions", "After", "SetRelayed", "the queue"} {
		s := newStream(t, all("a"))
		s.start("hello")
		s.moveTail(chat.Public, 0)
		s.lose()
		s.throttle(call)
		if call == "the queue" {
			s.store.Fault, s.out.refuse = nil, errThrottled
		}
		if s.relay.Repair(t.Context(), s.ref()) == nil {
			t.Errorf("%s failed, the repair did not", call)
		}
		s.store.Fault, s.out.refuse = nil, nil
		if r := s.head().Public.Relayed; r != 0 {
			t.Errorf("%s failed, and %d events are noted as relayed", call, r)
		}
		s.out.take()
		again := newRelay(s.world, s.out) // what the process remembers must not matter
		s.must(again.Repair(t.Context(), s.ref()))
		s.same(s.out.take(), []string{"a public 1", "a public 2"})
	}
}

func TestRepairOfNothing(t *testing.T) {
	t.Parallel()
	s := newStream(t, all("a"))
	s.must(s.relay.Repair(t.Context(), s.ref()))
	s.same(s.out.take(), []string(nil))
	s.start(strings.Repeat("x", 10))
	other := s.ref()
	other.Workspace = chat.WorkspaceID(s.id(chat.WorkspacePrefix))
	s.must(s.relay.Repair(t.Context(), other)) // the same id in another workspace
	s.same(s.out.take(), []string(nil))
}

// The use case: it is tried again while storage does not answer, and says so when that lasts.
func TestRepairAsAUseCase(t *testing.T) {
	t.Parallel()
	s := newStream(t, all("a"))
	s.svc.Relay = s.relay
	s.start("hello")
	s.lose()
	repair := func() error { return s.svc.Repair(t.Context(), s.ref().Workspace, s.conv) }
	struck := s.fault("Head", 1, false)
	s.must(repair())
	s.same(*struck, 1)
	s.same(s.out.take(), []string{"a public 1", "a public 2"})
	s.same(s.head().Public.Relayed, uint64(2))
	s.throttle("Head")
	s.refused(repair(), chat.CodeUnavailable)
	s.store.Fault = nil
	s.say(s.customer, "x")
	s.out.refuse = errThrottled
	if err := repair(); !errors.Is(err, errThrottled) {
		t.Errorf("the queue refused: %v", err)
	}
	s.refused(s.svc.Repair(t.Context(), s.ref().Workspace, "c_x"), chat.CodeInvalid)
	s.refused(s.svc.Repair(t.Context(), "", s.conv), chat.CodeInvalid)
}
