package week

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/workspace"
	engines "github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/dynamodb/direct"
	"github.com/parley-chat/parley/localstack/template"
)

const workspaceID = chat.WorkspaceID("w_01jd0000000000000000000001")

// at is a Monday, deep at night for the shop's owner.
var at = time.Date(2026, 11, 23, 23, 10, 0, 0, time.UTC)

func options(label string) Options {
	o := Options{Workspace: workspaceID, Label: label, Now: at, Conversations: Conversations}
	for i, name := range []string{"Ada", "Grace", "Alan", "Katherine", "Edsger", "Barbara", "Linus", "Hedy", "Radia", "Margaret"} {
		p := Person{User: chat.UserID(derive(chat.UserPrefix, label, name)), Name: name, Role: chat.RoleOperator, Capacity: 4}
		switch {
		case i == 9:
			p.Role, p.Capacity = chat.RoleAdmin, 0
		case i > 6:
			p.Role, p.Capacity = chat.RoleSupervisor, 0
		}
		department := []string{Orders, Sizes, Returns}[i%3]
		if i < 7 {
			p.Departments = chat.JoinDepartments(DepartmentID(label, department))
		}
		o.Staff = append(o.Staff, p)
	}
	return o
}

// table is the chat table as the template has it, with its indexes.
type table struct {
	*dynamo.Store
	client *dynamodb.Client
}

