package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/identity"
	settings "github.com/parley-chat/parley/internal/workspace"
)

// maxSafe is the largest whole number that every JSON reader keeps exact (RFC 8259 section 6); no number of the
// contract exceeds it.
const maxSafe = 1<<53 - 1

// schemas makes JSON Schemas (2020-12) of Go structs.
type schemas struct {
	comments *comments
}

// of returns the schema of v, complete in itself: named types are under $defs.
func (s schemas) of(v any, dir direction) *jsonschema.Schema {
	r := &jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true, Namer: schemaName, AllowAdditionalProperties: dir == toClient,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if scalar(t, dir) == nil {
				return nil
			}
			return &jsonschema.Schema{Ref: "#/$defs/" + schemaName(t)}
		},
		LookupComment: func(t reflect.Type, field string) string {
			if field == "" {
				return s.comments.describeType(t)
			}
			return s.comments.describeField(t, field)
		},
	}
	root := reflect.TypeOf(v)
	out := r.Reflect(v)
	for _, t := range namedTypes(root) {
		if def := scalar(t, dir); def != nil {
			def.Description = s.comments.describeType(t)
			out.Definitions[schemaName(t)] = def
			continue
		}
		switch {
		case t.Kind() != reflect.Struct: // a named text that any value may stand for
		case t == root:
			limitFields(t, out)
		default:
			limitFields(t, out.Definitions[schemaName(t)])
		}
	}
	out.Title = root.Name()
	return out
}

// schemaName is what a type is called among the definitions: its Go name, with the package where that says too little.
func schemaName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[contact.ID]():
		return "ContactID"
	case reflect.TypeFor[contact.EventType]():
		return "ContactEventType"
	}
	return t.Name()
}

// namedTypes lists the structs and scalars of the contract that t is made of, t first.
func namedTypes(t reflect.Type) []reflect.Type {
	var out []reflect.Type
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			walk(t.Elem())
		case reflect.Map:
			walk(t.Key())
			walk(t.Elem())
		case reflect.Struct:
			if slices.Contains(out, t) {
				return
			}
			out = append(out, t)
			for _, f := range members(t) {
				walk(f.Type)
			}
		default:
			if t.PkgPath() != "" && !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	walk(t)
	return out
}

// memberField is a field as JSON has it: those of an embedded struct are the embedding struct's.
type memberField struct {
	reflect.StructField
	// owner is the struct that declares it.
	owner reflect.Type
}

// members lists the fields of a struct, with those of embedded structs in their place.
func members(t reflect.Type) []memberField {
	var out []memberField
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && jsonName(f) == "" {
			out = append(out, members(f.Type)...)
			continue
		}
		out = append(out, memberField{f, t})
	}
	return out
}

// scalar returns the schema of a named text of the domain, nil for any other type.
func scalar(t reflect.Type, dir direction) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[chat.WorkspaceID]():
		return idSchema(chat.WorkspacePrefix)
	case reflect.TypeFor[chat.UserID]():
		return idSchema(chat.UserPrefix)
	case reflect.TypeFor[chat.ConversationID]():
		return idSchema(chat.ConversationPrefix)
	case reflect.TypeFor[chat.EventID]():
		return idSchema(chat.EventPrefix)
	case reflect.TypeFor[chat.SessionID]():
		return idSchema(chat.SessionPrefix)
	case reflect.TypeFor[chat.DepartmentID]():
		return idSchema(chat.DepartmentPrefix)
	case reflect.TypeFor[chat.Track]():
		return &jsonschema.Schema{Type: "string", Enum: values(chat.Tracks())}
	case reflect.TypeFor[chat.Role]():
		return oneOf(dir, chat.Roles())
	case reflect.TypeFor[chat.Status]():
		return oneOf(dir, chat.Statuses())
	case reflect.TypeFor[chat.DeskView]():
		return oneOf(dir, chat.DeskViews())
	case reflect.TypeFor[chat.Duty]():
		return oneOf(dir, chat.Duties())
	case reflect.TypeFor[chat.OperatorEventType]():
		return oneOf(dir, chat.OperatorEventTypes())
	case reflect.TypeFor[chat.EventType]():
		return oneOf(dir, chat.EventTypes())
	case reflect.TypeFor[chat.Grant]():
		return oneOf(dir, chat.Grants())
	case reflect.TypeFor[identity.Act](): // every part of the product names its own
		return &jsonschema.Schema{Type: "string"}
	case reflect.TypeFor[chat.Code]():
		return oneOf(dir, chat.Codes())
	case reflect.TypeFor[identity.Reason]():
		return oneOf(dir, identity.Reasons())
	case reflect.TypeFor[contact.ID]():
		return idSchema(contact.Prefix)
	case reflect.TypeFor[contact.AddressKind]():
		return oneOf(dir, contact.AddressKinds())
	case reflect.TypeFor[contact.EventType]():
		return oneOf(dir, contact.EventTypes())
	case reflect.TypeFor[identity.Algorithm]():
		return oneOf(dir, identity.Algorithms())
	case reflect.TypeFor[settings.Fact](): // fields of conversations are facts, too
		return &jsonschema.Schema{Type: "string"}
	case reflect.TypeFor[settings.Op]():
		return oneOf(dir, settings.Ops())
	case reflect.TypeFor[settings.StepKind]():
		return oneOf(dir, settings.StepKinds())
	case reflect.TypeFor[settings.StepOutcome]():
		return oneOf(dir, settings.StepOutcomes())
	case reflect.TypeFor[settings.Outcome]():
		return oneOf(dir, settings.Outcomes())
	case reflect.TypeFor[settings.FieldOf]():
		return oneOf(dir, settings.FieldsOf())
	case reflect.TypeFor[settings.FieldKind]():
		return oneOf(dir, settings.FieldKinds())
	case reflect.TypeFor[settings.FormUse]():
		return oneOf(dir, settings.FormUses())
	case reflect.TypeFor[settings.ArticleStatus]():
		return oneOf(dir, settings.ArticleStatuses())
	case reflect.TypeFor[identity.Fate]():
		return oneOf(dir, []identity.Fate{identity.FateUsed, identity.FateExpired, identity.FateInvalid, identity.FateUnused})
	}
	return nil
}

// idSchema is an id in its one spelling: Crockford's alphabet has no i, l, o and u, and 26 characters of 5 bits
// begin with at most 7 (chat.IDBytes).
func idSchema(prefix string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: "^" + prefix + "[0-7][0-9a-hjkmnp-tv-z]{25}$"}
}

// oneOf is an enumeration: a closed one for clients, an open one for the server, which may add values within a
// major version.
func oneOf[T ~string](dir direction, list []T) *jsonschema.Schema {
	if dir == toServer {
		return &jsonschema.Schema{Type: "string", Enum: values(list)}
	}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Enum: values(list)}, {Type: "string"}}}
}

func values[T ~string](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// property returns the schema of a JSON field, nil when the struct has none of that name.
func property(s *jsonschema.Schema, name string) *jsonschema.Schema {
	p, _ := s.Properties.Get(name)
	return p
}

// jsonName returns a field's name in JSON.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// frame returns the schema of a frame, with its name fixed.
func (s schemas) frame(f frame) *jsonschema.Schema {
	out := s.of(f.value, f.dir)
	for _, field := range []string{"action", "type"} {
		if p := property(out, field); p != nil && f.name != gatewayFrame {
			p.Const = f.name
		}
	}
	if f.value == any(pageFrame) {
		out.Not = &jsonschema.Schema{Required: []string{"after", "before"}}
	}
	return out
}
