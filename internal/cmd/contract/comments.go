package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// sources are the packages whose doc comments describe the contract.
var sources = []string{
	"internal/protocol", "internal/chat", "internal/identity", "internal/contact", "internal/workspace", "internal/httpapi", "internal/queue",
	"internal/integration/cloudevent", "internal/cmd/contract",
}

// comments holds doc comments by their Go names: "protocol.Send", "protocol.Send.After"; those of string constants
// by package, type and value: "chat.Code.invalid".
type comments struct {
	types, fields, values map[string]string
}

// readComments parses the sources below root. Tests are left out.
func readComments(root string) (*comments, error) {
	c := &comments{types: map[string]string{}, fields: map[string]string{}, values: map[string]string{}}
	for _, dir := range sources {
		names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("no Go files in %s", dir)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			c.addFile(f)
		}
	}
	return c, nil
}

func (c *comments) addFile(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				doc := s.Doc
				if doc == nil {
					doc = g.Doc
				}
				c.addType(f.Name.Name, s, text(doc, s.Comment))
			case *ast.ValueSpec:
				c.addValue(f.Name.Name, s)
			}
		}
	}
}

func (c *comments) addType(pkg string, s *ast.TypeSpec, doc string) {
	name := pkg + "." + s.Name.Name
	c.types[name] = doc
	st, ok := s.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range st.Fields.List {
		for _, n := range field.Names {
			c.fields[name+"."+n.Name] = text(field.Doc, field.Comment)
		}
	}
}

func (c *comments) addValue(pkg string, s *ast.ValueSpec) {
	if len(s.Values) != 1 {
		return
	}
	lit, ok := s.Values[0].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return
	}
	value, err := strconv.Unquote(lit.Value)
	if err != nil {
		return
	}
	doc := text(s.Doc, s.Comment)
	doc = strings.TrimPrefix(doc, s.Names[0].Name+": ")
	if kind, ok := s.Type.(*ast.Ident); ok { // constants of different types may be spelt alike
		c.values[pkg+"."+kind.Name+"."+value] = doc
		return
	}
	c.values[pkg+"."+value] = doc
}

// text joins the lines of a comment; paragraphs stay apart.
func text(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if g == nil {
			continue
		}
		paragraphs := strings.Split(strings.TrimSpace(g.Text()), "\n\n")
		for i, p := range paragraphs {
			paragraphs[i] = strings.Join(strings.Fields(p), " ")
		}
		return strings.Join(paragraphs, "\n\n")
	}
	return ""
}

// twins are structs of the domain that a struct of the contract is made of: a field without a comment of its own
// is described where the domain describes it.
var twins = map[string]string{
	"protocol.Event": "chat.Event", "protocol.Cursor": "chat.Cursor", "protocol.Participant": "chat.Participant",
	"protocol.Snapshot": "chat.Head", "cloudevent.Data": "chat.Event", "queue.IntegrationMessage": "chat.IntegrationJob",
	"queue.SubjectMessage": "chat.IntegrationJob",
}

// describeType returns what the type's doc comment says; only its first paragraph, since further ones tell
// programmers of parameters and errors that the documents hold elsewhere.
func (c *comments) describeType(t reflect.Type) string {
	first, _, _ := strings.Cut(c.types[t.String()], "\n\n")
	return first
}

// describeField returns the comment of a field, its domain twin's, or what fields of that name mean everywhere;
// before all of these, what the table of shared descriptions says of this very field.
func (c *comments) describeField(t reflect.Type, field string) string {
	f, ok := t.FieldByName(field)
	if !ok {
		return ""
	}
	name := jsonName(f)
	if doc := shared[t.Name()+"."+name]; doc != "" {
		return doc
	}
	own := t.String() + "." + field
	for _, key := range []string{own, twins[t.String()] + "." + field} {
		if doc := c.fields[key]; doc != "" {
			return sentence(c.inJSON(doc, t), t)
		}
	}
	return shared[name]
}

// sentence begins a description with a capital, unless it begins with a field's name, and ends it with a period.
func sentence(doc string, t reflect.Type) string {
	first, _, _ := strings.Cut(strings.Trim(doc, ","), " ")
	named := false
	for i := range t.NumField() {
		named = named || jsonName(t.Field(i)) == strings.TrimRight(first, ",.:;")
	}
	if !named {
		doc = strings.ToUpper(doc[:1]) + doc[1:]
	}
	if !strings.HasSuffix(doc, ".") {
		doc += "."
	}
	return doc
}

var codeName = regexp.MustCompile(`\bCode[A-Z]\w+`)

// inJSON writes the fields that a comment names as they are in JSON, and codes as their values.
func (c *comments) inJSON(doc string, t reflect.Type) string {
	for i := range t.NumField() {
		f := t.Field(i)
		if name := jsonName(f); name != "" && name != f.Name {
			doc = regexp.MustCompile(`\b`+f.Name+`\b`).ReplaceAllString(doc, name)
		}
	}
	return codeName.ReplaceAllStringFunc(doc, snake)
}

var capital = regexp.MustCompile(`[A-Z]+[a-z]*`)

// snake turns CodeTooFast into too_fast and CodeIDReused into id_reused.
func snake(code string) string {
	code = strings.ReplaceAll(strings.TrimPrefix(code, "Code"), "ID", "Id")
	return strings.ToLower(strings.Join(capital.FindAllString(code, -1), "_"))
}
