package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/localstack/journal"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// testClock is a clock that only moves when told to. It counts from the beginning of 2027.
type testClock struct{ elapsed atomic.Int64 }

func (c *testClock) now() time.Time {
	return time.Unix(1_798_761_600, 0).Add(time.Duration(c.elapsed.Load()))
}

func (c *testClock) advance(d time.Duration) { c.elapsed.Add(int64(d)) }

func testQueues() []template.Queue {
	queue := func(name string, fifo bool, dead string) template.Queue {
		q := template.Queue{
			LogicalID: name, Name: name, ARN: "arn:aws:sqs:eu-central-1:123456789012:" + name,
			URL: "http://127.0.0.1:1/123456789012/" + name, FIFO: fifo, Visibility: 30 * time.Second,
		}
		if dead != "" {
			q.DeadLetterARN, q.MaxReceives = "arn:aws:sqs:eu-central-1:123456789012:"+dead, 3
		}
		return q
	}
	return []template.Queue{
		queue("plain", false, "plain-dead"), queue("plain-dead", false, ""),
		queue("ordered.fifo", true, "ordered-dead.fifo"), queue("ordered-dead.fifo", true, ""),
	}
}

// do runs an operation on an engine and decodes its answer.
func do[T any](t interface {
	Helper()
	Fatalf(string, ...any)
}, e *Engine, operation string, request map[string]any) T {
	t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatalf("%v", err)
	}
	answer := e.Do(context.Background(), seam.Call{Service: seam.SQS, Operation: operation, Body: body})
	if answer.ErrorType != "" {
		t.Fatalf("%s %s: %s", operation, body, answer.Body)
	}
	var out T
	if err := json.Unmarshal(answer.Body, &out); err != nil {
		t.Fatalf("%s: %v", answer.Body, err)
	}
	return out
}

// modelMessage is what the model knows of a message.
type modelMessage struct {
	body     string
	group    string
	queue    string
	order    int // in its queue
	shown    time.Time
	flying   bool
	receives int
	handle   string
}

// world is an engine beside a model so simple that it is right: a list of messages that is searched through.
type world struct {
	engine   *Engine
	clock    *testClock
	dir      string
	journal  *journal.Journal
	messages []*modelMessage
	sent     int
}

const maxReceivesOfModel = 3

func (w *world) open(t *rapid.T) {
	w.engine = New(Options{Queues: testQueues(), Now: w.clock.now})
	j, err := journal.Open(w.dir, map[string]journal.Component{Component: w.engine})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	w.journal = j
	w.engine.Attach(j)
}

// restart forgets all that is in memory. What was in flight is visible again, in the old order.
func (w *world) restart(t *rapid.T) {
	w.engine.Close()
	if err := w.journal.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	w.open(t)
	for _, m := range w.messages {
		if m.flying {
			m.flying, m.shown = false, w.clock.now()
		}
	}
}

// settle ends what has become due.
func (w *world) settle() {
	for _, m := range w.messages {
		if m.flying && !m.shown.After(w.clock.now()) {
			m.flying = false
		}
	}
}

func (w *world) visible(m *modelMessage) bool { return !m.flying && !m.shown.After(w.clock.now()) }

func isFIFO(queue string) bool { return queue == "ordered.fifo" || queue == "ordered-dead.fifo" }

// available returns what the next receives may give, by group, in order.
func (w *world) available(queue string) map[string][]*modelMessage {
	out := map[string][]*modelMessage{}
	blocked := map[string]bool{}
	for _, m := range w.of(queue) {
		if isFIFO(queue) && !w.visible(m) {
			if m.flying {
				out[m.group] = nil
			}
			blocked[m.group] = true
		}
		if w.visible(m) && !blocked[m.group] {
			out[m.group] = append(out[m.group], m)
		}
	}
	return out
}

// of returns the messages of a queue in their order.
func (w *world) of(queue string) []*modelMessage {
	var out []*modelMessage
	for _, m := range w.messages {
		if m.queue == queue {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *modelMessage) int { return a.order - b.order })
	return out
}

func url(queue string) string { return "http://any/123456789012/" + queue }

func (w *world) send(t *rapid.T, queue, group string, delay int) {
	w.sent++
	m := &modelMessage{body: fmt.Sprint("m", w.sent), group: group, queue: queue, order: w.sent, shown: w.clock.now().Add(time.Duration(delay) * time.Second)}
	request := map[string]any{"QueueUrl": url(queue), "MessageBody": m.body}
	if group != "" {
		request["MessageGroupId"] = group
	}
	if isFIFO(queue) {
		request["MessageDeduplicationId"] = m.body
	} else {
		request["DelaySeconds"] = delay
	}
	do[sent](t, w.engine, "SendMessage", request)
	w.messages = append(w.messages, m)
}

