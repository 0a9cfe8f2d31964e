package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/seam"
)

// actor does things at random.
type actor struct {
	p   *rig.Person
	rng *rand.Rand
	n   int
}

// The mean pauses between two actions. A customer who writes more than 30 messages in 10 s is muted
// (chat.DefaultRate), which would only slow the test down.
const (
	customerPause = 450 * time.Millisecond
	operatorPause = 110 * time.Millisecond
)

// act acts until ctx ends. Errors of commands are those of a client that knows better, and count for nothing.
func (a *actor) act(ctx context.Context) {
	mean := customerPause
	if a.p.Staff {
		mean = operatorPause
	}
	for pace(ctx, a.rng, mean) {
		id, ok := a.conversation()
		switch {
		case a.p.Staff && a.rng.IntN(60) == 0:
			a.duty()
		case a.p.Staff && (!ok || a.rng.IntN(12) == 0):
			a.take()
		case !ok: // not welcomed yet
		default:
			a.one(ctx, id)
		}
	}
}

// conversation picks one that the client knows.
func (a *actor) conversation() (id chat.ConversationID, ok bool) {
	a.p.Do(func(m *client.Machine) {
		if views := m.Views(); len(views) > 0 {
			v := views[a.rng.IntN(len(views))]
			id, ok = v.Conversation, !v.Gone
		}
	})
	return id, ok
}

// duty comes on duty, or goes.
func (a *actor) duty() {
	status := []chat.Duty{chat.DutyAccepting, chat.DutyAccepting, chat.DutyAway, chat.DutyOff}[a.rng.IntN(4)]
	a.p.Do(func(m *client.Machine) { m.Duty(status) })
}

func (a *actor) take() {
	var id chat.ConversationID
	a.p.Do(func(m *client.Machine) {
		if w := m.Waiting(); len(w) > 0 {
			id = w[a.rng.IntN(len(w))].Conversation
		}
	})
	if id != "" {
		_ = a.p.Take(id)
	}
}

// one does one thing in a conversation.
func (a *actor) one(ctx context.Context, id chat.ConversationID) {
	switch n := a.rng.IntN(100); {
	case n < 52:
		_ = a.p.Send(id, chat.Public, a.texts()...)
	case n < 60:
		a.note(id)
	case n < 68:
		a.revise(id)
	case n < 76:
		a.readLog(ctx, id)
	case n < 82:
		a.p.Do(func(m *client.Machine) { m.MarkRead(id, m.View(id).Applied(chat.Public)) })
	case n < 86:
		a.p.Do(func(m *client.Machine) { m.Typing(id) })
	case n < 89:
		_ = a.p.End(id)
	case n < 91:
		a.reopenOrStart(id)
	case n < 94:
		a.p.Drop()
	case n < 96:
		_ = a.p.Restart()
	case n < 98:
		a.p.LoseAcks(1 + a.rng.IntN(2))
	default:
		a.p.MutePushes(a.rng.IntN(2) == 0)
	}
}

func (a *actor) texts() []string {
	texts := make([]string, 1)
	if a.p.Staff {
		texts = make([]string, 1+a.rng.IntN(3))
	}
	for i := range texts {
		a.n++
		texts[i] = fmt.Sprintf("%d.%d %s", a.p.Number, a.n, strings.Repeat("~", a.rng.IntN(120)))
	}
	return texts
}

func (a *actor) note(id chat.ConversationID) {
	if a.p.Staff {
		_ = a.p.Send(id, chat.Desk, a.texts()...)
	}
}

func (a *actor) revise(id chat.ConversationID) {
	seq := lastOwn(a.p, id)
	switch {
	case seq == 0:
	case a.rng.IntN(3) == 0:
		_ = a.p.Delete(id, chat.Public, seq)
	default:
		_ = a.p.Edit(id, chat.Public, seq, fmt.Sprint("edited ", a.n))
	}
}

