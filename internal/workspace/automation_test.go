package workspace_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/internal/workspace/workspacetest"
)

const (
	tenant   = chat.WorkspaceID("w_01kaw3v4x00123456789abcdef")
	customer = chat.UserID("u_01kaw3v4x0fedcba9876543210")
	admin    = chat.UserID("u_01kaw3v4x0adaadaadaadaadaa")
	sales    = chat.DepartmentID("d_01kaw3v4x0aaaaaaaaaaaaaaaa")
	talk     = chat.ConversationID("c_01kaw3v4x0aaaaaaaaaaaaaaaa")
)

// office is a workspace with a conversation, on doubles.
type office struct {
	t      *testing.T
	now    time.Time
	memory *chattest.Memory
	store  *workspacetest.Memory
	chat   *chat.Service
	rules  *workspace.Automation
	ids    int
}

type silent struct{}

func (silent) Committed(context.Context, chat.Principal, *chat.Outcome) error { return nil }

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: time.Date(2026, 11, 2, 9, 31, 0, 0, time.UTC), memory: chattest.NewMemory(), store: &workspacetest.Memory{}}
	clock := func() time.Time { return o.now }
	o.memory.Now = clock
	o.chat = &chat.Service{
		Log: o.memory, Reader: o.memory, Subs: o.memory, Dir: o.memory, Sockets: o.memory, States: o.memory, Now: clock,
		Deadline: time.Nanosecond, Sleep: func(context.Context, time.Duration) {},
	}
	settings := &workspace.Cache{Store: o.store, Now: clock}
	settings.Serve(o.chat)
	o.rules = &workspace.Automation{
		Settings: settings, Catalog: &workspace.Catalog{Store: o.store, Now: clock}, Runs: o.store, Chat: o.chat, Log: o.memory, States: o.memory,
		Directory: o.memory, Deliver: silent{}, Now: clock,
	}
	o.put(workspace.KindDepartment, string(sales), `{"name":"Sales"}`)
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// put stores a document, and lets the memory of settings run out.
func (o *office) put(k workspace.Kind, id, document string) {
	o.t.Helper()
	done, err := o.store.PutEntry(o.t.Context(), workspace.Entry{
		Place: workspace.Place{Workspace: tenant, Kind: k}, ID: id, Version: 1, Document: []byte(document), Changed: o.now, By: admin,
	}, workspace.Act{})
	if err != nil || !done {
		o.t.Fatal(done, err)
	}
	o.now = o.now.Add(workspace.Staleness)
}

func (o *office) id() chat.EventID {
	o.ids++
	return chat.EventID(fmt.Sprintf("m_01kaw3v4x0%016d", o.ids))
}

func by(role chat.Role, u chat.UserID) chat.Principal {
	return chat.Principal{Workspace: tenant, User: u, Role: role}
}

// start begins the conversation and returns the job of its first message.
func (o *office) start(text string) chat.IntegrationJob {
	o.t.Helper()
	_, err := o.chat.Start(o.t.Context(), by(chat.RoleCustomer, customer), chat.NewConversation{
		ID: talk, Page: "https://shop.example/sizes", Messages: []chat.NewMessage{{ID: o.id(), Text: text}},
	})
	o.must(err)
	return o.newest(chat.Public)
}

// newest is the job of a track's newest event.
func (o *office) newest(t chat.Track) chat.IntegrationJob {
	o.t.Helper()
	head := o.head()
	tail := head.Track(t).Tail
	e := tail[len(tail)-1]
	return chat.IntegrationJob{Ref: head.Ref, Subscription: workspace.AutomationSubscription, Track: t, Seq: e.Seq, Gen: e.Gen, Type: e.Type}
}

func (o *office) head() *chat.Head {
	o.t.Helper()
	head, err := o.memory.Head(o.t.Context(), chat.Ref{Workspace: tenant, Conversation: talk})
	o.must(err)
	return head
}

// log tells a track's events in short: the type, and the rule behind it.
func (o *office) log(t chat.Track) []string {
	var out []string
	for _, e := range o.head().Track(t).Tail {
		line := string(e.Type)
		if e.Detail != nil && e.Detail.Rule != "" {
			line += " by " + e.Detail.Rule
		}
		if e.Reason != "" {
			line += ": " + e.Reason
		}
		out = append(out, line)
	}
	return out
}

