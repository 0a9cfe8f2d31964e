package e2e

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/workspace"
)

// line is a socket whose frames a test writes itself.
type line struct {
	*testing.T
	ctx    context.Context
	socket *websocket.Conn
}

// ask sends a frame that has a ref, and returns what answers it.
func (l line) ask(frame any) (out struct {
	protocol.Ack
	Code   chat.Code
	Fields map[string]string
}) {
	l.Helper()
	must(l.T, l.socket.Write(l.ctx, websocket.MessageText, protocol.Encode(frame)))
	for {
		_, raw, err := l.socket.Read(l.ctx)
		must(l.T, err)
		if must(l.T, json.Unmarshal(raw, &out)); out.Ref != "" {
			return out
		}
	}
}

// TestFormsOfTheWorkspace: a conversation begins only with what the workspace asks for, on the socket as over HTTP; what is
// wrong is told by field; and who the customer says they are is on their contact, once, whichever way they said it.
func TestFormsOfTheWorkspace(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	b := newBoss(t, suite, ws)
	b.make("/v1/forms", `{"use":"prechat","enabled":true,"fields":[{"name":"name","kind":"text"},{"name":"email","kind":"email","required":true},{"name":"size","kind":"choice","choices":["S","L"]}]}`)
	within := b.make("/v1/forms", `{"use":"within","enabled":true,"fields":[{"name":"day","kind":"date","required":true},{"name":"phone","kind":"phone"}]}`)
	c := customer(t, ws, fast())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticket, err := c.API.Ticket(ctx, c.Session.Token)
	must(t, err)
	socket, _, err := websocket.Dial(ctx, ticket.Address(), &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {c.API.Origin}}})
	must(t, err)
	defer func() { _ = socket.CloseNow() }()
	l := line{t, ctx, socket}

	start := protocol.Start{Action: protocol.ActionStart, Ref: "1", Conversation: chat.ConversationID(chat.NewID(chat.ConversationPrefix, time.Now())),
		Messages: []protocol.NewMessage{{ID: chat.EventID(chat.NewID(chat.EventPrefix, time.Now())), Text: "hello"}},
		Fields:   map[string]string{"name": "Ada", "size": "XXL", "iban": "DE1"}}
	want := map[string]string{"email": "required", "size": "must be one of its choices", "iban": "not asked for"}
	if got := l.ask(start); got.Code != chat.CodeInvalid || !maps.Equal(got.Fields, want) {
		t.Fatalf("%+v", got)
	}
	start.Fields, start.Mail = map[string]string{"name": "Ada", "size": "L"}, "ada@shop.example"
	for _, again := range []bool{false, true} {
		if got := l.ask(start); len(got.Acks) != 1 || got.Acks[0].Duplicate != again {
			t.Fatalf("%+v", got)
		}
	}
	form := protocol.Form{Action: protocol.ActionForm, Ref: "2", Conversation: start.Conversation, ID: chat.EventID(chat.NewID(chat.EventPrefix, time.Now())),
		Form: within, Fields: map[string]string{"day": "tomorrow", "phone": "+49 30 1234"}}
	if got := l.ask(form); got.Code != chat.CodeInvalid || !maps.Equal(got.Fields, map[string]string{"day": "must be a date such as 2026-12-25"}) {
		t.Fatalf("%+v", got)
	}
	var told map[string]any
	stale := time.Now().Add(workspace.Staleness + 30*time.Second)
	for told["day"] == nil { // another of the API's processes may have read the settings before
		got := command(t, c, start.Conversation, "form", object{"form": within, "fields": object{"day": "tomorrow"}}, http.StatusBadRequest)
		if told, _ = got["fields"].(map[string]any); told["day"] == nil && time.Now().After(stale) {
			t.Fatalf("%v", got)
		}
		if told["day"] == nil {
			time.Sleep(time.Second)
		}
	}
	form.Fields["day"] = "2026-12-24"
	for range 2 {
		if got := l.ask(form); len(got.Acks) != 1 {
			t.Fatalf("%+v", got)
		}
	}
	if status := call(t, c, http.MethodPost, "/v1/leads", object{"name": "Ada", "email": "ada@shop.example"}, nil); status != http.StatusNoContent {
		t.Errorf("%d", status)
	}
	var card struct {
		Name      string
		Version   uint64
		Addresses []struct {
			Kind, Value string
			Verified    bool
		}
	}
	b.do(http.StatusOK, "GET", "/v1/contacts/"+string(c.Session.User), "", &card)
	if card.Name != "Ada" || len(card.Addresses) != 2 || card.Addresses[0].Value != "ada@shop.example" || card.Addresses[1].Value != "+49301234" || card.Version != 2 ||
		card.Addresses[0].Verified || card.Addresses[1].Verified {
		t.Errorf("%+v", card)
	}
	var d struct{ Fields map[string]string }
	b.do(http.StatusOK, "GET", "/v1/conversations/"+string(start.Conversation)+"/details", "", &d)
	if !maps.Equal(d.Fields, map[string]string{"name": "Ada", "size": "L", "day": "2026-12-24", chat.LeadMail: "ada@shop.example", chat.LeadPhone: "+49 30 1234"}) {
		t.Errorf("%v", d.Fields)
	}
}
