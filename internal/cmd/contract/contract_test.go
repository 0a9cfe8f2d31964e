package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parley-chat/parley/internal/cmd/contract/compat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/protocol"
)

const root = "../../.."

// generateOnce spares the tests from making everything anew; they do not change what they get.
var generateOnce = sync.OnceValues(func() (tree, error) { return generate(root) })

func generated(t *testing.T) tree {
	t.Helper()
	files, err := generateOnce()
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
	protocol.ActionDesk: decode[protocol.Desk], protocol.ActionVisit: decode[protocol.Visit],
	protocol.ActionDuty: decode[protocol.Duty], protocol.ActionAccept: decode[protocol.Accept], protocol.ActionDecline: decode[protocol.Decline],
	protocol.ActionTransfer: decode[protocol.Transfer],
	protocol.ActionAssign:   decode[protocol.Assign],
	protocol.ActionWatch:    decode[protocol.Watch],
	protocol.ActionUnwatch:  decode[protocol.Unwatch],
	protocol.ActionTakeOver: decode[protocol.TakeOver],
	protocol.ActionLeave:    decode[protocol.Leave],
	protocol.ActionPerson:   decode[protocol.Person],
	protocol.ActionSnooze:   decode[protocol.Snooze],
	protocol.ActionWake:     decode[protocol.Wake],
	protocol.ActionRate:     decode[protocol.Rate],
	protocol.ActionForm:     decode[protocol.Form],
	protocol.ActionTag:      decode[protocol.Tag],
	protocol.ActionFields:   decode[protocol.Fields],
	protocol.ActionPriority: decode[protocol.Priority],
	protocol.ActionLink:     decode[protocol.Link],
	protocol.ActionMute:     decode[protocol.Mute],
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

// TestHTTPBodiesFitTheirSchemas fills each body of the HTTP API and validates it against the OpenAPI document.
func TestHTTPBodiesFitTheirSchemas(t *testing.T) {
	t.Parallel()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(generated(t)[contractDir+"/openapi.json"]))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]any{"Problem": filled(reflect.TypeFor[httpapi.Problem]())}
	for _, op := range httpapi.Operations() {
		for _, body := range append(slices.Collect(maps.Values(op.Answers)), op.Request) {
			if _, media := body.(httpapi.Media); body != nil && !media {
				bodies[reflect.TypeOf(body).Name()] = filled(reflect.TypeOf(body))
			}
		}
	}
	for name, body := range bodies {
		schema, err := c.Compile("openapi.json#/components/schemas/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, mustJSON(t, body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if validate(t, schema, []byte(`[]`)) == nil {
			t.Errorf("%s: a list passes", name)
		}
	}
}
