package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/cmd/bench/load"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/lambda"
	"github.com/parley-chat/parley/localstack/meter"
)

// callsOf counts AWS calls by function and operation, of the way to a socket: the ticket, the handshake, the hello and
// the end. What else the functions do meanwhile does not count.
func callsOf(before, after meter.Report) map[string]int {
	calls := map[string]int{}
	count := func(r meter.Report, sign int) {
		for _, c := range r.Calls {
			switch {
			case c.Route == protocol.ActionHello, c.Function == "ApiFunction", c.Function == "AuthorizerFunction",
				c.Function == "ConnectFunction", c.Function == "DisconnectFunction":
				calls[c.Function+" "+c.Operation] += sign * c.Calls
			}
		}
	}
	count(after, 1)
	count(before, -1)
	for name, n := range calls {
		if n == 0 {
			delete(calls, name)
		}
	}
	return calls
}

// A socket of a customer costs six AWS calls, and one more when it closes; coming back to a conversation after a short absence costs
// one that subscribes and one that reads a chunk, if the tail does not reach back. Whoever needs one more changes these
// tables, and docs/performance.md.
func TestCallsPerConnect(t *testing.T) {
	t.Parallel()
	r := ownRig(t, rig.Options{})
	ctx := limit(t, 2*time.Minute)
	ws, err := r.Seed(ctx, 1)
	must(t, err)
	api := r.API(ws)
	s, err := api.StartCustomer(ctx, ws.WidgetKey, "")
	must(t, err)
	usage := func() meter.Report {
		t.Helper()
		must(t, r.Settled(ctx))
		report, err := r.Usage(ctx)
		must(t, err)
		return report
	}
	compare := func(what string, before meter.Report, times int, want map[string]int) {
		t.Helper()
		for name := range want {
			want[name] *= times
		}
		if d := cmp.Diff(want, callsOf(before, usage())); d != "" {
			t.Errorf("%s, %d times: calls (-want +got):\n%s", what, times, d)
		}
	}
	enter := func(token string, cursors map[chat.ConversationID]protocol.Cursor) {
		t.Helper()
		socket, _, err := load.Enter(ctx, api, token, cursors)
		must(t, err)
		socket.Close()
		idle(t, r) // one after the other, so that each finds the process of the one before warm
	}
	enter(s.Token, nil) // fills the memory of settings

	before := usage()
	const times = 5
	for range times {
		enter(s.Token, nil)
	}
	compare("a customer without a conversation", before, times, map[string]int{
		"ApiFunction GetItem":           1, // the session; the widget is remembered
		"ApiFunction PutItem":           1, // the ticket
		"ApiFunction BatchGetItem":      1, // whether the customer, or the address, is banned
		"AuthorizerFunction DeleteItem": 1,
		"SocketFunction PutItem":        1, // the socket's row
		"SocketFunction Query":          1, // the session again, and the memberships
		"DisconnectFunction DeleteItem": 1,
	})

	cursors, id := missed(t, r, api, s, ws.Operators[0].Email, ws.Operators[0].Password)
	before = usage()
	for range times {
		enter(s.Token, cursors)
	}
	compare("a customer who missed 20 messages of "+string(id), before, times, map[string]int{
		"ApiFunction GetItem":           1,
		"ApiFunction PutItem":           1,
		"ApiFunction BatchGetItem":      1,
		"AuthorizerFunction DeleteItem": 1,
		"SocketFunction PutItem":        1,
		"SocketFunction UpdateItem":     1, // the listener; the answer holds the tail
		"SocketFunction Query":          2, // one more for the chunks
		"DisconnectFunction DeleteItem": 1,
	})
}

// idle waits until no function is at work.
func idle(t *testing.T, r *rig.Rig) {
	t.Helper()
	for ctx := within(t); ; time.Sleep(10 * time.Millisecond) {
		s, err := r.State(ctx)
		must(t, err)
		busy := slices.ContainsFunc(s.Functions, func(f lambda.FunctionState) bool {
			return f.Waiting > 0 || slices.ContainsFunc(f.Processes, func(p lambda.ProcessState) bool { return p.State != "idle" && p.State != "frozen" })
		})
		if !busy {
			return
		}
	}
}

func freshID(prefix string) string { return chat.NewID(prefix, time.Now()) }

// missed makes a conversation in which an operator says 20 messages, one by one, after the customer has left; most of
// them lie in chunks by then. It returns the customer's cursor of before.
func missed(t *testing.T, r *rig.Rig, api *client.API, s client.Session, email, password string) (map[chat.ConversationID]protocol.Cursor, chat.ConversationID) {
	t.Helper()
	ctx := within(t)
	socket, _, err := load.Enter(ctx, api, s.Token, nil)
	must(t, err)
	id := chat.ConversationID(freshID(chat.ConversationPrefix))
	say := func(socket *load.Socket, frame any) protocol.Ack {
		t.Helper()
		ack, err := load.Ask[protocol.Ack](socket, frame)
		must(t, err)
		return ack
	}
	message := func() []protocol.NewMessage {
		return []protocol.NewMessage{{ID: chat.EventID(freshID(chat.EventPrefix)), Text: "hello"}}
	}
	say(socket, protocol.Start{Action: protocol.ActionStart, Conversation: id, Messages: message()})
	socket.Close()
	staff, err := api.SignIn(ctx, email, password)
	must(t, err)
	desk, _, err := load.Enter(ctx, api, staff.Token, nil)
	must(t, err)
	defer desk.Close()
	head := say(desk, protocol.Join{Action: protocol.ActionJoin, Conversation: id, ID: chat.EventID(freshID(chat.EventPrefix))}).Head
	had := head
	for range 20 {
		head = say(desk, protocol.Send{Action: protocol.ActionSend, Conversation: id, After: head, Messages: message()}).Head
		if head%7 == 0 { // the relay keeps up
			must(t, r.Settled(ctx))
		}
	}
	return map[chat.ConversationID]protocol.Cursor{id: {Public: had}}, id
}