func (a *actor) readLog(ctx context.Context, id chat.ConversationID) {
	t, from := chat.Public, uint64(0)
	if a.p.Staff && a.rng.IntN(3) == 0 {
		t = chat.Desk
	}
	a.p.Do(func(m *client.Machine) {
		if v := m.View(id); v != nil && v.Applied(t) > 0 {
			from = a.rng.Uint64N(v.Applied(t))
		}
	})
	_ = a.p.ReadLog(ctx, id, t, from)
}

func (a *actor) reopenOrStart(id chat.ConversationID) {
	if a.p.Staff {
		_ = a.p.Reopen(id)
		return
	}
	if len(a.texts()) > 0 && a.rng.IntN(3) == 0 {
		_, _ = a.p.Start(a.texts()...)
	}
}

// rule makes a random fault: a bounded number of strikes, at any place that can fail.
func (c *chaos) rule() faults.Rule {
	r := faults.Rule{Times: 1 + c.rng.IntN(4), Probability: 0.2 + 0.8*c.rng.Float64(), Seed: c.rng.Uint64(), Skip: c.rng.IntN(3)}
	if c.rng.IntN(2) == 0 {
		r.Phase = seam.After
	}
	switch c.rng.IntN(6) {
	case 0, 1, 2:
		c.callRule(&r)
	case 3:
		r.Service, r.Operation = "gateway", []string{"Push", "Push", "Response", "Disconnect"}[c.rng.IntN(4)]
		r.Kind, r.DelayMS, r.Phase = []seam.FaultKind{seam.FaultLose, seam.FaultDuplicate, seam.FaultDelay}[c.rng.IntN(3)], 1+c.rng.IntN(300), seam.Before
	case 4:
		r.Service, r.Operation = "lambda", "Invoke"
		r.Function = []string{"SocketFunction", "SocketFunction", "DeliverFunction", "RelayFunction", "ApiFunction", "DisconnectFunction"}[c.rng.IntN(6)]
		r.Kind, r.DelayMS = []seam.FaultKind{seam.FaultKill, seam.FaultLose, seam.FaultDuplicate, seam.FaultDelay}[c.rng.IntN(4)], 1+c.rng.IntN(300)
	default:
		r.Service, r.Operation = []string{"sqs-mapping", "stream-mapping"}[c.rng.IntN(2)], "Deliver"
		r.Kind, r.DelayMS = []seam.FaultKind{seam.FaultDuplicate, seam.FaultLose, seam.FaultDelay}[c.rng.IntN(3)], 1+c.rng.IntN(300)
	}
	return r
}

// callRule breaks an AWS call. An answer with an error after the effect is one that was lost, as the caller sees it.
func (c *chaos) callRule(r *faults.Rule) {
	functions := []string{"SocketFunction", "SocketFunction", "SocketFunction", "DeliverFunction", "RelayFunction"}
	r.Function = functions[c.rng.IntN(len(functions))]
	call := calls[r.Function][c.rng.IntN(len(calls[r.Function]))]
	r.Service, r.Operation = call.service, call.operation
	switch c.rng.IntN(5) {
	case 0, 1:
		r.Kind = seam.FaultKill
	case 2:
		r.Kind = seam.FaultLose
	case 3:
		r.Kind, r.DelayMS = seam.FaultDelay, 1+c.rng.IntN(400)
	default:
		r.Kind = seam.FaultError
		switch call.service {
		case seam.DynamoDB:
			r.ErrorType = []string{"ProvisionedThroughputExceededException", "InternalServerError", "ThrottlingException"}[c.rng.IntN(3)]
			if call.operation == "UpdateItem" && c.rng.IntN(2) == 0 {
				r.ErrorType = "TransactionConflictException"
			}
		case seam.SQS:
			r.ErrorType = "InternalFailure"
		default:
			r.ErrorType = []string{"LimitExceededException", "GoneException", "InternalServerError"}[c.rng.IntN(3)]
		}
	}
}
