package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"strconv"

	"github.com/invopop/jsonschema"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/protocol"
)

// pageFrame is the one frame with fields that exclude each other.
var pageFrame = protocol.Page{}

// limit narrows the schema of a field.
type limit func(*jsonschema.Schema)

// limits holds the limits of fields by Go type and field. JSON Schema counts characters where the server counts
// bytes of UTF-8: a text that keeps within the schema may still be too long, never the other way round.
func limits() map[string]limit {
	message := length(1, chat.MaxText)
	messages := items(1, chat.MaxMessages)
	cursors := func(s *jsonschema.Schema) { s.MaxProperties = count(chat.MaxSubscriptions) }
	public := func(s *jsonschema.Schema) { s.Default = string(chat.Public) }
	one := func(s *jsonschema.Schema) { s.Minimum = "1" }
	priority := between(chat.MinPriority, chat.MaxPriority)
	out := map[string]limit{
		"protocol.Hello.Cursors": cursors, "protocol.Hello.More": length(1, chat.IDLength), "protocol.Ping.Cursors": cursors,
		"protocol.NewMessage.Text": message, "protocol.Edit.Text": message,
		"protocol.Start.Messages": messages, "protocol.Send.Messages": messages, "protocol.Start.Page": length(0, chat.MaxPage),
		"protocol.Send.Track": public, "protocol.Edit.Track": public, "protocol.Delete.Track": public, "protocol.Page.Track": public,
		"protocol.Edit.Target": one, "protocol.Delete.Target": one, "protocol.Read.Seq": one,
		"protocol.Page.Limit":    between(1, chat.MaxPageEvents),
		"protocol.Transfer.Note": length(0, chat.MaxText), "protocol.Rate.Score": between(1, 5), "protocol.Rate.Comment": length(0, chat.MaxComment),
		"protocol.Tag.Tags": items(0, chat.MaxTags), "protocol.Tag.Untagged": items(0, chat.MaxTags), "protocol.Priority.Priority": priority,
		"protocol.Fields.Fields": most(chat.MaxFields), "protocol.Form.Fields": most(chat.MaxFields), "protocol.MentionPush.Seq": one,
		"protocol.PositionPush.Position": one,
		"protocol.Desk.Views":            items(0, len(chat.DeskViews())), "protocol.Desk.Departments": items(0, chat.MaxDeskDepartments),
		"protocol.Visit.Page": length(0, chat.MaxPage), "protocol.Visit.Title": length(0, chat.MaxTitle), "protocol.Visit.Referrer": length(0, chat.MaxReferrer),
		"protocol.DeskConversation.Priority": priority,
		"protocol.Event.Seq":                 one, "protocol.Event.Text": length(0, chat.MaxText), "protocol.Event.Reason": length(0, chat.MaxReason),
		"protocol.Snapshot.Priority": priority, "protocol.WaitingEntry.Priority": priority, "protocol.Detail.Priority": priority,
		"workspace.SLATarget.Priority": priority,
		"protocol.Detail.Score":        between(1, 5), "protocol.Decision.Candidates": items(0, chat.MaxCandidates),
		"protocol.Acked.Seq": one, "protocol.ReadPush.Seq": one,
		"protocol.Welcome.Version": between(protocol.Version, 0), "protocol.Welcome.Conversations": items(0, chat.MaxSubscriptions),
		"cloudevent.Event.SpecVersion": fixed("1.0"), "cloudevent.Event.DataContentType": fixed("application/json"),
		"cloudevent.Event.Time": format("date-time"), "cloudevent.Event.Source": format("uri-reference"),
		"cloudevent.Event.ID": length(1, 0), "cloudevent.Event.Sequence": pattern(`^[0-9]{12}$`),
		"cloudevent.Event.Type": pattern(`^parley(\.[a-z_]+){2}\.v[0-9]+$`),
		"cloudevent.Data.Seq":   one, "cloudevent.Data.Text": length(0, chat.MaxText), "cloudevent.Data.Reason": length(0, chat.MaxReason),
		"queue.IntegrationMessage.Version": between(1, 0), "queue.IntegrationMessage.Seq": one,
		"queue.IntegrationMessage.Event": length(1, 0), "queue.IntegrationMessage.Subscription": length(1, 0),
		"cloudevent.OwnEvent.SpecVersion": fixed("1.0"), "cloudevent.OwnEvent.DataContentType": fixed("application/json"),
		"cloudevent.OwnEvent.Time": format("date-time"), "cloudevent.OwnEvent.Source": format("uri-reference"),
		"cloudevent.OwnEvent.ID": length(1, 0), "cloudevent.OwnEvent.Sequence": pattern(`^[0-9]{12}$`),
		"cloudevent.OwnEvent.Type": pattern(`^parley(\.[a-z_]+){2}\.v[0-9]+$`), "cloudevent.OwnEvent.Subject": pattern(subjectID),
		"cloudevent.OwnEvent.PartitionKey": pattern(subjectID), "cloudevent.OwnData.Seq": one, "cloudevent.OwnData.Reason": length(0, contact.MaxReason),
		"queue.SubjectMessage.Version": between(2, 0), "queue.SubjectMessage.Seq": one, "queue.SubjectMessage.Event": length(1, 0),
		"queue.SubjectMessage.Subscription": length(1, 0), "queue.SubjectMessage.Subject": pattern(subjectID), "queue.SubjectMessage.Type": pattern(`^[a-z_]+\.[a-z_]+$`),
		"httpapi.CustomerSessionRequest.WidgetKey": length(1, 64),
		"httpapi.StaffSessionRequest.Email":        length(3, identity.MaxAddress),
		"httpapi.StaffSessionRequest.Password":     length(1, identity.MaxPassword),
		"httpapi.TicketRequest.Previous":           length(0, httpapi.MaxBody),
		"httpapi.Problem.Status":                   between(400, 599),
		"httpapi.Problem.Type":                     format("uri-reference"),
		"httpapi.Ticket.URL":                       format("uri"),
		"httpapi.Health.Status":                    fixed("ok"),
	}
	maps.Copy(out, deskLimits())
	maps.Copy(out, peopleLimits())
	maps.Copy(out, contactLimits())
	maps.Copy(out, commandLimits())
	maps.Copy(out, settingLimits())
	for _, f := range frames() {
		if f.dir == toServer {
			out[reflect.TypeOf(f.value).String()+".Ref"] = length(0, protocol.MaxRef)
			if _, ok := reflect.TypeOf(f.value).FieldByName("Reason"); ok {
				out[reflect.TypeOf(f.value).String()+".Reason"] = length(0, chat.MaxReason)
			}
		}
	}
	return out
}

