package sim

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/queue"
)

// integrator is the world outside: it takes jobs off the integration queue, forgets what it has had before by
// the event's key, and wants each event once and in order.
type integrator struct {
	w    *world
	seen map[string]bool              // subscription and key
	last map[integration]uint64       // seq, per subscription and track
	got  map[integration][]chat.Event // by the log, in the order of arrival
}

type integration struct {
	subscription string
	ref          chat.Ref
	track        chat.Track
}

func newIntegrator(w *world) *integrator {
	return &integrator{w: w, seen: map[string]bool{}, last: map[integration]uint64{}, got: map[integration][]chat.Event{}}
}

// work takes some messages of one group.
func (g *integrator) work(list []*message) {
	w := g.w
	group := list[w.pick(len(list))].group
	var batch []*message
	for _, m := range w.jobs.messages {
		if m.group == group && len(batch) < 5 {
			batch = append(batch, m)
		}
	}
	fails := len(batch)
	if w.strikes(IntegratorFails) {
		fails = w.pick(len(batch))
	}
	for n, m := range batch {
		if n == fails { // it, and all of its group behind it, come again
			m.visible = time.Now().Add(time.Duration(w.pick(int(visibility))))
			return
		}
		g.take(m)
		if w.strikes(IntegratorRepeat) {
			m.visible = time.Now().Add(time.Duration(w.pick(int(visibility))))
			return
		}
		w.jobs.delete(m)
	}
}

func (g *integrator) take(m *message) {
	w := g.w
	var j queue.IntegrationMessage
	if err := json.Unmarshal([]byte(m.body), &j); err != nil {
		w.violate("an integration job that cannot be read: %v", err)
		return
	}
	w.log("integrator gets %s for %s", j.Event, j.Subscription)
	key := j.Subscription + " " + j.Event
	if g.seen[key] {
		return
	}
	g.seen[key] = true
	at := integration{j.Subscription, chat.Ref{Workspace: j.Workspace, Conversation: j.Conversation}, j.Track}
	repaired := w.logs[at.ref] != nil && w.logs[at.ref].lost // what the repair finds comes late
	if !repaired && (j.Seq <= g.last[at] || j.Subscription == "all" && j.Seq != g.last[at]+1) {
		w.violate("P5: integrator %s gets %s after seq %d", j.Subscription, j.Event, g.last[at])
	}
	g.last[at] = j.Seq
	log := w.logs[at.ref]
	if log == nil || uint64(len(*log.of(j.Track))) < j.Seq {
		w.violate("integrator %s is told of %s, which is not in the log", j.Subscription, j.Event)
		return
	}
	e := (*log.of(j.Track))[j.Seq-1]
	if e.Type != j.Type || e.Gen != j.Gen {
		w.violate("integrator %s is told that %s is a %s of %d, but it is a %s of %d", j.Subscription, j.Event, j.Type, j.Gen, e.Type, e.Gen)
	}
	g.got[at] = append(g.got[at], e)
}

// promised notes that a job was taken by the queue: from then on the event will reach the integration.
func (g *integrator) promised(body string) {
	var j queue.IntegrationMessage
	if json.Unmarshal([]byte(body), &j) != nil || j.Subscription != "all" {
		return
	}
	if l := g.w.logs[chat.Ref{Workspace: j.Workspace, Conversation: j.Conversation}]; l != nil {
		l.jobs[j.Track][j.Seq] = true
	}
}

// missing returns what an integration was never told.
func (g *integrator) missing() string {
	for _, ref := range g.w.order {
		for _, t := range chat.Tracks() {
			log := *g.w.logs[ref].of(t)
			if l := g.w.logs[ref]; l.lost && !l.closing {
				continue // repaired when it closes
			}
			if n := len(g.got[integration{"all", ref, t}]); n != len(log) {
				return key(ref) + " " + string(t) + ": all got " + itoa(n) + " of " + itoa(len(log))
			}
			some := slices.DeleteFunc(slices.Clone(log), func(e chat.Event) bool { return e.Type != chat.EventMessage && e.Type != chat.EventClosed })
			if n := len(g.got[integration{"some", ref, t}]); n != len(some) {
				return key(ref) + " " + string(t) + ": some got " + itoa(n) + " of " + itoa(len(some))
			}
		}
	}
	return ""
}
