package workspace_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/internal/workspace/workspacetest"
)

func newCatalog() (*workspace.Catalog, *workspacetest.Memory) {
	store := &workspacetest.Memory{}
	return &workspace.Catalog{Store: store, Now: func() time.Time { return time.UnixMilli(1_790_000_000_123) }}, store
}

func boss() workspace.By {
	return workspace.By{Principal: by(chat.RoleAdmin, admin), Source: "192.0.2.7"}
}

func entityID(k workspace.Kind, n int) string { return fmt.Sprintf("%s01kaw3v4x0%016d", k.Prefix(), n) }

func code(t *testing.T, err error, want chat.Code, field string) {
	t.Helper()
	if chat.CodeOf(err) != want || want != "" && !strings.Contains(err.Error(), field) {
		t.Errorf("%v, want %s about %q", err, want, field)
	}
}

// An entity is made once, changed from the version that was read, and removed; each is an act.
func TestALifeInTheCatalog(t *testing.T) {
	t.Parallel()
	c, store := newCatalog()
	ctx, id := t.Context(), entityID(workspace.KindTag, 1)
	made := func(name string) error {
		_, err := c.Create(ctx, boss(), workspace.KindTag, false, id, &workspace.Tag{Name: name, Meta: workspace.Meta{ID: "x", Version: 99}})
		return err
	}
	code(t, made("vip"), "", "")
	code(t, made("vip"), "", "") // the same request again
	code(t, made("other"), chat.CodeConflict, "")
	_, err := c.Create(ctx, boss(), workspace.KindTag, false, entityID(workspace.KindTag, 2), &workspace.Tag{Name: " VIP "})
	code(t, err, chat.CodeInvalid, "name")
	one, zero := uint64(1), uint64(0)
	_, err = c.Replace(ctx, boss(), workspace.KindTag, false, id, &workspace.Tag{Name: "gold"}, &zero)
	code(t, err, chat.CodeConflict, "")
	e, err := c.Replace(ctx, boss(), workspace.KindTag, false, id, &workspace.Tag{Name: "gold"}, &one)
	code(t, err, "", "")
	if m := workspace.MetaOf(e); m.Version != 2 || m.ID != id || m.ChangedBy != admin || m.ChangedAt != 1_790_000_000_123 {
		t.Errorf("%+v", m)
	}
	_, err = c.Replace(ctx, boss(), workspace.KindTag, false, id, &workspace.Tag{Name: "gold"}, nil) // nothing changes
	code(t, err, "", "")
	code(t, c.Remove(ctx, boss(), workspace.KindTag, false, id, &one), chat.CodeConflict, "")
	code(t, c.Remove(ctx, boss(), workspace.KindTag, false, id, nil), "", "")
	code(t, c.Remove(ctx, boss(), workspace.KindTag, false, id, nil), chat.CodeNotFound, "")
	_, err = c.Get(ctx, boss().Principal, workspace.KindTag, false, "nonsense")
	code(t, err, chat.CodeNotFound, "")
	var acts []string
	for _, a := range store.Acts() {
		acts = append(acts, a.Name+" "+a.Before["title"]+">"+a.After["title"]+" "+a.By.Source)
	}
	if got, want := strings.Join(acts, ", "), "tag.made >vip 192.0.2.7, tag.changed vip>gold 192.0.2.7, tag.removed gold> 192.0.2.7"; got != want && got != strings.ReplaceAll(want, "vip>gold", "gold>gold") {
		t.Errorf("%s", got)
	}
}

