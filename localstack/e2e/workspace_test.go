package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/e2e/world"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/seam"
)

// inquire makes a request with headers, in pairs, and reads the answer into out.
func inquire(t *testing.T, w *world.World, ws world.Workspace, token, method, path, body string, out any, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), method, w.HTTP+path, bytes.NewReader([]byte(body)))
	must(t, err)
	req.Header.Set("Origin", ws.Origin)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := w.Client.Do(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	if out != nil {
		must(t, json.NewDecoder(res.Body).Decode(out))
	}
	return res
}

// boss is the workspace's admin, who can only ask.
type boss struct {
	t     *testing.T
	w     *world.World
	ws    world.Workspace
	token string
}

func newBoss(t *testing.T, w *world.World, ws world.Workspace) *boss {
	t.Helper()
	m, err := w.AddAdmin(within(t), ws)
	must(t, err)
	s, err := w.API(ws).SignIn(within(t), m.Email, m.Password)
	must(t, err)
	return &boss{t, w, ws, s.Token}
}

// do asks, and demands the status.
func (b *boss) do(status int, method, path, body string, out any, headers ...string) {
	b.t.Helper()
	var raw json.RawMessage
	res := inquire(b.t, b.w, b.ws, b.token, method, path, body, &raw, headers...)
	if res.StatusCode != status {
		b.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, raw)
	}
	if out != nil {
		must(b.t, json.Unmarshal(raw, out))
	}
}

// make makes something and returns its id.
func (b *boss) make(path, body string) string {
	b.t.Helper()
	var made struct{ ID string }
	b.do(http.StatusCreated, "POST", path, body, &made)
	return made.ID
}

func hasEvent(p *world.Party, id chat.ConversationID, t chat.Track, is func(protocol.Event) bool) bool {
	return slices.ContainsFunc(p.Shown(id, t), is)
}

// TestRulesAtWork: a message triggers a rule that tags and transfers, and one that fails; both are seen on the desk, the
// failure among the runs, too. The macro of an operator does three things at once.
func TestRulesAtWork(t *testing.T) {
	t.Parallel()
	ws := seed(t, 2)
	b := newBoss(t, suite, ws)
	b.make("/v1/departments", `{"name":"Front desk","default":true}`)
	department := b.make("/v1/departments", `{"name":"Sales"}`)
	rule := b.make("/v1/rules", `{"name":"Vip","enabled":true,"order":1,"on":"message","conditions":[{"fact":"text","op":"contains","value":"invoice"},{"fact":"role","op":"is","value":"customer"}],
		"steps":[{"kind":"tag","value":"billing"},{"kind":"department","value":"`+department+`"}]}`)
	broken := b.make("/v1/rules", `{"name":"Broken","enabled":true,"order":2,"on":"message","conditions":[{"fact":"text","op":"contains","value":"invoice"}],
		"steps":[{"kind":"assign","value":"`+string(ws.Operators[1].User)+`"}]}`)
	b.repost(ws.Operators[1].User, `{"disabled":true}`) // a rule may outlive the one it assigns to
	macro := b.make("/v1/macros", `{"name":"Done","steps":[{"kind":"reply","value":"Thank you from {{workspace.name|us}}"},{"kind":"priority","value":"2"},{"kind":"close","value":"done"}]}`)
	o := operator(t, ws, 0, fast())
	c := customer(t, ws, fast())
	var id chat.ConversationID
	// Warm functions know of the rules within half a minute: until then conversations go by without them.
	eventually(t, "the rule acts", func() bool {
		var err error
		id, err = c.Start(within(t), "where is my invoice?")
		must(t, err)
		limit := time.Now().Add(5 * time.Second)
		for time.Now().Before(limit) {
			if hasEvent(c, id, chat.Public, func(e protocol.Event) bool { return e.Type == chat.EventTransferred }) {
				return true
			}
			time.Sleep(50 * time.Millisecond)
		}
		return false
	})
	must(t, o.Take(within(t), id))
	told := func(typ chat.EventType, rule string) func() bool {
		return func() bool {
			return hasEvent(o, id, chat.Desk, func(e protocol.Event) bool {
				return e.Type == typ && e.Detail != nil && e.Detail.Rule == rule && e.Sender == chat.SystemUser
			})
		}
	}
	eventually(t, "automation.applied", told(chat.EventAutomated, rule))
	eventually(t, "automation.failed", told(chat.EventAutoFailed, broken))
	if hasEvent(c, id, chat.Public, func(e protocol.Event) bool { return e.Detail != nil && e.Detail.Rule != "" }) {
		t.Error("the customer reads of rules")
	}
	var runs struct{ Runs []workspace.Run }
	b.do(http.StatusOK, "GET", "/v1/rules/"+broken+"/runs", "", &runs)
	if len(runs.Runs) != 1 || runs.Runs[0].Outcome != workspace.RunFailed || runs.Runs[0].Conversation != id || runs.Runs[0].Reason == "" {
		t.Errorf("%+v", runs)
	}
	var trial workspace.Trial
	b.do(http.StatusOK, "POST", "/v1/rules/"+rule+"/dry-run", `{"conversation":"`+string(id)+`"}`, &trial)
	if !trial.Applies || len(trial.Conditions) != 2 || trial.Conditions[0].Was[0] != "where is my invoice?" || len(trial.Steps) != 2 {
		t.Errorf("%+v", trial)
	}

	call := `{"macro":"` + macro + `","id":"` + freshID(chat.EventPrefix) + `"}`
	for range 2 {
		var out struct {
			Done  bool
			Steps []workspace.StepResult
		}
		res := inquire(t, suite, ws, o.Session.Token, "POST", "/v1/conversations/"+string(id)+"/macro", call, &out)
		if res.StatusCode != http.StatusOK || !out.Done || len(out.Steps) != 3 {
			t.Fatalf("%d %+v", res.StatusCode, out)
		}
	}
	shows(t, c, id, "the end", func(v *client.View) bool {
		return slices.ContainsFunc(v.Events(chat.Public), func(e protocol.Event) bool { return e.Type == chat.EventClosed && e.Reason == "done" })
	})
	texts := converge(t, id, chat.Public, c)
	if n := len(slices.DeleteFunc(texts, func(s string) bool { return !strings.HasPrefix(s, "Thank you") })); n != 1 {
		t.Errorf("the macro replied %d times", n)
	}
}