func (o *office) tells(t chat.Track, want ...string) {
	o.t.Helper()
	if got := o.log(t); !slices.Equal(got, want) {
		o.t.Errorf("the %s track tells\n\t%s\nwant\n\t%s", t, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (o *office) state() *chat.State {
	o.t.Helper()
	s, err := o.memory.State(o.t.Context(), chat.Ref{Workspace: tenant, Conversation: talk})
	o.must(err)
	return s
}

func (o *office) runs(rule string) []string {
	o.t.Helper()
	list, err := o.store.Runs(o.t.Context(), tenant, rule, workspace.MaxRuns)
	o.must(err)
	var out []string
	for _, r := range list {
		out = append(out, strings.TrimSpace(fmt.Sprint(r.Outcome, " ", r.Steps, " ", r.Code)))
	}
	return out
}

const (
	first  = "r_01kaw3v4x00000000000000001"
	second = "r_01kaw3v4x00000000000000002"
	third  = "r_01kaw3v4x00000000000000003"
	fourth = "r_01kaw3v4x00000000000000004"
)

// rule is a document.
func rule(on, conditions, steps string) string {
	return `{"name":"` + on + steps + `","enabled":true,"order":1,"on":"` + on + `","conditions":[` + strings.ReplaceAll(conditions, "'", `"`) + `],"steps":[` + strings.ReplaceAll(steps, "'", `"`) + `]}`
}

const (
	isVip   = `{'fact':'text','op':'contains','value':'vip'}`
	notYet  = `{'fact':'tags','op':'not_contains','value':'vip'}`
	tagVip  = `{'kind':'tag','value':'vip'}`
	toSales = `{'kind':'department','value':'` + string(sales) + `'}`
)

// A rule tags and transfers, once, however often its job comes.
func TestARuleTagsAndTransfers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(workspace.KindDepartment, "d_01kaw3v4x0dddddddddddddddd", `{"name":"Front desk","default":true}`)
	o.put(workspace.KindRule, first, rule("message", isVip+","+notYet, tagVip+","+toSales))
	o.put(workspace.KindRule, second, rule("message", `{'fact':'text','op':'contains','value':'other'}`, tagVip))
	job := o.start("I am a VIP")
	for range 3 {
		o.must(o.rules.Handle(t.Context(), job))
	}
	if s := o.state(); !slices.Equal(s.Tags, []string{"vip"}) || s.Department != sales {
		t.Errorf("tags %v, department %q", s.Tags, s.Department)
	}
	o.tells(chat.Desk, "conversation.tagged by "+first, "automation.applied by "+first)
	o.tells(chat.Public, "conversation.started: customer wrote", "message", "conversation.transferred by "+first+": transferred")
	if got := o.runs(first); !slices.Equal(got, []string{"applied 2"}) {
		t.Errorf("runs %q", got)
	}
	if got := o.runs(second); got != nil {
		t.Errorf("runs of a rule that did not apply: %q", got)
	}
}

// What fails for good is told on the desk and among the runs; the steps after it are not taken.
func TestAFailingRuleIsVisible(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(workspace.KindRule, first, rule("message", "", `{'kind':'department','value':'d_01kaw3v4x0bbbbbbbbbbbbbbbb'},`+tagVip))
	job := o.start("hello")
	o.must(o.rules.Handle(t.Context(), job))
	o.must(o.rules.Handle(t.Context(), job))
	o.tells(chat.Desk, "automation.failed by "+first+": department: the workspace has no department d_01kaw3v4x0bbbbbbbbbbbbbbbb")
	if got := o.runs(first); !slices.Equal(got, []string{"failed 0 invalid"}) || len(o.state().Tags) != 0 {
		t.Errorf("runs %q, tags %v", got, o.state().Tags)
	}
}

// dying makes the process die at its nth write, before or after it.
type dying struct {
	*chattest.Memory
	left   int
	before bool
	kill   func() // ends the context of everything that the process was doing
}

var errKilled = fmt.Errorf("%w: killed", chat.ErrUnknownOutcome)

func (d *dying) die(write func() error) error {
	d.left--
	if d.left > 0 {
		return write()
	}
	d.kill()
	if d.left == 0 && !d.before {
		return errors.Join(errKilled, write())
	}
	return errKilled
}

// killed does what the process does until it dies at its nth write.
func (o *office) killed(n int, before bool, do func(context.Context) error) {
	o.t.Helper()
	ctx, cancel := context.WithCancel(o.t.Context())
	o.chat.Log = &dying{o.memory, n, before, cancel}
	if err := do(ctx); err == nil || ctx.Err() == nil {
		o.t.Fatalf("write %d: nothing died (%v)", n, err)
	}
	o.chat.Log = o.memory
}

func (d *dying) Append(ctx context.Context, a chat.Append) (h *chat.Head, err error) {
	err = d.die(func() (err error) { h, err = d.Memory.Append(ctx, a); return err })
	return h, err
}

func (d *dying) Transition(ctx context.Context, a chat.Append, c chat.Change) error {
	return d.die(func() error { return d.Memory.Transition(ctx, a, c) })
}

// A rule that dies at any of its writes is finished by the next delivery, even where its own first step makes its
// conditions false; each step is there once.
func TestARuleIsFinishedAfterACrash(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		for n := 1; n <= 3; n++ {
			o := newOffice(t)
			o.put(workspace.KindDepartment, "d_01kaw3v4x0dddddddddddddddd", `{"name":"Front desk","default":true}`)
			o.put(workspace.KindRule, first, rule("message", notYet, tagVip+","+toSales))
			job := o.start("hello")
			o.killed(n, before, func(ctx context.Context) error { return o.rules.Handle(ctx, job) })
			o.must(o.rules.Handle(t.Context(), job))
			o.tells(chat.Desk, "conversation.tagged by "+first, "automation.applied by "+first)
			o.tells(chat.Public, "conversation.started: customer wrote", "message", "conversation.transferred by "+first+": transferred")
			if got := o.runs(first); !slices.Equal(got, []string{"applied 2"}) {
				t.Errorf("write %d, before %v: runs %q", n, before, got)
			}
		}
	}
}

// pump handles every event of the conversation, also those that rules cause, until there are no new ones.
func (o *office) pump() {
	o.t.Helper()
	seen := map[chat.Track]uint64{}
	for range 100 {
		head := o.head()
		quiet := true
		for _, track := range chat.Tracks() {
			for _, e := range head.Track(track).Tail {
				if e.Seq <= seen[track] {
					continue
				}
				quiet, seen[track] = false, e.Seq
				o.must(o.rules.Handle(o.t.Context(), chat.IntegrationJob{Ref: head.Ref, Track: track, Seq: e.Seq, Gen: e.Gen, Type: e.Type}))
			}
		}
		if quiet {
			return
		}
	}
	o.t.Fatal("rules go round in a circle")
}

// Two rules that trigger each other, and one that triggers itself, come to an end; a chain ends after three.
func TestRulesDoNotGoRound(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	field := func(name string) string { return `{'kind':'field','name':'` + name + `','value':'{{x}}'}` }
	o.put(workspace.KindRule, first, rule("conversation.tagged", "", `{'kind':'tag','value':'again'}`))
	o.put(workspace.KindRule, second, rule("conversation.tagged", "", field("a")))
	o.put(workspace.KindRule, third, rule("conversation.fields", "", `{'kind':'priority','value':'1'}`))
	o.put(workspace.KindRule, fourth, rule("conversation.priority", "", `{'kind':'tag','value':'end'}`))
	o.start("hello")
	_, err := o.chat.Tag(t.Context(), by(chat.RoleAdmin, admin), chat.Step{Conversation: talk, ID: o.id()}, []string{"begin"}, nil)
	o.must(err)
	o.pump()
	for _, line := range o.log(chat.Desk) {
		if strings.Count(line, "r_") > workspace.MaxDepth {
			t.Errorf("too deep: %s", line)
		}
		chain := strings.Split(line[strings.LastIndex(line, " ")+1:], ",")
		slices.Sort(chain)
		if len(slices.Compact(chain)) != strings.Count(line, "r_") && strings.Contains(line, "r_") {
			t.Errorf("a rule caused itself: %s", line)
		}
	}
	if got := o.runs(fourth); !slices.ContainsFunc(got, func(r string) bool { return strings.HasPrefix(r, "stopped") }) && !slices.ContainsFunc(got, func(r string) bool { return strings.HasPrefix(r, "applied") }) {
		t.Errorf("the end of the chain did not run: %q", got)
	}
}

// Events that nobody caused, such as routing's, trigger a rule ten times an hour at most.
func TestARuleRestsWhenNobodyDoesAnything(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(workspace.KindRule, first, rule("note", `{'fact':'role','op':'is','value':'system'}`, `{'kind':'priority','value':'1'}`))
	o.start("hello")
	for range 12 {
		_, err := o.chat.Post(t.Context(), chat.ByRule(tenant, "x"), chat.Sending{Conversation: talk, Track: chat.Desk, After: o.head().Desk.Last, Messages: []chat.NewMessage{{ID: o.id(), Text: "x"}}})
		o.must(err)
		o.must(o.rules.Handle(t.Context(), o.newest(chat.Desk)))
		o.now = o.now.Add(time.Minute)
	}
	applied, stopped := 0, 0
	for _, r := range o.runs(first) {
		if strings.HasPrefix(r, "applied") {
			applied++
		} else if strings.HasPrefix(r, "stopped") {
			stopped++
		}
	}
	if applied != 10 || stopped != 2 {
		t.Errorf("%d applied, %d stopped", applied, stopped)
	}
}

// What comes hours late, after a repair, does nothing.
func TestALateEventTriggersNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(workspace.KindRule, first, rule("message", "", tagVip))
	job := o.start("hello")
	o.now = o.now.Add(2 * time.Hour)
	o.must(o.rules.Handle(t.Context(), job))
	if got := o.runs(first); !slices.Equal(got, []string{"stopped 0"}) || len(o.state().Tags) != 0 {
		t.Errorf("runs %q, tags %v", got, o.state().Tags)
	}
}