// Every kind is guarded by its commands, and what is one's own is nobody else's.
func TestWhoMayReadAndWrite(t *testing.T) {
	t.Parallel()
	c, _ := newCatalog()
	ctx := t.Context()
	operator := workspace.By{Principal: by(chat.RoleOperator, customer)}
	for _, k := range workspace.Kinds() {
		_, err := c.Create(ctx, operator, k, false, entityID(k, 1), &workspace.Tag{Name: "x"})
		code(t, err, chat.CodeForbidden, "")
		code(t, c.Remove(ctx, operator, k, false, entityID(k, 1), nil), chat.CodeForbidden, "")
		_, err = c.List(ctx, by(chat.RoleCustomer, customer), k, false)
		code(t, err, chat.CodeForbidden, "")
		_, err = c.List(ctx, operator.Principal, k, true)
		if k.Ownable() {
			code(t, err, "", "")
		} else {
			code(t, err, chat.CodeInvalid, "")
		}
	}
	id := entityID(workspace.KindCanned, 1)
	_, err := c.Create(ctx, operator, workspace.KindCanned, true, id, &workspace.Canned{Shortcut: "hi", Text: "hello"})
	code(t, err, "", "")
	_, err = c.Get(ctx, boss().Principal, workspace.KindCanned, true, id)
	code(t, err, chat.CodeNotFound, "")
	e, err := c.Get(ctx, operator.Principal, workspace.KindCanned, true, id)
	code(t, err, "", "")
	if workspace.MetaOf(e).Owner != customer {
		t.Errorf("%+v", e)
	}
}

