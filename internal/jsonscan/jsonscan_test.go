package jsonscan

import (
	"encoding/json"
	"testing"
)

func TestMembersAndElements(t *testing.T) {
	t.Parallel()
	document := `{"a" : [1, {"b":"]}\"\\"} ,null] , "c":"x" , "\u0064":{}}`
	got := ""
	Members([]byte(document), func(key string, value []byte) bool {
		got += key + "=" + string(value) + ";"
		Elements(value, func(element []byte) { got += "<" + string(element) + ">" })
		return key != "d"
	})
	if want := `a=[1, {"b":"]}\"\\"} ,null];<1><{"b":"]}\"\\"}><null>c="x";d={};`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// FuzzMembers holds that what is found in a valid object is what encoding/json finds, and that nothing panics.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"a":[{"b":"\"}"}],"\u0061":"x"}`, `{`, `[{}]`, `{"a":}`, `{"a" : "\\" ,"b":[ ] }`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found := map[string]string{}
		Members(text, func(key string, value []byte) bool { found[key] = string(value); return true })
		Elements(text, func([]byte) {})
		var want map[string]json.RawMessage
		if json.Unmarshal(text, &want) != nil || want == nil {
			return
		}
		for key, value := range want {
			if found[key] != string(value) {
				t.Errorf("%s: %q is %q, want %q", text, key, found[key], value)
			}
		}
	})
}