// TestMacroAfterAKilledFunction: the API's function is killed after one of a macro's writes; the same call again goes on
// where it stopped, and each step is there once.
func TestMacroAfterAKilledFunction(t *testing.T) {
	t.Parallel()
	r := ownRig(t, rig.Options{})
	ctx := limit(t, 2*time.Minute)
	ws, err := r.Seed(ctx, 1)
	must(t, err)
	b := newBoss(t, r.World, ws)
	macro := b.make("/v1/macros", `{"name":"Done","steps":[{"kind":"reply","value":"Bye"},{"kind":"tag","value":"done"},{"kind":"close"}]}`)
	for _, operation := range []string{"UpdateItem", "TransactWriteItems"} {
		c, err := r.Customer(ctx, ws, fast())
		must(t, err)
		t.Cleanup(c.Close)
		o, err := r.Operator(ctx, ws, ws.Operators[0], fast())
		must(t, err)
		t.Cleanup(o.Close)
		id, err := c.Start(ctx, "hello")
		must(t, err)
		must(t, o.Take(ctx, id))
		fault, err := r.Break(ctx, faults.Rule{
			Service: seam.DynamoDB, Operation: operation, Function: "ApiFunction", Phase: seam.After, Kind: seam.FaultKill, Times: 1,
		})
		must(t, err)
		call := `{"macro":"` + macro + `","id":"` + freshID(chat.EventPrefix) + `"}`
		var raw json.RawMessage
		if res := inquire(t, r.World, ws, o.Session.Token, "POST", "/v1/conversations/"+string(id)+"/macro", call, &raw); res.StatusCode < 500 {
			t.Fatalf("%s: nothing was killed: %d %s", operation, res.StatusCode, raw)
		}
		r.Unbreak(ctx, fault.ID)
		if res := inquire(t, r.World, ws, o.Session.Token, "POST", "/v1/conversations/"+string(id)+"/macro", call, &raw); res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", operation, res.StatusCode, raw)
		}
		count := map[chat.EventType]int{}
		for _, track := range chat.Tracks() {
			log, err := o.Log(ctx, id, track)
			must(t, err)
			for _, e := range log {
				if e.Text != "hello" {
					count[e.Type]++
				}
			}
		}
		if count[chat.EventMessage] != 1 || count[chat.EventTagged] != 1 || count[chat.EventClosed] != 1 || count[chat.EventAutomated] != 1 {
			t.Errorf("%s: %v", operation, count)
		}
	}
}

