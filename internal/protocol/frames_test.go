package protocol

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

// frames holds every struct of the protocol but Encoder, which is none.
var frames = []any{
	Envelope{}, Cursor{}, Hello{}, NewMessage{}, Start{}, Send{}, Edit{}, Delete{}, Page{}, Typing{}, Read{}, Ping{}, Join{}, Close{}, Reopen{},
	Event{}, Participant{}, TrackView{}, Snapshot{}, Welcome{}, Acked{}, Ack{}, PageReply{}, TrackHeads{}, Pong{}, Done{}, Error{}, Events{},
	Standing{}, TypingPush{}, ReadPush{}, WaitingEntry{}, WaitingPush{}, Bye{},
	Duty{}, Accept{}, Decline{}, Operator{}, DutyReply{}, PositionPush{}, Detail{}, Decision{}, Candidate{},
	Transfer{}, Assign{}, Watch{}, Unwatch{}, TakeOver{}, Leave{}, Person{}, Snooze{}, Wake{}, Rate{}, Form{}, Tag{}, Fields{}, Priority{},
	Link{}, Mute{}, MentionPush{}, GonePush{},
	Desk{}, Visit{}, VisitReply{}, DeskPush{}, DeskQueue{}, QueueCount{}, DeskColleagues{}, DeskOperator{}, DeskVisitors{}, Visitor{},
	DeskSupervision{}, DepartmentLoad{}, DeskConversation{},
}

func TestFramesIsComplete(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{"Encoder": true}
	for _, f := range frames {
		listed[reflect.TypeOf(f).Name()] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, name := range slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, "_test.go") }) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if _, frame := spec.Type.(*ast.StructType); frame && spec.Name.IsExported() && !listed[spec.Name.Name] {
				t.Errorf("%s is not among the frames that are tested", spec.Name.Name)
			}
			return true
		})
	}
}

// Every frame comes back as it was written, whatever it holds, without a field that the struct does not know.
func TestFramesRoundTrip(t *testing.T) {
	t.Parallel()
	for _, f := range frames {
		typ := reflect.TypeOf(f)
		t.Run(typ.Name(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				in := reflect.New(typ)
				fill(t, in.Elem())
				encoded := Encode(in.Interface())
				out := reflect.New(typ)
				d := json.NewDecoder(bytes.NewReader(encoded))
				d.DisallowUnknownFields()
				if err := d.Decode(out.Interface()); err != nil {
					t.Fatalf("%s: %v", encoded, err)
				}
				if diff := cmp.Diff(in.Elem().Interface(), out.Elem().Interface(), cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("%s\n%s", encoded, diff)
				}
				if bytes.ContainsAny(encoded, "\n\r") {
					t.Fatalf("a frame is one line: %q", encoded)
				}
			})
		})
	}
}

// fill sets a value to anything that its type can hold.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "string"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Uint64, reflect.Uint32:
		v.SetUint(rapid.Uint64().Draw(t, "uint") >> (64 - v.Type().Bits()))
	case reflect.Int64, reflect.Int:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "set") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, "n")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key)
			fill(t, value)
			v.SetMapIndex(key, value)
		}
	default:
		t.Fatalf("no way to fill a %s", v.Type())
	}
}

func TestErrorFrames(t *testing.T) {
	t.Parallel()
	for _, code := range chat.Codes() {
		e := ErrorOf(chat.Errorf(code, "say"), "r1", "c_1")
		if e.Type != TypeError || e.Code != code || e.Ref != "r1" || e.Conversation != "c_1" || e.Message != "say" || e.Retryable != code.Retryable() {
			t.Errorf("%+v", e)
		}
	}
}
