package attr

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestValueText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"S":""}`, `{"S":"a\"b\\\n\r\t\u0001 é 😀/"}`, `{"N":"0"}`, `{"N":"-12.5"}`, `{"N":"12345678901234567890123456789012345678"}`,
		`{"B":""}`, `{"B":"AAEC/w=="}`, `{"BOOL":true}`, `{"BOOL":false}`, `{"NULL":true}`, `{"M":{}}`, `{"M":{"a":{"L":[]}}}`,
		`{"L":[{"S":"x"},{"N":"1"}]}`, `{"SS":["a","b"]}`, `{"NS":["-1","0.5","10"]}`, `{"BS":["AA==","AQ=="]}`,
	} {
		v, err := ParseValue([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(AppendJSON(nil, v)); got != text {
			t.Errorf("%s came back as %s", text, got)
		}
	}
	if got := fmt.Sprintf("%#v", List([]Value{Int(1)})); got != `{"L":[{"N":"1"}]}` {
		t.Errorf("shown as %s", got)
	}
	if got := string(AppendJSON(nil, Value{})); got != "null" {
		t.Errorf("no value is written %s", got)
	}
}

// What AWS takes in other forms than it writes.
func TestValueTextTaken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\t\"S\" :\r\n\"x\" }":                  `{"S":"x"}`,
		`{"S":"\u0041\u00E9\ud83d\ude00\/\b\f"}`: `{"S":"Aé😀/\u0008\u000c"}`,
		`{"N":"1e2"}`:                            `{"N":"100"}`,
		`{"NULL":false}`:                         `{"NULL":true}`,
		`{"S":"x","N":null}`:                     `{"S":"x"}`,
		`{"S":"x","Unknown":{"a":[1,2.5e3]}}`:    `{"S":"x"}`,
		`{"SS":["b","a"]}`:                       `{"SS":["a","b"]}`,
		`{"NS":["10","9"]}`:                      `{"NS":["9","10"]}`,
	} {
		v, err := ParseValue([]byte(text))
		if got := string(AppendJSON(nil, v)); err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
}

func TestValuesRefused(t *testing.T) {
	t.Parallel()
	nested := func(levels int) string {
		return strings.Repeat(`{"L":[`, levels) + `{"S":"leaf"}` + strings.Repeat(`]}`, levels)
	}
	if _, err := ParseValue([]byte(nested(MaxDepth - 1))); err != nil {
		t.Errorf("31 lists: %v", err)
	}
	const invalid = "One or more parameter values were invalid: "
	for text, want := range map[string]string{
		`{}`:                     messageEmptyValue,
		`null`:                   messageEmptyValue,
		`{"X":"a"}`:              messageEmptyValue,
		`{"S":null}`:             messageEmptyValue,
		`{"L":[null]}`:           messageEmptyValue,
		`{"M":{"a":null}}`:       messageEmptyValue,
		`{"S":"a","N":"1"}`:      messageManyTags,
		`{"S":"a","S":"b"}`:      messageManyTags,
		`{"N":"x"}`:              messageNotNumber + ": x",
		`{"L":[{"N":"1e126"}]}`:  messageOverflow,
		`{"SS":[]}`:              invalid + "An string set  may not be empty",
		`{"NS":[]}`:              invalid + "An number set  may not be empty",
		`{"BS":[]}`:              invalid + "Binary sets should not be empty",
		`{"SS":["a",""]}`:        invalid + "An string set may not have a empty string as a member",
		`{"BS":["AA==",""]}`:     invalid + "Binary sets may not contain null or empty values",
		`{"SS":["b","a","b"]}`:   invalid + `Input collection ["a", "b", "b"] contains duplicates.`,
		`{"NS":["1","1.0"]}`:     invalid + "Input collection contains duplicates.",
		`{"NS":["1","x"]}`:       messageNotNumber + ": x",
		`{"BS":["AA==","AA=="]}`: invalid + `Input collection ["AA==","AA=="]of type BS contains duplicates.`,
		nested(MaxDepth):         tooDeep().Message,
		nested(100):              tooDeep().Message,
		`{"M":{"a":{"N":"x"},"b":` + nested(MaxDepth) + `}}`: messageNotNumber + ": x",
	} {
		checkRefused(t, text, ValidationException, want)
	}
}

func TestShapesRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                      "",
		`{`:                     "",
		`{"S"`:                  "",
		`{"S":`:                 "",
		`{"S":"a"`:              "",
		`{"S":"a"}x`:            "",
		`{"S":"a",}`:            "",
		`{S:"a"}`:               "",
		`{"S":'a'}`:             "",
		`{"S" "a"}`:             "",
		`{"S":"a` + "\n" + `"}`: "", `{"S":"\x"}`: "", `{"S":"\u12g4"}`: "", `{"S":"\ud800"}`: "", `{"S":"\ud800\u0041"}`: "", `{"S":"\udc00"}`: "",
		`{"S":"\`:                    "",
		`{"S":"\u12`:                 "",
		"{\"S\":\"\xff\"}":           "",
		"{\"S\":\"\xed\xa0\x80\"}":   "",
		"\x00":                       "",
		`{"BOOL":tru}`:               "",
		`{"BOOL":True}`:              "",
		`nul`:                        "",
		`{"L":[{"S":"a"}{"S":"b"}]}`: "",
		`{"L":[,]}`:                  "",
		`{"SS":["a",null]}`:          "",
		`"a"`:                        "Unexpected value type in payload",
		`5`:                          "Unexpected value type in payload",
		`[]`:                         attributeStruct,
		`{"S":1}`:                    "NUMBER_VALUE cannot be converted to String",
		`{"S":1.5}`:                  "DECIMAL_VALUE cannot be converted to String",
		`{"N":1}`:                    "NUMBER_VALUE cannot be converted to String",
		`{"S":true}`:                 "TRUE_VALUE cannot be converted to String",
		`{"S":false}`:                "FALSE_VALUE cannot be converted to String",
		`{"S":{}}`:                   "Start of structure or map found where not expected",
		`{"S":[]}`:                   "Unrecognized collection type class java.lang.String",
		`{"BOOL":1}`:                 "NUMBER_VALUE cannot be converted to Boolean",
		`{"BOOL":"true"}`:            "Unexpected token received from parser",
		`{"BOOL":{}}`:                "Start of structure or map found where not expected",
		`{"B":1}`:                    "only base-64-encoded strings are convertible to bytes",
		`{"B":[]}`:                   "Unrecognized collection type class java.nio.ByteBuffer",
		`{"B":{}}`:                   "Start of structure or map found where not expected",
		`{"B":"abc"}`:                "Base64 encoded length is expected a multiple of 4 bytes but found: 3",
		`{"B":"abc!"}`:               "Invalid last non-pad Base64 character dectected",
		`{"B":"AB=="}`:               "Invalid last non-pad Base64 character dectected",
		`{"B":"AA\n\n=="}`:           "Base64 encoded length is expected a multiple of 4 bytes but found: 6",
		`{"B":"AA==\n\n\n\n"}`:       "Invalid last non-pad Base64 character dectected",
		`{"L":{}}`:                   "Start of structure or map found where not expected",
		`{"L":"a"}`:                  "Unexpected field type",
		`{"SS":"a"}`:                 "Unexpected field type",
		`{"M":[]}`:                   attributeMap,
		`{"M":"a"}`:                  "Unexpected field type",
		`{"M":{"a":"b"}}`:            "Unexpected value type in payload",
		`{"SS":[1]}`:                 "NUMBER_VALUE cannot be converted to String",
		`{"N":"x","S":5}`:            "NUMBER_VALUE cannot be converted to String", // shapes come before values
		`{"L":[{"N":"x"},{"S":5}]}`:  "NUMBER_VALUE cannot be converted to String",
		`{"X":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`: "",
		`{"X":` + strings.Repeat(`{"x":`, 100_000):                            "",
	} {
		checkRefused(t, text, SerializationException, want)
	}
}

func checkRefused(t *testing.T, text, kind, message string) {
	t.Helper()
	v, err := ParseValue([]byte(text))
	var e *Error
	if !errors.As(err, &e) || e.Type != kind || e.Message != message {
		t.Errorf("%.200s: got %#v, %#v; want %s", text, v, err, message)
	}
}

func TestItemsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		it := items(3).Draw(t, "item")
		text := AppendItem(nil, it)
		if !json.Valid(text) {
			t.Fatalf("%s is no JSON", text)
		}
		back, err := ParseItem(text)
		if err != nil || !EqualItems(it, back) {
			t.Fatalf("%s came back as %s, %v", text, AppendItem(nil, back), err)
		}
		if it.Size() != back.Size() || it.Size() != slowSize(Map(it))-3-len(it) {
			t.Fatalf("%s: sizes %d and %d", text, it.Size(), back.Size())
		}
	})
}

