package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/coder/websocket"

	"github.com/parley-chat/parley/localstack/console"
)

// binaries is shared by all tests: the fixture's functions are built once.
var binaries string

func TestMain(m *testing.M) {
	if os.Getenv("STACK_UNDER_TEST") != "" {
		runAsParent()
		return
	}
	dir, err := os.MkdirTemp("", "stack")
	if err != nil {
		panic(err)
	}
	binaries = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// output is the console of a test.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

type fixture struct {
	*Stack
	t   *testing.T
	out *output
}

var building sync.Mutex // two builds into one directory would race

func start(t *testing.T, change func(*Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, out: &output{}}
	o := Options{Template: "testdata/template.yaml", BinDir: binaries, Out: f.out, Drain: 5 * time.Second}
	if change != nil {
		change(&o)
	}
	building.Lock()
	s, err := Start(t.Context(), o)
	building.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	f.Stack = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error("close:", err)
		}
		if t.Failed() {
			t.Log(f.out.String())
		}
	})
	return f
}

// client is a WebSocket client of the fixture.
type client struct {
	t *testing.T
	*websocket.Conn
}

func (f *fixture) dial() *client {
	f.t.Helper()
	c, _, err := websocket.Dial(f.t.Context(), f.Addresses.WebSocket, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.CloseNow() })
	return &client{f.t, c}
}

func (c *client) send(op, text string) {
	c.t.Helper()
	frame, err := json.Marshal(map[string]string{"op": op, "text": text})
	if err == nil {
		err = c.Write(c.t.Context(), websocket.MessageText, frame)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// expect reads frames until all wanted ones have come, in any order, and nothing else.
func (c *client) expect(wanted ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 15*time.Second)
	defer cancel()
	left := map[string]bool{}
	for _, w := range wanted {
		left[w] = true
	}
	for len(left) > 0 {
		_, frame, err := c.Read(ctx)
		if err != nil {
			c.t.Fatalf("still waiting for %v: %v", left, err)
		}
		if !left[string(frame)] {
			c.t.Fatalf("got %s, waiting for %v", frame, left)
		}
		delete(left, string(frame))
	}
}

// next reads one frame.
func (c *client) next() string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 15*time.Second)
	defer cancel()
	_, frame, err := c.Read(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(frame)
}

// count reads a counter of the fixture's table with the admin key, through the front door.
func (f *fixture) count(key string) string {
	f.t.Helper()
	a := f.Addresses
	tables := dynamodb.New(dynamodb.Options{Region: a.Region, BaseEndpoint: aws.String(a.AWS),
		Credentials: credentials.NewStaticCredentialsProvider(a.AccessKeyID, a.SecretAccessKey, "")})
	got, err := tables.GetItem(f.t.Context(), &dynamodb.GetItemInput{TableName: aws.String(a.Tables["Counts"]), ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: key}}})
	if err != nil {
		f.t.Fatal(err)
	}
	if n, ok := got.Item["n"].(*types.AttributeValueMemberN); ok {
		return n.Value
	}
	return ""
}

// control calls /_local/ and decodes the answer.
func (f *fixture) control(method, path, body string, into any) int {
	f.t.Helper()
	status, text := request(f.t, method, f.Addresses.State+path, body, nil)
	if into != nil {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			f.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	return status
}

func request(t *testing.T, method, url, body string, header http.Header) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, values := range header {
		r.Header[name] = values
		if name == "Host" {
			r.Host = values[0]
		}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func (f *fixture) state() console.State {
	f.t.Helper()
	var s console.State
	f.control("GET", "state", "", &s)
	return s
}

// eventually waits for a condition, at most 15 s.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
