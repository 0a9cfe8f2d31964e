package events

import (
	"testing"
	"time"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, event string
		want           bool
	}{
		{`{"a":["x"]}`, `{"a":"x","b":1}`, true},
		{`{"a":["x"]}`, `{"a":"y"}`, false},
		{`{"a":["x","y"]}`, `{"a":"y"}`, true},
		{`{"a":["x"],"b":["y"]}`, `{"a":"x","b":"z"}`, false},
		{`{"a":["x"]}`, `{"a":["w","x"]}`, true},
		{`{"a":["x"]}`, `{}`, false},
		{`{"a":[""]}`, `{"a":""}`, true},
		{`{"a":[null]}`, `{"a":null}`, true},
		{`{"a":[null]}`, `{}`, false},
		{`{"a":[1]}`, `{"a":1}`, true},
		{`{"a":[1]}`, `{"a":"1"}`, false},
		{`{"a":[true]}`, `{"a":true}`, true},
		{`{"a":{"b":["x"]}}`, `{"a":{"b":"x"}}`, true},
		{`{"a":{"b":["x"]}}`, `{"a":"x"}`, false},
		{`{"a":{"b":["x"]}}`, `{"a":[{"b":"w"},{"b":"x"}]}`, true},
		{`{"a":[{"prefix":"co"}]}`, `{"a":"conv"}`, true},
		{`{"a":[{"prefix":"co"}]}`, `{"a":7}`, false},
		{`{"a":[{"suffix":".png"}]}`, `{"a":"x.png"}`, true},
		{`{"a":[{"equals-ignore-case":"ALICE"}]}`, `{"a":"alice"}`, true},
		{`{"a":[{"anything-but":"x"}]}`, `{"a":"y"}`, true},
		{`{"a":[{"anything-but":"x"}]}`, `{"a":"x"}`, false},
		{`{"a":[{"anything-but":"x"}]}`, `{}`, false},
		{`{"a":[{"anything-but":["x","y"]}]}`, `{"a":"y"}`, false},
		{`{"a":[{"anything-but":["x",2]}]}`, `{"a":3}`, true},
		{`{"a":[{"anything-but":{"prefix":"x"}}]}`, `{"a":"xy"}`, false},
		{`{"a":[{"anything-but":{"prefix":"x"}}]}`, `{"a":"yx"}`, true},
		{`{"a":[{"exists":true}]}`, `{"a":0}`, true},
		{`{"a":[{"exists":true}]}`, `{"a":{"b":1}}`, false},
		{`{"a":[{"exists":true}]}`, `{}`, false},
		{`{"a":[{"exists":false}]}`, `{}`, true},
		{`{"a":[{"exists":false}]}`, `{"a":1}`, false},
		{`{"a":{"b":[{"exists":false}]}}`, `{}`, true},
		{`{"a":[{"numeric":["=",5]}]}`, `{"a":5.0}`, true},
		{`{"a":[{"numeric":[">",0,"<=",5]}]}`, `{"a":5}`, true},
		{`{"a":[{"numeric":[">",0,"<=",5]}]}`, `{"a":5.1}`, false},
		{`{"a":[{"numeric":["<",0]}]}`, `{"a":"-1"}`, false},
		{`{"$or":[{"a":["x"]},{"b":["y"]}]}`, `{"b":"y"}`, true},
		{`{"$or":[{"a":["x"]},{"b":["y"]}],"c":["z"]}`, `{"b":"y"}`, false},
		{`{"a":[{"prefix":"x"},{"exists":false}]}`, `{}`, true},
	}
	for _, tt := range tests {
		p, err := parsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		event, err := decodeJSON([]byte(tt.event))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.matches(event, true); got != tt.want {
			t.Errorf("%s on %s: %v", tt.pattern, tt.event, got)
		}
		if part, err := wantedBy(p).decode([]byte(tt.event)); err != nil || p.matches(part, true) != tt.want {
			t.Errorf("%s on the wanted part of %s, %v: judged otherwise (%v)", tt.pattern, tt.event, part, err)
		}
	}
}

func TestMalformedPatterns(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `[]`, `{}`, `{"a":"x"}`, `{"a":[]}`, `{"a":[["x"]]}`, `{"a":[{}]}`, `{"a":[{"like":"x"}]}`,
		`{"a":[{"exists":"yes"}]}`, `{"a":[{"prefix":1}]}`, `{"a":[{"numeric":[">"]}]}`, `{"a":[{"numeric":["~",1]}]}`,
		`{"a":[{"numeric":[">","1"]}]}`, `{"a":[{"anything-but":{"exists":true}}]}`, `{"a":[{"anything-but":[null]}]}`, `{"$or":[]}`,
		`{"$or":["x"]}`, `{"a":["x"]} {}`, `{"a":[{"prefix":"x","suffix":"y"}]}`} {
		if _, err := parsePattern(text); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`{"a":[{"anything-but":["x"]}]}`, `{"a":[1,null]}`)
	f.Add(`{"$or":[{"a":[{"numeric":[">",0]}]}]}`, `{"a":{"b":[]}}`)
	f.Fuzz(func(t *testing.T, pattern, event string) {
		p, err := parsePattern(pattern)
		if err != nil {
			return
		}
		if p == nil {
			t.Fatal("no pattern and no error")
		}
		value, err := decodeJSON([]byte(event))
		if err != nil {
			return
		}
		if part, err := wantedBy(p).decode([]byte(event)); err != nil || p.matches(value, true) != p.matches(part, true) {
			t.Errorf("the wanted part %v of %s is judged otherwise (%v)", part, event, err)
		}
		rewritten, err := decodeJSON(mustEncode(value))
		if err != nil || p.matches(value, true) != p.matches(rewritten, true) {
			t.Errorf("the event %s written anew is judged otherwise (%v)", event, err)
		}
	})
}

