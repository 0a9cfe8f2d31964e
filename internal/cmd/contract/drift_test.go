package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/integration/cloudevent"
	"github.com/parley-chat/parley/internal/wsapi"
	"github.com/parley-chat/parley/localstack/template"
)

// TestTheRegistryIsComplete compares the registry with the source: every constant Action… and Type…, and every
// struct with an action or a type, is a frame.
func TestTheRegistryIsComplete(t *testing.T) {
	t.Parallel()
	var names, structs []string
	for _, frame := range frames() {
		if frame.name != gatewayFrame {
			names, structs = append(names, frame.file()), append(structs, messageKey(frame))
		}
	}
	var wantNames, wantStructs []string
	visit := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for prefix, dir := range map[string]direction{"Action": toServer, "Type": toClient} {
				if strings.HasPrefix(n.Names[0].Name, prefix) {
					value, _ := strconv.Unquote(n.Values[0].(*ast.BasicLit).Value)
					wantNames = append(wantNames, string(dir)+"."+value)
				}
			}
		case *ast.TypeSpec:
			if st, ok := n.Type.(*ast.StructType); ok && n.Name.Name != "Envelope" && isFrame(st) {
				wantStructs = append(wantStructs, n.Name.Name)
			}
		}
		return true
	}
	for _, f := range protocolSources(t) {
		ast.Inspect(f, visit)
	}
	for _, pair := range [][2][]string{{wantNames, names}, {wantStructs, structs}} {
		slices.Sort(pair[0])
		slices.Sort(pair[1])
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("package protocol and the registry differ (-source +registry):\n%s", diff)
		}
	}
}

// protocolSources parses package protocol, without its tests.
func protocolSources(t *testing.T) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "internal/protocol/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// isFrame says whether a struct begins with an action, or a type of its own.
func isFrame(st *ast.StructType) bool {
	if len(st.Fields.List) == 0 || len(st.Fields.List[0].Names) == 0 {
		return false
	}
	first := st.Fields.List[0].Names[0].Name
	return first == "Action" || first == "Type"
}

