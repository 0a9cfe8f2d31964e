package gateway

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkScanner compares the scanner with encoding/json.
func checkScanner(t *testing.T, doc []byte) {
	valid := jsonValid(doc)
	if want := json.Valid(doc); valid != want && !tooDeep(doc) {
		t.Fatalf("valid=%v for %q, want %v", valid, doc, want)
	}
	value, found, ok := jsonFind(doc, []step{{name: "action"}})
	if ok != valid {
		t.Fatalf("jsonFind says valid=%v for %q", ok, doc)
	}
	var m map[string]json.RawMessage
	if !valid || !utf8.Valid(doc) || json.Unmarshal(doc, &m) != nil {
		return
	}
	want, there := m["action"]
	if found != there || found && !bytes.Equal(bytes.TrimSpace(want), value) {
		t.Fatalf("found %v %q in %q, want %v %q", found, value, doc, there, want)
	}
	var text string
	if found && value[0] == '"' && json.Unmarshal(value, &text) == nil {
		if got := string(unescape(nil, value[1:len(value)-1])); got != text {
			t.Fatalf("%s is %q, want %q", value, got, text)
		}
	}
	s, err := parseSelection("${request.body.action}-$request.body.a[0].b")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.key(nil, doc); ok != valid {
		t.Fatalf("selection says JSON=%v for %q", ok, doc)
	}
}

// tooDeep tells the one case in which the two may differ: encoding/json allows 10,000 levels.
func tooDeep(doc []byte) bool {
	return bytes.Count(doc, []byte("["))+bytes.Count(doc, []byte("{")) > maxDepth
}

func TestJSONDepth(t *testing.T) {
	t.Parallel()
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if !jsonValid(nested(maxDepth)) || jsonValid(nested(maxDepth+1)) {
		t.Errorf("the limit is not %d", maxDepth)
	}
}

// What is appended reads back as what it was.
func FuzzAppendString(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\x1f\"\\\b\f\n\r\té\u2028😀\xff")
	f.Fuzz(func(t *testing.T, s string) {
		b := appendText(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}