// limitFields applies what the Go types say (no number is below zero or beyond what JSON keeps exact, keys of maps
// are ids) and the table of limits.
func limitFields(t reflect.Type, s *jsonschema.Schema) {
	table := limits()
	for _, f := range members(t) {
		p := property(s, jsonName(f.StructField))
		kind := f.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		switch kind.Kind() {
		case reflect.Uint32:
			between(0, 1<<32-1)(p)
		case reflect.Uint64, reflect.Int64, reflect.Int:
			between(0, maxSafe)(p)
		case reflect.Map:
			if kind.Key().PkgPath() != "" {
				p.PropertyNames = &jsonschema.Schema{Ref: "#/$defs/" + schemaName(kind.Key())}
			}
		default:
		}
		if narrow, ok := table[f.owner.String()+"."+f.Name]; ok {
			narrow(p)
		}
	}
}

func count(n int) *uint64 {
	u := uint64(n)
	return &u
}

// length bounds a text in characters; a longest of 0 stands for none.
func length(shortest, longest int) limit {
	return func(s *jsonschema.Schema) {
		if shortest > 0 {
			s.MinLength = count(shortest)
		}
		if longest > 0 {
			s.MaxLength = count(longest)
		}
	}
}

func items(fewest, most int) limit {
	return func(s *jsonschema.Schema) {
		if fewest > 0 {
			s.MinItems = count(fewest)
		}
		s.MaxItems = count(most)
	}
}

// most bounds the members of a map.
//
//nolint:unparam // 50 of both kinds of fields, which are limits of their own
func most(n int) limit {
	return func(s *jsonschema.Schema) { s.MaxProperties = count(n) }
}

// between bounds a number; a most of 0 leaves the upper bound as it is.
func between(least, most int) limit {
	return func(s *jsonschema.Schema) {
		s.Minimum = json.Number(strconv.Itoa(least))
		if most > 0 {
			s.Maximum = json.Number(strconv.Itoa(most))
		}
	}
}

func pattern(p string) limit { return func(s *jsonschema.Schema) { s.Pattern = p } }
func format(f string) limit  { return func(s *jsonschema.Schema) { s.Format = f } }
func fixed(v string) limit   { return func(s *jsonschema.Schema) { s.Const = v } }

// both narrows twice.
func both(a, b limit) limit { return func(s *jsonschema.Schema) { a(s); b(s) } }

// subjectID is the id of whoever has a log of their own: an operator or a contact.
const subjectID = "^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$"
