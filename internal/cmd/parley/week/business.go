package week

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/workspace"
)

const zone = "Europe/Berlin"

// lastView is the document that is written last.
func lastView(label string) string {
	return derive(workspace.KindView.Prefix(), label, "view Waiting and promised")
}

// contacts is the use cases of contacts.
func (s *stage) contacts() *contact.Service {
	return &contact.Service{Store: dynamo.Contacts{Store: s.store}, Now: func() time.Time { return s.now }}
}

// document is one that the shop has set up.
type document struct {
	kind workspace.Kind
	name string
	what workspace.Entity
}

// business writes the documents of the shop, all of them as of the end of the week's first minute, except for the
// settings: they say when the week was made up, see find.
func (s *stage) business(ctx context.Context) error {
	serial := 0
	clock := func() time.Time { return s.now }
	audit := identity.Audit{Now: clock, NewID: func(at time.Time) string {
		serial++
		return s.id(identity.AuditPrefix, at, fmt.Sprint("audit ", serial))
	}}
	store := &dynamo.Workspace{Store: s.store, Audit: audit}
	by := workspace.By{Principal: s.admin, Source: "192.0.2.10"}
	made := workspace.Catalog{Store: store, Now: clock}
	for _, d := range s.documents() {
		id := derive(d.kind.Prefix(), s.label, string(d.kind)+" "+d.name)
		if _, err := made.Create(ctx, by, d.kind, false, id, d.what); err != nil {
			return fmt.Errorf("%s %s: %w", d.kind, d.name, err)
		}
	}
	articles := workspace.Articles{Store: store, Now: clock}
	for _, a := range articleTexts {
		id := derive(workspace.ArticlePrefix, s.label, "article "+a.Slug+a.Locale)
		if _, err := articles.Create(ctx, by, id, a); err != nil {
			return fmt.Errorf("article %s: %w", a.Slug, err)
		}
	}
	settings := workspace.Catalog{Store: store, Now: func() time.Time { return s.Now }}
	_, err := settings.Replace(ctx, by, workspace.KindSettings, false, workspace.SettingsID, s.settings(), nil)
	return err
}

// hours are seven days a week. A demo is looked at by night, too: then the last days have a late opening.
func (s *stage) hours() workspace.Hours {
	var week workspace.Week
	for day := range week {
		week[day] = []workspace.Span{{From: 7 * 60, To: 22 * 60}}
	}
	h := workspace.Hours{Zone: zone, Week: &week}
	place, err := time.LoadLocation(zone)
	if err != nil {
		place = time.UTC
	}
	for _, at := range []time.Time{s.Now.Add(-2 * time.Hour), s.Now.Add(2 * time.Hour)} {
		date := at.In(place).Format(time.DateOnly)
		if hour := at.In(place).Hour(); (hour < 7 || hour >= 22) && (len(h.Holidays) == 0 || h.Holidays[0].Date != date) {
			h.Holidays = append(h.Holidays, workspace.Holiday{Date: date, Name: "Late opening", Spans: []workspace.Span{{From: 0, To: 24 * 60}}})
		}
	}
	return h
}

func (s *stage) settings() *workspace.Settings {
	idle, reply, away := int(idleAfter/time.Second), 3600, 0
	return &workspace.Settings{
		Hours:               s.hours(),
		OfflineOutsideHours: true,
		Routing:             workspace.Routing{IdleSeconds: &idle, FirstReplySeconds: &reply, AwayAfterMisses: &away},
		SLA:                 workspace.SLA{InHours: true, Targets: []workspace.SLATarget{{FirstResponseSeconds: 600, NextResponseSeconds: 1200, ResolutionSeconds: 2 * 86400}, {Priority: 2, FirstResponseSeconds: 120}}},
		Widget: workspace.Widget{
			Title: "Wollwerk", Color: "#1f6f5c", Welcome: "Hello! How can we help?", Waiting: "Somebody will be with you in a moment.",
			Offline: "We are not here right now. Leave us your address and we will write back.", ChooseDepartment: true, ShowArticles: true, TellVisits: true,
		},
	}
}

// documents of the shop, in the order in which they refer to each other.
func (s *stage) documents() []document {
	manual, offer := true, int(offerLife/time.Second)
	closed := s.hours()
	for at := s.Now.Add(-7 * 24 * time.Hour); at.Before(s.Now.Add(36 * time.Hour)); at = at.Add(24 * time.Hour) {
		closed.Holidays = append(closed.Holidays, workspace.Holiday{Date: at.UTC().Format(time.DateOnly), Name: "Stocktaking"})
	}
	closed.Holidays = oncePerDate(closed.Holidays)
	list := []document{
		{workspace.KindDepartment, Orders, &workspace.Department{Name: Orders, Default: true, Skills: []string{"shipping", "french", "spanish"}, Greeting: "Questions about an order? Have its number ready."}},
		{workspace.KindDepartment, Sizes, &workspace.Department{Name: Sizes, Skills: []string{"knitwear", "german"}, Greeting: "Tell us your usual size and we will find yours."}},
		{workspace.KindDepartment, Returns, &workspace.Department{Name: Returns, Routing: workspace.Routing{ManualAccept: &manual, OfferSeconds: &offer}, Skills: []string{"refunds"}}},
		{workspace.KindDepartment, Invoices, &workspace.Department{Name: Invoices, Hours: &closed, Offline: "Our bookkeeping is closed for stocktaking. Leave your question, and the answer comes by mail."}},
	}
	for _, t := range []struct{ name, color, about string }{
		{"delivery", "#2d6cdf", "Where is my parcel"}, {"return", "#c2410c", "Sent back, or to be"}, {"size", "#0f766e", "Which size fits"},
		{"invoice", "#6d28d9", "Invoices and tax"}, {"damaged", "#b91c1c", "Arrived broken or wrong"}, {"payment", "#a16207", "Cards, vouchers, refunds"}, {"praise", "#15803d", "Somebody is happy"},
	} {
		list = append(list, document{workspace.KindTag, t.name, &workspace.Tag{Name: t.name, Color: t.color, About: t.about}})
	}
	for _, c := range cannedTexts {
		canned := c
		list = append(list, document{workspace.KindCanned, c.Shortcut, &canned})
	}
	return append(append(list, s.automation()...), s.lists()...)
}

