package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/integration/cloudevent"
	"github.com/parley-chat/parley/internal/protocol"
)

// optional are the fields of an event's data that depend on its type.
var optional = []string{"follows", "target", "text", "from", "to", "reason", "subject", "detail"}

// event returns the schema of the envelope of one type of event.
func (s schemas) event(l logged) *jsonschema.Schema {
	out := s.of(envelope(), toClient)
	out.Title = cloudevent.TypeOf(l.typ)
	out.Description = eventSummaries[l.typ] + " A CloudEvents 1.0 event in structured JSON."
	property(out, "type").Const = out.Title
	property(out, "type").Pattern = ""
	data := out.Definitions["Data"]
	always, sometimes := l.always, l.sometimes
	switch {
	case len(l.detail) > 0:
		always = with(always, "detail")
	case l.detailed():
		sometimes = with(sometimes, "detail")
	}
	narrow(data, optional, always, sometimes)
	narrow(out.Definitions["Detail"], detailFields(), l.detail, l.detailSometimes)
	if track := property(data, "track"); l.desk != l.public {
		track.Const = string(chat.Public)
		if l.desk {
			track.Const = string(chat.Desk)
		}
	}
	prune(out)
	return out
}

// narrow keeps of the optional fields those that are there always, which it requires, or sometimes.
func narrow(s *jsonschema.Schema, optional, always, sometimes []string) {
	for _, name := range optional {
		switch {
		case slices.Contains(always, name):
			s.Required = append(s.Required, name)
		case !slices.Contains(sometimes, name):
			s.Properties.Delete(name)
		}
	}
}

// detailFields lists the fields of a detail, all of which depend on the type of event.
func detailFields() []string {
	t := reflect.TypeFor[protocol.Detail]()
	out := make([]string, t.NumField())
	for i := range out {
		out[i] = jsonName(t.Field(i))
	}
	return out
}

// eventTable lists the types of event for readers of the documents.
func eventTable() string {
	var b strings.Builder
	b.WriteString("| in the log | type outside | track | data beyond what all have | |\n|---|---|---|---|---|\n")
	for _, l := range logRegistry() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", l.typ, cloudevent.TypeOf(l.typ), l.tracks(), l.fields(), eventSummaries[l.typ])
	}
	return b.String()
}

func (l logged) tracks() string {
	switch {
	case l.desk && l.public:
		return "that of its target"
	case l.desk:
		return string(chat.Desk)
	}
	return string(chat.Public)
}

// fields names what the type has; follows is said once for the whole track.
func (l logged) fields() string {
	var always, sometimes []string
	add := func(list *[]string, prefix string, names []string) {
		for _, n := range names {
			if n != "follows" {
				*list = append(*list, "`"+prefix+n+"`")
			}
		}
	}
	add(&always, "", l.always)
	add(&always, "detail.", l.detail)
	add(&sometimes, "", l.sometimes)
	add(&sometimes, "detail.", l.detailSometimes)
	out := strings.Join(always, ", ")
	if len(sometimes) > 0 {
		if out != "" {
			out += "; "
		}
		out += "sometimes " + strings.Join(sometimes, ", ")
	}
	return out
}
