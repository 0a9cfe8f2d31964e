package wsauth

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

func raw(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "events", "lambda", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fromInvoke turns what Invoke returned into what answer prints.
func fromInvoke[T any](t *testing.T, out []byte, err error) string {
	t.Helper()
	var response T
	if err == nil {
		if err := json.Unmarshal(out, &response); err != nil {
			t.Fatal(err)
		}
	}
	return answer(response, err)
}

// Lambda is given back what Handle answers to the whole event: the same golden files hold.
func TestInvokeReplay(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	for _, name := range []string{"authorizer", "authorizer-no-ticket", "authorizer-wrong-origin", "authorizer-lower-case-headers"} {
		out, err := (&Authorizer{Tickets: redeemer{}, Log: quiet}).Invoke(t.Context(), raw(t, name))
		golden(t, name, fromInvoke[events.APIGatewayCustomAuthorizerResponse](t, out, err))
	}
	for _, name := range []string{"connect", "connect-subprotocol", "connect-no-authorizer"} {
		out, err := (&Connect{Log: quiet}).Invoke(t.Context(), raw(t, name))
		golden(t, name, fromInvoke[events.APIGatewayProxyResponse](t, out, err))
	}
	for _, name := range []string{"disconnect", "disconnect-staff"} {
		var whole events.APIGatewayWebsocketProxyRequest
		sample(t, name, &whole)
		var fromWhole, fromScan forgetter
		if _, err := (&Disconnect{Sockets: &fromWhole, Log: quiet}).Handle(t.Context(), whole); err != nil {
			t.Fatal(err)
		}
		out, err := (&Disconnect{Sockets: &fromScan, Log: quiet}).Invoke(t.Context(), raw(t, name))
		golden(t, name, fromInvoke[events.APIGatewayProxyResponse](t, out, err))
		if diff := cmp.Diff(fromWhole.closed, fromScan.closed); diff != "" || len(fromScan.closed) != 1 {
			t.Errorf("forgot (-want +got):\n%s", diff)
		}
	}
}

// A torn or strange event opens nothing.
func TestInvokeRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	whole := string(raw(t, "authorizer"))
	torn, _, _ := strings.Cut(whole, `"queryStringParameters"`)
	for _, text := range []string{"", "[]", torn, strings.ReplaceAll(whole, "ptk_", "pst_")} {
		if out, err := (&Authorizer{Tickets: redeemer{}, Log: quiet}).Invoke(t.Context(), []byte(text)); err == nil {
			t.Errorf("%q is allowed: %s", text, out)
		}
	}
	for _, text := range []string{`{"requestContext":{"authorizer":[`, `{"requestContext":{"authorizer":"x"}}`, `{}`} {
		out, err := (&Connect{Log: quiet}).Invoke(t.Context(), []byte(text))
		if err == nil && string(out) != `{"statusCode":401}` {
			t.Errorf("%s is let in: %s", text, out)
		}
		f := &forgetter{}
		if _, err := (&Disconnect{Sockets: f, Log: quiet}).Invoke(t.Context(), []byte(text)); err == nil && len(f.closed) > 0 {
			t.Errorf("%s forgot %v", text, f.closed)
		}
	}
	if _, err := (&Disconnect{Log: quiet}).Invoke(t.Context(), []byte(`{"requestContext":{"disconnectStatusCode":"x"}}`)); err == nil {
		t.Error("a status code that is no number was taken")
	}
}
