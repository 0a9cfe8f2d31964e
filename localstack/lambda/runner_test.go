package lambda

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

func TestInvokeReachesTheHandlerWithItsContext(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	trace := "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:3"
	result, err := f.Invoke(t.Context(), "Probe", []byte(`{"text":"hi"}`), seam.InvokeOptions{Trace: trace})
	if err != nil || result.Error != nil {
		t.Fatal(err, result.Error)
	}
	got := decode(t, result)
	if got.Text != "hi" || got.Trace != trace || got.ARN != probe("Probe").ARN || got.RequestID != result.RequestID {
		t.Errorf("handler saw %+v, request %s", got, result.RequestID)
	}
	if got.Left < 4000 || got.Left > 5000 {
		t.Errorf("deadline %d ms away, the timeout is 5000", got.Left)
	}
	if result.Init <= 0 || result.Duration <= 0 {
		t.Errorf("a cold start has init and duration, got %v and %v", result.Init, result.Duration)
	}
	if again := f.call(order{}); again.Init != 0 {
		t.Errorf("a warm start has no init, got %v", again.Init)
	}
}

func TestProcessIsReusedAndFreshWhenNew(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	first := f.ok(order{})
	for range 20 {
		if got := f.ok(order{}); got.PID != first.PID {
			t.Fatalf("pid %d after %d: an idle process was not reused", got.PID, first.PID)
		}
	}
	if c := f.counts(); c.Cold != 1 || c.Invocations != 21 {
		t.Errorf("counts %+v", c)
	}
}

func TestEnvironmentIsLambdasAndNothingElse(t *testing.T) {
	t.Setenv("SECRET_OF_THE_SHELL", "1")
	f := newFixture(t, func(o *Options) { o.Functions[0].Environment["TABLE"] = "chat" })
	env := f.ok(order{"op": "env"}).Env
	values := map[string]string{}
	var names []string
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		names = append(names, name)
		values[name] = value
	}
	slices.Sort(names)
	want := []string{"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", "AWS_ENDPOINT_URL_DYNAMODB",
		"AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SQS", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_FORMAT",
		"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "LANG", "TABLE", "TZ", "_HANDLER", "_X_AMZN_TRACE_ID"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{"TABLE": "chat", "AWS_LAMBDA_FUNCTION_NAME": "stack-Probe", "AWS_REGION": "us-east-1",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:4566"} {
		if values[name] != want {
			t.Errorf("%s=%q, want %q", name, values[name], want)
		}
	}
}

func TestCredentialsAreNewAtEveryBootAndRetired(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	key := func() string {
		for _, pair := range f.ok(order{"op": "env"}).Env {
			if value, ok := strings.CutPrefix(pair, "AWS_ACCESS_KEY_ID="); ok {
				return value
			}
		}
		return ""
	}
	first := key()
	f.KillAll()
	eventually(t, "the killed process is retired", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.retired) == 1 })
	if second := key(); second == first || second == "" {
		t.Errorf("keys %q then %q", first, second)
	}
}

func TestErrorsOfTheHandler(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	pid := f.ok(order{}).PID
	result := f.call(order{"op": "fail", "text": "no such thing"})
	if diff := cmp.Diff(&seam.FunctionError{Type: "errorString", Message: "no such thing"}, result.Error); diff != "" {
		t.Error(diff)
	}
	if got := f.ok(order{}).PID; got != pid {
		t.Error("an error of the handler ended its process")
	}
	result = f.call(order{"op": "panic", "text": "boom"})
	if result.Error == nil || result.Error.Message != "boom" || !strings.Contains(string(result.Payload), "stackTrace") {
		t.Errorf("panic: %v %s", result.Error, result.Payload)
	}
	if got := f.ok(order{}).PID; got == pid {
		t.Error("a process went on after a panic")
	}
}

func TestExitDuringAnInvocation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	result := f.call(order{"op": "exit"})
	want := "RequestId: " + result.RequestID + " Error: Runtime exited with error: exit status 7"
	if result.Error == nil || result.Error.Type != "Runtime.ExitError" || result.Error.Message != want {
		t.Errorf("got %+v, want %s", result.Error, want)
	}
	f.ok(order{})
}

