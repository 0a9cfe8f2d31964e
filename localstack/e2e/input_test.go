package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// raw opens a socket without a client behind it.
func raw(t *testing.T, api *client.API, token string) *websocket.Conn {
	t.Helper()
	ticket, err := api.Ticket(within(t), token)
	must(t, err)
	conn, err := dial(within(t), ticket.Address(), api.Origin)
	must(t, err)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func dial(ctx context.Context, address, origin string) (*websocket.Conn, error) {
	options := &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}, HTTPClient: suite.Client}
	conn, _, err := websocket.Dial(ctx, address, options) //nolint:bodyclose // Dial documents that there is none to close
	return conn, err
}

// ask sends a frame and returns the answer with its ref.
func ask(t *testing.T, conn *websocket.Conn, frame string) (answer protocol.Error) {
	t.Helper()
	must(t, conn.Write(within(t), websocket.MessageText, []byte(frame)))
	_, b, err := conn.Read(within(t))
	must(t, err)
	if err := json.Unmarshal(b, &answer); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return answer
}

func TestBadInputHasTypedAnswers(t *testing.T) {
	t.Parallel()
	ws := seed(t, 0)
	c := customer(t, ws, client.Options{})
	id, err := c.Start(within(t), "hello")
	must(t, err)
	conn := raw(t, c.API, c.Session.Token)
	const other = "c_00000000000000000000000000"
	message := `[{"id":"m_00000000000000000000000001","text":"x"}]`
	tests := []struct {
		name, frame string
		code        chat.Code
	}{
		{"not JSON", `{"action":"send"`, chat.CodeInvalid},
		{"no action", `{"ref":"1"}`, chat.CodeUnknownAction},
		{"unknown action", `{"action":"fly","ref":"1"}`, chat.CodeUnknownAction},
		{"no messages", `{"action":"send","ref":"1","conversation":"` + string(id) + `","after":2,"messages":[]}`, chat.CodeInvalid},
		{"text too long", `{"action":"send","ref":"1","conversation":"` + string(id) + `","after":2,"messages":[{"id":"m_00000000000000000000000001","text":"` + strings.Repeat("x", chat.MaxText+1) + `"}]}`, chat.CodeInvalid},
		{"not an id", `{"action":"send","ref":"1","conversation":"` + string(id) + `","after":2,"messages":[{"id":"1","text":"x"}]}`, chat.CodeInvalid},
		{"unknown track", `{"action":"send","ref":"1","conversation":"` + string(id) + `","track":"secret","after":2,"messages":` + message + `}`, chat.CodeInvalid},
		{"desk track of a customer", `{"action":"send","ref":"1","conversation":"` + string(id) + `","track":"desk","after":0,"messages":` + message + `}`, chat.CodeForbidden},
		{"unknown conversation", `{"action":"send","ref":"1","conversation":"` + other + `","after":0,"messages":` + message + `}`, chat.CodeNotFound},
		{"ahead of the log", `{"action":"send","ref":"1","conversation":"` + string(id) + `","after":99,"messages":` + message + `}`, chat.CodeOutOfSync},
		{"join by a customer", `{"action":"join","ref":"1","conversation":"` + string(id) + `","after":2,"id":"m_00000000000000000000000002"}`, chat.CodeForbidden},
		{"page of another", `{"action":"page","ref":"1","conversation":"` + other + `"}`, chat.CodeNotFound},
		{"hello with a bad cursor", `{"action":"hello","ref":"1","cursors":{"x":{}}}`, chat.CodeInvalid},
	}
	for _, tt := range tests {
		answer := ask(t, conn, tt.frame)
		if answer.Type != protocol.TypeError || answer.Code != tt.code || answer.Message == "" {
			t.Errorf("%s: %+v, want %s", tt.name, answer, tt.code)
		}
		if strings.Contains(tt.frame, `"ref"`) && answer.Ref != "1" {
			t.Errorf("%s: ref %q", tt.name, answer.Ref)
		}
	}
	if texts := converge(t, id, chat.Public, c); len(texts) != 1 {
		t.Errorf("bad input left something: %v", texts)
	}
}

// TestOtherTenantsAreNotThere: ids of another workspace are answered as ids that do not exist.
func TestOtherTenantsAreNotThere(t *testing.T) {
	t.Parallel()
	mine, theirs := seed(t, 1), seed(t, 1)
	c := customer(t, mine, client.Options{})
	id, err := c.Start(within(t), "secret")
	must(t, err)
	for name, p := range map[string]*world.Party{"customer": customer(t, theirs, client.Options{}), "operator": operator(t, theirs, 0, client.Options{}), "supervisor": operator(t, theirs, 1, client.Options{})} {
		conn := raw(t, p.API, p.Session.Token)
		for _, frame := range []string{
			`{"action":"page","conversation":"` + string(id) + `"}`,
			`{"action":"send","conversation":"` + string(id) + `","after":2,"messages":[{"id":"m_00000000000000000000000001","text":"x"}]}`,
			`{"action":"typing","conversation":"` + string(id) + `"}`,
		} {
			if answer := ask(t, conn, frame); answer.Code != chat.CodeNotFound {
				t.Errorf("%s: %s: %+v", name, frame, answer)
			}
		}
		if _, err := p.Log(within(t), id, chat.Public); chat.CodeOf(err) != chat.CodeNotFound {
			t.Errorf("%s reads the log: %v", name, err)
		}
	}
	if _, err := customer(t, mine, client.Options{}).Log(within(t), id, chat.Public); chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("another customer of the workspace reads the log: %v", err)
	}
}

func TestTickets(t *testing.T) {
	t.Parallel()
	ws := seed(t, 0)
	c := customer(t, ws, client.Options{})
	ticket, err := c.API.Ticket(within(t), c.Session.Token)
	must(t, err)
	if conn, err := dial(within(t), ticket.Address(), "https://evil.example"); err == nil {
		_ = conn.CloseNow()
		t.Error("a ticket was good on another origin")
	}
	ticket, err = c.API.Ticket(within(t), c.Session.Token)
	must(t, err)
	conn, err := dial(within(t), ticket.Address(), ws.Origin)
	must(t, err)
	_ = conn.CloseNow()
	if conn, err := dial(within(t), ticket.Address(), ws.Origin); err == nil {
		_ = conn.CloseNow()
		t.Error("a ticket was good twice")
	}
}

// TestSignOut: the socket is told why it ends, and no ticket is to be had any more.
func TestSignOut(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	o := operator(t, ws, 0, fast())
	must(t, o.API.SignOut(within(t), o.Session.Token))
	must(t, o.Until(within(t), func(m *client.Machine) bool { return m.Stopped() == chat.CodeUnauthenticated }))
	if _, err := o.API.Ticket(within(t), o.Session.Token); chat.CodeOf(err) != chat.CodeUnauthenticated {
		t.Errorf("ticket: %v", err)
	}
}
