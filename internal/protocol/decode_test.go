package protocol

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

const conversation = "c_01kaw3v4x00123456789abcdef"

func TestOpen(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("r", MaxRef+1)
	for name, c := range map[string]struct {
		body string
		want Envelope
		err  string
	}{
		"whole":            {`{"action":"send","ref":"r1","conversation":"` + conversation + `"}`, Envelope{"send", "r1", conversation}, ""},
		"no ref":           {`{"action":"ping"}`, Envelope{Action: "ping"}, ""},
		"bad conversation": {`{"action":"send","conversation":"c_x"}`, Envelope{Action: "send"}, ""},
		"empty":            {``, Envelope{}, "frame: must be one JSON object"},
		"two":              {`{} {}`, Envelope{}, "frame: must be one JSON object"},
		"array":            {`[1]`, Envelope{}, "frame: must be one JSON object"},
		"null":             {`null`, Envelope{}, "frame: must be one JSON object"},
		"text":             {`hello`, Envelope{}, "frame: must be one JSON object"},
		"cut":              {`{"action":"se`, Envelope{}, "frame: must be one JSON object"},
		"not UTF-8":        {"{\"action\":\"\xff\"}", Envelope{}, "frame: must be valid UTF-8"},
		"too long":         {`{"x":"` + strings.Repeat("x", chat.MaxFrame) + `"}`, Envelope{}, "frame: at most 32768 bytes"},
		"just fits":        {`{"x":"` + strings.Repeat("x", chat.MaxFrame-8) + `"}`, Envelope{}, ""},
		"deep":             {`{"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, Envelope{}, "frame: nested more than 16 deep"},
		"just not deep":    {`{"x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `}`, Envelope{}, ""},
		"brackets in text": {`{"x":"\"` + strings.Repeat("[", 99) + `","action":"a"}`, Envelope{Action: "a"}, ""},
		"ref is a number":  {`{"action":"send","ref":7}`, Envelope{Action: "send"}, "ref: wrong type, must be string"},
		"action is a list": {`{"action":[],"ref":"r1"}`, Envelope{Ref: "r1"}, "action: wrong type, must be string"},
		"long ref":         {`{"action":"send","ref":"` + long + `"}`, Envelope{"send", long[:MaxRef], ""}, "ref: at most 64 bytes"},
		"long ref of é":    {`{"ref":"r` + strings.Repeat("é", 40) + `"}`, Envelope{Ref: "r" + strings.Repeat("é", 31)}, "ref: at most 64 bytes"},
		"half a surrogate": {`{"ref":"\ud800"}`, Envelope{Ref: "\ufffd"}, ""},
	} {
		got, err := Open(c.body)
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if message(err) != c.err {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
	}
}

func message(err error) string {
	var e *chat.Error
	if errors.As(err, &e) {
		return e.Message
	}
	if err != nil {
		return "untyped: " + err.Error()
	}
	return ""
}

func TestDecodeNamesTheField(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"after":-1}`:                       "after: wrong type, must be a whole number from 0",
		`{"after":1.5}`:                      "after: wrong type, must be a whole number from 0",
		`{"after":18446744073709551616}`:     "after: wrong type, must be a whole number from 0",
		`{"after":"1"}`:                      "after: wrong type, must be a whole number from 0",
		`{"messages":{}}`:                    "messages: wrong type, must be an array",
		`{"messages":["x"]}`:                 "messages: wrong type, must be an object",
		`{"messages":[{"text":7}]}`:          "messages.text: wrong type, must be string",
		`{"track":true}`:                     "track: wrong type, must be string",
		`{"messages":[{"id":"a","text":""}]`: "frame: must be one JSON object",
	} {
		_, err := Decode[Send](body)
		if message(err) != want {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	_, err := Decode[Hello](`{"cursors":{"secret":7}}`)
	if got := message(err); got == "" || strings.Contains(got, "secret") {
		t.Errorf("%q", got)
	}
	f, err := Decode[Page](`{"after":0}`)
	if err != nil || f.After == nil || *f.After != 0 || f.Before != nil {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestTrackOf(t *testing.T) {
	t.Parallel()
	for in, want := range map[chat.Track]chat.Track{"": chat.Public, "public": chat.Public, "desk": chat.Desk} {
		if got, err := TrackOf(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if _, err := TrackOf("DESK"); chat.CodeOf(err) != chat.CodeInvalid {
		t.Error(err)
	}
}

// marker stands for what must never leave a frame: passwords pasted into a chat end in logs otherwise.
const marker = "Xy7secretQ9"

// FuzzOpen: no frame makes Open or Decode panic, every error is typed and holds nothing of the frame, and the
// envelope is safe to send back.
func FuzzOpen(f *testing.F) {
	for _, frame := range requests() {
		f.Add(string(Encode(completed(frame))))
	}
	for _, seed := range []string{
		`{"action":"send","ref":"r","conversation":"` + conversation + `","after":3,"messages":[{"id":"m_01kaw3v4x00123456789abcdef","text":"` + marker + `"}]}`,
		`{"action":"hello","cursors":{"` + marker + `":{"public":1}}}`, `{"` + marker + `":1}`, `{"action":"` + marker + `"}`, `{"ref":7}`, `[[[[`, "\xff", `null`, ``,
		`{"cursors":{"` + marker + `":7}}`, `{"messages":[{"` + marker + `":`, `{"after":"` + marker + `"}`, `{"action":"page","after":1e3,"before":null,"limit":-1}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		e, err := Open(body)
		typed(t, body, err)
		if len(e.Ref) > MaxRef || !utf8.ValidString(e.Ref) {
			t.Fatalf("ref %q", e.Ref)
		}
		if e.Conversation != "" && !e.Conversation.Valid() {
			t.Fatalf("conversation %q", e.Conversation)
		}
		if frame := Encode(ErrorOf(err, e.Ref, e.Conversation)); len(frame) > 1024 || !utf8.Valid(frame) {
			t.Fatalf("answer %q", frame)
		}
		for _, frame := range requests() {
			into := reflect.New(reflect.TypeOf(frame))
			typed(t, body, decode(body, into.Interface()))
		}
	})
}

// fields that an error may name are those of the requests; everything else in a message is fixed text.
var fields = sync.OnceValue(func() []string {
	names := []string{"frame"}
	for _, frame := range requests() {
		names = membersOf(names, "", reflect.TypeOf(frame))
	}
	return names
})

func membersOf(names []string, prefix string, t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return membersOf(names, prefix, t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			names = membersOf(append(names, prefix+name), prefix+name+".", t.Field(i).Type)
		}
	default:
	}
	return names
}

func typed(t *testing.T, body string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var e *chat.Error
	if !errors.As(err, &e) || e.Code != chat.CodeInvalid {
		t.Fatalf("%q: %v", body, err)
	}
	field, _, _ := strings.Cut(e.Message, ":")
	if strings.Contains(e.Message, marker) || !slices.Contains(fields(), field) || len(e.Message) > 100 {
		t.Fatalf("%q: the error says %q", body, e.Message)
	}
}

func TestUnnamedErrorsStayHere(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New(marker), fmt.Errorf("%s: %w", marker, chat.ErrUnknownOutcome)} {
		e := ErrorOf(err, "", "")
		if e.Code != chat.CodeInternal || strings.Contains(string(Encode(e)), marker) || !e.Retryable {
			t.Errorf("%+v", e)
		}
	}
	wrapped := &chat.Error{Code: chat.CodeTooFast, Message: "wait", RetryAfter: 1500 * time.Millisecond}
	if e := ErrorOf(fmt.Errorf("%s: %w", marker, wrapped), "", ""); e.Message != "wait" || e.RetryAfter != 1500 {
		t.Errorf("%+v", e)
	}
}
