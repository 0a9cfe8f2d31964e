package wsapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestPanicIsATypedError(t *testing.T) {
	t.Parallel()
	w := begun(t)
	for call, name := range map[string]string{"Append": "send", "Head": "page", "Subscribe": "hello-resume", "Transition": "close", "MoveCursor": "read"} {
		w.store.Fault = func(c string, _ bool) error {
			if c == call {
				panic("boom")
			}
			return nil
		}
		w.logged.Reset()
		e := sample(t, name)
		e.Body = strings.Replace(e.Body, `"after":7`, `"after":5`, 1)
		frame := w.handle(e)
		if frame["code"] != "internal" || frame["retryable"] != true || frame["ref"] != sampleRef(t, name) {
			t.Errorf("%s: %v", name, frame)
		}
		if !strings.Contains(w.logged.String(), `"value":"boom"`) || strings.Contains(fmt.Sprint(frame), "boom") {
			t.Errorf("%s: logged %s, told %v", name, w.logged, frame)
		}
	}
}

func sampleRef(t *testing.T, name string) string {
	t.Helper()
	_, after, _ := strings.Cut(sample(t, name).Body, `"ref":"`)
	ref, _, _ := strings.Cut(after, `"`)
	return ref
}

// ordered is a pusher whose posts take their time.
type ordered struct {
	pusher
	begun, ended chan struct{}
}

func (o *ordered) Post(ctx context.Context, c chat.ConnectionID, frame []byte) error {
	o.begun <- struct{}{}
	<-o.ended
	return o.pusher.Post(ctx, c, frame)
}

// The ack is the last thing that happens: while a push is under way there is none.
func TestAckIsLast(t *testing.T) {
	t.Parallel()
	w := begun(t)
	o := &ordered{begun: make(chan struct{}), ended: make(chan struct{})}
	w.handler.Delivery.Push = o
	w.handler.Delivery.Budget = time.Minute
	acked := make(chan map[string]any)
	e := sample(t, "send")
	e.Body = `{"action":"send",` + there + `,"after":5,` + message + `}`
	go func() { acked <- w.handle(e) }()
	<-o.begun
	select {
	case frame := <-acked:
		t.Fatalf("%v before the push", frame)
	default:
	}
	o.ended <- struct{}{}
	if frame := <-acked; frame["type"] != "ack" {
		t.Fatalf("%v", frame)
	}
	if posts := o.take(); len(posts) != 1 {
		t.Fatalf("%v", posts)
	}
}

// What could be neither pushed nor queued is not acknowledged; the retry pushes it and is.
func TestNoAckWithoutDelivery(t *testing.T) {
	t.Parallel()
	w := begun(t)
	w.push.answer, w.queue.refuse = errors.New("throttled"), errors.New("no queue")
	body := `{"action":"send",` + there + `,"after":5,` + message + `}`
	if frame := w.say(body); frame["code"] != "unavailable" || frame["retryable"] != true {
		t.Fatalf("%v", frame)
	}
	w.push.answer, w.queue.refuse = nil, nil
	w.push.take()
	frame := w.say(body)
	if frame["type"] != "ack" || frame["acks"].([]any)[0].(map[string]any)["duplicate"] != true {
		t.Fatalf("%v", frame)
	}
	if posts := w.push.take(); len(posts) != 1 || !strings.Contains(posts[0], id) {
		t.Fatalf("%v", posts)
	}
}

func TestRevokedSession(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hello", "ping"} {
		w := begun(t)
		w.sessions.answer = chat.Errorf(chat.CodeUnauthenticated, "signed out elsewhere")
		e := sample(t, name)
		frame := w.handle(e)
		if frame["code"] != "unauthenticated" {
			t.Fatalf("%v", frame)
		}
		c := string(e.RequestContext.ConnectionID)
		want := fmt.Sprint([]string{c + ` {"type":"bye","reason":"unauthenticated","reconnect":false}`, c + " disconnected"})
		if got := fmt.Sprint(w.push.take()); got != want {
			t.Fatalf("%s", got)
		}
	}
}

// A route that was deployed without its authorizer: nobody speaks, and the socket is closed.
func TestNoPrincipal(t *testing.T) {
	t.Parallel()
	w := begun(t)
	before := w.store.Dump()
	for _, authorizer := range []map[string]any{nil, {}, {"workspace": 7}, {"workspace": string(workspace), "user": string(customer), "role": "root", "session": "s_01kaw3v4x0aaaabbbbccccdddd"}} {
		e := sample(t, "send")
		e.RequestContext.Authorizer = authorizer
		if frame := w.handle(e); frame["code"] != "unauthenticated" {
			t.Fatalf("%v", frame)
		}
		if posts := w.push.take(); len(posts) != 2 || posts[1] != string(customerConnection)+" disconnected" {
			t.Fatalf("%v", posts)
		}
	}
	w.untouched("no principal", before)
}

// Read cursors that ride on a ping or a hello are shown to the others.
func TestRidingCursorsAreShown(t *testing.T) {
	t.Parallel()
	w := begun(t)
	for i, action := range []string{"ping", "hello", "typing"} {
		seq := 1 + i
		e := sample(t, "send-note") // of the operator
		e.Body = fmt.Sprintf(`{"action":%q,"cursors":{%q:{"public":5,"read":%d}},%s,"read":%d}`, action, conversation, seq, there, seq)
		w.handle(e)
		want := fmt.Sprintf(`%s {"type":"read","conversation":%q,"user":%q,"seq":%d}`, customerConnection, conversation, operator, seq)
		if posts := w.push.take(); len(posts) == 0 || posts[0] != want {
			t.Errorf("%s: %v", action, posts)
		}
	}
}

// More events than fit are left to paging: the client sees the hole.
func TestAckFitsAFrame(t *testing.T) {
	t.Parallel()
	w := begun(t)
	w.handler.Chat.Rate = chat.Rate{}
	after := 5
	for i := range 9 {
		after++
		w.say(fmt.Sprintf(`{"action":"send",%s,"after":%d,"messages":[{"id":"m_01kaw3v4x0mmmmmmmmm00010%02d","text":%q}]}`, there, after-1, i, strings.Repeat("é", 4000)))
	}
	frame := w.say(`{"action":"send",` + there + `,"after":5,` + message + `}`)
	if frame["type"] != "ack" || frame["events"] != nil || frame["head"] != 15.0 {
		t.Fatalf("%v", frame)
	}
	frame = w.say(`{"action":"send",` + there + `,"after":12,"messages":[{"id":"m_01kaw3v4x0mmmmmmmmm0002000","text":"x"}]}`)
	if events := frame["events"].([]any); len(events) != 3 {
		t.Fatalf("%d events", len(events))
	}
}
