package workspace_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

const (
	nowhere = chat.DepartmentID("d_01kaw3v4x0zzzzzzzzzzzzzzzz")
	nobody  = chat.UserID("u_01kaw3v4x0zzzzzzzzzzzzzzzz")
	helper  = chat.UserID("u_01kaw3v4x0hhhhhhhhhhhhhhhh")
)

// known knows an admin, a bot, and what it is told to use departments.
type known map[string][]string

func (known) Staff(_ context.Context, _ chat.WorkspaceID, u chat.UserID) (bool, error) {
	return u == admin, nil
}

func (known) Bot(_ context.Context, _ chat.WorkspaceID, u chat.UserID) (bool, error) {
	return u == helper, nil
}

func (k known) UsesOf(context.Context, chat.WorkspaceID, chat.DepartmentID) (map[string][]string, error) {
	out := map[string][]string{}
	for name, list := range k {
		out[name] = list
	}
	return out, nil
}

// furnished is a catalog with the department sales, and the fields plan (choice) and seats (number).
func furnished(t *testing.T) *workspace.Catalog {
	t.Helper()
	c, _ := newCatalog()
	c.Knows = known{}
	for n, e := range []workspace.Entity{
		&workspace.Department{Name: "Sales"},
		&workspace.Field{Of: workspace.OfConversation, Name: "plan", Kind: workspace.FieldChoice, Choices: []string{"free", "paid"}},
		&workspace.Field{Of: workspace.OfConversation, Name: "seats", Kind: workspace.FieldNumber},
	} {
		kind, id := workspace.KindField, entityID(workspace.KindField, n)
		if n == 0 {
			kind, id = workspace.KindDepartment, string(sales)
		}
		if _, err := c.Create(t.Context(), boss(), kind, false, id, e); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// write makes an entity of a document, or writes the settings.
func write(t *testing.T, c *workspace.Catalog, k workspace.Kind, id, document string) error {
	t.Helper()
	e := map[workspace.Kind]workspace.Entity{
		workspace.KindSettings: &workspace.Settings{}, workspace.KindField: &workspace.Field{}, workspace.KindForm: &workspace.Form{},
		workspace.KindGreeting: &workspace.Greeting{}, workspace.KindCanned: &workspace.Canned{}, workspace.KindView: &workspace.View{},
		workspace.KindMacro: &workspace.Macro{}, workspace.KindRule: &workspace.Rule{},
	}[k]
	if err := json.Unmarshal([]byte(strings.ReplaceAll(document, "'", `"`)), e); err != nil {
		t.Fatal(err)
	}
	var err error
	if k == workspace.KindSettings {
		_, err = c.Replace(t.Context(), boss(), k, false, id, e, nil)
	} else {
		_, err = c.Create(t.Context(), boss(), k, false, id, e)
	}
	return err
}

// Every reference of every kind must exist when it is written: the error names the field, and nothing is stored. The
// same document with what exists passes.
func TestReferencesExist(t *testing.T) {
	t.Parallel()
	const steps = `'steps':[{'kind':'tag','value':'vip'},`
	for name, r := range map[string]struct {
		kind      workspace.Kind
		document  string // X is the reference
		bad, good string
		field     string
	}{
		"settings: bot":       {workspace.KindSettings, `{'bot':'X'}`, string(nobody), string(helper), "bot"},
		"field: departments":  {workspace.KindField, `{'of':'conversation','name':'n','kind':'text','departments':['X']}`, string(nowhere), string(sales), "departments[0]"},
		"form: department":    {workspace.KindForm, `{'use':'prechat','department':'X','fields':[{'name':'n','kind':'text'}]}`, string(nowhere), string(sales), "department"},
		"form: choices":       {workspace.KindForm, `{'use':'prechat','fields':[{'name':'plan','kind':'choice','choices':['X']}]}`, "gold", "paid", "fields[0].choices"},
		"form: kind":          {workspace.KindForm, `{'use':'prechat','fields':[{'name':'seats','kind':'X'}]}`, "text", "number", "fields[0].kind"},
		"greeting":            {workspace.KindGreeting, `{'name':'n','text':'hi','department':'X'}`, string(nowhere), string(sales), "department"},
		"canned":              {workspace.KindCanned, `{'shortcut':'n','text':'hi','department':'X'}`, string(nowhere), string(sales), "department"},
		"view":                {workspace.KindView, `{'name':'n','filter':{'department':'X'}}`, string(nowhere), string(sales), "filter.department"},
		"macro: department":   {workspace.KindMacro, `{'name':'n','department':'X','steps':[{'kind':'close'}]}`, string(nowhere), string(sales), "department"},
		"macro: transfer":     {workspace.KindMacro, `{'name':'n',` + steps + `{'kind':'department','value':'X'}]}`, string(nowhere), string(sales), "steps[1].value"},
		"macro: assign":       {workspace.KindMacro, `{'name':'n',` + steps + `{'kind':'assign','value':'X'}]}`, string(nobody), string(admin), "steps[1].value"},
		"macro: choice":       {workspace.KindMacro, `{'name':'n',` + steps + `{'kind':'field','name':'plan','value':'X'}]}`, "gold", "paid", "steps[1].value"},
		"rule: number":        {workspace.KindRule, `{'name':'n','on':'message',` + steps + `{'kind':'field','name':'seats','value':'X'}]}`, "NaN", "7", "steps[1].value"},
		"rule: transfer":      {workspace.KindRule, `{'name':'n','on':'message',` + steps + `{'kind':'department','value':'X'}]}`, string(nowhere), string(sales), "steps[1].value"},
		"rule: assign":        {workspace.KindRule, `{'name':'n','on':'message',` + steps + `{'kind':'assign','value':'X'}]}`, string(nobody), string(admin), "steps[1].value"},
		"rule: in department": {workspace.KindRule, `{'name':'n','on':'message','conditions':[{'fact':'department','op':'is','value':'X'}],'steps':[{'kind':'close'}]}`, string(nowhere), string(sales), "conditions[0].value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := furnished(t)
			id := workspace.SettingsID
			if r.kind != workspace.KindSettings {
				id = entityID(r.kind, 9)
			}
			before, err := c.List(t.Context(), boss().Principal, r.kind, false)
			code(t, err, "", "")
			err = write(t, c, r.kind, id, strings.ReplaceAll(r.document, "X", r.bad))
			var named *chat.Error
			if !errors.As(err, &named) || named.Code != chat.CodeInvalid || named.Fields[r.field] == "" {
				t.Errorf("with %s: %v", r.bad, err)
			}
			after, err := c.List(t.Context(), boss().Principal, r.kind, false)
			code(t, err, "", "")
			if len(after) != len(before) {
				t.Errorf("something was stored: %d before, %d after", len(before), len(after))
			}
			code(t, write(t, c, r.kind, id, strings.ReplaceAll(r.document, "X", r.good)), "", "")
		})
	}
}

// A change is checked as what is new is.
func TestAChangeIsChecked(t *testing.T) {
	t.Parallel()
	c, id := furnished(t), entityID(workspace.KindMacro, 1)
	code(t, write(t, c, workspace.KindMacro, id, `{'name':'n','steps':[{'kind':'close'}]}`), "", "")
	_, err := c.Replace(t.Context(), boss(), workspace.KindMacro, false, id, &workspace.Macro{Name: "n", Department: nowhere, Steps: []workspace.Step{{Kind: workspace.StepClose}}}, nil)
	code(t, err, chat.CodeInvalid, "department")
	e, err := c.Get(t.Context(), boss().Principal, workspace.KindMacro, false, id)
	code(t, err, "", "")
	if e.(*workspace.Macro).Department != "" {
		t.Errorf("%+v", e)
	}
}

// A department to which anything refers stays, and the error lists all of it; without references it goes.
func TestADepartmentInUseStays(t *testing.T) {
	t.Parallel()
	c := furnished(t)
	c.Knows = known{"staff": {string(admin) + " (Ada)"}, "waiting": {"c_1", "c_2"}}
	at := `'department':'` + string(sales) + `'`
	for k, document := range map[workspace.Kind]string{
		workspace.KindField:    `{'of':'conversation','name':'n','kind':'text','departments':['` + string(sales) + `']}`,
		workspace.KindForm:     `{'use':'prechat',` + at + `,'fields':[{'name':'n','kind':'text'}]}`,
		workspace.KindGreeting: `{'name':'n','text':'hi',` + at + `}`,
		workspace.KindCanned:   `{'shortcut':'n','text':'hi',` + at + `}`,
		workspace.KindView:     `{'name':'n','filter':{` + at + `}}`,
		workspace.KindMacro:    `{'name':'n',` + at + `,'steps':[{'kind':'close'}]}`,
		workspace.KindRule:     `{'name':'n','on':'message','steps':[{'kind':'department','value':'` + string(sales) + `'}]}`,
	} {
		code(t, write(t, c, k, entityID(k, 9), document), "", "")
	}
	err := c.Remove(t.Context(), boss(), workspace.KindDepartment, false, string(sales), nil)
	var named *chat.Error
	if !errors.As(err, &named) || named.Code != chat.CodeInUse {
		t.Fatal(err)
	}
	for _, k := range []string{"field", "form", "greeting", "canned", "view", "macro", "rule", "staff", "waiting"} {
		if named.Fields[k] == "" {
			t.Errorf("%s is not listed: %v", k, named.Fields)
		}
	}
	if named.Fields["staff"] != string(admin)+" (Ada)" || named.Fields["macro"] != entityID(workspace.KindMacro, 9)+" (n)" {
		t.Errorf("%v", named.Fields)
	}
	for _, k := range []workspace.Kind{workspace.KindField, workspace.KindForm, workspace.KindGreeting, workspace.KindCanned, workspace.KindView, workspace.KindMacro, workspace.KindRule} {
		code(t, c.Remove(t.Context(), boss(), workspace.KindDepartment, false, string(sales), nil), chat.CodeInUse, string(k))
		code(t, c.Remove(t.Context(), boss(), k, false, entityID(k, 9), nil), "", "")
	}
	code(t, c.Remove(t.Context(), boss(), workspace.KindDepartment, false, string(sales), nil), chat.CodeInUse, "staff, waiting")
	c.Knows = known{}
	code(t, c.Remove(t.Context(), boss(), workspace.KindDepartment, false, string(sales), nil), "", "")
}

// What is set on a conversation is checked by its definition, whoever sets it; other names are free.
func TestFieldsGoByTheirDefinitions(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(workspace.KindField, "f_01kaw3v4x00000000000000001", `{"of":"conversation","name":"plan","kind":"choice","choices":["free","paid"]}`)
	o.put(workspace.KindField, "f_01kaw3v4x00000000000000002", `{"of":"conversation","name":"due","kind":"date"}`)
	o.put(workspace.KindField, "f_01kaw3v4x00000000000000003", `{"of":"contact","name":"free","kind":"number"}`)
	o.start("hello")
	set := func(fields map[string]string) error {
		_, err := o.chat.SetFields(t.Context(), by(chat.RoleAdmin, admin), chat.Step{Conversation: talk, ID: o.id()}, fields)
		return err
	}
	for name, value := range map[string]string{"plan": "gold", "due": "tomorrow", chat.LeadMail: "no address", chat.LeadPhone: "x", "lead.name": "Ada"} {
		err := set(map[string]string{"free": "yes", name: value})
		var named *chat.Error
		if !errors.As(err, &named) || named.Code != chat.CodeInvalid || named.Fields[name] == "" || strings.Contains(err.Error(), value) {
			t.Errorf("%s %s: %v", name, value, err)
		}
	}
	if got := o.state().Fields; len(got) != 0 {
		t.Errorf("a refused command has set %v", got)
	}
	o.must(set(map[string]string{"free": "yes", "plan": "paid", "due": "2026-12-24", chat.LeadMail: "ada@shop.example"}))
	o.must(set(map[string]string{"plan": "", chat.LeadMail: ""}))
	if got := o.state().Fields; got["plan"] != "" || got["free"] != "yes" || got["due"] != "2026-12-24" || got[chat.LeadMail] != "" {
		t.Errorf("%v", got)
	}
}

// A macro and a rule whose value its field does not take any more fail visibly, and set nothing.
func TestAValueThatDoesNotFitAnyMore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const step = `{'kind':'field','name':'plan','value':'gold'},` + tagVip
	o.put(workspace.KindRule, first, rule("message", "", step))
	o.put(workspace.KindMacro, macro, strings.ReplaceAll(`{'name':'n','steps':[`+step+`]}`, "'", `"`))
	o.put(workspace.KindField, "f_01kaw3v4x00000000000000001", `{"of":"conversation","name":"plan","kind":"choice","choices":["free"]}`)
	job := o.start("hello")
	o.must(o.rules.Handle(t.Context(), job))
	o.tells(chat.Desk, "automation.failed by "+first+": fields.plan: must be one of its choices")
	steps, err := o.rules.Apply(t.Context(), by(chat.RoleAdmin, admin), talk, macro, o.id())
	o.must(err)
	if steps[0].Outcome != workspace.StepFailed || steps[0].Code != chat.CodeInvalid || steps[1].Outcome != workspace.StepSkipped {
		t.Errorf("%+v", steps)
	}
	if s := o.state(); len(s.Fields) != 0 || len(s.Tags) != 0 {
		t.Errorf("%+v", s)
	}
}

