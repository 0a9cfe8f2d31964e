package main

import (
	"bytes"
	"encoding/json"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
)

// The documents that the API serves itself.
const (
	servedDir    = "internal/httpapi"
	servedJSON   = servedDir + "/openapi.json.gz"
	servedDocs   = servedDir + "/docs.html.gz"
	servedErrors = servedDir + "/errors.html.gz"
)

// apiDocument is what the page shows of the OpenAPI document.
type apiDocument struct {
	Info struct {
		Title, Version, Description string
	}
	Tags []struct {
		Name, Description string
	}
	Paths      ordered[ordered[apiOperation]]
	Components struct {
		Schemas ordered[*jsonschema.Schema]
	}
}

type apiOperation struct {
	OperationID string
	Summary     string
	Tags        []string
	Security    []map[string]any
	Parameters  []struct {
		Name, In, Description string
		Schema                *jsonschema.Schema
	}
	RequestBody *struct {
		Content map[string]apiContent
	}
	Responses ordered[struct {
		Description string
		Content     map[string]apiContent
	}]
}

type apiContent struct {
	Schema *jsonschema.Schema
}

// apiTopic is a heading with its operations.
type apiTopic struct {
	Name, Description string
	Operations        []apiRoute
}

type apiRoute struct {
	Method, Path string
	apiOperation
}

// Topics groups the operations as their tags say, in the tags' order.
func (d apiDocument) Topics() []apiTopic {
	var out []apiTopic
	for _, tag := range d.Tags {
		topic := apiTopic{Name: tag.Name, Description: tag.Description}
		for _, path := range d.Paths {
			for _, op := range path.Value {
				if slices.Contains(op.Value.Tags, tag.Name) {
					topic.Operations = append(topic.Operations, apiRoute{Method: op.Name, Path: path.Name, apiOperation: op.Value})
				}
			}
		}
		out = append(out, topic)
	}
	return out
}

// ordered is a JSON object whose members keep their order.
type ordered[T any] []named[T]

type named[T any] struct {
	Name  string
	Value T
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *ordered[T]) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var m named[T]
		m.Name, _ = name.(string)
		if err := d.Decode(&m.Value); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	return nil
}

// addServed adds the documents that the API serves: the OpenAPI document without white space, and two pages.
func (t tree) addServed(openapi json.RawMessage, errors ErrorList) error {
	var small bytes.Buffer
	if err := json.Compact(&small, openapi); err != nil {
		return err
	}
	t[servedJSON] = small.Bytes()
	var doc apiDocument
	if err := json.Unmarshal(openapi, &doc); err != nil {
		return err
	}
	for path, part := range map[string]struct {
		name  string
		value any
	}{servedDocs: {"docs", doc}, servedErrors: {"errors", errors}} {
		var b bytes.Buffer
		if err := pages.ExecuteTemplate(&b, part.name, part.value); err != nil {
			return err
		}
		t[path] = b.Bytes()
	}
	return nil
}

var componentName = regexp.MustCompile(`^#/components/schemas/`)

// typeHTML is what a page says of a type: a link to its schema, or words.
func typeHTML(s *jsonschema.Schema) template.HTML {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		name := template.HTMLEscapeString(componentName.ReplaceAllString(s.Ref, ""))
		return template.HTML(`<a href="#` + name + `">` + name + `</a>`) //nolint:gosec // escaped above
	case s.Type == "array":
		return "list of " + typeHTML(s.Items)
	case s.Const != nil:
		return template.HTML("always <code>" + template.HTMLEscapeString(strings.Trim(string(bytes.TrimSpace(pretty(s.Const))), `"`)) + "</code>") //nolint:gosec // escaped
	case len(s.AnyOf) > 0:
		return typeHTML(s.AnyOf[0])
	case len(s.Enum) > 0:
		var texts []string
		for _, v := range s.Enum {
			texts = append(texts, template.HTMLEscapeString(strings.Trim(string(bytes.TrimSpace(pretty(v))), `"`)))
		}
		return template.HTML("<code>" + strings.Join(texts, "</code>, <code>") + "</code>") //nolint:gosec // escaped above
	case s.Type == "object" && s.AdditionalProperties != nil && s.Properties.Len() == 0:
		return "map of " + typeHTML(s.AdditionalProperties)
	}
	return template.HTML(template.HTMLEscapeString(typeText(s))) //nolint:gosec // escaped
}

// field is a row of a schema's table.
type field struct {
	Name     string
	Type     template.HTML
	Optional bool
	Text     string
}

func fieldsOf(s *jsonschema.Schema) []field {
	var out []field
	if s.Properties == nil {
		return nil
	}
	for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
		f := field{Name: pair.Key, Type: typeHTML(pair.Value), Optional: true, Text: pair.Value.Description}
		for _, r := range s.Required {
			f.Optional = f.Optional && r != pair.Key
		}
		out = append(out, f)
	}
	return out
}

// bodyOf is the schema of a body, whatever its media type.
func bodyOf(content map[string]apiContent) template.HTML {
	for kind, c := range content {
		if c.Schema == nil || c.Schema.Ref == "" {
			return template.HTML(template.HTMLEscapeString(kind)) //nolint:gosec // escaped
		}
		return typeHTML(c.Schema)
	}
	return ""
}

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"shown": typeHTML, "fields": fieldsOf, "body": bodyOf, "upper": strings.ToUpper,
	"paragraphs": func(s string) []string { return strings.Split(s, "\n\n") },
	"isOpen":     func(o apiRoute) bool { return len(o.Security) > 0 },
}).Parse(pageTemplates))