func TestTimeoutKillsTheProcess(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Functions[0].Timeout = time.Second })
	pid := f.ok(order{}).PID
	mark := filepath.Join(t.TempDir(), "mark")
	result := f.call(order{"op": "sleep", "ms": 3000, "mark": mark})
	if result.Error == nil || result.Error.Type != "Sandbox.Timedout" ||
		!strings.HasSuffix(result.Error.Message, "Z "+result.RequestID+" Task timed out after 1.00 seconds") {
		t.Errorf("got %+v", result.Error)
	}
	if result.Duration < time.Second || result.Duration > 2500*time.Millisecond {
		t.Errorf("timed out after %v", result.Duration)
	}
	if got := f.ok(order{}).PID; got == pid {
		t.Error("the timed-out process went on")
	}
	f.ok(order{"op": "sleep", "ms": 600})
	f.ok(order{"op": "sleep", "ms": 600}) // the first one's timer is gone
	if _, err := os.Stat(mark); err == nil {
		t.Error("the killed handler finished its work")
	}
	if f.counts().Timeouts != 1 {
		t.Errorf("counts %+v", f.counts())
	}
}

func TestMemoryLimitKillsTheProcess(t *testing.T) {
	t.Parallel()
	if residentPages(os.Getpid()) == 0 {
		t.Log("resident memory is not known on this system: the limit is not enforced")
		return
	}
	f := newFixture(t, func(o *Options) { o.Functions[0].MemoryMB = 128 })
	result := f.call(order{"op": "grow", "bytes": 200 << 20})
	if result.Error == nil || result.Error.Type != "Runtime.OutOfMemory" || !strings.HasSuffix(result.Error.Message, "signal: killed") {
		t.Errorf("got %+v", result.Error)
	}
	if !f.logged("of 128 MB") {
		t.Error("no line says why")
	}
}

func TestInitFailures(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Functions[0].Environment["PROBE_INIT"] = "exit" })
	for range 2 {
		result := f.call(order{})
		if result.Error == nil || result.Error.Type != "Runtime.ExitError" || !strings.HasSuffix(result.Error.Message, "exit status 3") {
			t.Errorf("got %+v", result.Error)
		}
	}
	eventually(t, "what it wrote is logged", func() bool { return f.logged("configuration is wrong") })
	missing := newFixture(t, func(o *Options) { o.BinDir = "/nonexistent" })
	if result := missing.call(order{}); result.Error == nil || result.Error.Type != "Runtime.InvalidEntrypoint" {
		t.Errorf("got %+v", result.Error)
	}
}

func TestInitThatHangsIsKilled(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	skew := time.Duration(0)
	f := newFixture(t, func(o *Options) {
		o.Functions[0].Environment["PROBE_INIT"] = "hang"
		o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(skew) }
	})
	go func() {
		eventually(t, "it starts", func() bool { return len(f.State()[0].Processes) == 1 && f.State()[0].Processes[0].PID > 0 })
		mu.Lock()
		skew = initLimit + time.Second
		mu.Unlock()
	}()
	if result := f.call(order{}); result.Error == nil || result.Error.Type != "Sandbox.Timedout" {
		t.Errorf("got %+v", result.Error)
	}
}

func TestConcurrencyCapQueues(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.MaxProcesses = 2 })
	var wg sync.WaitGroup
	var mu sync.Mutex
	pids := map[int]int{}
	for range 8 {
		wg.Go(func() {
			pid := f.ok(order{"op": "sleep", "ms": 20}).PID
			mu.Lock()
			pids[pid]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(pids) > 2 {
		t.Errorf("%d processes, the cap is 2", len(pids))
	}
}

func TestImpatientInvocationsAreThrottled(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.MaxProcesses = 1; o.QueueWait = 50 * time.Millisecond })
	held := make(chan struct{})
	go func() { // occupies the only process; its own cold start may take longer than the wait
		defer close(held)
		for {
			_, err := f.Invoke(t.Context(), "Probe", mustJSON(order{"op": "sleep", "ms": 1500}), seam.InvokeOptions{})
			if !errors.Is(err, ErrThrottled) {
				return
			}
		}
	}()
	eventually(t, "it is busy", func() bool {
		p := f.State()[0].Processes
		return len(p) == 1 && p[0].State == "busy"
	})
	before := f.counts().Throttles
	if _, err := f.Invoke(t.Context(), "Probe", []byte("{}"), seam.InvokeOptions{}); !errors.Is(err, ErrThrottled) {
		t.Errorf("got %v, want ErrThrottled", err)
	}
	if f.counts().Throttles != before+1 {
		t.Errorf("counts %+v", f.counts())
	}
	<-held
}

