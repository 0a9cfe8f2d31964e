package gateway

import "testing"

func TestRouteSelection(t *testing.T) {
	t.Parallel()
	cases := []struct{ expr, body, want string }{
		{"$request.body.action", `{"action":"send"}`, "send"},
		{"${request.body.action}", `{"action":"send"}`, "send"},
		{"${request.body.service}/${request.body.action}", `{"service":"chat","action":"send"}`, "chat/send"},
		{"$request.body.a.b[1].c", `{"a":{"b":[0,{"c":"deep"}]}}`, "deep"},
		{"$request.body.m[0][1]", `{"m":[["x","y"]]}`, "y"},
		{"fixed", `{}`, "fixed"},
		{"fixed", `[1]`, "fixed"},
		{`\$default`, `{"action":"send"}`, "$default"},
		{"v1.$request.body.action", `{"action":"send"}`, "v1.send"},
		{"$request.body.action", `{}`, ""},
		{"$request.body.action", `{"other":{"action":"send"}}`, ""},
		{"$request.body.action", `{"action":null}`, ""},
		{"$request.body.action", `{"action":7.50}`, "7.50"},
		{"$request.body.action", `{"action":true}`, "true"},
		{"$request.body.action", `{"action":["item1","item2"]}`, "[item1, item2]"},
		{"$request.body.action", `{"action":[]}`, "[]"},
		{"$request.body.action", `{"action":"a\"\u00e9\ud83d\ude00\n"}`, "a\"é😀\n"},
		{"$request.body.action", `{"\u0061ction":"send"}`, "send"},
		{"$request.body.action", `{"action":"first","action":"last"}`, "last"},
		{"$request.body.a.b", `{"a":{"b":1},"a":{}}`, ""},
		{"$request.body.action", `"text"`, ""},
		{"$request.body.action", ` { "action" : "send" } `, "send"},
		{"$request.body.action", `{"action":"send"`, "not JSON"},
		{"$request.body.action", `{"action":"send"}}`, "not JSON"},
		{"$request.body.action", `ping`, "not JSON"},
		{"$request.body.action", ``, "not JSON"},
		{"fixed", `ping`, "not JSON"},
	}
	for _, tc := range cases {
		s, err := parseSelection(tc.expr)
		if err != nil {
			t.Errorf("%s: %v", tc.expr, err)
			continue
		}
		key, ok := s.key(nil, []byte(tc.body))
		got := string(key)
		if !ok {
			got = "not JSON"
		}
		if got != tc.want {
			t.Errorf("%s on %s: got %q, want %q", tc.expr, tc.body, got, tc.want)
		}
	}
	for _, expr := range []string{"$request.header.action", "$request.body", "$request.body.", "${request.body.a[x]}", "$request.body..a", "$context.x"} {
		if _, err := parseSelection(expr); err == nil {
			t.Errorf("%s compiles", expr)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,"x\u00e9"],"b":{"action":null}}`, `[[]]`, ` "\ud83d\ude00" `, `-0`, `01`, `{"a":1,}`, "\"\x01\"", `{"action":"send"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(checkScanner)
}
