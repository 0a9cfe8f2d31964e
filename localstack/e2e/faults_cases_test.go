package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/gateway"
	"github.com/parley-chat/parley/localstack/seam"
)

// TestFaultsWithoutATable holds the cases that need a play of their own, on one stack, one after the other.
func TestFaultsWithoutATable(t *testing.T) {
	t.Parallel()
	r := ownRig(t, rig.Options{})
	for _, c := range []struct {
		name string
		play func(*testing.T, *rig.Rig)
	}{
		{"a slow receiver delays nobody", slowReceiver},
		{"the sender dies with the handler", senderGone},
		{"more listeners than a head holds", crowd},
		{"a start whose answer is lost, by a client that restarts", lostStart},
		{"two operators take one conversation", twoTakers},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.play(t, r)
			must(t, r.Mend(limit(t, 5*time.Second)))
		})
	}
	found, err := r.JudgeStack(limit(t, 5*time.Second))
	must(t, err)
	report(t, found)
}

// judged waits for rest and judges a scene, and says who is left.
func judged(t *testing.T, s *rig.Scene) {
	t.Helper()
	ctx := limit(t, 40*time.Second)
	must(t, s.Rig.Mend(ctx))
	must(t, s.Rest(ctx))
	found, logs, err := s.Judge(ctx)
	must(t, err)
	report(t, found)
	report(t, s.JudgeJobs(ctx, logs))
}

// begun has the script's customer and operator in one conversation.
func (s *script) begun(t *testing.T) chat.ConversationID {
	t.Helper()
	ctx := limit(t, 20*time.Second)
	id, err := s.customer.Start("hello")
	must(t, err)
	must(t, s.acked(ctx, s.customer))
	must(t, s.operator.Take(id))
	must(t, s.acked(ctx, s.operator))
	for _, p := range []*rig.Person{s.customer, s.tab} {
		must(t, p.Until(ctx, func(m *client.Machine) bool { return m.View(id) != nil && m.View(id).Status == chat.StatusActive }))
	}
	return id
}