// Limits hold for every kind.
func TestTheCatalogIsBounded(t *testing.T) {
	t.Parallel()
	c, store := newCatalog()
	ctx := t.Context()
	for n := range 50 {
		if _, err := store.PutEntry(ctx, workspace.Entry{
			Place: workspace.Place{Workspace: tenant, Kind: workspace.KindGreeting}, ID: entityID(workspace.KindGreeting, n), Version: 1,
			Document: fmt.Appendf(nil, `{"name":"%d","text":"x"}`, n),
		}, workspace.Act{}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Create(ctx, boss(), workspace.KindGreeting, false, entityID(workspace.KindGreeting, 99), &workspace.Greeting{Name: "one more", Text: "x"})
	code(t, err, chat.CodeInvalid, "at most 50")
	_, err = c.Replace(ctx, boss(), workspace.KindGreeting, false, entityID(workspace.KindGreeting, 7), &workspace.Greeting{Name: "7", Text: "y"}, nil)
	code(t, err, "", "")
	d := &workspace.Department{Name: "x", Hours: &workspace.Hours{}}
	for n := range 200 {
		d.Hours.Holidays = append(d.Hours.Holidays, workspace.Holiday{Date: time.Unix(0, 0).AddDate(0, 0, n).UTC().Format(time.DateOnly), Name: strings.Repeat("n", 100), Spans: []workspace.Span{{1, 2}, {3, 4}, {5, 6}}})
	}
	_, err = c.Create(ctx, boss(), workspace.KindDepartment, false, entityID(workspace.KindDepartment, 1), d)
	code(t, err, chat.CodeInvalid, "bytes of JSON")
	_, err = c.Create(ctx, boss(), workspace.KindSettings, false, workspace.SettingsID, &workspace.Settings{})
	code(t, err, chat.CodeInvalid, "id")
}

// Every document that is not well-formed is refused with its field.
func TestDocumentsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		entity   workspace.Entity
		document string
		field    string
	}{
		{&workspace.Department{}, `{}`, "name"},
		{&workspace.Department{}, `{"name":"x","skills":[""]}`, "skills"},
		{&workspace.Department{}, `{"name":"x","hours":{"zone":"Mars"}}`, "hours.zone"},
		{&workspace.Department{}, `{"name":"x","routing":{"offerSeconds":5}}`, "routing.offerSeconds"},
		{&workspace.Department{}, `{"name":"x","sla":{"targets":[{"priority":9}]}}`, "sla.targets[0].priority"},
		{&workspace.Department{}, `{"name":"x","greeting":"` + strings.Repeat("g", 2001) + `"}`, "greeting"},
		{&workspace.Settings{}, `{"bot":"x"}`, "bot"},
		{&workspace.Settings{}, `{"rate":{"messages":0}}`, "rate"},
		{&workspace.Settings{}, `{"routing":{"awayAfterMisses":21}}`, "routing.awayAfterMisses"},
		{&workspace.Settings{}, `{"sla":{"targets":[{"priority":0,"firstResponseSeconds":-1}]}}`, "sla.targets[0]"},
		{&workspace.Settings{}, `{"auditDays":89}`, "auditDays"},
		{&workspace.Settings{}, `{"auditDays":3661}`, "auditDays"},
		{&workspace.Settings{}, `{"widget":{"color":"red"}}`, "widget.color"},
		{&workspace.Settings{}, `{"widget":{"side":"top"}}`, "widget.side"},
		{&workspace.Settings{}, `{"widget":{"locale":"d e"}}`, "widget.locale"},
		{&workspace.Field{}, `{"of":"x"}`, "of"},
		{&workspace.Field{}, `{"of":"contact","name":"a b","kind":"text"}`, "name"},
		{&workspace.Field{}, `{"of":"contact","name":"a","kind":"colour"}`, "kind"},
		{&workspace.Field{}, `{"of":"contact","name":"a","kind":"choice"}`, "choices"},
		{&workspace.Field{}, `{"of":"contact","name":"a","kind":"choice","choices":["a","a"]}`, "choices[1]"},
		{&workspace.Field{}, `{"of":"contact","name":"a","kind":"text","required":true}`, "required"},
		{&workspace.Field{}, `{"of":"conversation","name":"a","kind":"text","departments":["x"]}`, "departments"},
		{&workspace.Tag{}, `{"name":"a,b"}`, "name"},
		{&workspace.Tag{}, `{"name":"a","color":"#12345"}`, "color"},
		{&workspace.Form{}, `{"use":"x"}`, "use"},
		{&workspace.Form{}, `{"use":"offline"}`, "fields"},
		{&workspace.Form{}, `{"use":"offline","fields":[{"name":"a","kind":"text"},{"name":"a","kind":"text"}]}`, "fields[1].name"},
		{&workspace.Form{}, `{"use":"offline","fields":[{"name":"a","kind":"choice"}]}`, "fields[0].choices"},
		{&workspace.Greeting{}, `{"name":"a"}`, "text"},
		{&workspace.Greeting{}, `{"name":"a","text":"b","seconds":-1}`, "seconds"},
		{&workspace.Greeting{}, `{"name":"a","text":"b","order":1001}`, "order"},
		{&workspace.Greeting{}, `{"name":"a","text":"b","department":"x"}`, "department"},
		{&workspace.View{}, `{"name":"a","filter":{"status":"x"}}`, "filter.status"},
		{&workspace.View{}, `{"name":"a","filter":{"operator":"you"}}`, "filter.operator"},
		{&workspace.View{}, `{"name":"a","filter":{"startedWithinDays":-1}}`, "filter.startedWithinDays"},
		{&workspace.Macro{}, `{"name":"a"}`, "steps"},
		{&workspace.Macro{}, `{"name":"a","department":"x","steps":[{"kind":"close"}]}`, "department"},
		{&workspace.Rule{}, `{"name":"a","order":-1}`, "order"},
	} {
		if err := json.Unmarshal([]byte(c.document), c.entity); err != nil {
			t.Fatal(err)
		}
		code(t, c.entity.Check(), chat.CodeInvalid, c.field)
	}
	if err := json.Unmarshal([]byte(`{"week":[[],[]]}`), &workspace.Hours{}); err == nil {
		t.Error("a week of two days")
	}
	form := workspace.Form{Use: workspace.FormBefore, Fields: []workspace.FormField{{Name: "size", Kind: workspace.FieldNumber, Required: true}, {Name: "day", Kind: workspace.FieldDate}}}
	code(t, form.Check(), "", "")
	code(t, form.Accepts(map[string]string{"size": "4", "day": "2026-12-25"}), "", "")
	code(t, form.Accepts(map[string]string{"day": "2026-12-25"}), chat.CodeInvalid, "fields.size")
	code(t, form.Accepts(map[string]string{"size": "four"}), chat.CodeInvalid, "fields.size")
	code(t, form.Accepts(map[string]string{"size": "4", "day": "25.12."}), chat.CodeInvalid, "fields.day")
	code(t, form.Accepts(map[string]string{"size": "4", "more": "x"}), chat.CodeInvalid, "fields.more")
}