// Storage that is away is a reason to come again, and nothing is told as a failure.
func TestStorageAwayIsNoFailure(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(workspace.KindRule, first, rule("message", "", tagVip))
	job := o.start("hello")
	o.store.Fail = func(call string) error {
		if call == "PutRun" {
			return fmt.Errorf("%w: away", chat.ErrUnknownOutcome)
		}
		return nil
	}
	if err := o.rules.Handle(t.Context(), job); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("%v", err)
	}
	o.tells(chat.Desk)
	o.store.Fail = nil
	o.must(o.rules.Handle(t.Context(), job))
	o.tells(chat.Desk, "conversation.tagged by "+first, "automation.applied by "+first)
}

// Every kind of step does what it says, in the name of nobody.
func TestEveryStep(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.chat.Colleague = func(context.Context, chat.WorkspaceID, chat.UserID) (*chat.Colleague, error) {
		return &chat.Colleague{User: admin, Role: chat.RoleAdmin}, nil
	}
	o.rules.Who = func(_ context.Context, _ chat.WorkspaceID, c, _ chat.UserID) (map[string]string, error) {
		if c != customer {
			t.Errorf("who is %s?", c)
		}
		return map[string]string{"customer.name": "Grace Hopper"}, nil
	}
	o.put(workspace.KindRule, first, rule("message", "", strings.Join([]string{
		`{'kind':'reply','value':'Hi {{customer.firstName}}'}`, `{'kind':'note','value':'of {{conversation.id}}'}`, tagVip, `{'kind':'untag','value':'vip'}`,
		`{'kind':'priority','value':'2'}`, `{'kind':'field','name':'order','value':'7'}`, `{'kind':'assign','value':'` + string(admin) + `'}`,
		`{'kind':'snooze','value':'30'}`, `{'kind':'close','value':'done'}`,
	}, ",")))
	job := o.start("hello")
	o.must(o.rules.Handle(t.Context(), job))
	o.must(o.rules.Handle(t.Context(), job))
	b := " by " + first
	o.tells(chat.Public, "conversation.started: customer wrote", "message", "message"+b, "conversation.assigned"+b+": assigned by hand", "conversation.closed"+b+": done")
	o.tells(chat.Desk, "note"+b, "conversation.tagged"+b, "conversation.tagged"+b, "conversation.priority"+b, "conversation.fields"+b, "conversation.snoozed"+b+": put off by hand", "automation.applied"+b)
	head, s := o.head(), o.state()
	if text := head.Public.Tail[2].Text; text != "Hi Grace" || head.Public.Tail[2].Sender != chat.SystemUser || head.Public.Tail[2].Role != chat.RoleSystem {
		t.Errorf("%+v", head.Public.Tail[2])
	}
	if head.Desk.Tail[0].Text != "of "+string(talk) || len(s.Tags) != 0 || head.Priority != 2 || s.Fields["order"] != "7" || head.Assignee != admin || head.Status != chat.StatusClosed {
		t.Errorf("%+v %+v", head, s)
	}
	if kinds := workspace.StepKinds(); len(kinds) != 10 {
		t.Errorf("%v: a new kind of step needs a line here", kinds)
	}
}

