package wsapi

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The event is read as encoding/json reads it, as far as it is used.
func TestInvokeReadsEvents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "events", "lambda", "socket-*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	texts := [][]byte{
		[]byte(`{"isBase64Encoded":true,"body":"e30=","requestContext":{"authorizer":{"principalId":"u","integrationLatency":3},"connectionId":"c"}}`),
		[]byte(`{"requestContext":{"connectionId":"\u0063","authorizer":null},"body":"\"\\\u2028\ud800 \n"}`),
		[]byte(`{"requestContext":{},"body":null}`),
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, raw)
	}
	for _, raw := range texts {
		var want Event
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		want.RequestContext.RouteKey, want.RequestContext.RequestID, want.RequestContext.ConnectedAt = "", "", 0 // not used
		got, err := decodeEvent(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", raw, d)
		}
	}
}

// What Lambda is given back is the answer of Handle.
func TestInvokeAnswers(t *testing.T) {
	t.Parallel()
	w := begun(t)
	e := sample(t, "ping")
	raw, err := json.Marshal(map[string]any{"requestContext": e.RequestContext, "body": e.Body})
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.handler.Invoke(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	want, err := w.handler.Handle(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	var got Response
	if err := json.Unmarshal(out, &got); err != nil || got != want {
		t.Errorf("%s, %v; want %+v", out, err, want)
	}
	if _, err := w.handler.Invoke(t.Context(), []byte(`{"requestContext":{"authorizer":"x"}}`)); err == nil {
		t.Error("an authorizer's context that is no object was taken")
	}
}
