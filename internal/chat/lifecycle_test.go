package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// colleague is another operator, on duty with this capacity.
func (w *world) colleague(name string, capacity int) chat.Principal {
	w.Helper()
	p := w.principal(w.customer.Workspace, chat.RoleOperator, chat.ConnectionID(name))
	w.staff[p.User] = p.Role
	w.must(w.store.PutOperator(w.Context(), chat.Operator{Workspace: p.Workspace, User: p.User, Capacity: capacity}))
	return p
}

func (w *world) load(p chat.Principal) int {
	w.Helper()
	o, err := w.store.Operator(w.Context(), p.Workspace, p.User)
	w.must(err)
	if o == nil {
		return 0
	}
	return o.Load
}

// commit pushes an outcome, and returns what was pushed.
func (w *world) commit(p chat.Principal, out *chat.Outcome, err error) []string {
	w.Helper()
	w.must(err)
	w.push.take()
	w.must(w.delivery.Committed(w.Context(), p, out))
	return w.push.take()
}

// drainQueue works off what delivery has queued, and returns what was pushed.
func (w *world) drainQueue() []string {
	w.Helper()
	for jobs := w.queue.take(); len(jobs) > 0; jobs = w.queue.take() {
		for _, j := range jobs {
			w.must(w.delivery.Work(w.Context(), j))
		}
	}
	return w.push.take()
}

// Whoever was transferred away hears nothing from that very write on: neither on a socket in HEAD nor on one in a row of
// its own, neither pushed at once nor through the queue.
func TestTransferEndsHearing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	for i := range chat.MaxListeners + 3 { // the last of them lie in rows
		p := w.operator
		p.Connection = chat.ConnectionID(fmt.Sprintf("tab-%02d", i))
		_, err := w.svc.Hello(t.Context(), p, nil, "")
		w.must(err)
	}
	if w.head().ListenerShards == 0 {
		t.Fatal("no listener lies beyond HEAD")
	}
	to := w.colleague("operator-2", 1)
	_, err := w.svc.Hello(t.Context(), to, nil, "")
	w.must(err)
	out, err := w.svc.Transfer(t.Context(), w.operator, chat.Transfer{Step: w.step(), Operator: to.User, Note: "knows the matter"})
	pushed := w.commit(w.operator, out, err)
	pushed = append(pushed, w.drainQueue()...)
	for _, post := range pushed {
		connection, frame, _ := strings.Cut(post, " ")
		mine := strings.HasPrefix(connection, "tab-") || connection == "operator-1"
		if mine && strings.HasPrefix(frame, "desk") || mine && strings.HasPrefix(frame, "public") && !slices.ContainsFunc(out.Push, func(e chat.Event) bool {
			return frame == fmt.Sprint("public ", e.Seq) && e.Type == chat.EventTransferred
		}) {
			t.Errorf("after the transfer: %s", post)
		}
	}
	if !slices.Contains(pushed, "operator-2 public 4") {
		t.Errorf("the new operator was not told: %v", pushed)
	}
	said := w.say(w.customer, "who is there?")
	for _, post := range append(w.commit(w.customer, said, nil), w.drainQueue()...) {
		if strings.HasPrefix(post, "tab-") || strings.HasPrefix(post, "operator-1") {
			t.Errorf("a later message reached %s", post)
		}
	}
	h := w.head()
	if _, in := h.Participants[w.operator.User]; in || h.Assignee != to.User || h.Status != chat.StatusActive {
		t.Fatalf("%+v", h)
	}
	w.same([]int{w.load(w.operator), w.load(to)}, []int{0, 1})
	w.same(w.texts(chat.Desk), []string{"knows the matter"})
	_, err = w.svc.Send(t.Context(), w.operator, w.conv, chat.Public, 0, w.messages("me again"))
	w.refused(err, chat.CodeNotFound)
	elsewhere := w.operator // its departments may be read, without taking part
	elsewhere.Departments = chat.JoinDepartments(chat.DepartmentID(w.id(chat.DepartmentPrefix)))
	_, err = w.svc.Page(t.Context(), elsewhere, chat.PageQuery{Conversation: w.conv, Track: chat.Public})
	w.refused(err, chat.CodeNotFound)
	again, err := w.svc.Transfer(t.Context(), w.supervisor, chat.Transfer{Step: w.step(), Operator: w.operator.User})
	w.must(err)
	if pushed := w.commit(w.supervisor, again, nil); !slices.Contains(pushed, "operator-2 gone") {
		t.Errorf("who lost it to another was not told: %v", pushed)
	}
}

func TestTransferRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	full := w.colleague("operator-2", 1)
	w.must(w.store.PutOperator(t.Context(), chat.Operator{Workspace: full.Workspace, User: full.User, Capacity: 1, Load: 1}))
	before := w.store.Dump()
	for name, c := range map[string]struct {
		t    chat.Transfer
		want chat.Code
	}{
		"full":            {chat.Transfer{Operator: full.User}, chat.CodeAtCapacity},
		"nobody":          {chat.Transfer{}, chat.CodeInvalid},
		"a customer":      {chat.Transfer{Operator: w.customer.User}, chat.CodeInvalid},
		"no department":   {chat.Transfer{Department: "d_01kaw3v4x0fedcba9876543210"}, chat.CodeInvalid},
		"no bot":          {chat.Transfer{Bot: true}, chat.CodeInvalid},
		"bot and another": {chat.Transfer{Bot: true, Operator: full.User}, chat.CodeInvalid},
		"to whom it is":   {chat.Transfer{Operator: w.operator.User}, chat.CodeAlreadyAssigned},
		"a long note":     {chat.Transfer{Operator: full.User, Note: strings.Repeat("x", chat.MaxText+1)}, chat.CodeInvalid},
	} {
		c.t.Step = w.step()
		if _, err := w.svc.Transfer(t.Context(), w.operator, c.t); chat.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	w.same(w.store.Dump(), before)
}

// In a department's queue a conversation keeps its place, and does not go back to who passed it on.
func TestTransferToDepartment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sales := chat.DepartmentID(w.id(chat.DepartmentPrefix))
	w.svc.Departments = func(context.Context, chat.WorkspaceID) ([]chat.DepartmentID, error) {
		return []chat.DepartmentID{sales}, nil
	}
	w.start("hello")
	since := w.head().QueuedAt
	w.join()
	w.clock.Advance(time.Minute)
	step := w.step()
	for _, want := range []string{"4", "4 again"} { // who has passed it on does not see it any more
		out, err := w.svc.Transfer(t.Context(), w.operator, chat.Transfer{Step: step, Department: sales})
		w.must(err)
		w.same(acks(out), []string{want})
	}
	h := w.head()
	if h.Status != chat.StatusQueued || h.Department != sales || h.Assignee != "" || !h.QueuedAt.Equal(since) || len(h.Participants) != 1 {
		t.Fatalf("%+v", h)
	}
	list, err := w.store.Waiting(t.Context(), w.customer.Workspace, sales, 9)
	w.must(err)
	if len(list) != 1 || !slices.Contains(list[0].Tried, w.operator.User) || list[0].Preferred != "" {
		t.Fatalf("%+v", list)
	}
	w.same(w.load(w.operator), 0)
}

func TestTakeOver(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{true, false} {
		w := newWorld(t)
		w.start("hello")
		w.join()
		out, err := w.svc.TakeOver(t.Context(), w.supervisor, w.step(), keep)
		w.must(err)
		h := out.Head
		old, in := h.Participants[w.operator.User]
		_, listens := h.Listeners[w.supervisor.Connection]
		if h.Assignee != w.supervisor.User || !listens || in != keep || old.Watching != keep || h.Epoch != 2 {
			t.Fatalf("keep %v: %+v", keep, h)
		}
		w.same([]int{w.load(w.operator), w.load(w.supervisor)}, []int{0, 1})
		_, err = w.svc.TakeOver(t.Context(), w.supervisor, w.step(), keep)
		w.refused(err, chat.CodeAlreadyAssigned)
	}
}

