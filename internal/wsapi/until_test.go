package wsapi

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// vouched is a sample event of the operator, whose identity provider's word runs out at the time.
func vouched(t *testing.T, name string, until time.Time) Event {
	t.Helper()
	e := sample(t, name)
	e.RequestContext.Authorizer["until"] = strconv.FormatInt(until.UnixMilli(), 10)
	return e
}

// A socket that an identity provider bounds ends with its word, whatever its client does: no frame is served, nothing is
// pushed to it.
func TestASocketEndsWithTheProvidersWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	until := w.now.Add(13 * time.Minute)
	w.replay("hello", "start")
	operators := sample(t, "hello-operator").RequestContext.ConnectionID
	w.handle(vouched(t, "hello-operator", until))
	w.handle(vouched(t, "join", until))
	pushed := func() bool {
		t.Helper()
		w.push.take()
		w.say(`{"action":"send","ref":"r","conversation":"` + string(conversation) + `","messages":[{"id":"` + chat.NewID(chat.EventPrefix, w.now) + `","text":"hello?"}]}`)
		return strings.Contains(strings.Join(w.push.take(), "\n"), string(operators)+" ")
	}
	if !pushed() {
		t.Error("within the word nothing is pushed")
	}
	w.now = until.Add(time.Second)
	if pushed() {
		t.Error("a message is pushed after the word has run out")
	}
	for _, name := range []string{"send-note", "page-desk", "hello-operator"} {
		frame := w.handle(vouched(t, name, until))
		if frame["type"] != protocol.TypeError || frame["code"] != string(chat.CodeUnauthenticated) {
			t.Errorf("%s: %v", name, frame)
		}
	}
}

// At the ping before, the client is told to open another socket.
func TestAClientIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	w := begun(t)
	ping := func(left time.Duration) string {
		t.Helper()
		e := vouched(t, "hello-operator", w.now.Add(left))
		e.Body = `{"action":"ping","ref":"p"}`
		if frame := w.handle(e); frame["type"] != protocol.TypePong {
			t.Errorf("%v", frame)
		}
		return strings.Join(w.push.take(), "\n")
	}
	if said := ping(5 * time.Minute); said != "" {
		t.Errorf("long before: %s", said)
	}
	if said := ping(time.Minute); !strings.Contains(said, `"type":"bye"`) || !strings.Contains(said, `"reconnect":true`) {
		t.Errorf("shortly before: %q", said)
	}
}