const macro = "x_01kaw3v4x00000000000000001"

// A macro whose call dies at any write goes on where it stopped: each step is there once, in the operator's name.
func TestAMacroGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 4; n++ {
		o := newOffice(t)
		o.put(workspace.KindMacro, macro, `{"name":"Close","steps":[{"kind":"reply","value":"Bye"},{"kind":"tag","value":"done"},{"kind":"close"}]}`)
		o.start("hello")
		p := by(chat.RoleAdmin, admin)
		_, err := o.chat.Join(t.Context(), p, chat.Step{Conversation: talk, ID: o.id()})
		o.must(err)
		call := o.id()
		o.killed(n, n%2 == 0, func(ctx context.Context) error { _, err := o.rules.Apply(ctx, p, talk, macro, call); return err })
		steps, err := o.rules.Apply(t.Context(), p, talk, macro, call)
		o.must(err)
		for _, s := range steps {
			if s.Outcome != workspace.StepDone {
				t.Errorf("write %d: %+v", n, s)
			}
		}
		b := " by " + macro
		o.tells(chat.Public, "conversation.started: customer wrote", "message", "conversation.assigned: taken", "message"+b, "conversation.closed"+b+": ended by hand")
		o.tells(chat.Desk, "conversation.tagged"+b, "automation.applied"+b)
		if e := o.head().Desk.Tail[1]; e.Sender != admin {
			t.Errorf("in the name of %s", e.Sender)
		}
	}
}