// Departments override the workspace, which overrides the product.
func TestWhatTheHooksAnswer(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const other = chat.DepartmentID("d_01kaw3v4x0bbbbbbbbbbbbbbbb")
	o.put(workspace.KindSettings, workspace.SettingsID, `{"offlineOutsideHours":true,"bot":"`+string(admin)+`","rate":{"messages":3,"windowSeconds":4,"pauseSeconds":5},
		"routing":{"offerSeconds":40,"idleSeconds":300},"sla":{"targets":[{"priority":0,"firstResponseSeconds":60}]},
		"hours":{"zone":"Europe/Berlin","week":[[],[{"from":540,"to":1020}],[],[],[],[],[]]}}`)
	o.put(workspace.KindDepartment, string(other), `{"name":"Other","default":true,"hours":{},"routing":{"offerSeconds":20,"manualAccept":true},"sla":{"inHours":true,"targets":[{"priority":0,"resolutionSeconds":90}]}}`)
	o.put(workspace.KindField, entityID(workspace.KindField, 1), `{"of":"conversation","name":"order","kind":"text","required":true,"departments":["`+string(other)+`"]}`)
	o.put(workspace.KindField, entityID(workspace.KindField, 2), `{"of":"conversation","name":"cause","kind":"text","required":true}`)
	ctx, c := t.Context(), &workspace.Cache{Store: o.store, Now: func() time.Time { return o.now }}
	departments, err := c.Departments(ctx, tenant)
	o.must(err)
	mine, err := c.Policy(ctx, tenant, sales)
	o.must(err)
	theirs, err := c.Policy(ctx, tenant, other)
	o.must(err)
	if len(departments) != 2 || mine.OfferLife != 40*time.Second || mine.IdleAfter != 5*time.Minute || mine.ManualAccept || mine.FirstReply != chat.FirstReply ||
		theirs.OfferLife != 20*time.Second || theirs.IdleAfter != 5*time.Minute || !theirs.ManualAccept {
		t.Errorf("%v %+v %+v", departments, mine, theirs)
	}
	level, err := c.SLA(ctx, tenant, sales)
	o.must(err)
	own, err := c.SLA(ctx, tenant, other)
	o.must(err)
	if level.Targets[0].FirstResponse != time.Minute || level.Hours != nil || own.Targets[0].Resolution != 90*time.Second || own.Hours == nil {
		t.Errorf("%+v %+v", level, own)
	}
	for d, want := range map[chat.DepartmentID]string{sales: "[cause]", other: "[cause order]", "": "[cause]"} {
		if got, err := c.Required(ctx, tenant, d); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v %v", d, got, err)
		}
	}
	for _, at := range []struct {
		time string
		d    chat.DepartmentID
		want chat.Status
	}{
		{"2026-11-23T08:30:00Z", sales, chat.StatusQueued}, {"2026-11-23T07:30:00Z", sales, chat.StatusOffline}, {"2026-11-23T07:30:00Z", other, chat.StatusQueued},
	} {
		o.now, _ = time.Parse(time.RFC3339, at.time)
		if got, err := c.Availability(ctx, tenant, at.d); err != nil || got != at.want {
			t.Errorf("%+v: %s %v", at, got, err)
		}
	}
	rate, ok := c.RateOf(ctx, tenant)
	bot, err := c.Bot(ctx, tenant, sales)
	if !ok || rate != (chat.Rate{Messages: 3, Window: 4 * time.Second, Pause: 5 * time.Second}) || err != nil || bot != admin {
		t.Errorf("%+v %v %s %v", rate, ok, bot, err)
	}
	if _, ok := c.RateOf(ctx, "w_01kaw3v4x0aaaaaaaaaaaaaaaa"); ok {
		t.Error("a workspace that has set nothing has a rate")
	}
}