// A department is known at once where it can be asked for, however stale what is remembered.
func TestANewDepartmentIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.start("hello")
	o.now = o.now.Add(time.Second)
	if _, err := o.store.PutEntry(t.Context(), workspace.Entry{
		Place: workspace.Place{Workspace: tenant, Kind: workspace.KindDepartment}, ID: string(nowhere), Version: 1, Document: []byte(`{"name":"New"}`),
	}, workspace.Act{}); err != nil {
		t.Fatal(err)
	}
	_, err := o.chat.Transfer(t.Context(), by(chat.RoleAdmin, admin), chat.Transfer{Step: chat.Step{Conversation: talk, ID: o.id()}, Department: nowhere})
	o.must(err)
	_, err = o.chat.Transfer(t.Context(), by(chat.RoleAdmin, admin), chat.Transfer{Step: chat.Step{Conversation: talk, ID: o.id()}, Department: "d_01kaw3v4x0yyyyyyyyyyyyyyyy"})
	code(t, err, chat.CodeInvalid, "d_01kaw3v4x0yyyyyyyyyyyyyyyy")
}

// A bot that is disabled or gone greets nobody, within Staleness, and asking costs a read in that time.
func TestABotThatIsGoneGreetsNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(workspace.KindSettings, workspace.SettingsID, `{"bot":"`+string(helper)+`"}`)
	is, asked := true, 0
	c := &workspace.Cache{Store: o.store, Now: func() time.Time { return o.now }, Bots: func(_ context.Context, _ chat.WorkspaceID, u chat.UserID) (bool, error) {
		asked++
		return is && u == helper, nil
	}}
	for _, want := range []chat.UserID{helper, ""} {
		for range 3 {
			if bot, err := c.Bot(t.Context(), tenant, ""); err != nil || bot != want {
				t.Errorf("%q, %v, want %q", bot, err, want)
			}
		}
		is, o.now = false, o.now.Add(workspace.Staleness)
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}