// A macro may do what its user may, and says what it did not do.
func TestAMacroIsNoMoreThanItsUser(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(workspace.KindMacro, macro, `{"name":"Pass on","steps":[{"kind":"tag","value":"x"},{"kind":"assign","value":"`+string(admin)+`"},{"kind":"close"}]}`)
	o.start("hello")
	p := by(chat.RoleOperator, admin)
	_, err := o.chat.Join(t.Context(), p, chat.Step{Conversation: talk, ID: o.id()})
	o.must(err)
	steps, err := o.rules.Apply(t.Context(), p, talk, macro, o.id())
	o.must(err)
	var got []string
	for _, s := range steps {
		got = append(got, strings.TrimSpace(fmt.Sprint(s.Outcome, " ", s.Code)))
	}
	if want := []string{"done", "failed forbidden", "skipped"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := o.rules.Apply(t.Context(), by(chat.RoleOperator, "u_01kaw3v4x0bbbbbbbbbbbbbbbb"), talk, macro, o.id()); chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("an operator who takes no part: %v", err)
	}
	if _, err := o.rules.Apply(t.Context(), by(chat.RoleCustomer, customer), talk, macro, o.id()); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("a customer: %v", err)
	}
}

// Trying a rule out shows what it saw and would do, and changes nothing.
func TestTryingChangesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.start("I am a VIP")
	r := workspace.Rule{Name: "x", On: chat.EventMessage, Conditions: []workspace.Condition{
		{Fact: workspace.FactText, Op: workspace.OpContains, Value: "vip"}, {Fact: workspace.FactReturning, Op: workspace.OpIs, Value: "false"},
	}, Steps: []workspace.Step{{Kind: workspace.StepReply, Value: "Hi, {{conversation.id}}"}}}
	before := o.memory.Dump()
	trial, err := o.rules.TryOn(t.Context(), by(chat.RoleAdmin, admin), r, talk)
	o.must(err)
	if !trial.Applies || trial.On != chat.EventMessage || len(trial.Conditions) != 2 || trial.Conditions[0].Was[0] != "I am a VIP" || !trial.Conditions[1].Holds || trial.Steps[0].Value != "Hi, "+string(talk) {
		t.Errorf("%+v", trial)
	}
	if o.memory.Dump() != before || o.store.Calls("PutRun") != 0 {
		t.Error("something has changed")
	}
	sample := workspace.Try(r, workspace.Sample{Facts: map[string][]string{"text": {"nothing"}}})
	if sample.Applies || sample.Conditions[0].Holds || len(sample.Steps) != 0 {
		t.Errorf("%+v", sample)
	}
}