// receive compares one receive with the model: nothing that is not available, nothing out of order, and as
// much as there is. What was received too often must have gone to the dead-letter queue instead.
func (w *world) receive(t *rapid.T, queue string, n, hidden int) {
	available := w.available(queue)
	got := do[receiveMessageAnswer](t, w.engine, "ReceiveMessage", map[string]any{
		"QueueUrl": url(queue), "MaxNumberOfMessages": n, "VisibilityTimeout": hidden, "MessageSystemAttributeNames": []string{"All"},
	})
	dead := w.buryDead(queue)
	alive := 0
	for group := range available {
		available[group] = slices.DeleteFunc(available[group], func(m *modelMessage) bool { return slices.Contains(dead, m) })
		for _, m := range available[group] {
			if m.receives < maxReceivesOfModel || w.deadLetterQueue(queue) == "" {
				alive++
			}
		}
	}
	for _, g := range got.Messages {
		m := w.take(t, available, queue, g.Body)
		if m.receives >= maxReceivesOfModel && w.deadLetterQueue(queue) != "" {
			t.Fatalf("%s was received %d times before", m.body, m.receives)
		}
		m.receives++
		if count := g.Attributes["ApproximateReceiveCount"]; count != fmt.Sprint(m.receives) {
			t.Fatalf("%s: receive count %s, want %d", g.Body, count, m.receives)
		}
		m.handle, m.shown = g.ReceiptHandle, w.clock.now().Add(time.Duration(hidden)*time.Second)
		m.flying = true
	}
	if len(got.Messages) != min(n, alive) {
		t.Fatalf("%s: received %d messages, want %d of %d", queue, len(got.Messages), n, alive)
	}
	w.settle()
}

func (w *world) take(t *rapid.T, available map[string][]*modelMessage, queue, body string) *modelMessage {
	for group, messages := range available {
		for i, m := range messages {
			if m.body != body {
				continue
			}
			if isFIFO(queue) && i != 0 {
				t.Fatalf("%s of group %s came before %s", body, group, messages[0].body)
			}
			available[group] = slices.Delete(messages, i, i+1)
			return m
		}
	}
	t.Fatalf("%s: %s must not be received now", queue, body)
	return nil
}

func (w *world) deadLetterQueue(queue string) string {
	return map[string]string{"plain": "plain-dead", "ordered.fifo": "ordered-dead.fifo"}[queue]
}

// buryDead follows the engine in moving dead letters, which it does as it comes across them, and checks that
// it moved none that had receives left. It returns those that moved.
func (w *world) buryDead(queue string) []*modelMessage {
	target := w.deadLetterQueue(queue)
	if target == "" {
		return nil
	}
	there, _ := w.engine.Peek(target, 1<<20)
	var moved []*modelMessage
	for _, p := range there {
		for _, m := range w.messages {
			if m.body != p.Body || m.queue != queue || m.receives < maxReceivesOfModel || !w.visible(m) {
				continue
			}
			w.sent++
			m.queue, m.order, m.shown, m.handle = target, w.sent, w.clock.now(), ""
			moved = append(moved, m)
		}
	}
	return moved
}

// check compares all counts, bodies and states.
func (w *world) check(t *rapid.T) {
	w.settle()
	for _, q := range w.engine.State() {
		want := map[string]string{}
		for _, m := range w.of(q.Name) {
			state := "visible"
			if m.flying {
				state = "in flight"
			} else if !w.visible(m) {
				state = "delayed"
			}
			want[m.body] = fmt.Sprint(state, m.receives)
		}
		got := map[string]string{}
		peeked, _ := w.engine.Peek(q.Name, 1<<20)
		for _, p := range peeked {
			got[p.Body] = fmt.Sprint(p.State, p.Receives)
		}
		if len(peeked) != q.Visible+q.Delayed+q.InFlight || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s holds %v, want %v", q.Name, got, want)
		}
	}
}

// held returns a message that has a handle and is still where it was received.
func (w *world) held(t *rapid.T) *modelMessage {
	var out []*modelMessage
	for _, m := range w.messages {
		if m.handle != "" {
			out = append(out, m)
		}
	}
	if len(out) == 0 {
		t.Skip("nothing was received")
	}
	return rapid.SampledFrom(out).Draw(t, "message")
}