func newTable(t *testing.T) *table {
	t.Helper()
	plan, err := template.Load(filepath.Join("..", "..", "..", "..", "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := engines.New(engines.Options{Tables: plan.Tables})
	if err != nil {
		t.Fatal(err)
	}
	out := &table{}
	out.client = direct.Transport{Engine: engine}.Client()
	i := slices.IndexFunc(plan.Tables, func(t template.Table) bool { return t.LogicalID == "ChatTable" })
	out.Store = &dynamo.Store{API: out.client, Chat: plan.Tables[i].Name, Now: func() time.Time { return at }}
	return out
}

func (w *table) seed(t *testing.T, o Options) Summary {
	t.Helper()
	s, err := Write(t.Context(), w.client, w.Chat, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dump is the whole table, sorted, as JSON.
func (w *table) dump(t *testing.T) []byte {
	t.Helper()
	rows := map[string]map[string]types.AttributeValue{}
	for pages := dynamodb.NewScanPaginator(w.client, &dynamodb.ScanInput{TableName: &w.Chat, ConsistentRead: aws.Bool(true)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			rows[it["pk"].(*types.AttributeValueMemberS).Value+" "+it["sk"].(*types.AttributeValueMemberS).Value] = it
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		if err := encoder.Encode(rows[k]); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// heads reads every conversation with what lies beside it.
func (w *table) heads(t *testing.T) (heads []*chat.Head, states map[chat.ConversationID]*chat.State) {
	t.Helper()
	states = map[chat.ConversationID]*chat.State{}
	for _, line := range bytes.Split(w.dump(t), []byte("\n")) {
		var row struct{ Pk, Sk struct{ Value string } }
		if len(line) == 0 || json.Unmarshal(line, &row) != nil || row.Sk.Value != "H" {
			continue
		}
		_, c, _ := strings.Cut(row.Pk.Value, "#")
		ref := chat.Ref{Workspace: workspaceID, Conversation: chat.ConversationID(c)}
		h, err := w.Head(t.Context(), ref)
		if err != nil || h == nil {
			t.Fatalf("%s: %v", c, err)
		}
		s, err := w.State(t.Context(), ref)
		if err != nil || s == nil {
			t.Fatalf("%s has no STATE: %v", c, err)
		}
		heads, states[ref.Conversation] = append(heads, h), s
	}
	return heads, states
}

// log reads a whole track.
func (w *table) log(t *testing.T, h *chat.Head, track chat.Track) []chat.Event {
	t.Helper()
	var all []chat.Event
	for after := uint64(0); after+1 < h.Track(track).From; after = all[len(all)-1].Seq {
		part, err := w.After(t.Context(), h.Ref, track, after, 1000)
		if err != nil || len(part) == 0 {
			t.Fatalf("%s: nothing after %d: %v", h.Conversation, after, err)
		}
		all = append(all, part...)
	}
	return append(all, h.Track(track).Tail...)
}

// TestWeek looks at a week as a business would: everything is there, and nothing contradicts anything else.
func TestWeek(t *testing.T) {
	t.Parallel()
	w := newTable(t)
	begun := time.Now()
	summary := w.seed(t, options("shop"))
	t.Logf("%+v in %s", summary, time.Since(begun))
	heads, states := w.heads(t)
	if len(heads) < Conversations*9/10 || len(heads) > Conversations {
		t.Errorf("%d conversations", len(heads))
	}
	statuses, types, loads, waiting := map[chat.Status]int{}, map[chat.EventType]int{}, map[chat.UserID]int{}, map[chat.DepartmentID]int{}
	rated, tagged := 0, 0
	for _, h := range heads {
		statuses[h.Status]++
		s := states[h.Conversation]
		if s.Status != h.Status || s.Assignee != h.Assignee || s.Department != h.Department {
			t.Errorf("%s: HEAD %s %s, STATE %s %s", h.Conversation, h.Status, h.Assignee, s.Status, s.Assignee)
		}
		switch h.Status {
		case chat.StatusActive:
			loads[h.Assignee]++
		case chat.StatusOffered:
			loads[h.OfferedTo]++
		default:
		}
		if h.Status.Waits() {
			waiting[h.Department]++
		}
		if s.Rating != nil {
			rated++
		}
		if len(s.Tags) > 0 {
			tagged++
		}
		last := time.Time{}
		for _, track := range chat.Tracks() {
			for i, e := range w.log(t, h, track) {
				if e.Seq != uint64(i+1) || e.At.After(at) || track == chat.Public && e.At.Before(last) {
					t.Errorf("%s %s: event %d has seq %d at %s", h.Conversation, track, i, e.Seq, e.At)
				}
				if track == chat.Public {
					last = e.At
				}
				types[e.Type]++
			}
		}
	}
	for _, s := range chat.Statuses() {
		if statuses[s] == 0 || statuses[s] != summary.Conversations[s] {
			t.Errorf("%d conversations are %s, the summary says %d", statuses[s], s, summary.Conversations[s])
		}
	}
	for _, e := range []chat.EventType{
		chat.EventMessage, chat.EventEdited, chat.EventDeleted, chat.EventNote, chat.EventTransferred, chat.EventTagged, chat.EventRated, chat.EventAbandoned,
		chat.EventBotEngaged, chat.EventHandedOff, chat.EventOffered, chat.EventOfferMissed, chat.EventRouted, chat.EventForm,
	} {
		if types[e] == 0 {
			t.Errorf("no event is %s", e)
		}
	}
	if rated < 40 || tagged < 100 {
		t.Errorf("%d rated, %d tagged", rated, tagged)
	}
	w.sound(t, loads, waiting, heads, options("shop"))
	w.documents(t)
}

// sound recounts: loads, the queues, the shelves.
func (w *table) sound(t *testing.T, loads map[chat.UserID]int, waiting map[chat.DepartmentID]int, heads []*chat.Head, o Options) {
	t.Helper()
	operators, err := w.Operators(t.Context(), workspaceID)
	if err != nil || len(operators) != 7 {
		t.Fatalf("%d operators, %v", len(operators), err)
	}
	away := 0
	for _, op := range operators {
		if op.Load != loads[op.User] || op.Load > op.Capacity {
			t.Errorf("%s has load %d of %d, %d by recount", op.User, op.Load, op.Capacity, loads[op.User])
		}
		if !op.Connected(at.Add(time.Hour)) {
			t.Errorf("%s is not there: %+v", op.User, op)
		}
		if op.Duty == chat.DutyAway {
			away++
		}
	}
	if away != 1 {
		t.Errorf("%d are away", away)
	}
	open, over := 0, 0
	for _, d := range newScript(o).departments() {
		list, err := w.Waiting(t.Context(), workspaceID, d, 1000)
		if err != nil || len(list) != waiting[d] {
			t.Errorf("%s: %d wait, %d by recount, %v", d, len(list), waiting[d], err)
		}
		for _, isOver := range []bool{false, true} {
			shelf := chat.Shelf{Workspace: workspaceID, Kind: chat.ShelfDepartment, Name: string(d), Over: isOver}
			stand, err := w.Shelf(t.Context(), shelf, chat.Listed{}, time.Time{}, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if isOver {
				over += len(stand)
			} else {
				open += len(stand)
			}
		}
	}
	isOver := 0
	for _, h := range heads {
		if h.Status.Over() {
			isOver++
		}
	}
	if over != isOver || open != len(heads)-isOver {
		t.Errorf("%d and %d on the shelves, %d and %d by recount", open, over, len(heads)-isOver, isOver)
	}
}

// documents asks the business's configuration what the hooks would.
func (w *table) documents(t *testing.T) {
	t.Helper()
	store := &dynamo.Workspace{Store: w.Store}
	entries, err := store.Config(t.Context(), workspaceID)
	if err != nil {
		t.Fatal(err)
	}
	config, err := workspace.NewConfig(entries)
	if err != nil {
		t.Fatal(err)
	}
	s := newScript(options("shop"))
	if len(config.Departments) != 4 || len(config.Rules) != 2 || len(config.Forms) != 2 || config.DefaultDepartment() != s.orders {
		t.Errorf("%+v", config)
	}
	if !config.Calendar(s.orders).Open(at) || config.Calendar(s.invoices).Open(at) {
		t.Error("the shop is closed, or its bookkeeping is open")
	}
	cards, err := store.Cards(t.Context(), workspaceID, true)
	if err != nil || len(cards) != len(articleTexts) {
		t.Errorf("%d articles, %v", len(cards), err)
	}
}

// TestSameWeek: the same options make the same bytes; another label makes another week.
func TestSameWeek(t *testing.T) {
	t.Parallel()
	small := func(label string) Options {
		o := options(label)
		o.Conversations = 80
		return o
	}
	a, b, c := newTable(t), newTable(t), newTable(t)
	a.seed(t, small("one"))
	b.seed(t, small("one"))
	c.seed(t, small("two"))
	first := a.dump(t)
	if !bytes.Equal(first, b.dump(t)) {
		t.Error("two runs made different items")
	}
	if bytes.Equal(first, c.dump(t)) {
		t.Error("another label made the same")
	}
	later := small("one")
	later.Now = later.Now.Add(26 * time.Hour)
	if again := a.seed(t, later); !again.Already || !bytes.Equal(first, a.dump(t)) {
		t.Errorf("a second run changed something: %+v", again)
	}
}

// crashing fails for good after some writes.
type crashing struct {
	*dynamodb.Client
	mu   sync.Mutex
	left int
}

func (c *crashing) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	c.mu.Lock()
	c.left--
	dead := c.left < 0
	c.mu.Unlock()
	if dead {
		return nil, context.Canceled
	}
	return c.Client.PutItem(ctx, in, o...)
}

// TestInterruptedWeek: a run that died is completed by the next one, whenever that is, to what it would have been.
func TestInterruptedWeek(t *testing.T) {
	t.Parallel()
	o := options("one")
	o.Conversations = 60
	whole, broken := newTable(t), newTable(t)
	whole.seed(t, o)
	if _, err := Write(t.Context(), &crashing{Client: broken.client, left: 150}, broken.Chat, o); err == nil {
		t.Fatal("it did not die")
	}
	o.Now = o.Now.Add(3 * time.Hour)
	if s := broken.seed(t, o); s.Already {
		t.Error("it thinks that all is there")
	}
	if !bytes.Equal(whole.dump(t), broken.dump(t)) {
		t.Error("the completed week is another one")
	}
}