// slowSize adds up a value's size without what values remember of it.
func slowSize(v Value) int {
	size := 0
	switch v.Kind() {
	case M:
		size = 3
		for name, e := range v.Item() {
			size += 1 + len(name) + slowSize(e)
		}
	case L:
		size = 3
		for _, e := range v.List() {
			size += 1 + slowSize(e)
		}
	case SS, BS:
		for _, s := range v.Strings() {
			size += len(s)
		}
	case NS:
		for _, n := range v.Numbers() {
			size += n.Size()
		}
	default:
		size = v.Size()
	}
	return size
}

// What the parser keeps must not change when the request's buffer is used again.
func TestItemOutlivesItsText(t *testing.T) {
	t.Parallel()
	text := []byte(`{"name":{"S":"text"},"esc":{"S":"a\nb"},"b":{"B":"AAEC"},"m":{"M":{"x":{"SS":["p","q"]}}}}`)
	it, err := ParseItem(text)
	if err != nil {
		t.Fatal(err)
	}
	want := Item{"name": String("text"), "esc": String("a\nb"), "b": Binary("\x00\x01\x02"), "m": Map(Item{"x": StringSet("p", "q")})}
	for i := range text {
		text[i] = '!'
	}
	if !EqualItems(it, want) {
		t.Errorf("became %s", AppendItem(nil, it))
	}
}

