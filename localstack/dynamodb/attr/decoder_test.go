package attr

import (
	"errors"
	"reflect"
	"testing"
)

// request is read as the operations read theirs.
type request struct {
	table  string
	limit  int64
	read   bool
	names  map[string]string
	values Item
	keys   []Item
	raw    string
	text   []string
}

func readRequest(d *Decoder) (request, error) {
	var r request
	for name := range d.Members() {
		switch string(name) {
		case "TableName":
			r.table = d.Text()
		case "Limit":
			r.limit = d.Int()
		case "ConsistentRead":
			r.read = d.Bool()
		case "ExpressionAttributeNames":
			r.names = d.Names()
		case "ExpressionAttributeValues":
			r.values, _ = d.Item()
		case "Keys":
			for range d.Elements() {
				key, _ := d.Item()
				r.keys = append(r.keys, key)
			}
		case "Raw":
			r.raw = string(d.Raw())
		case "Text":
			for range d.Elements() {
				r.text = append(r.text, string(d.Bytes()))
			}
		default:
			d.Skip()
		}
	}
	return r, d.Finish()
}

func TestDecoderReadsRequests(t *testing.T) {
	t.Parallel()
	const body = ` {"TableName":"chat", "Unknown\u0021":{"a":[1,-2.5e+3,null,true,false,"x\"y",{}]}, "Limit":25,"Null":null,
		"ConsistentRead":true,
		"ExpressionAttributeNames":{"#a":"a\n","#b":"b"},
		"ExpressionAttributeValues":{":v":{"S":"x"}},
		"Keys":[{"id":{"S":"1"}},{"id":{"S":"2"}}],"Raw": {"x" : [1, 2]} ,"Text":["a","\u0062",""],"Table\u004eame":"other"} `
	got, err := readRequest(NewDecoder([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	want := request{
		table: "other", limit: 25, read: true, names: map[string]string{"#a": "a\n", "#b": "b"}, values: Item{":v": String("x")},
		keys: []Item{{"id": String("1")}, {"id": String("2")}}, raw: `{"x" : [1, 2]}`, text: []string{"a", "b", ""},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestDecoderRefusesRequests(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                                      "",
		`{`:                                     "",
		`{}}`:                                   "",
		`{"a":1`:                                "",
		`{"a":01}`:                              "",
		`{"a":1.}`:                              "",
		`{"a":-}`:                               "",
		`{"a":1e}`:                              "",
		`{"a":+1}`:                              "",
		`{"a":[1 2]}`:                           "",
		`{"a" 1}`:                               "",
		`{"Limit":1e2}`:                         "",
		`{"Limit":99999999999999999999}`:        "",
		`{"a":"x}`:                              "",
		`[]`:                                    "Unrecognized collection type",
		`"x"`:                                   "Unexpected field type",
		`{"Keys":{}}`:                           "Start of structure or map found where not expected",
		`{"Keys":"x"}`:                          "Unexpected field type",
		`{"TableName":5}`:                       "NUMBER_VALUE cannot be converted to String",
		`{"Limit":"5"}`:                         "STRING_VALUE cannot be converted to Integer",
		`{"Limit":true}`:                        "TRUE_VALUE cannot be converted to Integer",
		`{"Limit":{}}`:                          "Start of structure or map found where not expected",
		`{"ConsistentRead":5.5}`:                "DECIMAL_VALUE cannot be converted to Boolean",
		`{"ExpressionAttributeNames":{"#a":1}}`: "NUMBER_VALUE cannot be converted to String",
		`{"ExpressionAttributeNames":[]}`:       "Unrecognized collection type",
		`{"Keys":[5]}`:                          "Unexpected field type",
		`{"TableName":5,"Limit":"x"}`:           "NUMBER_VALUE cannot be converted to String", // the first sticks
	} {
		r, err := readRequest(NewDecoder([]byte(body)))
		if e := new(Error); !errors.As(err, &e) || e.Type != SerializationException || e.Message != want {
			t.Errorf("%s: got %+v, %#v; want %q", body, r, err, want)
		}
	}
}

func TestDecoderCutsFractions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"5": 5, "-5": -5, "5.9": 5, "0": 0, "123456789012345678": 123456789012345678} {
		d := NewDecoder([]byte(text))
		if got := d.Int(); got != want || d.Finish() != nil {
			t.Errorf("%s: got %d, %v", text, got, d.Err())
		}
	}
}

// After an error nothing more is returned, and loops end.
func TestDecoderErrorSticks(t *testing.T) {
	t.Parallel()
	d := NewDecoder([]byte(`{"a":5,"b":"x"}`))
	for range d.Members() {
		if got := d.Text(); got != "" {
			t.Fatalf("got %q", got)
		}
	}
	if d.Err() == nil || d.Text() != "" || d.Int() != 0 || d.Bool() || d.Raw() != nil || d.Null() {
		t.Errorf("goes on after %v", d.Err())
	}
	for range d.Elements() {
		t.Error("an element")
	}
	if v, err := d.Value(); v.Exists() || err != nil {
		t.Errorf("got %#v, %v", v, err)
	}
	if it, err := d.Item(); len(it) != 0 || err != nil {
		t.Errorf("got %v, %v", it, err)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte(`{"TableName":"t","Limit":5,"Raw":[{"x":1e5}],"Keys":[{"a":{"S":"b"}}],"Text":["\u00e9"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := readRequest(NewDecoder(body))
		if err != nil {
			return
		}
		d := NewDecoder(body)
		d.Skip()
		if err := d.Finish(); err != nil {
			t.Fatalf("%q was read as %+v but not skipped: %v", body, r, err)
		}
	})
}