func TestWatchIsNoTransition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	version := w.head().Version
	out, err := w.svc.Watch(t.Context(), w.supervisor, w.step())
	w.must(err)
	_, listens := out.Head.Listeners[w.supervisor.Connection]
	if !listens || !out.Head.Participants[w.supervisor.User].Watching || out.Head.Version != version || out.Acks[0].Event.Follows != out.Head.Public.Last {
		t.Fatalf("%+v", out)
	}
	again, err := w.svc.Watch(t.Context(), w.supervisor, w.step())
	w.must(err)
	w.same(len(again.Acks), 0)
	w.close(w.operator) // decided on an image with the watcher
	closed, err := w.store.Closed(t.Context(), w.supervisor.Workspace, w.supervisor.User, "", 9)
	w.must(err)
	w.same(closed, []chat.ConversationID{w.conv})
	_, err = w.svc.Unwatch(t.Context(), w.supervisor, w.step())
	w.must(err)
	if _, in := w.head().Participants[w.supervisor.User]; in {
		t.Fatal("still watching")
	}
}

func TestSnoozeAndWake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	until := w.clock.Now().Add(time.Hour)
	snooze := func() {
		t.Helper()
		_, err := w.svc.Snooze(t.Context(), w.operator, w.step(), until)
		w.must(err)
		s, err := w.store.State(t.Context(), w.ref())
		w.must(err)
		if h := w.head(); h.Status != chat.StatusSnoozed || w.load(w.operator) != 0 || !s.Until.Equal(until) {
			t.Fatalf("%+v %+v", h, s)
		}
	}
	snooze()
	w.say(w.customer, "I am back")
	w.same([]any{w.head().Status, w.load(w.operator)}, []any{chat.StatusActive, 1})
	snooze()
	out, err := w.svc.Wake(t.Context(), w.operator, w.step())
	w.must(err)
	w.same([]any{out.Head.Status, w.load(w.operator)}, []any{chat.StatusActive, 1})
	snooze()
	w.must(w.store.PutOperator(t.Context(), chat.Operator{Workspace: w.operator.Workspace, User: w.operator.User, Capacity: 1, Load: 1}))
	_, err = w.svc.Wake(t.Context(), w.operator, w.step())
	w.refused(err, chat.CodeAtCapacity)
	out, err = w.svc.Wake(t.Context(), w.supervisor, w.step())
	w.must(err)
	if e := w.log(chat.Public)[len(w.log(chat.Public))-1]; out.Head.Status != chat.StatusQueued || e.Type != chat.EventQueued || e.From != chat.StatusActive {
		t.Fatalf("%+v %+v", out.Head, e)
	}
	for _, bad := range []time.Time{w.clock.Now(), w.clock.Now().Add(400 * 24 * time.Hour)} {
		_, err := w.svc.Snooze(t.Context(), w.supervisor, w.step(), bad)
		w.refused(err, chat.CodeInvalid)
	}
}

func TestRequiredFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.svc.Required = func(context.Context, chat.WorkspaceID, chat.DepartmentID) ([]string, error) {
		return []string{"topic", "order"}, nil
	}
	w.start("hello")
	w.join()
	_, err := w.svc.SetFields(t.Context(), w.operator, w.step(), map[string]string{"order": "17"})
	w.must(err)
	_, err = w.svc.Close(t.Context(), w.operator, w.step())
	w.refused(err, chat.CodeRequired)
	if !strings.Contains(err.Error(), "topic") || strings.Contains(err.Error(), "order") {
		t.Fatal(err)
	}
	_, err = w.svc.SetFields(t.Context(), w.operator, w.step(), map[string]string{"topic": "refund"})
	w.must(err)
	w.atCall("Transition", false, func() { // the field goes while the close is decided
		_, err := w.svc.SetFields(t.Context(), w.supervisor, w.step(), map[string]string{"topic": ""})
		w.must(err)
	})
	_, err = w.svc.Close(t.Context(), w.operator, w.step())
	w.refused(err, chat.CodeRequired)
	w.store.Fault = nil
	w.close(w.customer) // customers are not held up
	w.same(w.head().Status, chat.StatusClosed)
}

func TestPersonAndLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bot := w.principal(w.customer.Workspace, chat.RoleBot, "")
	bot.Grants = chat.JoinGrants(chat.Grants()...)
	w.svc.Bot = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.UserID, error) { return bot.User, nil }
	out := w.start("hello")
	if h := out.Head; h.Status != chat.StatusBot || h.Participants[bot.User].Role != chat.RoleBot || w.log(chat.Public)[1].Type != chat.EventBotEngaged {
		t.Fatalf("%+v", h)
	}
	epoch := out.Head.Epoch
	say := func(text string) error {
		_, err := w.svc.Post(t.Context(), bot, chat.Sending{Conversation: w.conv, Track: chat.Public, Messages: w.messages(text), Epoch: &epoch})
		return err
	}
	w.must(say("I am a bot"))
	step := w.step()
	out, err := w.svc.Person(t.Context(), w.customer, step)
	w.must(err)
	w.same(out.Head.Status, chat.StatusQueued)
	w.refused(say("let me talk on"), chat.CodeStaleEpoch)
	epoch = out.Head.Epoch // it has read on, but leads no more
	w.refused(say("I know better"), chat.CodeStaleEpoch)
	spoken := w.log(chat.Public)[3]
	_, err = w.svc.Edit(t.Context(), bot, chat.Revision{Conversation: w.conv, Track: chat.Public, ID: w.eventID(), Target: spoken.Seq, Text: "I know better"})
	w.refused(err, chat.CodeStaleEpoch)
	_, err = w.svc.Post(t.Context(), bot, chat.Sending{Conversation: w.conv, Track: chat.Desk, Messages: w.messages("asked for a person")})
	w.must(err)
	out, err = w.svc.Person(t.Context(), w.customer, w.step())
	w.must(err)
	w.same(len(out.Acks), 0)
	out, err = w.svc.Person(t.Context(), w.customer, step)
	w.must(err)
	w.same(acks(out), []string{"5 again"})
	left, err := w.svc.Leave(t.Context(), w.customer, w.step())
	w.must(err)
	w.same(left.Head.Status, chat.StatusAbandoned)
	_, err = w.svc.Leave(t.Context(), w.customer, w.step())
	w.refused(err, chat.CodeClosed)
	_, err = w.svc.Person(t.Context(), w.customer, w.step())
	w.refused(err, chat.CodeClosed)
}

// A reply of a bot that is sent again in other words is the same reply.
func TestReplyAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	id := chat.ReplyID(w.operator.User, "c 2 0")
	post := func(text string) []string {
		out, err := w.svc.Post(t.Context(), w.operator, chat.Sending{
			Conversation: w.conv, Track: chat.Public, After: 2, Reply: true, Messages: []chat.NewMessage{{ID: id, Text: text}},
		})
		w.must(err)
		return acks(out)
	}
	w.same(post("one"), []string{"4"})
	w.same(post("two"), []string{"4 again"})
	w.same(w.texts(chat.Public), []string{"hello", "one"})
}

func TestRating(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	rate := func(score int) error {
		_, err := w.svc.SubmitRating(t.Context(), w.customer, w.step(), score, "so so")
		return err
	}
	w.must(rate(2))
	w.close(w.operator)
	w.must(rate(5))
	s, err := w.store.State(t.Context(), w.ref())
	w.must(err)
	if s.Rating.Score != 5 || s.Rating.Operator != w.operator.User || s.Rating.Engagement != 0 || w.head().Status != chat.StatusClosed {
		t.Fatalf("%+v", s.Rating)
	}
	for _, score := range []int{0, 6} {
		w.refused(rate(score), chat.CodeInvalid)
	}
	w.clock.Advance(chat.RatingLife + time.Second)
	w.refused(rate(1), chat.CodeClosed)
}

func TestTagsAndFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	step := w.step()
	for _, want := range []string{"1", "1 again"} {
		out, err := w.svc.Tag(t.Context(), w.operator, step, []string{"vip", "refund"}, []string{"none"})
		w.must(err)
		w.same(acks(out), []string{want})
	}
	_, err := w.svc.Tag(t.Context(), w.operator, w.step(), nil, []string{"vip"})
	w.must(err)
	var many []string
	for i := range chat.MaxTags {
		many = append(many, fmt.Sprint("t", i))
	}
	_, err = w.svc.Tag(t.Context(), w.operator, w.step(), many, nil)
	w.refused(err, chat.CodeInvalid)
	for _, bad := range []string{"", strings.Repeat("x", chat.MaxTag+1), "a\x00b"} {
		_, err = w.svc.Tag(t.Context(), w.operator, w.step(), []string{bad}, nil)
		w.refused(err, chat.CodeInvalid)
	}
	for _, bad := range []map[string]string{nil, {"": "x"}, {strings.Repeat("n", 41): "x"}, {"n": strings.Repeat("v", 1001)}, {"n": "a\x01"}} {
		_, err = w.svc.SetFields(t.Context(), w.operator, w.step(), bad)
		w.refused(err, chat.CodeInvalid)
	}
	_, err = w.svc.SubmitForm(t.Context(), w.customer, w.step(), chat.Form{Fields: map[string]string{"topic": "refund"}, Mail: "ada@shop.example", Phone: "+49 30 1234"})
	w.must(err)
	for _, bad := range []chat.Form{{Mail: "ada"}, {Phone: "call me"}, {Fields: map[string]string{"lead.mail": "x@y"}}, {}} {
		_, err = w.svc.SubmitForm(t.Context(), w.customer, w.step(), bad)
		w.refused(err, chat.CodeInvalid)
	}
	d, err := w.svc.Details(t.Context(), w.operator, w.conv)
	w.must(err)
	w.same(d.Tags, []string{"refund"})
	w.same(d.Fields, map[string]string{"topic": "refund", chat.LeadMail: "ada@shop.example", chat.LeadPhone: "+49 30 1234"})
	if !d.FirstResponse.IsZero() || d.FirstAssigned.IsZero() {
		t.Fatalf("%+v", d)
	}
	w.clock.Advance(time.Minute)
	w.say(w.operator, "hi")
	w.moveTail(chat.Public, 0)
	d, err = w.svc.Details(t.Context(), w.operator, w.conv)
	w.must(err)
	w.same(d.FirstResponse.Equal(w.clock.Now()), true)
}

// A priority moves a conversation that waits, and keeps what its entry says.
func TestPriorityMovesTheEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.conv
	w.start("first")
	w.clock.Advance(time.Minute)
	w.conv = w.newConversation()
	w.start("second")
	version := w.head().Version
	_, err := w.svc.SetPriority(t.Context(), w.supervisor, w.step(), 1)
	w.must(err)
	list, err := w.svc.Waiting(t.Context(), w.supervisor, 9)
	w.must(err)
	if len(list) != 2 || list[0].Conversation != w.conv || list[1].Conversation != first || list[0].Version != version {
		t.Fatalf("%+v", list)
	}
	w.atCall("Transition", false, func() { // the entry's key changes while a join is decided
		_, err := w.svc.SetPriority(t.Context(), w.supervisor, w.step(), 2)
		w.must(err)
	})
	w.join()
	list, err = w.svc.Waiting(t.Context(), w.supervisor, 9)
	w.must(err)
	if len(list) != 1 || list[0].Conversation != first {
		t.Fatalf("an entry was left: %+v", list)
	}
	_, err = w.svc.SetPriority(t.Context(), w.supervisor, w.step(), 4)
	w.refused(err, chat.CodeInvalid)
}

// Two conversations take two transactions: whatever fails, the retry ends with both linked, once.
func TestLink(t *testing.T) {
	t.Parallel()
	for nth := 0; nth <= 4; nth++ {
		w := newWorld(t)
		into := w.conv
		w.start("the one that goes on")
		w.conv = w.newConversation()
		w.start("once more")
		step := w.step()
		if nth > 0 {
			n := 0
			w.store.Fault = func(call string, after bool) error {
				if n++; call == "Transition" && n >= nth*3 {
					return fmt.Errorf("%w: told to", chat.ErrUnknownOutcome)
				}
				return nil
			}
			_, _ = w.svc.Link(t.Context(), w.supervisor, step, into)
			w.store.Fault = nil
		}
		for range 2 {
			_, err := w.svc.Link(t.Context(), w.supervisor, step, into)
			w.must(err)
		}
		merged, err := w.store.State(t.Context(), w.ref())
		w.must(err)
		goes, err := w.store.State(t.Context(), chat.Ref{Workspace: w.customer.Workspace, Conversation: into})
		w.must(err)
		if merged.Link != into || merged.Status != chat.StatusClosed || !slices.Equal(goes.Linked, []chat.ConversationID{w.conv}) || goes.Status != chat.StatusQueued {
			t.Fatalf("%d: %+v %+v", nth, merged, goes)
		}
		there := readLog(t, w.store, chat.Ref{Workspace: w.customer.Workspace, Conversation: into}, chat.Desk)
		if len(there) != 1 || len(w.log(chat.Desk)) != 1 || there[0].Target != 1 {
			t.Fatalf("%d: %+v", nth, there)
		}
		out, err := w.svc.FinishLink(t.Context(), chat.Ref{Workspace: w.customer.Workspace, Conversation: into}, there[0])
		if out != nil || err != nil {
			t.Fatal("a link goes to and fro")
		}
		e := w.log(chat.Public)[2]
		w.same([]any{e.Type, e.Reason}, []any{chat.EventClosed, chat.ReasonMerged})
		_, err = w.svc.Link(t.Context(), w.supervisor, w.step(), into)
		w.refused(err, chat.CodeConflict)
	}
}