func FuzzParseItem(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":{"S":"x\u0041\ud83d\ude00"},"b":{"N":"-1.5e-3"}}`, `{"l":{"L":[{"M":{"x":{"NULL":true}}},{"BOOL":false}]}}`,
		`{"s":{"SS":["a","b"]},"n":{"NS":["1","2"]},"b":{"BS":["AA=="]}}`, `{"a":{"S":"x","Q":[1,{"y":null}]}}`, `{"a":{"N":"1e125"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		it, err := ParseItem(text)
		if err != nil {
			if e := new(Error); !errors.As(err, &e) || (e.Type != ValidationException && e.Type != SerializationException) {
				t.Fatalf("%q: %T %v", text, err, err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is no JSON", text)
		}
		again := AppendItem(nil, it)
		back, err := ParseItem(again)
		if err != nil || !EqualItems(it, back) {
			t.Fatalf("%q became %s, then %s, %v", text, again, AppendItem(nil, back), err)
		}
	})
}

func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"0", "-1.5e-3", "1e125", "+.5", "99999999999999999999999999999999999999", "0e-130", "1e9223372036854775807", "0.1000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseNumber(text)
		if err != nil {
			return
		}
		if back, err := ParseNumber(n.String()); err != nil || back != n {
			t.Fatalf("%q became %s, then %s, %v", text, n, back, err)
		}
		if len(text) < 300 && n.String() != "0" {
			if want, ok := new(big.Rat).SetString(text); !ok || want.Cmp(n.rat(t)) != 0 {
				t.Fatalf("%q became %s", text, n)
			}
		}
	})
}
