package console

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/localstack/front"
	"github.com/parley-chat/parley/localstack/gateway"
	"github.com/parley-chat/parley/localstack/lambda"
	"github.com/parley-chat/parley/localstack/meter"
)

func fixed() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.UTC) }

func TestFunctionLines(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line lambda.Line
		want string
	}{
		{lambda.Line{Function: "Socket", RequestID: "0123456789", Text: "plain"}, "12:00:00.005 Socket   01234567 plain\n"},
		{lambda.Line{Function: "Socket", Text: `{"time":"x","level":"INFO","msg":"sent","conversation":"c1","text":"two words","n":3}`},
			"12:00:00.005 Socket            sent conversation=c1 text=\"two words\" n=3\n"},
		{lambda.Line{Function: "Socket", Text: `{"level":"ERROR","msg":"failed","error":{"code":1}}`},
			"12:00:00.005 Socket            ERROR failed error={\"code\":1}\n"},
		{lambda.Line{Function: "Socket", Text: `2026/11/23 14:13:40 {"errorMessage":"Unauthorized","errorType":"errorString"}`},
			"12:00:00.005 Socket            WARN returned an error: Unauthorized (errorString)\n"},
		{lambda.Line{Function: "Socket", Text: `{"a":1}`}, "12:00:00.005 Socket            {\"a\":1}\n"},
		{lambda.Line{Function: "Socket", Text: `{"level":"INFO"`}, "12:00:00.005 Socket            {\"level\":\"INFO\"\n"},
		{lambda.Line{Function: "Socket", Text: "evil \x1b[2J"}, "12:00:00.005 Socket            evil \\x1b[2J\n"},
		{lambda.Line{Function: "Socket", Text: "Task timed out", Platform: true, Problem: true}, "12:00:00.005 Socket            PLATFORM Task timed out\n"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		c := New(&out, false)
		c.Now = fixed
		c.Function(tt.line)
		if diff := cmp.Diff(tt.want, out.String()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestProblemsAreRememberedNewestFirst(t *testing.T) {
	t.Parallel()
	c := New(&bytes.Buffer{}, false)
	c.Function(lambda.Line{Function: "F", Text: `{"level":"INFO","msg":"fine"}`})
	for range maxProblems {
		c.Function(lambda.Line{Function: "F", Text: `{"level":"ERROR","msg":"old"}`})
	}
	c.Warn("newest")
	got := c.Problems()
	if len(got) != maxProblems || got[0].Text != "newest" || got[1].Text != "old" {
		t.Errorf("%d problems, first %+v", len(got), got[0])
	}
}

func TestColour(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := New(&out, true)
	c.Function(lambda.Line{Function: "A", Text: "x"})
	c.Function(lambda.Line{Function: "B", Text: "x"})
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[0], "\x1b[36mA") || !strings.Contains(lines[1], "\x1b[35mB") {
		t.Errorf("%q", lines)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // a test's file
	if WantsColour(file) {
		t.Error("a file is no terminal")
	}
}

func TestBannerSaysWhatToTry(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	New(&out, false).Banner(Addresses{HTTP: "http://127.0.0.1:8080", WebSocket: "ws://127.0.0.1:8080/prod", AWS: "http://127.0.0.1:4566",
		Region: "us-east-1", AccessKeyID: "AK", SecretAccessKey: "SK", State: "http://127.0.0.1:8080/_local/"}, time.Second, "memory only")
	for _, want := range []string{"ws://127.0.0.1:8080/prod", "http://127.0.0.1:8080/_local/", "--endpoint-url http://127.0.0.1:4566", "ready in 1.0 s", "memory only"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, out.String())
		}
	}
}

func TestPageShowsAndEscapes(t *testing.T) {
	t.Parallel()
	now := fixed()
	state := State{At: now, Started: now.Add(-time.Minute), Template: "template.yaml", USD: 0.25, FaultRules: 2,
		Connections: []gateway.ConnectionState{{ID: "c=", SourceIP: "127.0.0.1", ConnectedAt: now, LastActiveAt: now, Authorizer: []byte(`{"user":"<b>"}`)}},
		Functions:   []lambda.FunctionState{{Function: "Socket", Limit: 8, Processes: []lambda.ProcessState{{PID: 7, State: "frozen", PeakMemory: 3 << 20}}}},
		Queues:      []Queue{{Name: "dead", Visible: 1, DeadLettersOf: []string{"jobs"}, Sample: []Letter{{ID: "m1", Body: "<script>"}}}},
		Tables:      []Table{{Name: "chat", Items: 12, Bytes: 2048, Stream: true}},
		Denied:      []front.Denial{{Function: "Socket", Action: "dynamodb:Scan", Resource: "*", Count: 3}},
		Problems:    []Problem{{At: now, Text: "it broke"}},
		Usage:       []meter.Line{{Price: "dynamodb-write", Unit: "units", Count: 3, USD: 0.25}},
	}
	answer := httptest.NewRecorder()
	Page(func() State { return state }).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/_local/", nil))
	page := answer.Body.String()
	for _, want := range []string{"<code>c=</code>", "frozen · 3.0 MB", "2.0 KB", "it broke", "running for 1m0s", "&lt;script&gt;", "$0.250000", "2 fault rule(s)", "dynamodb-write", "dynamodb:Scan"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(page, "<b>") || strings.Count(page, "<script>") != 1 {
		t.Error("what comes from outside is not escaped")
	}
	if answer.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Error(answer.Header())
	}
}