func (w *world) delete(t *rapid.T, m *modelMessage) {
	if isFIFO(m.queue) && !m.flying {
		return // expired, an error: checked elsewhere
	}
	do[struct{}](t, w.engine, "DeleteMessage", map[string]any{"QueueUrl": url(m.queue), "ReceiptHandle": m.handle})
	w.messages = slices.DeleteFunc(w.messages, func(other *modelMessage) bool { return other == m })
}

func (w *world) changeVisibility(t *rapid.T, m *modelMessage, seconds int) {
	if isFIFO(m.queue) && !m.flying {
		return
	}
	do[struct{}](t, w.engine, "ChangeMessageVisibility", map[string]any{"QueueUrl": url(m.queue), "ReceiptHandle": m.handle, "VisibilityTimeout": seconds})
	m.flying, m.shown = true, w.clock.now().Add(time.Duration(seconds)*time.Second)
	w.settle()
}

// rebuild makes another engine of a snapshot and drains its queues: it must hold the same messages, and its
// FIFO groups in the same order.
func (w *world) rebuild(t *rapid.T) {
	fresh := New(Options{Queues: testQueues(), Now: w.clock.now})
	defer fresh.Close()
	if err := w.engine.Snapshot(fresh.Replay); err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	fresh.Attach(nil)
	for _, q := range w.engine.State() {
		want, got := map[string][]string{}, map[string][]string{}
		for _, m := range w.of(q.Name) {
			want[m.group] = append(want[m.group], fmt.Sprint(m.body, " ", m.receives))
		}
		for _, p := range drain(t, fresh, q.Name) {
			got[p.group] = append(got[p.group], fmt.Sprint(p.body, " ", p.receives))
		}
		if !isFIFO(q.Name) {
			for group := range got {
				slices.Sort(got[group])
				slices.Sort(want[group])
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("after the snapshot %s gives %v, want %v", q.Name, got, want)
		}
	}
}

// drain takes all messages out of a queue, in the order in which receives and redrives would meet them.
func drain(t *rapid.T, e *Engine, name string) []modelMessage {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.queues[name]
	if q == nil {
		t.Fatalf("no queue %s", name)
	}
	var out []modelMessage
	for q.all.head != nil {
		m := q.all.head
		if m.state == visible {
			m = m.group.messages.head
		}
		out = append(out, modelMessage{body: m.body, group: m.groupID, receives: m.receives})
		e.drop(m)
	}
	return out
}

// TestAgainstModel runs random histories of sends, receives, deletes, visibility changes, waits and restarts
// on the engine and on the model, and compares everything after each step.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := &world{clock: &testClock{}, dir: t.TempDir()}
		w.open(r)
		defer func() {
			w.engine.Close()
			_ = w.journal.Close() // a failed run has said enough
		}()
		queues := []string{"plain", "ordered.fifo"}
		all := []string{"plain", "ordered.fifo", "plain-dead", "ordered-dead.fifo"}
		r.Repeat(map[string]func(*rapid.T){
			"": w.check,
			"send": func(t *rapid.T) {
				queue := rapid.SampledFrom(queues).Draw(t, "queue")
				group, delay := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group"), 0
				if !isFIFO(queue) {
					delay = rapid.SampledFrom([]int{0, 0, 0, 5}).Draw(t, "delay")
				}
				w.send(t, queue, group, delay)
			},
			"receive": func(t *rapid.T) {
				w.receive(t, rapid.SampledFrom(all).Draw(t, "queue"), rapid.IntRange(1, 10).Draw(t, "n"), rapid.SampledFrom([]int{0, 3, 30}).Draw(t, "hidden"))
			},
			"receive again": func(t *rapid.T) {
				w.receive(t, rapid.SampledFrom(queues).Draw(t, "queue"), rapid.IntRange(1, 3).Draw(t, "n"), 2)
			},
			"delete": func(t *rapid.T) { w.delete(t, w.held(t)) },
			"visibility": func(t *rapid.T) {
				w.changeVisibility(t, w.held(t), rapid.SampledFrom([]int{0, 4, 60}).Draw(t, "seconds"))
			},
			"wait": func(t *rapid.T) {
				w.clock.advance(time.Duration(rapid.IntRange(1, 8).Draw(t, "seconds")) * time.Second)
			},
			"restart": w.restart,
			"rebuild": w.rebuild,
		})
	})
}
