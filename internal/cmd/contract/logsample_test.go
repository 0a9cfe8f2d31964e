package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/integration/cloudevent"
	"github.com/parley-chat/parley/internal/protocol"
)

var (
	department = chat.DepartmentID(fixedID(chat.DepartmentPrefix, 7))
	bot        = chat.UserID(fixedID(chat.UserPrefix, 8))
	rule       = fixedID("a_", 9)
)

// states are from and to of each type that changes the state.
var states = map[chat.EventType][2]chat.Status{
	chat.EventStarted: {"", chat.StatusQueued}, chat.EventAssigned: {chat.StatusQueued, chat.StatusActive},
	chat.EventClosed: {chat.StatusActive, chat.StatusClosed}, chat.EventReopened: {chat.StatusClosed, chat.StatusActive},
	chat.EventQueued: {chat.StatusActive, chat.StatusQueued}, chat.EventTransferred: {chat.StatusActive, chat.StatusQueued},
	chat.EventAbandoned: {chat.StatusQueued, chat.StatusAbandoned}, chat.EventOffline: {chat.StatusQueued, chat.StatusOffline},
	chat.EventBotEngaged: {chat.StatusQueued, chat.StatusBot}, chat.EventHandedOff: {chat.StatusBot, chat.StatusQueued},
	chat.EventOffered: {chat.StatusQueued, chat.StatusOffered}, chat.EventOfferMissed: {chat.StatusOffered, chat.StatusQueued},
	chat.EventIdle: {chat.StatusActive, chat.StatusIdle}, chat.EventResumed: {chat.StatusSnoozed, chat.StatusActive},
	chat.EventSnoozed: {chat.StatusActive, chat.StatusSnoozed},
}

// wholeDetail has every field.
func wholeDetail() chat.Detail {
	return chat.Detail{
		Department: department, Tags: []string{"refund"}, Untagged: []string{"new"}, Priority: chat.MinPriority, Until: noon.Add(time.Hour), Score: 4,
		Fields: map[string]string{"order": "1042"}, Mentions: []chat.UserID{operator}, Clock: "first_response", Rule: rule,
		Link: gone, Decision: &chat.Decision{
			Policy: "spare_capacity", Eligible: 1, Excluded: map[string]int{"away": 2, "full": 1},
			Candidates: []chat.Candidate{{User: operator, Load: 1, Capacity: 4, LastAssigned: noon.Add(-time.Minute)}},
		},
	}
}

// logSample is an event of the type with what it always has, or with all that it may have.
func logSample(ref chat.Ref, l logged, all bool) cloudevent.Event {
	has := func(always, sometimes []string) func(string) bool {
		return func(name string) bool {
			return slices.Contains(always, name) || all && slices.Contains(sometimes, name)
		}
	}
	data := has(l.always, l.sometimes)
	e := chat.Event{Seq: 2, ID: eventID(50), Type: l.typ, At: noon, Sender: operator, Role: chat.RoleOperator}
	track := chat.Public
	if l.desk {
		track = chat.Desk
	}
	for name, set := range map[string]func(){
		"follows": func() { e.Follows = 2 }, "target": func() { e.Target = 1 }, "text": func() { e.Text = "Thank you" },
		"from": func() { e.From = states[l.typ][0] }, "to": func() { e.To = states[l.typ][1] },
		"reason": func() { e.Reason = "why it came to this" }, "subject": func() { e.Subject = subjectOf(l.typ) },
	} {
		if data(name) {
			set()
		}
	}
	out := cloudevent.Of(ref, track, e)
	if len(l.detail) > 0 || all && l.detailed() {
		whole := wholeDetail()
		out.Data.Detail = only(protocol.DetailOf(&whole), has(l.detail, l.detailSometimes))
	}
	return out
}

func subjectOf(t chat.EventType) chat.UserID {
	switch t {
	case chat.EventBotEngaged, chat.EventHandedOff:
		return bot
	case chat.EventMuted:
		return customer
	default:
	}
	return operator
}

// only keeps the fields of a detail that the type has.
func only(d *protocol.Detail, has func(string) bool) *protocol.Detail {
	var members map[string]json.RawMessage
	raw, _ := json.Marshal(d)
	_ = json.Unmarshal(raw, &members)
	for name := range members {
		if !has(name) {
			delete(members, name)
		}
	}
	raw, _ = json.Marshal(members)
	out := &protocol.Detail{}
	_ = json.Unmarshal(raw, out)
	return out
}

