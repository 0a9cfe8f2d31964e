package template

import (
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/chat.plan.json")

// TestPlanIsPinned shows any change of what is read from a template.
func TestPlanIsPinned(t *testing.T) {
	t.Parallel()
	got, err := json.MarshalIndent(mustLoad(t, "testdata/chat.yaml", testOptions), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const golden = "testdata/chat.plan.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the plan changed (-was +is); if that is meant, run with -update:\n%s", diff)
	}
}

// TestPlanSaysWhatTheTemplateSays spot-checks by hand what the golden file only freezes.
func TestPlanSaysWhatTheTemplateSays(t *testing.T) {
	t.Parallel()
	plan := mustLoad(t, "testdata/chat.yaml", testOptions)
	functions, queues := map[string]Function{}, map[string]Queue{}
	for _, f := range plan.Functions {
		functions[f.LogicalID] = f
	}
	for _, q := range plan.Queues {
		queues[q.LogicalID] = q
	}
	socket := functions["SocketFn"]
	for name, want := range map[string]string{
		"STAGE": "dev", "LOG_LEVEL": "WARN", "CHAT_TABLE": "chat-ChatTable", "CONNECTION_TABLE": "chat-connections-dev",
		"DELIVERY_QUEUE":  "http://127.0.0.1:4566/000000000000/chat-DeliveryQueue",
		"SOCKET_ENDPOINT": "http://127.0.0.1:4566/dev",
	} {
		if got := socket.Environment[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got := functions["AuthorizerFn"].Environment["TICKET_SECRET"]; got != "local-only-secret" {
		t.Errorf("TICKET_SECRET = %q", got)
	}
	if got, want := socket.Statements[2].Resources[0], "arn:aws:execute-api:us-east-1:000000000000:chatapi/dev/POST/@connections/*"; got != want {
		t.Errorf("resource %q, want %q", got, want)
	}
	if got := string(socket.Statements[3].Condition); got != `{"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["x"]}}` {
		t.Errorf("condition %s", got)
	}
	relay := functions["RelayFn"]
	if s := relay.Streams[0]; s.MaxRetries != 20 || s.MaxAge != time.Hour || !s.Bisect || s.Parallelization != 2 || s.OnFailureQueueARN != queues["RelayDeadLetters"].ARN {
		t.Errorf("stream mapping %+v", s)
	}
	if last := relay.Statements[len(relay.Statements)-1]; last.Actions[0] != "sqs:SendMessage" || last.Resources[0] != queues["RelayDeadLetters"].ARN {
		t.Errorf("SAM grants the OnFailure destination; last statement %+v", last)
	}
	if q := queues["RoutingQueue"]; !q.FIFO || !q.HighThroughput || q.Retention != 96*time.Hour || q.Name != "chat-routing.fifo" || q.MaxReceives != 5 {
		t.Errorf("routing queue %+v", q)
	}
	if n := queues["IntegrationDeadLetters"].Name; n != "chat-IntegrationDeadLetters.fifo" {
		t.Errorf("made-up FIFO name %q", n)
	}
	twoWay := 0
	for _, r := range plan.Sockets[0].Routes {
		if r.TwoWay {
			twoWay++
		}
		if r.Key == "send" && (r.Timeout != 10*time.Second || r.Throttle != Throttle{300, 100} || r.Function != "SocketFn") {
			t.Errorf("send: %+v", r)
		}
		if r.Key == "note" && r.TwoWay {
			t.Error("note has no RouteResponse and must be one-way")
		}
	}
	if twoWay != 14 {
		t.Errorf("%d two-way routes, want 14", twoWay)
	}
	if u := plan.Outputs["SocketUrl"]; u != "ws://127.0.0.1:4567/dev" {
		t.Errorf("SocketUrl %q", u)
	}
	if u := plan.Outputs["HttpUrl"]; u != "http://127.0.0.1:4568" {
		t.Errorf("HttpUrl %q", u)
	}
}
