package workspace

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// How automation keeps from going round in circles.
const (
	// MaxDepth is how many rules may follow from one another: an event that the third one caused triggers none.
	MaxDepth = 3
	// maxPerHour is how often a rule acts on one conversation within an hour because of what nobody did, such as routing.
	maxPerHour = 10
	// tooLate is how old an event may be that a rule acts on: the stream and the queue are seconds behind, and what comes
	// hours later would act on a conversation that has moved on.
	tooLate = time.Hour
)

// Commands are those of chat.Service that steps are made of.
type Commands interface {
	Post(context.Context, chat.Principal, chat.Sending) (*chat.Outcome, error)
	Tag(ctx context.Context, p chat.Principal, st chat.Step, add, off []string) (*chat.Outcome, error)
	SetFields(context.Context, chat.Principal, chat.Step, map[string]string) (*chat.Outcome, error)
	SetPriority(context.Context, chat.Principal, chat.Step, int) (*chat.Outcome, error)
	Transfer(context.Context, chat.Principal, chat.Transfer) (*chat.Outcome, error)
	Assign(ctx context.Context, p chat.Principal, st chat.Step, operator chat.UserID) (*chat.Outcome, error)
	Snooze(ctx context.Context, p chat.Principal, st chat.Step, until time.Time) (*chat.Outcome, error)
	Close(context.Context, chat.Principal, chat.Step) (*chat.Outcome, error)
	Automated(ctx context.Context, p chat.Principal, c chat.ConversationID, id chat.EventID, after uint64, failure string) (*chat.Outcome, error)
	Page(context.Context, chat.Principal, chat.PageQuery) (*chat.PageResult, error)
}

