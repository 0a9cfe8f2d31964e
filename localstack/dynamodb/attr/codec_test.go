package attr

import (
	"testing"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"S":""}`, `{"S":"a\"b\\\n\u0001 é 😀"}`, `{"N":"0"}`, `{"N":"-12.5"}`, `{"N":"12345678901234567890123456789012345678"}`,
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
}
