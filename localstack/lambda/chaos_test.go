package lambda

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// TestChaos invokes from many sides while processes are killed, restarted and frozen. Every invocation must end, as a
// success or as the crash of its own process, with the answer to its own event; and the pool's books must balance after.
func TestChaos(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.MaxProcesses, o.FreezeAfter, o.Functions[0].Timeout = 4, -1, 20*time.Second })
	stop := make(chan struct{})
	var killer, callers sync.WaitGroup
	killer.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(random.IntN(15)) * time.Millisecond):
			}
			processes := f.State()[0].Processes
			if len(processes) > 0 && random.IntN(10) > 0 {
				f.Kill(processes[random.IntN(len(processes))].ID)
			} else if err := f.Restart("Probe"); err != nil {
				t.Error(err)
			}
		}
	})
	for caller := range 6 {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(caller)))
			for i := range 60 {
				text := string(rune('a'+caller)) + strings.Repeat("x", i)
				ops := []string{"", "", "", "fail", "exit", "panic"}
				event := mustJSON(order{"op": ops[random.IntN(len(ops))], "text": text, "ms": 1})
				result, err := f.Invoke(t.Context(), "Probe", event, seam.InvokeOptions{})
				var got report
				switch {
				case err != nil:
					t.Errorf("%s: %v", event, err)
				case result.Error == nil && (json.Unmarshal(result.Payload, &got) != nil || got.Text != text || got.RequestID != result.RequestID):
					t.Errorf("the answer to %s is %s", event, result.Payload)
				case result.Error != nil && result.Error.Message != text && result.Error.Type != "Runtime.ExitError":
					t.Errorf("%s: %v", event, result.Error)
				}
			}
		})
	}
	callers.Wait()
	close(stop)
	killer.Wait()
	if c := f.counts(); c.Crashes == 0 || c.Cold < 20 {
		t.Errorf("not much of a chaos: %+v", c)
	}
	pool := f.functions["Probe"]
	eventually(t, "the books balance", func() bool {
		pool.mu.Lock()
		defer pool.mu.Unlock()
		live := 0
		for p := range pool.processes {
			if p.inv != nil || p.starting {
				return false
			}
			if !p.retired {
				live++
			}
		}
		return live == pool.live && pool.starting == 0 && len(pool.waiters) == 0 && live <= 4
	})
}

func TestInitErrorThatTheRuntimeReports(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Functions[0].Environment["PROBE_INIT"] = "report" })
	result := f.call(order{})
	if result.Error == nil || result.Error.Type != "Runtime.BadConfig" || !strings.HasSuffix(result.Error.Message, "Error: no table") {
		t.Errorf("got %+v", result.Error)
	}
}

// TestRuntimeAPIRefuses what a process has no business to ask.
func TestRuntimeAPIRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.ok(order{})
	token := ""
	f.Runner.mu.Lock()
	for known := range f.processes {
		token = known
	}
	f.Runner.mu.Unlock()
	base := "http://" + f.listener.Addr().String()
	for path, want := range map[string]int{
		"/2018-06-01/runtime/invocation/x/response":                        http.StatusForbidden, // no process
		"/p/guess/2018-06-01/runtime/invocation/x/response":                http.StatusForbidden,
		"/p/" + token + "/2018-06-01/runtime/invocation/unknown/response":  http.StatusBadRequest,
		"/p/" + token + "/2018-06-01/runtime/invocation/unknown/error":     http.StatusBadRequest,
		"/p/" + token + "/2018-06-01/runtime/invocation/unknown/elsewhere": http.StatusNotFound,
		"/p/" + token + "/2018-06-01/runtime/elsewhere":                    http.StatusNotFound,
	} {
		answer, err := http.Post(base+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if answer.Body.Close() != nil || err != nil || answer.StatusCode != want {
			t.Errorf("%s: %d, want %d (%v)", path, answer.StatusCode, want, err)
		}
	}
	f.ok(order{})

	// Neither may an answer to another invocation end the one in progress.
	done := make(chan report, 1)
	go func() { done <- f.ok(order{"op": "sleep", "ms": 300, "text": "mine"}) }()
	eventually(t, "it runs", func() bool { return f.State()[0].Processes[0].State == "busy" })
	answer, err := http.Post(base+"/p/"+token+"/2018-06-01/runtime/invocation/other/response", "application/json", strings.NewReader(`{"text":"forged"}`))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body.Close() != nil || answer.StatusCode != http.StatusBadRequest {
		t.Errorf("an answer to another invocation: %d", answer.StatusCode)
	}
	if got := <-done; got.Text != "mine" {
		t.Errorf("got %+v", got)
	}
}
