package main

import (
	"slices"

	"github.com/invopop/jsonschema"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/integration/cloudevent"
)

// optional are the fields of an event's data that depend on its type.
var optional = []string{"follows", "target", "text", "from", "to", "reason", "subject"}

// event returns the schema of the envelope of one type of event.
func (s schemas) event(l logged) *jsonschema.Schema {
	out := s.of(envelope(), toClient)
	out.Title = cloudevent.TypeOf(l.typ)
	out.Description = eventSummaries[l.typ] + " A CloudEvents 1.0 event in structured JSON."
	property(out, "type").Const = out.Title
	property(out, "type").Pattern = ""
	data := out.Definitions["Data"]
	for _, name := range optional {
		switch {
		case slices.Contains(l.always, name):
			data.Required = append(data.Required, name)
		case !slices.Contains(l.sometimes, name):
			data.Properties.Delete(name)
		}
	}
	if track := property(data, "track"); l.desk != l.public {
		track.Const = string(chat.Public)
		if l.desk {
			track.Const = string(chat.Desk)
		}
	}
	prune(out)
	return out
}

// eventSummaries says in a sentence what each type of event tells.
var eventSummaries = map[chat.EventType]string{
	chat.EventMessage:  "Somebody wrote a message.",
	chat.EventEdited:   "The author replaced the text of a message or note.",
	chat.EventDeleted:  "A message or note was withdrawn, by its author or a supervisor. Its text stays in the log; show it no more.",
	chat.EventNote:     "Staff wrote a note that the customer does not see.",
	chat.EventStarted:  "A customer began a conversation. It is the first event of every log.",
	chat.EventAssigned: "An operator took the conversation: subject is the one.",
	chat.EventClosed:   "The conversation was closed.",
	chat.EventReopened: "The conversation was reopened, by staff or because the customer wrote again.",
}