// What a process changes itself it acts on at once: made, replaced, removed, and when nobody knows what came of it.
func TestOwnChangesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := &workspace.Cache{Store: o.store, Now: func() time.Time { return o.now }}
	catalog := &workspace.Catalog{Store: c.Writes(), Now: c.Now}
	by := workspace.By{Principal: chat.Principal{Workspace: tenant, User: chat.UserID(chat.NewID(chat.UserPrefix, o.now)), Role: chat.RoleAdmin}}
	id := entityID(workspace.KindField, 7)
	wanted := func() bool {
		t.Helper()
		fields, err := c.Required(t.Context(), tenant, "")
		o.must(err)
		return slices.Contains(fields, "cause")
	}
	field := func(required bool) workspace.Entity {
		return &workspace.Field{Of: "conversation", Name: "cause", Kind: "text", Required: required}
	}
	if wanted() {
		t.Fatal("asked for before it is there")
	}
	_, err := catalog.Create(t.Context(), by, workspace.KindField, false, id, field(true))
	o.must(err)
	if !wanted() {
		t.Error("made, and not seen")
	}
	_, err = catalog.Replace(t.Context(), by, workspace.KindField, false, id, field(false), nil)
	o.must(err)
	if wanted() {
		t.Error("replaced, and not seen")
	}
	_, err = catalog.Replace(t.Context(), by, workspace.KindField, false, id, field(true), nil)
	o.must(err)
	o.must(catalog.Remove(t.Context(), by, workspace.KindField, false, id, nil))
	if wanted() {
		t.Error("removed, and not seen")
	}
}

// However often the hooks are asked, a workspace costs one read in 30 seconds; when storage is away, what is known serves.
func TestHooksAreAnsweredFromMemory(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := &workspace.Cache{Store: o.store, Now: func() time.Time { return o.now }}
	ask := func() error { _, err := c.Departments(t.Context(), tenant); return err }
	before := o.store.Calls("Config")
	for range 100 {
		o.must(ask())
		c.RateOf(t.Context(), tenant)
	}
	if n := o.store.Calls("Config") - before; n != 1 {
		t.Errorf("%d reads", n)
	}
	o.now = o.now.Add(workspace.Staleness)
	o.store.Fail = func(string) error { return fmt.Errorf("%w: away", chat.ErrUnknownOutcome) }
	for range 100 {
		o.must(ask())
	}
	if n := o.store.Calls("Config") - before; n != 2 {
		t.Errorf("%d reads, one of which failed", n)
	}
	if _, err := (&workspace.Cache{Store: o.store}).Departments(t.Context(), tenant); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("nothing is known: %v", err)
	}
}

// The audit log is kept for as long as the workspace says; an entry that nobody can tell the time of is kept for good.
func TestHowLongTheAuditLogIsKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := &workspace.Cache{Store: o.store, Now: func() time.Time { return o.now }}
	if got := c.AuditLife(tenant); got != 400*24*time.Hour {
		t.Errorf("by default: %v", got)
	}
	o.put(workspace.KindSettings, workspace.SettingsID, `{"auditDays":90}`)
	o.now = o.now.Add(workspace.Staleness)
	if got := c.AuditLife(tenant); got != 90*24*time.Hour {
		t.Errorf("as it was set: %v", got)
	}
	o.store.Fail = func(string) error { return fmt.Errorf("%w: away", chat.ErrUnknownOutcome) }
	if got := (&workspace.Cache{Store: o.store}).AuditLife(tenant); got != 0 {
		t.Errorf("of an unknown one: %v", got)
	}
}

