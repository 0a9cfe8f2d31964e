package wsauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

var update = flag.Bool("update", false, "rewrite the golden answers")

const (
	sampleWorkspace = "w_01kaw3v4x00123456789abcdef"
	sampleCustomer  = "u_01kaw3v4x0fedcba9876543210"
	sampleSession   = "s_01kaw3v4x0aaaabbbbccccdddd"
	sampleOrigin    = "https://shop.example"
)

// redeemer knows the tickets of the sample events.
type redeemer struct{ failure error }

func (r redeemer) Redeem(_ context.Context, ticket, origin string) (identity.Ticket, error) {
	switch {
	case r.failure != nil:
		return identity.Ticket{}, r.failure
	case !strings.HasPrefix(ticket, "ptk_"):
		return identity.Ticket{}, &identity.Refusal{
			Reason: identity.ReasonTicketInvalid, Err: chat.Errorf(chat.CodeUnauthenticated, "not a socket ticket"),
		}
	case origin != sampleOrigin:
		return identity.Ticket{}, &identity.Refusal{
			Reason: identity.ReasonOriginNotAllowed, Err: chat.Errorf(chat.CodeForbidden, "not this origin"),
		}
	}
	return identity.Ticket{Origin: origin, Principal: chat.Principal{
		Workspace: sampleWorkspace, User: sampleCustomer, Session: sampleSession, Role: chat.RoleCustomer,
	}}, nil
}

// forgetter records what was forgotten.
type forgetter struct {
	closed  []chat.Principal
	failure error
}

func (f *forgetter) SocketClosed(_ context.Context, p chat.Principal) error {
	f.closed = append(f.closed, p)
	return f.failure
}

// SocketEnded is as good as SocketClosed here.
func (f *forgetter) SocketEnded(ctx context.Context, p chat.Principal) error {
	return f.SocketClosed(ctx, p)
}

func sample(t *testing.T, name string, event any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "events", "lambda", name+".json"))
	if err == nil {
		err = json.Unmarshal(raw, event)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what the Lambda runtime would send back.
func answer(response any, err error) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err != nil {
		response = map[string]string{"errorMessage": err.Error()}
	}
	if err := encoder.Encode(response); err != nil {
		return err.Error()
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	for _, name := range []string{"authorizer", "authorizer-no-ticket", "authorizer-wrong-origin", "authorizer-lower-case-headers"} {
		var r Request
		sample(t, name, &r)
		response, err := (&Authorizer{Tickets: redeemer{}, Log: log}).Handle(t.Context(), r)
		golden(t, name, answer(response, err))
	}
	for _, name := range []string{"connect", "connect-subprotocol", "connect-no-authorizer"} {
		var r events.APIGatewayWebsocketProxyRequest
		sample(t, name, &r)
		response, err := (&Connect{Log: log}).Handle(t.Context(), r)
		golden(t, name, answer(response, err))
	}
	for _, name := range []string{"disconnect", "disconnect-staff"} {
		var r events.APIGatewayWebsocketProxyRequest
		sample(t, name, &r)
		response, err := (&Disconnect{Sockets: &forgetter{}, Log: log}).Handle(t.Context(), r)
		golden(t, name, answer(response, err))
	}
	if strings.Contains(logged.String(), "ptk_") {
		t.Errorf("a ticket was logged:\n%s", &logged)
	}
}

func TestAuthorizerTroubleIsNot401(t *testing.T) {
	t.Parallel()
	var r Request
	sample(t, "authorizer", &r)
	for _, failure := range []error{errors.New("boom"), chat.Errorf(chat.CodeUnavailable, "away")} {
		_, err := (&Authorizer{Tickets: redeemer{failure}, Log: slog.New(slog.DiscardHandler)}).Handle(t.Context(), r)
		if err == nil || err.Error() == "Unauthorized" || strings.Contains(err.Error(), "boom") {
			t.Errorf("failure %v answered %v", failure, err)
		}
	}
}

func TestDisconnectForgetsExactlyTheSocket(t *testing.T) {
	t.Parallel()
	var r events.APIGatewayWebsocketProxyRequest
	sample(t, "disconnect", &r)
	f := &forgetter{}
	handler := &Disconnect{Sockets: f, Log: slog.New(slog.DiscardHandler)}
	for range 2 { // late and twice
		if _, err := handler.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	p := chat.Principal{Workspace: sampleWorkspace, User: sampleCustomer, Role: chat.RoleCustomer, Session: sampleSession,
		Connection: "TXzPWdnOjoECGjA="}
	if diff := cmp.Diff([]chat.Principal{p, p}, f.closed); diff != "" {
		t.Errorf("forgotten (-want +got):\n%s", diff)
	}
	f.failure = errors.New("away")
	if _, err := handler.Handle(t.Context(), r); err == nil {
		t.Error("storage trouble is not reported")
	}
	f.closed = nil
	r.RequestContext.Authorizer = nil
	if _, err := handler.Handle(t.Context(), r); err != nil || len(f.closed) > 0 {
		t.Errorf("without a principal: %v, forgot %v", err, f.closed)
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	whole := func() map[string]any {
		return map[string]any{"principalId": "x", "workspace": sampleWorkspace, "user": sampleCustomer, "role": "operator",
			"session": sampleSession, "integrationLatency": 3}
	}
	p, err := Principal(whole())
	want := chat.Principal{Workspace: sampleWorkspace, User: sampleCustomer, Role: chat.RoleOperator, Session: sampleSession}
	if err != nil || p != want {
		t.Errorf("principal %+v, %v", p, err)
	}
	for field, bad := range map[string]any{
		"workspace": sampleCustomer, "user": "u_short", "role": "root", "session": 7,
	} {
		for _, value := range []any{bad, nil, ""} {
			broken := whole()
			broken[field] = value
			if p, err := Principal(broken); chat.CodeOf(err) != chat.CodeUnauthenticated || p != (chat.Principal{}) {
				t.Errorf("%s=%v: %+v, %v", field, value, p, err)
			}
		}
	}
	if _, err := Principal(nil); err == nil {
		t.Error("no context, no error")
	}
}

func TestContextRoundTrip(t *testing.T) {
	t.Parallel()
	ticket, _ := redeemer{}.Redeem(t.Context(), "ptk_", sampleOrigin)
	ticket.Principal.Departments = chat.JoinDepartments("d_01kaw3v4x0aaaaaaaaaaaaaaaa", "d_01kaw3v4x0bbbbbbbbbbbbbbbb")
	ticket.Principal.Until = 1_793_611_800_123
	p, err := Principal(contextOf(ticket))
	if err != nil || p != ticket.Principal {
		t.Errorf("%+v, %v", p, err)
	}
	for name, value := range contextOf(ticket) {
		if _, ok := value.(string); !ok {
			t.Errorf("%s is a %T: API Gateway would change it", name, value)
		}
	}
}
