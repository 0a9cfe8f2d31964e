package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/integration/cloudevent"
)

// owned says which optional fields of its data each type of event of an operator's or a contact's own log has.
type owned struct {
	typ     string
	summary string
	// always and sometimes name fields of the data; either holds operator or contact, which says whose log it is.
	always, sometimes []string
}

// ownOptional are the fields of the data that depend on the type.
var ownOptional = []string{"operator", "contact", "from", "to", "reason", "changed", "user", "other"}

// ownRegistry is the registry of what the own logs of operators and contacts hold.
func ownRegistry() []owned {
	operator := func(t chat.OperatorEventType, summary string, always ...string) owned {
		return owned{string(t), summary, with([]string{"operator"}, always...), []string{"reason"}}
	}
	of := func(t contact.EventType, summary string, always, sometimes []string) owned {
		return owned{string(t), summary, with([]string{"contact"}, always...), sometimes}
	}
	status := operator(chat.OperatorStatus, "An operator's status changed, by themselves, a supervisor or because they missed too much.", "to")
	status.sometimes = with(status.sometimes, "from")
	return []owned{
		status,
		operator(chat.OperatorConnected, "An operator on duty is connected."),
		operator(chat.OperatorDisconnected, "An operator is not connected any more, or has gone off duty."),
		of(contact.EventIdentified, "The business has said who the contact is, or at which device. What becomes of their conversations is in the conversations.", []string{"user"}, []string{"changed"}),
		of(contact.EventUpdated, "The card was changed.", nil, []string{"changed", "user"}),
		of(contact.EventMerged, "Two contacts were merged; it is in the logs of both.", []string{"other"}, nil),
		of(contact.EventBanned, "The contact was banned.", nil, []string{"user", "reason"}),
		of(contact.EventUnbanned, "The ban was lifted.", nil, nil),
		of(contact.EventLead, "The contact left an address or a name of their own accord.", []string{"user", "changed"}, nil),
	}
}

// ownEvent returns the schema of the envelope of one type of event.
func (s schemas) ownEvent(l owned) *jsonschema.Schema {
	out := s.of(cloudevent.OwnEvent{}, toClient)
	out.Title = cloudevent.OwnTypeOf(l.typ)
	out.Description = l.summary + " A CloudEvents 1.0 event in structured JSON."
	property(out, "type").Const = out.Title
	property(out, "type").Pattern = ""
	narrow(out.Definitions["OwnData"], ownOptional, l.always, l.sometimes)
	prune(out)
	return out
}

// ownTable lists the types of event of own logs for readers of the documents.
func ownTable() string {
	var b strings.Builder
	b.WriteString("| in the log | type outside | data beyond what all have | |\n|---|---|---|---|\n")
	for _, l := range ownRegistry() {
		shown := logged{always: l.always, sometimes: l.sometimes}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", l.typ, cloudevent.OwnTypeOf(l.typ), shown.fields(), l.summary)
	}
	return b.String()
}

const integrationDescription = `What is sent to the integration queue: one message for each event and each subscription that wants it, at least once, in order for each log. A message is a reference; the event itself, in the form of the schemas event.*.json, is read by it.

The messages of one subscription and one conversation, operator or contact are one message group. Dedupe by the subscription and the event.`

// integrationAPI writes the AsyncAPI document of the integration queue (AsyncAPI 3.1.0).
func integrationAPI(s schemas, examples map[string][]sample) json.RawMessage {
	parts := newComponents(s)
	var messages, channel, sent []object
	for _, m := range integrationMessages() {
		schema := s.of(m.value, toClient)
		summary, _, _ := strings.Cut(schema.Description, ": ")
		key := schema.Title
		messages = append(messages, object{{key, object{
			{"name", m.file}, {"title", key}, {"summary", summary + "."}, {"description", schema.Description},
			{"payload", parts.add(key, schema)}, {"examples", exampleList(examples[m.file])},
		}}})
		channel = append(channel, object{{key, ref("#/components/messages/" + key)}})
		sent = append(sent, ref("#/channels/integration/messages/"+key))
	}
	return relocated(object{
		{"asyncapi", "3.1.0"},
		{"id", "urn:parley:integration"},
		{"info", object{{"title", "Parley integration queue"}, {"version", contractVersion}, {"description", integrationDescription}}},
		{"defaultContentType", "application/json"},
		{"channels", object{{"integration", object{
			{"address", "IntegrationQueue"}, {"title", "The integration queue"},
			{"description", "An SQS FIFO queue, the output IntegrationQueueUrl of the stack."}, {"messages", joined(channel)},
		}}}},
		{"operations", object{{"tell", object{
			{"action", "send"}, {"channel", ref("#/channels/integration")}, {"summary", "Tell of an event."}, {"messages", sent},
		}}}},
		{"components", object{{"messages", joined(messages)}, {"schemas", parts.object()}}},
	})
}

// joined makes one object of several.
func joined(list []object) (out object) {
	for _, o := range list {
		out = append(out, o...)
	}
	return out
}