// TestOutsideHours: what begins while the business is closed is a message that is left; the widget says so before.
func TestOutsideHours(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	b := newBoss(t, suite, ws)
	now := time.Now().UTC()
	minute := now.Hour()*60 + now.Minute()
	opens := (minute + 120) % (24 * 60) // in two hours
	if opens > 23*60 {
		opens = 23 * 60
	}
	days := strings.TrimSuffix(strings.Repeat(`[{"from":`+itoa(opens)+`,"to":`+itoa(opens+1)+`}],`, 7), ",")
	b.do(http.StatusOK, "PUT", "/v1/settings", `{"offlineOutsideHours":true,"hours":{"zone":"UTC","week":[`+days+`]},"widget":{"offline":"We are asleep <b>"}}`, nil, "If-Match", "*")
	var config workspace.WidgetConfig
	var res *http.Response
	deadline := time.Now().Add(workspace.Staleness + 30*time.Second) // another process may have read the settings before
	for config.Widget.Offline == "" && time.Now().Before(deadline) {
		res = inquire(t, suite, ws, "", "GET", "/v1/widget/config?key="+ws.WidgetKey, "", &config)
		time.Sleep(time.Second) // as a page would ask: an address may ask 300 times a minute
	}
	if res.StatusCode != http.StatusOK || config.Open || config.NextOpening < now.UnixMilli() || config.Widget.Offline != "We are asleep <b>" {
		t.Errorf("%d %+v", res.StatusCode, config)
	}
	if again := inquire(t, suite, ws, "", "GET", "/v1/widget/config?key="+ws.WidgetKey, "", nil, "If-None-Match", res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("%d for a page that has it", again.StatusCode)
	}
	c := customer(t, ws, fast())
	id, err := c.Start(within(t), "anybody there?")
	must(t, err)
	must(t, c.Say(id, "my number is …"))
	must(t, c.Acked(within(t)))
	log, err := c.Log(within(t), id, chat.Public)
	must(t, err)
	if log[0].Type != chat.EventStarted || log[0].To != chat.StatusOffline || slices.ContainsFunc(log, func(e protocol.Event) bool { return e.Type == chat.EventQueued }) {
		t.Errorf("%+v", log)
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// TestArticlesAreFound: by staff and by customers, who find what is published.
func TestArticlesAreFound(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	b := newBoss(t, suite, ws)
	id := b.make("/v1/articles", `{"title":"Sizes and fit","slug":"sizes","status":"published","markdown":"# Sizes\n\nMeasure your **waist**. <script>x</script>"}`)
	b.make("/v1/articles", `{"title":"Sizes, draft","slug":"sizes-2","status":"draft","markdown":"waist"}`)
	c := customer(t, ws, fast())
	var found struct{ Articles []workspace.Card }
	if res := inquire(t, suite, ws, c.Session.Token, "GET", "/v1/articles?q=wai", "", &found); res.StatusCode != http.StatusOK || len(found.Articles) != 1 || found.Articles[0].ID != id ||
		found.Articles[0].Excerpt != "Sizes Measure your waist. x" || found.Articles[0].ChangedBy != "" {
		t.Errorf("%d %+v", res.StatusCode, found)
	}
	var whole workspace.Article
	if res := inquire(t, suite, ws, c.Session.Token, "GET", "/v1/articles/"+id, "", &whole); res.StatusCode != http.StatusOK || !strings.Contains(whole.Markdown, "<script>") {
		t.Errorf("%d %+v", res.StatusCode, whole)
	}
}