// struck waits until the rules have struck.
func struck(t *testing.T, r *rig.Rig, ids []string) {
	t.Helper()
	ctx := limit(t, 15*time.Second)
	for {
		left, err := missing(ctx, r, ids)
		if left == "" && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the fault did not happen: %s (%v)", left, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// slowReceiver: posts to one socket hang. The others, and the sender, notice nothing; what the slow one is owed it
// gets later, without asking.
func slowReceiver(t *testing.T, r *rig.Rig) {
	s := newScript(t, r, rig.Fast())
	id := s.begun(t)
	ctx := limit(t, 30*time.Second)
	before, err := r.Connections(ctx)
	must(t, err)
	_, err = s.Tab(ctx, s.customer, rig.Fast()) // judged with the others: it gets what it is owed
	must(t, err)
	after, err := r.Connections(ctx)
	must(t, err)
	connection := newest(t, before, after)
	const hang = 15 * time.Second
	ids := broken(t, r, faults.Rule{Service: seam.ExecuteAPI, Operation: "PostToConnection", Resource: connection, Kind: seam.FaultDelay, DelayMS: int(hang / time.Millisecond)})
	prompt, cancel := context.WithTimeout(ctx, hang) // for all of it: had one push been waited for, it would not do
	defer cancel()
	for i := range 5 {
		must(t, s.operator.Send(id, chat.Public, fmt.Sprint("message ", i)))
		must(t, s.acked(prompt, s.operator))
	}
	must(t, s.customer.Until(prompt, func(m *client.Machine) bool {
		events := m.View(id).Events(chat.Public)
		return events[len(events)-1].Text == s.operator.Text("message 4")
	}))
	struck(t, r, ids)
	judged(t, s.Scene)
}

// senderGone: the handler dies after the commit and the sender with it, so that nobody sends again. The others find
// the message by a ping, and the integrator is told.
func senderGone(t *testing.T, r *rig.Rig) {
	s := newScript(t, r, rig.Pinging(300*time.Millisecond))
	id := s.begun(t)
	ctx := limit(t, 20*time.Second)
	patient := rig.Fast()
	patient.RetryBase, patient.RetryCap = time.Hour, time.Hour
	sender, err := s.Tab(ctx, s.customer, patient)
	must(t, err)
	must(t, s.shown(ctx, sender, id))
	last := ""
	for tries := 0; last == ""; tries++ { // a read cursor of the others, or a hello that was repeated, may get in the way
		text := fmt.Sprint("last words ", tries)
		ids := broken(t, r, faults.Rule{Service: seam.DynamoDB, Operation: "UpdateItem", Function: "SocketFunction", Phase: seam.After, Kind: seam.FaultKill, Times: 1})
		must(t, sender.Send(id, chat.Public, text))
		struck(t, r, ids)
		answer, cancel := context.WithTimeout(ctx, 3*time.Second)
		if _, err := sender.Acked(answer); err != nil {
			last = sender.Text(text)
		}
		cancel()
	}
	s.Leave(sender)
	if c := s.Counts(); c.Unknown != 1 {
		t.Errorf("%+v: the sender should not know", c)
	}
	must(t, s.operator.Until(ctx, func(m *client.Machine) bool {
		events := m.View(id).Events(chat.Public)
		return len(events) > 0 && events[len(events)-1].Text == last
	}))
	judged(t, s.Scene)
}

// newest returns the connection that was opened between two lists. One that was opened again, because its first hello
// took long, comes before it: the lists are by age.
func newest(t *testing.T, before, after []gateway.ConnectionState) string {
	t.Helper()
	added := slices.DeleteFunc(slices.Clone(after), func(c gateway.ConnectionState) bool {
		return slices.ContainsFunc(before, func(b gateway.ConnectionState) bool { return b.ID == c.ID })
	})
	if len(added) == 0 {
		t.Fatalf("none of %d connections is new", len(after))
	}
	return added[len(added)-1].ID
}

// crowd: more sockets listen than a head holds, so that the rest is pushed to through the queue, while the function
// that does it dies before and after each of its calls, and some of the sockets go without $disconnect.
func crowd(t *testing.T, r *rig.Rig) {
	s := newScript(t, r, rig.Fast())
	id := s.begun(t)
	ctx := limit(t, 60*time.Second)
	var tabs []*rig.Person
	for range chat.MaxListeners + 12 {
		tab, err := s.Tab(ctx, s.customer, rig.Fast())
		must(t, err)
		tabs = append(tabs, tab)
	}
	deliver := func(service, operation string, phase seam.Phase, skip int) faults.Rule {
		return faults.Rule{Service: service, Operation: operation, Function: "DeliverFunction", Phase: phase, Kind: seam.FaultKill, Skip: skip, Times: 1}
	}
	lost := faults.Rule{Service: "gateway", Operation: "Disconnect", Kind: seam.FaultLose}
	kills := [][]faults.Rule{
		{deliver(seam.DynamoDB, "Query", seam.Before, 1), deliver(seam.ExecuteAPI, "PostToConnection", seam.After, 2)},
		{deliver(seam.DynamoDB, "Query", seam.After, 0), deliver(seam.ExecuteAPI, "PostToConnection", seam.Before, 3)},
		{deliver(seam.DynamoDB, "GetItem", seam.After, 1), deliver(seam.DynamoDB, "DeleteItem", seam.Before, 0), lost},
		{deliver(seam.DynamoDB, "DeleteItem", seam.After, 0), lost},
	}
	for i, rules := range kills {
		ids := broken(t, r, rules...)
		if slices.ContainsFunc(rules, func(r faults.Rule) bool { return r.Operation == "Disconnect" }) {
			for _, tab := range tabs[len(tabs)-12:] { // the latest have rows of their own
				must(t, tab.Restart())
				must(t, tab.Ready(ctx))
			}
		}
		must(t, s.operator.Send(id, chat.Public, fmt.Sprint("to all of you ", i)))
		must(t, s.acked(ctx, s.operator))
		struck(t, r, ids)
		must(t, r.Mend(ctx))
	}
	judged(t, s.Scene)
}

// lostStart: a start commits, its answer is lost and its client dies. The next life of the client sends it again:
// there is one conversation, with each message once.
func lostStart(t *testing.T, r *rig.Rig) {
	patient := rig.Fast()
	patient.Answer = time.Minute // only the next life sends it again: of two tries, either's answer may come first
	s := newScript(t, r, patient)
	ctx := limit(t, 20*time.Second)
	ids := broken(t, r, faults.Rule{Service: "gateway", Operation: "Response", Route: "start", Kind: seam.FaultLose, Times: 1})
	id, err := s.customer.Start("hello", "is anybody there?")
	must(t, err)
	struck(t, r, ids)
	must(t, s.customer.Restart())
	must(t, s.acked(ctx, s.customer))
	if c := s.Counts(); c.Duplicate != 2 || c.Acked != 2 {
		t.Errorf("%+v, want both messages found", c)
	}
	must(t, s.shown(ctx, s.tab, id))
	judged(t, s.Scene)
}

// twoTakers: of two operators who take one conversation at once, each on conflicts, one gets it.
func twoTakers(t *testing.T, r *rig.Rig) {
	ctx := limit(t, 40*time.Second)
	sc := r.Scene()
	t.Cleanup(sc.Close)
	space, err := sc.Space(ctx, 2)
	must(t, err)
	customer, err := sc.Customer(ctx, space, rig.Fast(), nil)
	must(t, err)
	var operators []*rig.Person
	for i := range 2 {
		o, err := sc.Operator(ctx, space, i, rig.Fast(), nil)
		must(t, err)
		operators = append(operators, o)
	}
	for range 5 {
		id, err := customer.Start("who comes first?")
		must(t, err)
		_, err = customer.Acked(ctx)
		must(t, err)
		ids := broken(t, r,
			faults.Rule{Service: seam.DynamoDB, Operation: "TransactWriteItems", Function: "SocketFunction", Kind: seam.FaultDelay, DelayMS: 30, Times: 1},
			faults.Rule{Service: seam.DynamoDB, Operation: "TransactWriteItems", Function: "SocketFunction", Phase: seam.After, Kind: seam.FaultLose, Times: 1})
		for _, o := range operators {
			must(t, o.Take(id))
		}
		must(t, oneTook(ctx, operators))
		struck(t, r, ids)
	}
	judged(t, sc)
}

// oneTook waits until both are answered and checks that one was refused.
func oneTook(ctx context.Context, operators []*rig.Person) error {
	refused := 0
	for _, o := range operators {
		entries, err := o.Acked(ctx)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Failed != chat.CodeAlreadyAssigned {
				return fmt.Errorf("refused: %s", e.Failed)
			}
		}
		refused += o.Discard()
	}
	if refused != 1 {
		return fmt.Errorf("%d of two operators were refused", refused)
	}
	return nil
}
