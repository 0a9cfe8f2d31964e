package e2e

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/seam"
)

// watchers are people with every view of the live desk open, and what changes it.
type watchers struct {
	*rig.Scene
	operators      []*rig.Person // the second is on duty
	boss, customer *rig.Person
}

func newWatchers(t *testing.T, r *rig.Rig, settings client.Settings) *watchers {
	t.Helper()
	ctx := limit(t, time.Minute)
	w := &watchers{Scene: r.Scene()}
	t.Cleanup(w.Close)
	space, err := w.Space(ctx, 2)
	must(t, err)
	newBoss(t, r.World, space.Workspace).do(http.StatusOK, "PUT", "/v1/settings", `{"widget":{"tellVisits":true}}`, nil, "If-Match", "*")
	for i := range space.Operators {
		o, err := w.Operator(ctx, space, i, settings, nil)
		must(t, err)
		w.operators = append(w.operators, o)
	}
	w.boss = w.operators[len(w.operators)-1]
	for _, o := range w.operators[:2] {
		o.Watch(chat.ViewQueue, chat.ViewColleagues, chat.ViewVisitors)
	}
	w.boss.Watch(chat.DeskViews()...)
	w.customer, err = w.Customer(ctx, space, settings, nil)
	must(t, err)
	return w
}

// play changes everything that a desk shows. Two conversations go to the operator on duty, and one of them back into the
// queue.
func (w *watchers) play(t *testing.T) {
	t.Helper()
	ctx := limit(t, 30*time.Second)
	w.customer.Do(func(m *client.Machine) { m.Visit(protocol.Visit{Page: "https://shop.example/cart"}) })
	w.operators[1].Do(func(m *client.Machine) { m.Duty(chat.DutyAccepting) })
	first, err := w.customer.Start("hello")
	must(t, err)
	second, err := w.customer.Start("and another thing")
	must(t, err)
	_, err = w.customer.Acked(ctx)
	must(t, err)
	for _, id := range []chat.ConversationID{first, second} {
		must(t, w.operators[1].Until(ctx, func(m *client.Machine) bool { return m.View(id) != nil && m.View(id).Assignee == w.operators[1].User }))
	}
	w.operators[1].Do(func(m *client.Machine) { m.Duty(chat.DutyAway) })
	must(t, w.operators[1].End(first))
	_, err = w.operators[1].Acked(ctx)
	must(t, err)
	w.operators[1].Do(func(m *client.Machine) {
		_, err = client.Queue(m, protocol.Transfer{Conversation: second, Operator: w.operators[0].User, Note: "for you"})
	})
	must(t, err)
	_, err = w.operators[1].Acked(ctx)
	must(t, err)
	w.attend(t, ctx, second)
	_, err = w.customer.Start("nobody is there")
	must(t, err)
	_, err = w.customer.Acked(ctx)
	must(t, err)
}

// attend has the first operator read and answer one conversation, whose customer asks on, raise its priority, and put off
// another.
func (w *watchers) attend(t *testing.T, ctx context.Context, id chat.ConversationID) {
	t.Helper()
	o := w.operators[0]
	must(t, o.Until(ctx, func(m *client.Machine) bool {
		v := m.View(id)
		return v != nil && !v.Gone && v.Assignee == o.User && v.Applied(chat.Public) > 0
	}))
	o.Do(func(m *client.Machine) { m.MarkRead(id, m.View(id).Applied(chat.Public)) })
	must(t, o.Send(id, chat.Public, "here I am"))
	_, err := o.Acked(ctx)
	must(t, err)
	must(t, w.customer.Send(id, chat.Public, "one more thing", "and another"))
	put, err := w.customer.Start("this can wait")
	must(t, err)
	_, err = w.customer.Acked(ctx)
	must(t, err)
	must(t, o.Take(put))
	_, err = o.Acked(ctx)
	must(t, err)
	o.Do(func(m *client.Machine) {
		if _, err = client.Queue(m, protocol.Priority{Conversation: id, Priority: 2}); err == nil {
			_, err = client.Queue(m, protocol.Snooze{Conversation: put, Until: time.Now().Add(time.Hour).UnixMilli()})
		}
	})
	must(t, err)
	_, err = o.Acked(ctx)
	must(t, err)
}

// deskCase breaks something that the live desk needs.
type deskCase struct {
	name  string
	rules []faults.Rule
	// lost: frames are lost on their way, which only asking again heals.
	lost bool
	// away: the watchers' sockets are cut while it goes on.
	away bool
}

func deskCases() []deskCase {
	kill := func(service, operation string, phase seam.Phase) faults.Rule {
		return faults.Rule{Service: service, Operation: operation, Function: "DeliverFunction", Phase: phase, Kind: seam.FaultKill, Times: 2}
	}
	return []deskCase{
		{name: "nothing"},
		{name: "reconnects", away: true},
		{name: "killed at its events", rules: []faults.Rule{kill("lambda", "Invoke", seam.Before), kill("lambda", "Invoke", seam.After)}},
		{name: "killed around its reads and notes", rules: []faults.Rule{kill(seam.DynamoDB, "Query", seam.After), kill(seam.DynamoDB, "UpdateItem", seam.After)}},
		{name: "killed around its pushes", rules: []faults.Rule{kill(seam.ExecuteAPI, "PostToConnection", seam.Before), kill(seam.ExecuteAPI, "PostToConnection", seam.After)}},
		{name: "pushes that fail", rules: []faults.Rule{{Service: seam.ExecuteAPI, Operation: "PostToConnection", Function: "DeliverFunction", Kind: seam.FaultError, ErrorType: "LimitExceededException", Times: 4}}},
		{name: "pushed twice", rules: []faults.Rule{{Service: "gateway", Operation: "Push", Kind: seam.FaultDuplicate, Times: 20}}},
		{name: "pushes overtake each other", rules: []faults.Rule{{Service: "gateway", Operation: "Push", Kind: seam.FaultDelay, DelayMS: 3000, Probability: 0.5, Times: 8}}},
		{name: "pushes lost", rules: []faults.Rule{{Service: "gateway", Operation: "Push", Kind: seam.FaultLose, Probability: 0.7, Times: 20}}, lost: true},
	}
}

// TestLiveDesksUnderFaults: whatever breaks, everybody who watches ends up seeing what is so: the queue, their own
// conversations, the colleagues and their load, who is on the site.
func TestLiveDesksUnderFaults(t *testing.T) {
	t.Parallel()
	r := ownRig(t, rig.Options{})
	for _, c := range deskCases() {
		t.Run(c.name, func(t *testing.T) {
			settings := rig.Pinging(5 * time.Second) // a read cursor goes with a ping at the latest
			if c.lost {
				settings = rig.Pinging(500 * time.Millisecond)
				settings.Live = time.Second
			}
			w := newWatchers(t, r, settings)
			ids := broken(t, r, c.rules...)
			if c.away {
				for _, o := range w.operators {
					o.Drop()
				}
			}
			w.play(t)
			if c.away {
				must(t, w.operators[0].Restart())
				w.boss.Drop()
			}
			struck(t, r, ids)
			must(t, r.Mend(limit(t, 5*time.Second)))
			ctx := limit(t, 20*time.Second)
			must(t, w.Rest(ctx))
			found, err := w.JudgeDesks(ctx)
			must(t, err)
			report(t, found)
		})
	}
	found, err := r.JudgeStack(limit(t, 5*time.Second))
	must(t, err)
	report(t, found)
}