// Automation carries out rules and macros. All fields but those that say so are needed; Runs by rules only.
type Automation struct {
	Settings *Cache
	Catalog  *Catalog
	Runs     RunStore
	Chat     Commands
	// Log reads heads and events, States what lies beside, Directory other conversations of a customer.
	Log       chat.Reader
	States    chat.States
	Directory chat.Directory
	// Deliver pushes what was committed.
	Deliver interface {
		Committed(context.Context, chat.Principal, *chat.Outcome) error
	}
	// Who returns values of variables of people: customer.name, customer.email, customer.field.…, operator.name and
	// workspace.name; nil knows none.
	Who func(ctx context.Context, w chat.WorkspaceID, customer, operator chat.UserID) (map[string]string, error)
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// scene is a conversation as a rule or a macro finds it.
type scene struct {
	config *Config
	head   *chat.Head
	state  *chat.State
	event  chat.Event // what happened; the zero Event for a macro
	track  chat.Track
	facts  Values
}

// Handle lets the rules act that wait for the job's event, in order. It may be repeated: what an earlier try has done is
// not done again, and what it has begun is finished. An error means that the job must come again.
func (a *Automation) Handle(ctx context.Context, job chat.IntegrationJob) error {
	config, err := a.Settings.Config(ctx, job.Workspace)
	if err != nil {
		return err
	}
	for _, rule := range config.Rules {
		if !rule.Enabled || rule.On != job.Type {
			continue
		}
		sc, err := a.happened(ctx, config, job) // anew for each: the one before may have changed what conditions look at
		if err != nil {
			return unavailable(err)
		}
		if sc == nil {
			return nil
		}
		if err := a.consider(ctx, sc, rule); err != nil {
			return err
		}
	}
	return nil
}

// happened reads the conversation and the job's event; nil when either is not there any more.
func (a *Automation) happened(ctx context.Context, config *Config, job chat.IntegrationJob) (*scene, error) {
	head, err := a.Log.Head(ctx, job.Ref)
	if err != nil || head == nil || head.Track(job.Track).Last < job.Seq {
		return nil, err
	}
	event, err := a.eventAt(ctx, head, job.Track, job.Seq)
	if err != nil || event == nil || event.Type != job.Type || event.Gen != job.Gen {
		return nil, err
	}
	return a.scene(ctx, config, head, job.Track, *event)
}

func (a *Automation) eventAt(ctx context.Context, h *chat.Head, t chat.Track, seq uint64) (*chat.Event, error) {
	events := h.Track(t).Tail
	if seq < h.Track(t).From {
		var err error
		if events, err = a.Log.After(ctx, h.Ref, t, seq-1, 1); err != nil {
			return nil, err
		}
	}
	i := slices.IndexFunc(events, func(e chat.Event) bool { return e.Seq == seq })
	if i < 0 {
		return nil, nil
	}
	return &events[i], nil
}

func (a *Automation) scene(ctx context.Context, config *Config, h *chat.Head, t chat.Track, e chat.Event) (*scene, error) {
	state, err := a.States.State(ctx, h.Ref)
	if err != nil || state == nil {
		return nil, err
	}
	sc := &scene{config: config, head: h, state: state, event: e, track: t}
	sc.facts = sc.values()
	return sc, nil
}

// values are the facts but the one that costs a read.
func (sc *scene) values() Values {
	h, e := sc.head, sc.event
	v := Values{
		FactText: {e.Text}, FactRole: {string(e.Role)}, FactReason: {e.Reason}, FactStatus: {string(h.Status)},
		FactDepartment: {string(h.Department)}, FactPriority: {strconv.Itoa(h.Priority)}, FactTags: sc.state.Tags, FactPage: {sc.state.Page},
		FactOpen: {strconv.FormatBool(sc.config.Calendar(h.Department).Open(e.At))},
	}
	if e.Detail != nil && e.Detail.Score > 0 {
		v[FactScore] = []string{strconv.Itoa(e.Detail.Score)}
	}
	for name, value := range sc.state.Fields {
		v[Fact(factField+name)] = []string{value}
	}
	return v
}

// returning finds out whether the customer was here before, for rules that ask.
func (a *Automation) returning(ctx context.Context, sc *scene, r Rule) error {
	asks := slices.ContainsFunc(r.Conditions, func(c Condition) bool { return c.Fact == FactReturning })
	if !asks || sc.facts[FactReturning] != nil {
		return nil
	}
	w, customer := sc.head.Workspace, sc.state.Customer
	closed, err := a.Directory.Closed(ctx, w, customer, "", 2)
	if err != nil {
		return err
	}
	open, err := a.Directory.Open(ctx, w, customer, "", 2)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(slices.Concat(closed, open), func(c chat.ConversationID) bool { return c == sc.head.Conversation })
	sc.facts[FactReturning] = []string{strconv.FormatBool(len(others) > 0)}
	return nil
}

// consider lets the rule act if it applies, and finishes what an earlier try has begun.
func (a *Automation) consider(ctx context.Context, sc *scene, r Rule) error {
	chain := causes(sc.event)
	if slices.Contains(chain, r.ID) {
		return nil
	}
	run := runOf(sc, r)
	earlier, err := a.Runs.Runs(ctx, sc.head.Workspace, r.ID, MaxRuns)
	if err != nil {
		return unavailable(err)
	}
	i := slices.IndexFunc(earlier, func(o Run) bool { return o.ID == run.ID })
	if i >= 0 && earlier[i].Outcome != RunBegun {
		return nil
	}
	if i < 0 {
		if err := a.returning(ctx, sc, r); err != nil {
			return unavailable(err)
		}
		if applies, _ := r.Evaluate(sc.event.Type, sc.facts); !applies {
			return nil
		}
		if why := a.holdsBack(sc, chain, run, earlier); why != "" {
			run.Outcome, run.Reason = RunStopped, why
			return unavailable(a.Runs.PutRun(ctx, sc.head.Workspace, run))
		}
		if err := a.Runs.PutRun(ctx, sc.head.Workspace, run); err != nil {
			return unavailable(err)
		}
	}
	return a.run(ctx, sc, r, run, chain)
}

// causes lists the rules and macros that led to the event, the first one first.
func causes(e chat.Event) []string {
	if e.Detail == nil || e.Detail.Rule == "" {
		return nil
	}
	return strings.Split(e.Detail.Rule, ",")
}

// holdsBack says why the rule is not to act, although it applies; "" for no reason.
func (a *Automation) holdsBack(sc *scene, chain []string, run Run, earlier []Run) string {
	if len(chain) >= MaxDepth {
		return "rules that followed from each other have acted already: at most " + strconv.Itoa(MaxDepth)
	}
	if clock(a.Now).Sub(sc.event.At) > tooLate {
		return "the event came more than an hour late"
	}
	if sc.event.Role != chat.RoleSystem {
		return ""
	}
	lately := 0
	for _, o := range earlier {
		if o.Conversation == run.Conversation && run.At-o.At < time.Hour.Milliseconds() && o.Outcome != RunStopped {
			lately++
		}
	}
	if lately >= maxPerHour {
		return "the rule has acted on this conversation " + strconv.Itoa(lately) + " times within an hour, without anybody doing anything"
	}
	return ""
}

func runOf(sc *scene, r Rule) Run {
	e := sc.event
	return Run{
		ID:   string(derived(r.ID, string(sc.head.Conversation), string(sc.track), strconv.FormatUint(e.Seq, 10), strconv.FormatUint(uint64(e.Gen), 10))),
		Rule: r.ID, At: e.At.UnixMilli(), Conversation: sc.head.Conversation, Track: sc.track, Seq: e.Seq, Outcome: RunBegun,
	}
}

// derived makes an id of what it is for: the same for every try.
func derived(parts ...string) chat.EventID {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return chat.EventID(chat.FormatID(chat.EventPrefix, [16]byte(sum[:16])))
}

// run takes the rule's steps, and tells how it came out.
func (a *Automation) run(ctx context.Context, sc *scene, r Rule, run Run, chain []string) error {
	p := chat.ByRule(sc.head.Workspace, strings.Join(append(slices.Clone(chain), r.ID), ","))
	results, err := a.take(ctx, p, sc, r.Steps, run.ID, sc.event.At)
	if err != nil {
		return err
	}
	run.Outcome, run.Steps = RunApplied, len(results)
	if i := slices.IndexFunc(results, func(s StepResult) bool { return s.Outcome == StepFailed }); i >= 0 {
		run.Outcome, run.Steps, run.Code, run.Reason = RunFailed, i, results[i].Code, results[i].Reason
	}
	if err := a.tell(ctx, p, sc, run.ID, run.Reason); err != nil {
		return err
	}
	return unavailable(a.Runs.PutRun(ctx, sc.head.Workspace, run))
}

// tell notes on the desk track that a rule or macro has acted, or has failed.
func (a *Automation) tell(ctx context.Context, p chat.Principal, sc *scene, id, failure string) error {
	out, err := a.Chat.Automated(ctx, p, sc.head.Conversation, derived(id, "told"), sc.after(chat.Desk), failure)
	if err != nil {
		return err
	}
	return a.Deliver.Committed(ctx, p, out)
}

// after is a seq of the track that was there before any try: retries search the log from there on.
func (sc *scene) after(t chat.Track) uint64 {
	e, desk := sc.event, sc.head.Desk
	switch {
	case e.Seq == 0:
		return 0
	case t == sc.track:
		return e.Seq
	case t == chat.Public:
		return e.Follows
	}
	last := uint64(0)
	for _, d := range desk.Tail {
		if d.Follows < e.Seq {
			last = d.Seq
		}
	}
	return last
}