// TestEventSchemasAreExact: what a type always has may not be missing, what it may have is described, and nothing
// else is.
func TestEventSchemasAreExact(t *testing.T) {
	t.Parallel()
	compiled := compile(t)
	ref := chat.Ref{Workspace: workspace, Conversation: conversation}
	for _, l := range logRegistry() {
		schema := compiled["event."+string(l.typ)]
		whole := mustJSON(t, logSample(ref, l, true))
		for _, payload := range [][]byte{whole, mustJSON(t, logSample(ref, l, false))} {
			if err := validate(t, schema, payload); err != nil {
				t.Errorf("%s: %s\n%v", l.typ, payload, err)
			}
		}
		for _, path := range l.promised() {
			lacking := edited(t, whole, func(m map[string]any) { remove(m, path) })
			if validate(t, schema, lacking) == nil {
				t.Errorf("%s passes without data.%s", l.typ, path)
			}
		}
	}
}

// promised lists what the data of the type always has, by path.
func (l logged) promised() []string {
	out := slices.Clone(l.always)
	for _, name := range l.detail {
		out = append(out, "detail."+name)
	}
	if len(l.detail) > 0 {
		out = append(out, "detail")
	}
	return out
}

// remove takes a member of data out.
func remove(envelope map[string]any, path string) {
	m, _ := envelope["data"].(map[string]any)
	first, rest, nested := strings.Cut(path, ".")
	if nested {
		m, _ = m[first].(map[string]any)
		first = rest
	}
	delete(m, first)
}

// TestTheLogRegistryNamesFieldsThatExist finds names that no event or detail has, and public events with what
// belongs to the desk.
func TestTheLogRegistryNamesFieldsThatExist(t *testing.T) {
	t.Parallel()
	for _, l := range logRegistry() {
		for _, name := range with(l.always, l.sometimes...) {
			if !slices.Contains(optional, name) {
				t.Errorf("%s has data.%s, which is no optional field", l.typ, name)
			}
		}
		for _, name := range with(l.detail, l.detailSometimes...) {
			if !slices.Contains(detailFields(), name) {
				t.Errorf("%s has data.detail.%s, which is no field", l.typ, name)
			}
			if l.public && !l.desk && slices.Contains([]string{"decision", "priority", "rule", "clock", "link", "tags", "untagged"}, name) {
				t.Errorf("%s is public and tells data.detail.%s", l.typ, name)
			}
		}
		if moves := slices.Contains(with(l.always, l.sometimes...), "to"); moves != (states[l.typ] != [2]chat.Status{}) {
			t.Errorf("%s: the registry and the samples disagree on whether it changes the state", l.typ)
		}
	}
}

// ownSample is an event of an own log with what it always has, or with all that it may have.
func ownSample(l owned, all bool) cloudevent.OwnEvent {
	has := func(name string) bool {
		return slices.Contains(l.always, name) || all && slices.Contains(l.sometimes, name)
	}
	reason := ""
	if has("reason") {
		reason = "why it came to this"
	}
	if has("operator") {
		e := chat.OperatorEvent{Seq: 2, Type: chat.OperatorEventType(l.typ), At: noon, Sender: operator, Role: chat.RoleOperator, Reason: reason}
		if has("from") {
			e.From = chat.DutyOff
		}
		if has("to") {
			e.To = chat.DutyAccepting
		}
		return cloudevent.OfOperator(workspace, operator, 0, e)
	}
	e := contact.Event{Seq: 2, Type: contact.EventType(l.typ), At: noon, Sender: customer, Role: chat.RoleCustomer, Reason: reason}
	if has("changed") {
		e.Changed = []string{"name"}
	}
	if has("user") {
		e.User = customer
	}
	if has("other") {
		e.Other = contact.ID(fixedID(contact.Prefix, 12))
	}
	return cloudevent.OfContact(workspace, contact.OfUser(customer), 0, e)
}

// TestOwnEventSchemasAreExact is TestEventSchemasAreExact for own logs.
func TestOwnEventSchemasAreExact(t *testing.T) {
	t.Parallel()
	compiled := compile(t)
	for _, l := range ownRegistry() {
		schema := compiled["event."+l.typ]
		whole := mustJSON(t, ownSample(l, true))
		for _, payload := range [][]byte{whole, mustJSON(t, ownSample(l, false))} {
			if err := validate(t, schema, payload); err != nil {
				t.Errorf("%s: %s\n%v", l.typ, payload, err)
			}
		}
		for _, name := range l.always {
			lacking := edited(t, whole, func(m map[string]any) { remove(m, name) })
			if validate(t, schema, lacking) == nil {
				t.Errorf("%s passes without data.%s", l.typ, name)
			}
		}
		for _, name := range with(l.always, l.sometimes...) {
			if !slices.Contains(ownOptional, name) {
				t.Errorf("%s has data.%s, which is no optional field", l.typ, name)
			}
		}
	}
}
