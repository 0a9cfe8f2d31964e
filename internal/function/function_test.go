package function_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/function"
	"github.com/parley-chat/parley/localstack/template"
)

// inChild is set in the process that TestNamesAllThatIsMissing starts.
const inChild = "PARLEY_TEST_START"

func TestNamesAllThatIsMissing(t *testing.T) {
	t.Parallel()
	if os.Getenv(inChild) != "" {
		f := function.New()
		f.Delivery(f.Store())
		f.Routing()
		f.Desk()
		f.Timers()
		f.Retry("AUTOMATION_QUEUE_URL")
		f.Start(func() {})
		t.Fatal("Start has returned")
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNamesAllThatIsMissing$")
	child.Env = []string{inChild + "=1", "CHAT_TABLE=chat", "RESTORE_EPOCH=many"}
	out, err := child.Output()
	if err == nil || child.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v: started with a wrong environment: %s", err, out)
	}
	for _, name := range []string{
		"AWS_REGION", "CONNECTION_TABLE", "RESTORE_EPOCH", "WS_ENDPOINT", "DELIVERY_QUEUE_URL", "ROUTING_QUEUE_URL", "DESK_QUEUE_URL", "TIMER_QUEUE_URL",
		"AUTOMATION_QUEUE_URL",
	} {
		if !strings.Contains(string(out), name) {
			t.Errorf("%s is not named in %s", name, out)
		}
	}
	if strings.Contains(string(out), "CHAT_TABLE") {
		t.Errorf("CHAT_TABLE is there, and yet: %s", out)
	}
}

func TestStoreAndDelivery(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-1", "CHAT_TABLE": "chat", "CONNECTION_TABLE": "connections", "RESTORE_EPOCH": "7",
		"WS_ENDPOINT": "https://push.example.com", "DELIVERY_QUEUE_URL": "https://sqs.example.com/1/delivery",
	} {
		t.Setenv(name, value)
	}
	f := function.New()
	store := f.Store()
	if store.Chat != "chat" || store.Connections != "connections" || store.Epoch != 7 {
		t.Errorf("store: %+v", store)
	}
	// A function that sets neither must not be wired to routing or the desk: it has no right to write to those queues.
	if d := f.Delivery(store); d.Routing != nil || d.Desk != nil || d.Push == nil || d.Queue == nil || d.Encode == nil || d.Rows != store || d.Subs != store {
		t.Errorf("delivery: %+v", d)
	}
	if err := f.Env.Err(); err != nil {
		t.Error(err)
	}
}

// A FIFO queue has one delay for all its messages: the template's, and chat counts on it.
func TestDeskQueueDelaysAsChatCountsOn(t *testing.T) {
	t.Parallel()
	plan, err := template.Load(filepath.Join("..", "..", "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(plan.Queues, func(q template.Queue) bool { return q.LogicalID == "DeskQueue" })
	if i < 0 {
		t.Fatal("the template has no DeskQueue")
	}
	if q := plan.Queues[i]; q.Delay != chat.DeskDelay || !q.FIFO || chat.DeskDelay <= chat.DeskSlot {
		t.Errorf("the queue is not as chat.DeskDelay (%v) and DeskSlot (%v) want it: %+v", chat.DeskDelay, chat.DeskSlot, q)
	}
}
