package main

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/cmd/contract/compat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/wsapi"
	"github.com/parley-chat/parley/localstack/template"
)

const root = "../../.."

func generated(t *testing.T) tree {
	t.Helper()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func described(t *testing.T) schemas {
	t.Helper()
	c, err := readComments(root)
	if err != nil {
		t.Fatal(err)
	}
	return schemas{c}
}

// compile loads the schemas that are generated, by name.
func compile(t *testing.T) map[string]*validator.Schema {
	t.Helper()
	out := map[string]*validator.Schema{}
	for path, content := range generated(t) {
		name, ok := strings.CutPrefix(path, schemaDir+"/")
		if !ok {
			continue
		}
		doc, err := validator.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		c := validator.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
		schema, err := c.Compile(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[strings.TrimSuffix(name, ".json")] = schema
	}
	return out
}

func validate(t *testing.T, s *validator.Schema, payload []byte) error {
	t.Helper()
	v, err := validator.UnmarshalJSON(bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestTheContractIsCurrent(t *testing.T) {
	t.Parallel()
	var report bytes.Buffer
	if err := checkCurrent(&report, root, generated(t)); err != nil {
		t.Errorf("%v:\n%s", err, report.String())
	}
}

func TestTheContractKeepsWhatWasReleased(t *testing.T) {
	t.Parallel()
	breaks, err := compareReleased(root, generated(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range breaks {
		t.Error(b)
	}
	if released, err := filepath.Glob(filepath.Join(root, releasedDir, "schemas", "*.json")); err != nil || len(released) == 0 {
		t.Errorf("no released schemas to compare with (%v)", err)
	}
}

func TestEverySampleFitsItsSchema(t *testing.T) {
	t.Parallel()
	samples, err := readSamples()
	if err != nil {
		t.Fatal(err)
	}
	compiled := compile(t)
	for name, schema := range compiled {
		if len(samples[name]) == 0 {
			t.Errorf("%s has no sample", name)
		}
		for _, s := range samples[name] {
			if err := validate(t, schema, s.Payload); err != nil {
				t.Errorf("%s: %s\n%v", name, s.Payload, err)
			}
		}
	}
	for name := range samples {
		if compiled[name] == nil {
			t.Errorf("samples of %s, which has no schema", name)
		}
	}
}

// TestSchemasRefuseWhatIsWrong damages each sample: a required member that is missing or of another type must not
// pass, or the schemas would say nothing. Unknown members pass in what the server sends, and only there.
func TestSchemasRefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	samples, err := readSamples()
	if err != nil {
		t.Fatal(err)
	}
	for name, schema := range compile(t) {
		payload := samples[name][0].Payload
		for _, member := range schema.Required {
			if validate(t, schema, edited(t, payload, func(m map[string]any) { delete(m, member) })) == nil {
				t.Errorf("%s passes without %s", name, member)
			}
			if validate(t, schema, edited(t, payload, func(m map[string]any) { m[member] = []any{map[string]any{}} })) == nil {
				t.Errorf("%s passes with a wrong %s", name, member)
			}
		}
		err := validate(t, schema, edited(t, payload, func(m map[string]any) { m["new"] = 1 }))
		if strict := strings.HasPrefix(name, "client."); (err != nil) != strict {
			t.Errorf("%s with an unknown member: %v", name, err)
		}
	}
}

func edited(t *testing.T, payload []byte, change func(map[string]any)) []byte {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(payload, &m); err != nil {
		t.Fatal(err)
	}
	change(m)
	return mustJSON(t, m)
}

// decoders read each command as the server does.
var decoders = map[string]func(string) (any, error){
	protocol.ActionHello: decode[protocol.Hello], protocol.ActionStart: decode[protocol.Start], protocol.ActionSend: decode[protocol.Send],
	protocol.ActionEdit: decode[protocol.Edit], protocol.ActionDelete: decode[protocol.Delete], protocol.ActionPage: decode[protocol.Page],
	protocol.ActionTyping: decode[protocol.Typing], protocol.ActionRead: decode[protocol.Read], protocol.ActionPing: decode[protocol.Ping],
	protocol.ActionJoin: decode[protocol.Join], protocol.ActionClose: decode[protocol.Close], protocol.ActionReopen: decode[protocol.Reopen],
}

func decode[T any](body string) (any, error) { return protocol.Decode[T](body) }

// TestSamplesSurviveTheStructs: what the structs read of a sample and write again is the sample, so that schema
// and struct know the same members.
func TestSamplesSurviveTheStructs(t *testing.T) {
	t.Parallel()
	samples, err := readSamples()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames() {
		for _, s := range samples[f.file()] {
			back := reflect.New(reflect.TypeOf(f.value)).Interface()
			if err := json.Unmarshal(s.Payload, back); err != nil {
				t.Errorf("%s: %v", f.file(), err)
			}
			same(t, f.file(), s.Payload, protocol.Encode(back))
			if f.dir != toServer {
				continue
			}
			e, err := protocol.Open(string(s.Payload))
			if err != nil || e.Action != f.name {
				t.Errorf("%s opens as %q, %v", s.Payload, e.Action, err)
			}
			v, err := decoders[f.name](string(s.Payload))
			if err != nil || reflect.TypeOf(v) != reflect.TypeOf(f.value) {
				t.Errorf("%s decodes into %T, %v", s.Payload, v, err)
			}
		}
	}
}

func same(t *testing.T, name string, want, got []byte) {
	t.Helper()
	var a, b any
	if json.Unmarshal(want, &a) != nil || json.Unmarshal(got, &b) != nil {
		t.Fatalf("%s: not JSON", name)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("%s: the struct changes the sample:\n%s", name, diff)
	}
}

// TestTheRegistryIsComplete compares the registry with the source: every constant Action… and Type…, and every
// struct with an action or a type, is a frame.
func TestTheRegistryIsComplete(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/protocol/protocol.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names, structs []string
	for _, frame := range frames() {
		if frame.name != gatewayFrame {
			names, structs = append(names, frame.file()), append(structs, messageKey(frame))
		}
	}
	var wantNames, wantStructs []string
	ast.Inspect(f, func(n ast.Node) bool {
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
	})
	for _, pair := range [][2][]string{{wantNames, names}, {wantStructs, structs}} {
		slices.Sort(pair[0])
		slices.Sort(pair[1])
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("protocol.go and the registry differ (-source +registry):\n%s", diff)
		}
	}
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
	for _, r := range plan.Sockets[0].Routes {
		if strings.HasPrefix(r.Key, "$") {
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
	served := wsapi.Actions()
	slices.Sort(routes)
	slices.Sort(actions)
	slices.Sort(served)
	if diff := cmp.Diff(routes, actions); diff != "" {
		t.Errorf("template.yaml and the contract differ (-template +contract):\n%s", diff)
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

// TestEveryFieldIsDescribed is the guard against drift: a field that is added to a struct of the contract needs a
// doc comment (or a shared description), or nobody outside learns what it means.
func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	s := described(t)
	roots := []any{integrationMessage(), envelope(), httpapi.Problem{}}
	for _, f := range frames() {
		roots = append(roots, f.value)
	}
	for _, op := range httpapi.Operations() {
		if op.Request != nil {
			roots = append(roots, op.Request)
		}
		for _, body := range op.Answers {
			if body != nil {
				roots = append(roots, body)
			}
		}
	}
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
			for i := range typ.NumField() {
				if f := typ.Field(i); s.comments.describeField(typ, f.Name) == "" {
					t.Errorf("%s.%s has no description", typ, f.Name)
				}
			}
		}
	}
}

// TestNoLimitAndNoDescriptionIsIdle finds entries whose field has gone.
func TestNoLimitAndNoDescriptionIsIdle(t *testing.T) {
	t.Parallel()
	fields, byName := map[string]bool{}, map[string]bool{}
	roots := []any{integrationMessage(), envelope(), httpapi.Problem{}, httpapi.CustomerSessionRequest{}, httpapi.StaffSessionRequest{},
		httpapi.TicketRequest{}, httpapi.Ticket{}, httpapi.Session{}, httpapi.ConversationList{}, httpapi.EventPage{}, httpapi.Health{}}
	for _, f := range frames() {
		roots = append(roots, f.value)
	}
	for _, r := range roots {
		for _, typ := range namedTypes(reflect.TypeOf(r)) {
			for i := 0; typ.Kind() == reflect.Struct && i < typ.NumField(); i++ {
				f := typ.Field(i)
				fields[typ.String()+"."+f.Name] = true
				byName[jsonName(f)], byName[typ.Name()+"."+jsonName(f)] = true, true
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

// TestARemovedFieldBreaksTheRelease shows that the comparison sees the files that are really generated.
func TestARemovedFieldBreaksTheRelease(t *testing.T) {
	t.Parallel()
	files := generated(t)
	before, after := compat.Contract{}, compat.Contract{}
	for path, content := range files {
		if rest, ok := strings.CutPrefix(path, contractDir+"/"); ok {
			before[rest] = content
			after[rest] = bytes.ReplaceAll(content, []byte(`"duplicate": {`), []byte(`"repeated": {`))
		}
	}
	breaks, err := compat.Breaks(before, after)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(breaks, "schemas/server.ack.json.acks[items].duplicate: removed") {
		t.Errorf("got %q", breaks)
	}
}
