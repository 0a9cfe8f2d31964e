package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// binaries is where TestMain built the probe.
var binaries string

func TestMain(m *testing.M) {
	if os.Getenv("RUNNER_UNDER_TEST") != "" {
		runAsParent()
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // temporary
	binaries = dir
	if err := Build(context.Background(), ".", dir, []template.Function{probe("Probe")}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func probe(id string) template.Function {
	return template.Function{LogicalID: id, Name: "stack-" + id, ARN: "arn:aws:lambda:us-east-1:000000000000:function:stack-" + id,
		CodeURI: "testdata/probe/", MemoryMB: 512, Timeout: 5 * time.Second, Reserved: -1, Environment: map[string]string{}}
}

// fixture is a runner with one or more probes.
type fixture struct {
	*Runner
	t       *testing.T
	mu      sync.Mutex
	lines   []Line
	retired []seam.Caller
}

func newFixture(t *testing.T, change func(*Options)) *fixture {
	t.Helper()
	f := &fixture{t: t}
	o := Options{
		Functions: []template.Function{probe("Probe")},
		BinDir:    binaries,
		Endpoint:  "http://127.0.0.1:4566",
		Credentials: func(c seam.Caller) Credentials {
			return Credentials{AccessKeyID: "AKID" + strings.ReplaceAll(c.Process, "/", ""), SecretAccessKey: "secret", SessionToken: "token"}
		},
		Retired: func(c seam.Caller) { f.mu.Lock(); f.retired = append(f.retired, c); f.mu.Unlock() },
		Log:     func(l Line) { f.mu.Lock(); f.lines = append(f.lines, l); f.mu.Unlock() },
	}
	if change != nil {
		change(&o)
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Runner = r
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_ = r.Close(ctx)
		for _, s := range r.State() {
			if len(s.Processes) > 0 {
				t.Errorf("processes left after Close: %+v", s.Processes)
			}
		}
	})
	return f
}

type order map[string]any

type report struct {
	PID                         int
	Text, RequestID, ARN, Trace string
	Left                        int64
	Env                         []string
}

func (f *fixture) call(o order) seam.InvokeResult {
	f.t.Helper()
	result, err := f.Invoke(f.t.Context(), "Probe", mustJSON(o), seam.InvokeOptions{})
	if err != nil {
		f.t.Fatalf("%v: %v", o, err)
	}
	return result
}

// ok calls and expects success.
func (f *fixture) ok(o order) report {
	f.t.Helper()
	result := f.call(o)
	if result.Error != nil {
		f.t.Fatalf("%v: %v", o, result.Error)
	}
	return decode(f.t, result)
}

func decode(t *testing.T, result seam.InvokeResult) report {
	t.Helper()
	var r report
	if err := json.Unmarshal(result.Payload, &r); err != nil {
		t.Fatalf("%s: %v", result.Payload, err)
	}
	return r
}

func (f *fixture) counts() Counts { return f.State()[0].Counts }

func (f *fixture) logged(want string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.lines {
		if strings.Contains(l.Text, want) {
			return true
		}
	}
	return false
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// eventually waits for a condition, at most 10 s.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// rule strikes the first n passings of one phase.
type rule struct {
	mu    sync.Mutex
	phase seam.Phase
	fault seam.Fault
	n     int
}

func (r *rule) Strike(p seam.FaultPoint) (seam.Fault, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Phase != r.phase || p.Service != "lambda" || p.Operation != "Invoke" || p.Function != "Probe" || r.n == 0 {
		return seam.Fault{}, false
	}
	r.n--
	return r.fault, true
}