func oncePerDate(list []workspace.Holiday) (out []workspace.Holiday) {
	at := map[string]int{}
	for _, h := range list { // the later one wins: stocktaking is stocktaking
		if i, is := at[h.Date]; is {
			out[i] = h
			continue
		}
		at[h.Date] = len(out)
		out = append(out, h)
	}
	return out
}

func (s *stage) automation() []document {
	return []document{
		{workspace.KindMacro, "Refund promised", &workspace.Macro{Name: "Refund promised", Department: s.returns, Steps: []workspace.Step{
			{Kind: workspace.StepReply, Value: "Hello {{customer.firstName|there}}, we have your parcel. The money is with you in three to five working days."},
			{Kind: workspace.StepTag, Value: "return"}, {Kind: workspace.StepClose, Value: "refunded"},
		}}},
		{workspace.KindMacro, "Ask for a picture", &workspace.Macro{Name: "Ask for a picture", Steps: []workspace.Step{
			{Kind: workspace.StepReply, Value: "Could you send us a picture of it, {{customer.firstName|please}}?"}, {Kind: workspace.StepTag, Value: "damaged"}, {Kind: workspace.StepSnooze, Value: "120"},
		}}},
		{workspace.KindRule, "Lawyers first", &workspace.Rule{Name: "Lawyers first", Enabled: true, Order: 10, On: chat.EventMessage,
			Conditions: []workspace.Condition{{Fact: workspace.FactRole, Op: workspace.OpIs, Value: string(chat.RoleCustomer)}, {Fact: workspace.FactText, Op: workspace.OpContains, Value: "lawyer"}},
			Steps:      []workspace.Step{{Kind: workspace.StepPriority, Value: "3"}, {Kind: workspace.StepNote, Value: "A lawyer was mentioned: hand over to a supervisor."}},
		}},
		{workspace.KindRule, "Bad ratings", &workspace.Rule{Name: "Bad ratings", Order: 20, On: chat.EventRated,
			Conditions: []workspace.Condition{{Fact: workspace.FactScore, Op: workspace.OpAtMost, Value: "2"}}, Steps: []workspace.Step{{Kind: workspace.StepTag, Value: "call back"}},
		}},
	}
}

func (s *stage) lists() []document {
	return []document{
		{workspace.KindField, "order", &workspace.Field{Of: workspace.OfConversation, Name: "order", Label: "Order number", Kind: workspace.FieldText}},
		{workspace.KindField, "reason", &workspace.Field{Of: workspace.OfConversation, Name: "reason", Label: "Why it comes back", Kind: workspace.FieldChoice, Choices: []string{"too small", "too large", "damaged", "other"}, Departments: []chat.DepartmentID{s.returns}}},
		{workspace.KindField, "customer-since", &workspace.Field{Of: workspace.OfContact, Name: "customer-since", Label: "Customer since", Kind: workspace.FieldNumber}},
		{workspace.KindForm, "before", &workspace.Form{Use: workspace.FormBefore, Enabled: true, Text: "So that we find your order at once:", Fields: []workspace.FormField{
			{Name: "name", Label: "Your name", Kind: workspace.FieldText}, {Name: "email", Label: "Your address", Kind: workspace.FieldText}, {Name: "order", Label: "Order number", Kind: workspace.FieldText},
		}}},
		{workspace.KindForm, "offline", &workspace.Form{Use: workspace.FormOffline, Enabled: true, Text: "We will write back.", Fields: []workspace.FormField{
			{Name: "email", Label: "Your address", Kind: workspace.FieldText, Required: true}, {Name: "order", Label: "Order number", Kind: workspace.FieldText},
		}}},
		{workspace.KindGreeting, "checkout", &workspace.Greeting{Name: "Stuck at the checkout", Enabled: true, Page: "*/checkout*", Seconds: 45, InHours: true, Text: "Can we help you finish your order?", Department: s.orders}},
		{workspace.KindView, "Mine", &workspace.View{Name: "Mine", Order: 1, Filter: workspace.Filter{Operator: "me", Status: chat.StatusActive}}},
		{workspace.KindView, "Damaged this week", &workspace.View{Name: "Damaged this week", Order: 2, Filter: workspace.Filter{Tag: "damaged", StartedWithinDays: 7}}},
		{workspace.KindView, "Waiting and promised", &workspace.View{Name: "Waiting and promised", Order: 3, Filter: workspace.Filter{Status: chat.StatusSnoozed}}},
	}
}