func TestEveryActionHasARouteAndABody(t *testing.T) {
	t.Parallel()
	plan, err := template.Load(filepath.Join(root, "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var routes, actions []string
	rest := false // whether $default serves actions without a route of their own
	for _, r := range plan.Sockets[0].Routes {
		if strings.HasPrefix(r.Key, "$") {
			rest = rest || r.Key == "$default" && r.TwoWay
			continue
		}
		routes = append(routes, r.Key)
		if !r.TwoWay {
			t.Errorf("route %s sends no answers", r.Key)
		}
	}
	for _, f := range frames() {
		if f.dir == toServer {
			actions = append(actions, f.name)
		}
	}
	served := slices.Concat(wsapi.Actions(), wsapi.Defaults())
	slices.Sort(routes)
	slices.Sort(actions)
	slices.Sort(served)
	for _, r := range routes {
		if !slices.Contains(actions, r) {
			t.Errorf("template.yaml has a route %s, which is no action", r)
		}
	}
	if !rest && len(routes) < len(actions) {
		t.Errorf("%d routes, no answering $default, %d actions", len(routes), len(actions))
	}
	if diff := cmp.Diff(served, actions); diff != "" {
		t.Errorf("handlers and the contract differ (-handlers +contract):\n%s", diff)
	}
	if diff := cmp.Diff(actions, slices.Sorted(maps.Keys(decoders))); diff != "" {
		t.Errorf("the decoders of this test and the contract differ:\n%s", diff)
	}
}

func TestEveryCommandHasRepliesThatExist(t *testing.T) {
	t.Parallel()
	for _, f := range frames() {
		if f.dir == toServer && byType(f.reply).name != f.reply {
			t.Errorf("%s is answered by %q, which is no frame", f.name, f.reply)
		}
	}
}

func TestEveryErrorIsDocumented(t *testing.T) {
	t.Parallel()
	list := errorList(described(t).comments)
	if len(list.Codes) != len(chat.Codes()) || len(list.Reasons) != len(identity.Reasons()) || len(remedies) != len(chat.Codes()) {
		t.Errorf("%d codes, %d reasons, %d remedies", len(list.Codes), len(list.Reasons), len(remedies))
	}
	for _, e := range list.Codes {
		if len(e.Meaning) < 10 || len(e.Client) < 10 {
			t.Errorf("%s: meaning %q, client %q", e.Code, e.Meaning, e.Client)
		}
		if again := strings.Contains(e.Client, "send the same again") || strings.HasPrefix(e.Client, "Send the same again"); e.Retryable && !again {
			t.Errorf("%s is retryable, but a client is told: %s", e.Code, e.Client)
		}
	}
	for _, e := range list.Reasons {
		if len(e.Meaning) < 10 {
			t.Errorf("%s: meaning %q", e.Reason, e.Meaning)
		}
	}
}

// contractRoots are the zero values of every document of the contract.
func contractRoots() []any {
	roots := []any{envelope(), cloudevent.OwnEvent{}, httpapi.Problem{}}
	for _, m := range integrationMessages() {
		roots = append(roots, m.value)
	}
	for _, f := range frames() {
		roots = append(roots, f.value)
	}
	for _, op := range httpapi.Operations() {
		if op.Request != nil {
			roots = append(roots, op.Request)
		}
		for _, body := range op.Answers {
			if _, media := body.(httpapi.Media); body != nil && !media {
				roots = append(roots, body)
			}
		}
	}
	return roots
}

// TestEveryFieldIsDescribed is the guard against drift: a field that is added to a struct of the contract needs a
// doc comment (or a shared description), or nobody outside learns what it means.
func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	s := described(t)
	roots := contractRoots()
	for _, r := range roots {
		for _, typ := range namedTypes(reflect.TypeOf(r)) {
			if s.comments.describeType(typ) == "" {
				t.Errorf("%s has no doc comment", typ)
			}
			if typ.Kind() != reflect.Struct {
				if scalar(typ, toClient) == nil {
					t.Errorf("%s has no schema of its own", typ)
				}
				continue
			}
			for _, f := range members(typ) {
				if s.comments.describeField(f.owner, f.Name) == "" {
					t.Errorf("%s.%s has no description", f.owner, f.Name)
				}
			}
		}
	}
}

// TestNoLimitAndNoDescriptionIsIdle finds entries whose field has gone.
func TestNoLimitAndNoDescriptionIsIdle(t *testing.T) {
	t.Parallel()
	fields, byName := map[string]bool{}, map[string]bool{}
	roots := contractRoots()
	for _, r := range roots {
		for _, typ := range namedTypes(reflect.TypeOf(r)) {
			if typ.Kind() != reflect.Struct {
				continue
			}
			for _, f := range members(typ) {
				name := jsonName(f.StructField)
				fields[f.owner.String()+"."+f.Name] = true
				byName[name], byName[f.owner.Name()+"."+name] = true, true
			}
		}
	}
	for key := range limits() {
		if !fields[key] {
			t.Errorf("a limit for %s, which is no field", key)
		}
	}
	for key := range shared {
		if !byName[key] {
			t.Errorf("a description for %s, which is no field", key)
		}
	}
}

func TestTheLogRegistryIsComplete(t *testing.T) {
	t.Parallel()
	var got []chat.EventType
	for _, l := range logRegistry() {
		got = append(got, l.typ)
		if eventSummaries[l.typ] == "" {
			t.Errorf("%s has no summary", l.typ)
		}
	}
	if diff := cmp.Diff(chat.EventTypes(), got); diff != "" {
		t.Errorf("chat.EventTypes and the registry differ:\n%s", diff)
	}
}

// Types of own logs, and of conversations, are told apart by their names: whoever subscribes to one gets no other.
func TestTheRegistryOfOwnLogsIsComplete(t *testing.T) {
	t.Parallel()
	var got, want []string
	for _, l := range ownRegistry() {
		got = append(got, l.typ)
		if slices.Contains(chat.EventTypes(), chat.EventType(l.typ)) {
			t.Errorf("%s is the name of another event, of conversations", l.typ)
		}
	}
	for _, typ := range chat.OperatorEventTypes() {
		want = append(want, string(typ))
	}
	for _, typ := range contact.EventTypes() {
		want = append(want, string(typ))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the logs and the registry differ:\n%s", diff)
	}
}

// TestTheDataModelNamesEveryKey compares the document with the key schema in keys.go.
func TestTheDataModelNamesEveryKey(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join(root, "internal/dynamo/keys.go"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(dataModelPath)))
	if err != nil {
		t.Fatal(err)
	}
	// A partition key, or none where it is that of the row above, a mark, and a sort key, which may hold spaces.
	row := regexp.MustCompile(`(?m)^//\t((?:[^\s<]|<[^>]*>)*) +(?:! +)?([A-Z]?(?:<[^>]*>#?)+…?|[A-Z]) `)
	found := row.FindAllStringSubmatch(string(source), -1)
	if rows := keyRows(string(doc)); len(found) != rows || rows < 19 {
		t.Errorf("%d rows in keys.go; the document tells of %d", len(found), rows)
	}
	for _, r := range found {
		for _, k := range r[1:] {
			k = strings.ReplaceAll(k, "<conv>", "<conversation>")
			if k != "" && !strings.Contains(string(doc), "`"+k+"`") {
				t.Errorf("%s does not name %s", dataModelPath, k)
			}
		}
	}
}

// keyRows counts the rows of the document's table of keys.
func keyRows(doc string) int {
	_, table, _ := strings.Cut(doc, "| pk | sk | item |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := 0
	for row := range strings.SplitSeq(table, "\n") {
		if !strings.HasPrefix(row, "| *") {
			rows++
		}
	}
	return rows
}

// TestTheDataModelNamesEveryAttributeOfHead compares the document with what the adapter reads of HEAD.
func TestTheDataModelNamesEveryAttributeOfHead(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join(root, "internal/dynamo/head.go"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(dataModelPath)))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`get[A-Z]\w*\(it, "(\w+)"\)`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 15 {
		t.Errorf("only %d attributes in head.go", len(found))
	}
	for _, a := range found {
		if a[1] != "pk" && !strings.Contains(string(doc), "`"+a[1]+"`") {
			t.Errorf("%s does not name HEAD's attribute %s", dataModelPath, a[1])
		}
	}
}

// TestEveryStatusIsDescribed keeps the table of statuses from having empty cells.
func TestEveryStatusIsDescribed(t *testing.T) {
	t.Parallel()
	for row := range strings.SplitSeq(statusTable(described(t).comments), "\n") {
		if strings.Contains(row, "|  |") {
			t.Error(row)
		}
	}
}

// TestAnUndescribedFieldIsFound shows that TestEveryFieldIsDescribed would see one.
func TestAnUndescribedFieldIsFound(t *testing.T) {
	t.Parallel()
	type newcomer struct {
		Ref   string `json:"ref"`
		Novel int    `json:"novel"`
	}
	c := described(t).comments
	if got := c.describeField(reflect.TypeFor[newcomer](), "Ref"); got != shared["ref"] {
		t.Errorf("ref: %q", got)
	}
	if got := c.describeField(reflect.TypeFor[newcomer](), "Novel") + c.describeType(reflect.TypeFor[newcomer]()); got != "" {
		t.Errorf("%q", got)
	}
}
