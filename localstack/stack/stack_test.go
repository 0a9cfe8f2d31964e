package stack

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/front"
	"github.com/parley-chat/parley/localstack/meter"
)

// TestMessageThroughEveryPart sends one message: socket, function, table, stream mapping, queue, queue mapping,
// @connections, socket.
func TestMessageThroughEveryPart(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	c := f.dial()
	c.send("say", "hello")
	c.expect(`{"count":1}`, "hello")
	c.send("say", "again")
	c.expect(`{"count":2}`, "again")
	eventually(t, "the stream mapping has counted both changes", func() bool { return f.count("changes") == "2" })

	status, body := request(t, "POST", f.Addresses.HTTP+"/count", `{"op":"say"}`, nil)
	if status != http.StatusOK || body != `{"count":3}` {
		t.Errorf("HTTP API: %d %s", status, body)
	}

	state := f.state()
	if len(state.Connections) != 1 || len(state.Functions) != 2 || len(state.Triggers) != 2 || state.Tables[0].Items != 2 {
		t.Errorf("state %+v", state)
	}
	var usage meter.Report
	f.control("GET", "usage", "", &usage)
	byRoute := map[string]bool{}
	for _, line := range usage.Calls {
		byRoute[line.Operation+" "+line.Route] = true
	}
	for _, want := range []string{"UpdateItem $default", "SendMessage $default", "ReceiveMessage ", "DeleteMessageBatch "} {
		if !byRoute[want] {
			t.Errorf("usage has no %q: %v", want, byRoute)
		}
	}
	var denied []front.Denial
	if f.control("GET", "denied", "", &denied); len(denied) > 0 {
		t.Errorf("denied %v", denied)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	var a console.Addresses
	if status := f.control("GET", "ready", "", &a); status != http.StatusOK {
		t.Fatal(status)
	}
	if !strings.HasPrefix(a.WebSocket, "ws://127.0.0.1:") || !strings.HasSuffix(a.WebSocket, "/live") || a.Tables["Counts"] == "" ||
		!strings.HasPrefix(a.Queues["Jobs"], a.AWS) || !slices.Equal(a.Functions, []string{"Echo", "Worker"}) || a.AccessKeyID == "" {
		t.Errorf("%+v", a)
	}
	if !strings.Contains(f.out.String(), a.WebSocket) {
		t.Error("the banner does not say where the socket is")
	}
	if status, profile := request(t, "GET", a.State+"profile?seconds=1", "", nil); status != http.StatusOK || len(profile) == 0 {
		t.Errorf("profile: %d", status)
	}
	status, page := request(t, "GET", a.State, "", nil)
	if status != http.StatusOK || !strings.Contains(page, "Echo") {
		t.Errorf("state page: %d", status)
	}
}

func TestFunctionIsHeldToItsPolicy(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	c := f.dial()
	c.send("scan", "")
	if got := c.next(); !strings.HasPrefix(got, `{"message": "Internal server error"`) {
		t.Errorf("got %s", got)
	}
	var denied []front.Denial
	f.control("GET", "denied", "", &denied)
	if len(denied) != 1 || denied[0].Function != "Echo" || denied[0].Action != "dynamodb:Scan" {
		t.Errorf("denied %+v", denied)
	}
}

func TestCrashAndTimeoutAreShown(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	c := f.dial()
	c.send("die", "")
	if got := c.next(); !strings.HasPrefix(got, `{"message": "Internal server error"`) {
		t.Errorf("got %s", got)
	}
	c.send("sleep", "")
	if got := c.next(); !strings.HasPrefix(got, `{"message": "Internal server error"`) {
		t.Errorf("got %s", got)
	}
	c.send("say", "alive")
	c.expect(`{"count":1}`, "alive")
	var texts []string
	for _, p := range f.state().Problems {
		texts = append(texts, p.Text)
	}
	all := strings.Join(texts, "\n")
	if !strings.Contains(all, "exit status 1") || !strings.Contains(all, "Task timed out after 3.00 seconds") {
		t.Errorf("problems %q", texts)
	}
}

func TestFailedJobBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	status, body := request(t, "POST", f.Addresses.HTTP+"/count", `{"op":"say","text":"nobody"}`, nil) // no connection to push to
	if status != http.StatusOK {
		t.Fatal(status, body)
	}
	eventually(t, "the job is in the dead-letter queue", func() bool {
		for _, q := range f.state().Queues {
			if q.LogicalID == "DeadJobs" {
				return q.Visible == 1 && len(q.Sample) == 1 && strings.Contains(q.Sample[0].Body, "nobody") && len(q.DeadLettersOf) == 1
			}
		}
		return false
	})
}

func TestFaultsStrikeEverywhere(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options) {
		o.FaultRules = []byte(`[{"service":"dynamodb","operation":"UpdateItem","function":"Echo","kind":"kill","phase":"after","times":1}]`)
	})
	c := f.dial()
	c.send("say", "first")
	if got := c.next(); !strings.HasPrefix(got, `{"message": "Internal server error"`) {
		t.Errorf("got %s", got)
	}
	if got := f.count("said"); got != "1" {
		t.Errorf("count %s: killed after the effect, which must stand", got)
	}
	if status := f.control("POST", "faults", `{"service":"sqs-mapping","kind":"duplicate","times":1}`, nil); status != http.StatusCreated {
		t.Fatal(status)
	}
	c.send("say", "twice")
	got := []string{c.next(), c.next(), c.next()}
	slices.Sort(got)
	if !slices.Equal(got, []string{"twice", "twice", `{"count":2}`}) {
		t.Errorf("frames %q", got)
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.dial()
	var answer struct{ Killed int }
	f.control("POST", "kill?function=Echo", "", &answer)
	if answer.Killed != 1 {
		t.Errorf("killed %d", answer.Killed)
	}
	if status := f.control("GET", "kill?function=Echo", "", nil); status == http.StatusOK {
		t.Error("a link can kill")
	}
}

func TestControlIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for name, header := range map[string]http.Header{
		"rebound name":  {"Host": {"evil.example"}},
		"other website": {"Origin": {"https://evil.example"}},
	} {
		if status, _ := request(t, "POST", f.Addresses.State+"kill", "", header); status != http.StatusForbidden {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func TestRefusedOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"all interfaces": {Addr: "0.0.0.0:0"},
		"name":           {Addr: "example.com:80"},
		"AWS address":    {AWSAddr: "192.168.1.1:0"},
		"no template":    {Template: "testdata/none.yaml"},
		"fault rules":    {Template: "testdata/template.yaml", BinDir: binaries, FaultRules: []byte(`[{"kind":"nonsense"}]`)},
		"parameter":      {Template: "testdata/template.yaml", Parameters: map[string]string{"Nope": "1"}},
	} {
		building.Lock()
		s, err := Start(t.Context(), o)
		building.Unlock()
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: started", name)
		}
	}
}

func TestDataSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := start(t, func(o *Options) { o.Data = dir })
	c := f.dial()
	c.send("say", "kept")
	c.expect(`{"count":1}`, "kept")
	eventually(t, "the change is counted", func() bool { return f.count("changes") == "1" })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, func(o *Options) { o.Data = dir })
	c = again.dial()
	c.send("say", "more")
	c.expect(`{"count":2}`, "more")
	eventually(t, "the mapping went on where it was", func() bool { return again.count("changes") == "2" })
}

func TestHandshakeHeadersKeepTheirCase(t *testing.T) {
	t.Parallel()
	if !isHandshake([]byte("GET /live HTTP/1.1\r\nHost: x\r\nuPgrade: WebSocket")) || isHandshake([]byte("POST / HTTP/1.1\r\nUpgrade: websocket")) ||
		isHandshake([]byte("GET / HTTP/1.1\r\nX: Upgrade: websocket")) {
		t.Error("handshakes are told apart wrongly")
	}
	f := start(t, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.Addresses.HTTP, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test's connection
	head := "GET /live?refuse=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nx-cUSTOM: 1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	for _, part := range []string{head[:20], head[20:90], head[90:]} { // a head may come in pieces
		if _, err := conn.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusTeapot {
		t.Fatal(answer, err)
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	names, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(names), `"x-cUSTOM"`) {
		t.Errorf("the function saw the headers %s, %v", names, err)
	}
}

// runAsParent is the program that TestKilledStackLeavesNothing kills.
func runAsParent() {
	s, err := Start(context.Background(), Options{Template: "testdata/template.yaml", BinDir: os.Getenv("STACK_UNDER_TEST")})
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(s.Addresses)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
	time.Sleep(time.Minute)
}

func TestKilledStackLeavesNothing(t *testing.T) {
	t.Parallel()
	start(t, nil) // builds
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "STACK_UNDER_TEST="+binaries)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	building.Lock()
	defer building.Unlock()
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the stack did not start")
	}
	f := &fixture{t: t, Stack: &Stack{}}
	if err := json.Unmarshal(lines.Bytes(), &f.Addresses); err != nil {
		t.Fatal(err)
	}
	c := f.dial()
	c.send("say", "hello")
	c.expect(`{"count":1}`, "hello")
	var pids []int
	for _, function := range f.state().Functions {
		for _, p := range function.Processes {
			pids = append(pids, p.PID)
		}
	}
	if len(pids) < 2 {
		t.Fatalf("pids %v", pids)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return syscall.Kill(pid, 0) != nil || isZombie(pid) })
	}
}

func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestWatchReloadsWhatChanged(t *testing.T) {
	t.Parallel()
	// A copy of the fixture inside this module, so that its imports resolve.
	root, err := os.MkdirTemp("testdata", "watched")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.CopyFS(root, os.DirFS("testdata/functions")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "functions"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"echo", "worker"} {
		if err := os.Rename(filepath.Join(root, name), filepath.Join(root, "functions", name)); err != nil {
			t.Fatal(err)
		}
	}
	source, err := os.ReadFile("testdata/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "template.yaml"), source, 0o600); err != nil {
		t.Fatal(err)
	}
	f := start(t, func(o *Options) {
		o.Template, o.BinDir, o.Watch = filepath.Join(root, "template.yaml"), t.TempDir(), true
	})
	c := f.dial()
	c.send("say", "a")
	c.expect(`{"count":1}`, "a")

	file := filepath.Join(root, "functions", "echo", "main.go")
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(string(code) + "\nbroken")
	eventually(t, "a broken source is reported", func() bool { return strings.Contains(f.out.String(), "syntax error") })
	c.send("say", "b")
	c.expect(`{"count":2}`, "b")
	write(strings.Replace(string(code), `{"count":`, `{"total":`, 1))
	eventually(t, "the function is reloaded", func() bool { return strings.Contains(f.out.String(), "reloaded: Echo \n") })
	c.send("say", "c")
	c.expect(`{"total":3}`, "c")
}