// A mention is pushed to the colleague's sockets, or queued, and holds no text.
func TestMentions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	_, err := w.svc.Hello(t.Context(), w.supervisor, nil, "")
	w.must(err)
	note := w.messages("look at this")
	note[0].Mentions = []chat.UserID{w.supervisor.User}
	out, err := w.svc.Post(t.Context(), w.operator, chat.Sending{Conversation: w.conv, Track: chat.Desk, Messages: note})
	if pushed := w.commit(w.operator, out, err); !slices.Contains(pushed, "supervisor-1 mention") {
		t.Fatal(pushed)
	}
	w.push.answers["supervisor-1"] = errThrottled
	out, err = w.svc.Post(t.Context(), w.operator, chat.Sending{Conversation: w.conv, Track: chat.Desk, Messages: note})
	w.commit(w.operator, out, err)
	delete(w.push.answers, "supervisor-1")
	if pushed := w.drainQueue(); !slices.Contains(pushed, "supervisor-1 mention") {
		t.Fatal(pushed)
	}
	note[0].ID, note[0].Mentions = w.eventID(), []chat.UserID{w.customer.User}
	_, err = w.svc.Post(t.Context(), w.operator, chat.Sending{Conversation: w.conv, Track: chat.Desk, Messages: note})
	w.refused(err, chat.CodeInvalid)
	note[0].Mentions = []chat.UserID{w.supervisor.User}
	_, err = w.svc.Post(t.Context(), w.operator, chat.Sending{Conversation: w.conv, Track: chat.Public, Messages: note})
	w.refused(err, chat.CodeInvalid)
}

// A colleague who is mentioned reads the note and answers it, without taking part; one of another department does not.
func TestWhoIsMentionedMayRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	asked := w.colleague("asked", 1)
	note := w.messages("what do you think?")
	note[0].Mentions = []chat.UserID{asked.User}
	_, err := w.svc.Post(t.Context(), w.operator, chat.Sending{Conversation: w.conv, Track: chat.Desk, Messages: note})
	w.must(err)
	for _, track := range chat.Tracks() {
		page, err := w.svc.Page(t.Context(), asked, chat.PageQuery{Conversation: w.conv, Track: track})
		w.must(err)
		if len(page.Events) == 0 {
			t.Errorf("nothing to read on %s", track)
		}
	}
	_, err = w.svc.Send(t.Context(), asked, w.conv, chat.Desk, 0, w.messages("I would refund"))
	w.must(err)
	_, err = w.svc.Send(t.Context(), asked, w.conv, chat.Public, 0, w.messages("we refund"))
	w.refused(err, chat.CodeNotFound)
	if _, in := w.head().Participants[asked.User]; in {
		t.Error("who reads takes part")
	}
	asked.Departments = chat.JoinDepartments(chat.DepartmentID(w.id(chat.DepartmentPrefix)))
	for _, track := range chat.Tracks() {
		_, err = w.svc.Page(t.Context(), asked, chat.PageQuery{Conversation: w.conv, Track: track})
		w.refused(err, chat.CodeNotFound)
	}
}

func TestStartOfflineWithAForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.svc.Availability = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.Status, error) {
		return chat.StatusOffline, nil
	}
	start := chat.NewConversation{ID: w.conv, Messages: w.messages("call me"), Form: chat.Form{Phone: "110", Fields: map[string]string{"topic": "x"}}}
	for _, want := range []string{"3", "3 again"} {
		out, err := w.svc.Start(t.Context(), w.customer, start)
		w.must(err)
		w.same(acks(out), []string{want})
	}
	d, err := w.svc.Details(t.Context(), w.supervisor, w.conv)
	w.must(err)
	if d.Status != chat.StatusOffline || d.Fields[chat.LeadPhone] != "110" || d.Fields["topic"] != "x" || !d.FirstQueued.IsZero() {
		t.Fatalf("%+v", d)
	}
	start.ID, start.Priority = w.newConversation(), 3
	_, err = w.svc.Start(t.Context(), w.customer, start)
	w.refused(err, chat.CodeInvalid)
	key := w.principal(w.customer.Workspace, chat.RoleAPIKey, "")
	key.Grants = chat.JoinGrants(chat.GrantWriteConversations)
	w.svc.Availability = nil
	start.Customer, start.Skills, start.Messages = w.customer.User, []string{"french"}, w.messages("on behalf")
	out, err := w.svc.Start(t.Context(), key, start)
	w.must(err)
	if e := out.Missed[0]; e.Sender != key.User || out.Head.Customer() != w.customer.User || out.Acks[0].Event.Role != chat.RoleCustomer || !slices.Equal(out.Head.Skills, start.Skills) {
		t.Fatalf("%+v", out)
	}
	start.Customer = w.operator.User
	_, err = w.svc.Start(t.Context(), key, start)
	w.refused(err, chat.CodeInvalid)
}

// Lists come page by page, newest first, filtered, and never twice.
func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all []chat.ConversationID
	for i := range 9 {
		w.clock.Advance(time.Minute)
		w.conv = w.newConversation()
		w.start("hello")
		all = append([]chat.ConversationID{w.conv}, all...)
		if i%3 == 0 {
			w.join()
			_, err := w.svc.Tag(t.Context(), w.operator, w.step(), []string{"vip"}, nil)
			w.must(err)
		}
		if i%3 == 1 {
			w.close(w.customer)
		}
	}
	list := func(q chat.ListQuery) (ids []chat.ConversationID) {
		t.Helper()
		for range 20 {
			page, err := w.svc.List(t.Context(), w.supervisor, q)
			w.must(err)
			for _, s := range page.Conversations {
				ids = append(ids, s.Conversation)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				return ids
			}
		}
		t.Fatal("no end")
		return nil
	}
	third := func(i int) []chat.ConversationID { return []chat.ConversationID{all[i], all[i+3], all[i+6]} }
	for _, limit := range []int{1, 2, 4, 100} {
		w.same(list(chat.ListQuery{Limit: limit}), all)
		w.same(list(chat.ListQuery{Limit: limit, Customer: w.customer.User}), all)
		w.same(list(chat.ListQuery{Limit: limit, Tag: "vip"}), third(2))
		w.same(list(chat.ListQuery{Limit: limit, Operator: w.operator.User}), third(2))
		w.same(list(chat.ListQuery{Limit: limit, Status: chat.StatusAbandoned}), third(1))
		w.same(list(chat.ListQuery{Limit: limit, Status: chat.StatusQueued}), third(0))
	}
	s, err := w.store.State(t.Context(), chat.Ref{Workspace: w.customer.Workspace, Conversation: all[4]})
	w.must(err)
	w.same(list(chat.ListQuery{From: s.Started, To: s.Started}), []chat.ConversationID{all[4]})
	elsewhere := w.operator
	elsewhere.Departments = chat.JoinDepartments(chat.DepartmentID(w.id(chat.DepartmentPrefix)))
	page, err := w.svc.List(t.Context(), elsewhere, chat.ListQuery{Tag: "vip"})
	w.must(err)
	w.same(len(page.Conversations), 0)
	for _, bad := range []chat.ListQuery{{Limit: 101}, {Status: "x"}, {Operator: "x"}, {Cursor: "x"}, {Tag: strings.Repeat("x", 51)}} {
		_, err := w.svc.List(t.Context(), w.supervisor, bad)
		w.refused(err, chat.CodeInvalid)
	}
}

// Whoever chooses no department comes to the workspace's default one.
func TestDefaultDepartment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	orders := chat.DepartmentID(w.id(chat.DepartmentPrefix))
	w.svc.DefaultDepartment = func(context.Context, chat.WorkspaceID) (chat.DepartmentID, error) { return orders, nil }
	out := w.start("hello")
	w.same(out.Head.Department, orders)
	w.same(w.log(chat.Public)[0].Detail, &chat.Detail{Department: orders})
}