func TestFailuresAreLenientOnlyWhereAWSIs(t *testing.T) {
	t.Parallel()
	if ids, ok := failures([]byte(` {"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}],"more":1} `)); !ok || len(ids) != 2 {
		t.Errorf("%v %v", ids, ok)
	}
	for _, text := range []string{`[]`, `0`, `{"batchItemFailures":{}}`, `{"batchItemFailures":["a"]}`, `{"batchItemFailures":[{"itemIdentifier":1}]}`} {
		if _, ok := failures([]byte(text)); ok {
			t.Errorf("%s: accepted", text)
		}
	}
}

func TestLineage(t *testing.T) {
	t.Parallel()
	trace := "Root=1-2-3;Parent=4;Sampled=0;Lineage=aa:3%7Cbb:15"
	if got := rounds(trace, "bb"); got != 15 {
		t.Errorf("rounds %d", got)
	}
	if got, want := withRound(trace, "bb", 16), "Root=1-2-3;Parent=4;Sampled=0;Lineage=bb:16|aa:3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := withRound("", "bb", 1); got != "Lineage=bb:1" {
		t.Errorf("got %s", got)
	}
	if rounds("Root=1;Lineage=", "x") != 0 || rounds("", "x") != 0 || rounds("Lineage=x:y", "x") != 0 {
		t.Error("a malformed lineage counts as none")
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	const layout = "2006-01-02 15:04"
	tests := []struct{ expression, from, want string }{
		{"rate(5 minutes)", "2026-11-23 10:02", "2026-11-23 10:07"},
		{"rate(1 day)", "2026-11-23 10:02", "2026-11-24 10:02"},
		{"cron(0 12 * * ? *)", "2026-11-23 12:00", "2026-11-24 12:00"},
		{"cron(15 10 ? * MON-FRI *)", "2026-11-27 11:00", "2026-11-30 10:15"},
		{"cron(0/15 * * * ? *)", "2026-11-23 10:02", "2026-11-23 10:15"},
		{"cron(0,30 8-9 * * ? *)", "2026-11-23 09:30", "2026-11-24 08:00"},
		{"cron(0 0 L * ? *)", "2026-02-10 00:00", "2026-02-28 00:00"},
		{"cron(0 0 15W * ? *)", "2026-11-01 00:00", "2026-11-16 00:00"},
		{"cron(0 0 1W * ? *)", "2026-07-31 00:00", "2026-08-03 00:00"},
		{"cron(0 0 ? * 3#2 *)", "2026-11-01 00:00", "2026-11-10 00:00"},
		{"cron(0 0 ? * 6L *)", "2026-11-01 00:00", "2026-11-27 00:00"},
		{"cron(0 0 29 FEB ? *)", "2026-11-01 00:00", "2028-02-29 00:00"},
		{"cron(0 0 1 1 ? 2030)", "2026-11-01 00:00", "2030-01-01 00:00"},
	}
	for _, tt := range tests {
		next, err := parseExpression(tt.expression)
		if err != nil {
			t.Errorf("%s: %v", tt.expression, err)
			continue
		}
		from, err := time.Parse(layout, tt.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := next(from).Format(layout); got != tt.want {
			t.Errorf("%s after %s: %s, want %s", tt.expression, tt.from, got, tt.want)
		}
	}
	if next, err := parseExpression("cron(0 0 1 1 ? 2020)"); err != nil || !next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		t.Error("a schedule that is over has a next time")
	}
	for _, bad := range []string{"", "rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)", "rate(1 week)", "cron(* * * * * *)", "cron(0 0 ? * ? *)",
		"cron(60 * * * ? *)", "cron(0 0 * * ?)", "cron(5-1 * * * ? *)", "cron(*/0 * * * ? *)", "cron(0 0 ? * 8 *)", "at(2026-01-01)"} {
		if _, err := parseExpression(bad); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}

func FuzzExpression(f *testing.F) {
	f.Add("cron(0 0 ? * 3#2 *)")
	f.Add("cron(0/15 8-18 15W JAN,3 ? 2026-2030)")
	f.Fuzz(func(t *testing.T, text string) {
		next, err := parseExpression(text)
		if err != nil {
			return
		}
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if at := next(from); !at.IsZero() && !at.After(from) {
			t.Errorf("%s: next %v is not after %v", text, at, from)
		}
	})
}