func TestReservedConcurrency(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) {
		off := probe("Off")
		off.Reserved = 0
		o.Functions[0].Reserved = 1
		o.Functions = append(o.Functions, off)
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { f.ok(order{"op": "sleep", "ms": 5}) })
	}
	wg.Wait()
	if c := f.State()[1].Counts; c.Cold != 1 {
		t.Errorf("%d processes with a reserved concurrency of 1", c.Cold)
	}
	if _, err := f.Invoke(t.Context(), "Off", []byte("{}"), seam.InvokeOptions{}); !errors.Is(err, ErrThrottled) {
		t.Errorf("reserved 0: got %v", err)
	}
}

func TestRefusedInvocations(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	if _, err := f.Invoke(t.Context(), "Nobody", nil, seam.InvokeOptions{}); !errors.Is(err, ErrUnknownFunction) {
		t.Errorf("got %v", err)
	}
	if _, err := f.Invoke(t.Context(), "Probe", make([]byte, maxEvent+1), seam.InvokeOptions{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	result := f.call(order{"op": "large", "bytes": maxResponse})
	if result.Error == nil || result.Error.Type != "Function.ResponseSizeTooLarge" {
		t.Errorf("got %v", result.Error)
	}
	if got := f.ok(order{"op": "large", "bytes": 5 << 20}); len(got.Text) != 5<<20 {
		t.Errorf("%d bytes of 5 MB arrived", len(got.Text))
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := f.Invoke(t.Context(), "Probe", []byte("{}"), seam.InvokeOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestCancelStopsTheWaitingNotTheFunction(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.ok(order{})
	mark := filepath.Join(t.TempDir(), "mark")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := f.Invoke(ctx, "Probe", mustJSON(order{"op": "sleep", "ms": 1000, "mark": mark}), seam.InvokeOptions{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	eventually(t, "the function finishes", func() bool { _, err := os.Stat(mark); return err == nil })
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	mark := filepath.Join(t.TempDir(), "mark")
	f.ok(order{})
	done := make(chan error, 1)
	go func() {
		_, err := f.Invoke(context.Background(), "Probe", mustJSON(order{"op": "sleep", "ms": 200, "mark": mark}), seam.InvokeOptions{})
		done <- err
	}()
	eventually(t, "it runs", func() bool { return f.State()[0].Processes[0].State == "busy" })
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Error("Close did not wait for the invocation")
	}
}

func TestRestartReplacesProcesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	old := f.ok(order{}).PID
	busy := make(chan report, 1)
	go func() { busy <- f.ok(order{"op": "sleep", "ms": 200}) }()
	eventually(t, "it runs", func() bool { return f.State()[0].Processes[0].State == "busy" })
	if err := f.Restart("Probe"); err != nil {
		t.Fatal(err)
	}
	if got := f.ok(order{}).PID; got == old {
		t.Error("the old process was used after Restart")
	}
	if got := (<-busy).PID; got != old {
		t.Error("Restart broke an invocation in progress")
	}
	eventually(t, "the old process ends", func() bool { return len(f.State()[0].Processes) == 1 })
}

func TestOutputIsLoggedByLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id := f.call(order{"op": "print", "text": "one\ntwo"}).RequestID
	eventually(t, "both lines", func() bool { return f.logged("one") && f.logged("two") })
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.lines {
		if !l.Platform && (l.Function != "Probe" || l.Process == "" || strings.Contains(l.Text, "\n")) {
			t.Errorf("line %+v of request %s", l, id)
		}
	}
}

func TestBuildRefusesClashingBinaries(t *testing.T) {
	t.Parallel()
	for _, uris := range [][]string{{"functions/a", "other/a"}, {"."}, {"/"}} {
		var functions []template.Function
		for _, uri := range uris {
			functions = append(functions, template.Function{LogicalID: uri, CodeURI: uri})
		}
		if err := Build(t.Context(), ".", t.TempDir(), functions); err == nil {
			t.Errorf("%v built", uris)
		}
	}
}
