package httpapi

import (
	"net/http"
	"strconv"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/workspace"
)

// DryRunRequest is the body of POST /v1/rules/{id}/dry-run: a conversation or a sample.
type DryRunRequest struct {
	// Conversation whose newest event of the rule's type is taken.
	Conversation chat.ConversationID `json:"conversation,omitempty"`
	// Sample to try the rule with in place of a conversation.
	Sample *workspace.Sample `json:"sample,omitempty"`
}

// RunList answers GET /v1/rules/{id}/runs, newest first.
type RunList struct {
	// Runs of the last 30 days, at most 50.
	Runs []workspace.Run `json:"runs"`
}

// MacroRequest is the body of POST /v1/conversations/{id}/macro.
type MacroRequest struct {
	// Macro by its id.
	Macro string `json:"macro"`
	// ID names the call, made by the client before the first try: with the same one again the macro goes on where it stopped.
	ID chat.EventID `json:"id"`
}

// MacroResult says what became of each step. Steps after one that failed were not taken.
type MacroResult struct {
	// Done says that every step was taken.
	Done bool `json:"done"`
	// Steps in order.
	Steps []workspace.StepResult `json:"steps"`
}

func automationRoutes() []route {
	ok := http.StatusOK
	rule := []Segment{{Name: "id", Summary: "The rule.", Prefix: workspace.KindRule.Prefix()}}
	return []route{
		{pattern: "POST /v1/rules/{id}/dry-run", command: chat.CommandSettings, serve: (*API).dryRun, says: says{
			name: "dryRunRule", summary: "Show what a rule would do with a conversation's newest event, or with a sample. Nothing is changed.", segments: rule,
			request: DryRunRequest{}, answers: map[int]any{ok: workspace.Trial{}}, codes: []chat.Code{chat.CodeNotFound}}},
		{pattern: "GET /v1/rules/{id}/runs", command: chat.CommandSettings, polled: true, serve: (*API).runs, says: says{
			name: "listRuns", summary: "List the newest runs of a rule: what it did, and why it failed.", segments: rule,
			answers: map[int]any{ok: RunList{}}, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}}},
		{pattern: "POST /v1/conversations/{id}/macro", command: chat.CommandMacro, serve: (*API).applyMacro, says: says{
			name: "applyMacro", summary: "Take the steps of a macro in a conversation, in one's own name. Send the same again if the outcome is unknown.",
			request: MacroRequest{}, answers: map[int]any{ok: MacroResult{}}, codes: []chat.Code{chat.CodeNotFound}}},
	}
}

// ruleOf reads the rule of the path.
func (a *API) ruleOf(c *call) (*workspace.Rule, error) {
	e, err := a.Catalog.Get(c.Context(), c.principal(), workspace.KindRule, false, c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return e.(*workspace.Rule), nil
}

func (a *API) dryRun(c *call) (int, any, error) {
	body, err := decode[DryRunRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	rule, err := a.ruleOf(c)
	if err != nil {
		return 0, nil, err
	}
	if (body.Conversation == "") == (body.Sample == nil) {
		return 0, nil, chat.Errorf(chat.CodeInvalid, "conversation, sample: one of them")
	}
	if body.Sample != nil {
		return http.StatusOK, workspace.Try(*rule, *body.Sample), nil
	}
	trial, err := a.Automation.TryOn(c.Context(), c.principal(), *rule, body.Conversation)
	return http.StatusOK, trial, err
}

func (a *API) runs(c *call) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	rule, err := a.ruleOf(c)
	if err != nil {
		return 0, nil, err
	}
	runs, err := a.Automation.Runs.Runs(c.Context(), c.principal().Workspace, rule.ID, workspace.MaxRuns)
	return http.StatusOK, RunList{Runs: append([]workspace.Run{}, runs...)}, err
}

func (a *API) applyMacro(c *call) (int, any, error) {
	id, err := conversationID(c)
	if err != nil {
		return 0, nil, err
	}
	body, err := decode[MacroRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	steps, err := a.Automation.Apply(c.Context(), c.principal(), id, body.Macro, body.ID)
	if err != nil {
		return 0, nil, err
	}
	last := steps[len(steps)-1].Outcome
	return http.StatusOK, MacroResult{Done: last == workspace.StepDone, Steps: steps}, nil
}

// widgetLife is how long browsers and CDNs that tell origins apart may keep the widget's configuration: a change, or the
// business's opening, shows within it and workspace.Staleness.
const widgetLife = 60 // seconds

func widgetRoutes() []route {
	return []route{
		{pattern: "GET /v1/widget/config", open: true, polled: true, serve: (*API).widgetConfig, says: says{
			name: "widgetConfig", summary: "Read what a page's widget shows before anybody has signed in: hours, texts, forms, greetings, departments. The page's origin must be allowed.",
			answers: map[int]any{http.StatusOK: workspace.WidgetConfig{}},
			query:   []Parameter{{Name: "key", Summary: "The widget's key, which begins with wk_."}},
			codes:   []chat.Code{chat.CodeInvalid, chat.CodeNotFound, chat.CodeForbidden}}},
	}
}

// widgetConfig costs no read while it is warm: it is asked for with every page view.
func (a *API) widgetConfig(c *call) (int, any, error) {
	q := queryOf(c.Request, "key")
	key := q.text("key")
	if q.err == nil && !identity.ValidWidgetKey(key) {
		q.err = chat.Errorf(chat.CodeInvalid, "key: the widget's key")
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	widget, err := a.Customers.Admit(c.Context(), key, c.Header.Get("Origin"))
	if err != nil {
		return 0, nil, err
	}
	ws, _, err := a.Customers.Workspaces.Workspace(c.Context(), widget.Workspace)
	if err != nil {
		return 0, nil, err
	}
	config, err := a.Settings.Config(c.Context(), widget.Workspace)
	if err != nil {
		return 0, nil, err
	}
	c.answer.Set("Cache-Control", "private, max-age="+strconv.Itoa(widgetLife))
	c.answer.Add("Vary", "Origin")
	return http.StatusOK, config.ForWidget(ws.Name, a.now()), nil
}