// The widget is told what customers see, and nothing else.
func TestTheWidgetIsToldNothingInternal(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(workspace.KindSettings, workspace.SettingsID, `{"bot":"`+string(admin)+`","routing":{"offerSeconds":40},"widget":{"chooseDepartment":true,"welcome":"Hi <b>"}}`)
	o.put(workspace.KindDepartment, "d_01kaw3v4x0bbbbbbbbbbbbbbbb", `{"name":"Hidden","hidden":true}`)
	o.put(workspace.KindRule, first, rule("message", "", tagVip))
	o.put(workspace.KindForm, entityID(workspace.KindForm, 1), documentsForm)
	o.put(workspace.KindForm, entityID(workspace.KindForm, 2), strings.Replace(documentsForm, "true", "false", 1))
	o.put(workspace.KindGreeting, entityID(workspace.KindGreeting, 1), `{"name":"Internal name","enabled":true,"order":2,"text":"second"}`)
	o.put(workspace.KindGreeting, entityID(workspace.KindGreeting, 2), `{"name":"x","enabled":true,"order":1,"text":"first","page":"https://shop.example/*"}`)
	o.put(workspace.KindGreeting, entityID(workspace.KindGreeting, 3), `{"name":"y","enabled":false,"text":"never"}`)
	config, err := (&workspace.Cache{Store: o.store, Now: func() time.Time { return o.now }}).Config(context.Background(), tenant)
	o.must(err)
	w := config.ForWidget("Shop", o.now)
	raw, err := json.Marshal(w)
	o.must(err)
	for _, secret := range []string{string(admin), string(tenant), "Internal name", "Hidden", "vip", "offerSeconds", "changedBy", "never"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the widget is told of %s: %s", secret, raw)
		}
	}
	if !w.Open || w.Name != "Shop" || w.Widget.Welcome != "Hi <b>" || len(w.Departments) != 1 || w.Departments[0].ID != sales || len(w.Forms) != 1 || len(w.Greetings) != 2 || w.Greetings[0].Text != "first" {
		t.Errorf("%s", raw)
	}
}

const documentsForm = `{"use":"prechat","enabled":true,"fields":[{"name":"name","kind":"text","required":true}]}`

// Only workspaces with enabled rules have their events queued, and only of the types that are waited for.
func TestRulesAreSubscribers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var automation, others queued
	sorted := &workspace.Sorted{Automation: &automation, Integrations: &others}
	subs := &workspace.Subscribers{Source: some{}, Settings: &workspace.Cache{Store: o.store, Now: func() time.Time { return o.now }}}
	list, err := subs.Subscriptions(t.Context(), tenant)
	o.must(err)
	if len(list) != 1 {
		t.Errorf("%v without rules", list)
	}
	o.put(workspace.KindRule, first, rule("message", "", tagVip))
	o.put(workspace.KindRule, second, strings.Replace(rule("note", "", tagVip), `"enabled":true`, `"enabled":false`, 1))
	list, err = subs.Subscriptions(t.Context(), tenant)
	o.must(err)
	if len(list) != 2 || !list[1].Wants(chat.EventMessage) || list[1].Wants(chat.EventNote) {
		t.Errorf("%v", list)
	}
	o.must(sorted.Enqueue(t.Context(), []chat.IntegrationJob{{Subscription: "crm", Seq: 1}, {Subscription: list[1].ID, Seq: 1}, {Subscription: "crm", Seq: 2}}))
	if len(automation) != 1 || len(others) != 2 || others[1].Seq != 2 {
		t.Errorf("%v %v", automation, others)
	}
}

type some struct{}

func (some) Subscriptions(context.Context, chat.WorkspaceID) ([]chat.Subscription, error) {
	return []chat.Subscription{{ID: "crm"}}, nil
}

type queued []chat.IntegrationJob

func (q *queued) Enqueue(_ context.Context, jobs []chat.IntegrationJob) error {
	*q = append(*q, jobs...)
	return nil
}
