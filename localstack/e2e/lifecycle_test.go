package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// call makes a request of the HTTP API as the party, and reads the answer into out.
func call(t *testing.T, p *world.Party, method, path string, body, out any) int {
	t.Helper()
	raw, err := json.Marshal(body)
	must(t, err)
	reader := bytes.NewReader(nil)
	if body != nil {
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(within(t), method, suite.HTTP+path, reader)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+p.Session.Token)
	req.Header.Set("Origin", p.API.Origin)
	req.Header.Set("Content-Type", "application/json")
	res, err := suite.Client.Do(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	if out != nil {
		must(t, json.NewDecoder(res.Body).Decode(out))
	}
	return res.StatusCode
}

// command issues a command over HTTP, and demands the status.
func command(t *testing.T, p *world.Party, id chat.ConversationID, action string, body any, want int) (answer map[string]any) {
	t.Helper()
	if got := call(t, p, http.MethodPost, "/v1/conversations/"+string(id)+"/"+action, body, &answer); got != want {
		t.Fatalf("%s: %d %v, want %d", action, got, answer, want)
	}
	return answer
}

// shows waits until the party's view says so.
func shows(t *testing.T, p *world.Party, id chat.ConversationID, what string, is func(*client.View) bool) {
	t.Helper()
	err := p.Until(within(t), func(m *client.Machine) bool { return m.View(id) != nil && is(m.View(id)) })
	if err != nil {
		t.Fatalf("never shown: %s: %v", what, err)
	}
}

type object = map[string]any

// TestTransferInSight: both desks and the customer look on while a conversation changes hands.
func TestTransferInSight(t *testing.T) {
	t.Parallel()
	ws := seed(t, 2)
	c, from, to := customer(t, ws, fast()), operator(t, ws, 0, fast()), operator(t, ws, 1, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, from.Take(within(t), id))
	command(t, from, id, "transfer", object{"operator": to.Session.User, "note": "knows it"}, http.StatusOK)
	moved := func(e protocol.Event) bool { return e.Type == chat.EventTransferred && e.Subject == to.Session.User }
	for _, p := range []*world.Party{c, to} {
		shows(t, p, id, "the transfer", func(v *client.View) bool { return slices.ContainsFunc(v.Events(chat.Public), moved) })
	}
	last := uint64(len(from.Shown(id, chat.Public)))
	must(t, c.Say(id, "and now?"))
	must(t, to.Say(id, "I am here"))
	converge(t, id, chat.Public, c, to)
	if notes := converge(t, id, chat.Desk, to); !slices.Contains(notes, "knows it") {
		t.Errorf("notes: %v", notes)
	}
	command(t, from, id, "close", object{}, http.StatusNotFound) // their departments' conversations they read, no more
	if log, err := from.Log(within(t), id, chat.Public); err != nil || len(log) == 0 {
		t.Errorf("a colleague of the same department reads nothing: %v", err)
	}
	if now := uint64(len(from.Shown(id, chat.Public))); now > last+1 { // the transfer itself was theirs
		t.Errorf("who passed it on was shown %d events more", now-last)
	}
}

// TestTakeOverInSight: a supervisor takes a conversation over; who had it writes no more with what they knew.
func TestTakeOverInSight(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	c, o, boss := customer(t, ws, fast()), operator(t, ws, 0, fast()), operator(t, ws, 1, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, o.Take(within(t), id))
	var before protocol.Snapshot
	call(t, o, http.MethodGet, "/v1/conversations/"+string(id), nil, &before)
	command(t, boss, id, "takeover", object{"keep": true}, http.StatusOK)
	for _, p := range []*world.Party{c, o, boss} {
		shows(t, p, id, "the new operator", func(v *client.View) bool {
			return slices.ContainsFunc(v.Events(chat.Public), func(e protocol.Event) bool { return e.Type == chat.EventAssigned && e.Subject == boss.Session.User })
		})
	}
	text := []object{{"text": "as I said"}}
	if got := command(t, o, id, "messages", object{"epoch": before.Epoch, "messages": text}, http.StatusConflict); got["code"] != string(chat.CodeStaleEpoch) {
		t.Errorf("%v", got)
	}
	reply := object{"inReplyTo": 2, "messages": text}
	for _, again := range []bool{false, true} {
		acks := command(t, boss, id, "messages", reply, http.StatusOK)["acks"].([]any)
		if got := acks[0].(map[string]any)["duplicate"] == true; got != again {
			t.Errorf("duplicate: %v, want %v", got, again)
		}
	}
	converge(t, id, chat.Public, c, o, boss)
}

// TestSnoozeRatingAndDetails: the customer wakes what was snoozed; and what a conversation leaves behind: tags, fields, rating, details, and its place in
// the team's list.
func TestSnoozeRatingAndDetails(t *testing.T) {
	t.Parallel()
	c, o, id := pair(t, fast())
	command(t, o, id, "snooze", object{"until": time.Now().Add(time.Hour).UnixMilli()}, http.StatusOK)
	must(t, c.Say(id, "I am back"))
	shows(t, o, id, "awake", func(v *client.View) bool {
		return slices.ContainsFunc(v.Events(chat.Desk), func(e protocol.Event) bool { return e.Type == chat.EventResumed })
	})
	command(t, o, id, "tag", object{"tags": []string{"vip", "a#b"}}, http.StatusOK)
	command(t, o, id, "fields", object{"fields": object{"order": "17"}}, http.StatusOK)
	command(t, o, id, "priority", object{"priority": 2}, http.StatusOK)
	command(t, c, id, "form", object{"mail": "ada@shop.example"}, http.StatusOK)
	command(t, c, id, "tag", object{"tags": []string{"x"}}, http.StatusForbidden)
	must(t, o.Say(id, "done"))
	must(t, o.Acked(within(t)))
	command(t, o, id, "close", object{"reason": "solved"}, http.StatusOK)
	command(t, c, id, "rate", object{"score": 3}, http.StatusOK)
	command(t, c, id, "rate", object{"score": 5, "comment": "fine"}, http.StatusOK)
	var d map[string]any
	if status := call(t, o, http.MethodGet, "/v1/conversations/"+string(id)+"/details", nil, &d); status != http.StatusOK {
		t.Fatalf("%d %v", status, d)
	}
	rating, _ := d["rating"].(map[string]any)
	fields, _ := d["fields"].(map[string]any)
	if rating["score"] != 5.0 || fields["order"] != "17" || fields[chat.LeadMail] != "ada@shop.example" || d["status"] != "closed" || d["priority"] != 2.0 ||
		d["firstResponseAt"] == nil || d["closedAt"] == nil || len(d["tags"].([]any)) != 2 {
		t.Errorf("details: %v", d)
	}
	for _, query := range []string{"", "?tag=a%23b", "?status=closed", "?operator=" + string(o.Session.User), "?customer=" + string(c.Session.User), "?department="} {
		eventually(t, "listed by "+query, func() bool {
			var list struct{ Conversations []object }
			call(t, o, http.MethodGet, "/v1/team/conversations"+query, nil, &list)
			return len(list.Conversations) == 1 && list.Conversations[0]["conversation"] == string(id)
		})
	}
	converge(t, id, chat.Public, c, o)
}

// eventually waits for an index to catch up.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx := within(t)
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatal(what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestRareActionsOnASocket: what has no route of its own is served by $default, and answered.
func TestRareActionsOnASocket(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	c, o := customer(t, ws, fast()), operator(t, ws, 0, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, o.Take(within(t), id))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticket, err := o.API.Ticket(ctx, o.Session.Token)
	must(t, err)
	socket, _, err := websocket.Dial(ctx, ticket.Address(), &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {o.API.Origin}}})
	must(t, err)
	defer func() { _ = socket.CloseNow() }()
	ask := func(frame any) protocol.Ack {
		t.Helper()
		must(t, socket.Write(ctx, websocket.MessageText, protocol.Encode(frame)))
		for {
			_, raw, err := socket.Read(ctx)
			must(t, err)
			var ack protocol.Ack
			must(t, json.Unmarshal(raw, &ack))
			if ack.Ref != "" {
				if ack.Type != protocol.TypeAck {
					t.Fatalf("%s", raw)
				}
				return ack
			}
		}
	}
	tag := protocol.Tag{Action: protocol.ActionTag, Ref: "1", Conversation: id, ID: chat.EventID(chat.NewID(chat.EventPrefix, time.Now())), Tags: []string{"vip"}}
	if ack := ask(tag); ack.Track != chat.Desk || len(ack.Acks) != 1 || ack.Acks[0].Duplicate {
		t.Errorf("%+v", ack)
	}
	if ack := ask(tag); !ack.Acks[0].Duplicate {
		t.Errorf("again: %+v", ack)
	}
	ask(protocol.Transfer{Action: protocol.ActionTransfer, Ref: "2", Conversation: id, ID: chat.EventID(chat.NewID(chat.EventPrefix, time.Now())), Operator: ws.Operators[1].User})
	shows(t, c, id, "the transfer", func(v *client.View) bool {
		return slices.ContainsFunc(v.Events(chat.Public), func(e protocol.Event) bool { return e.Type == chat.EventTransferred })
	})
}
