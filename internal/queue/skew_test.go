package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley/internal/chat"
)

// The files of testdata/skew hold the jobs that the first version has written (commit d4f6f44), one a line. A queue
// keeps a job for up to 14 days: the files are never changed.
func baselineJobs(t *testing.T, name string) []string {
	t.Helper()
	raw, err := os.ReadFile("testdata/skew/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}

// A job of the first version is done as it was meant, also with what a version to come adds to it; one whose meaning
// that version changes has another number, and is left to it: it comes again, and ends in the dead-letter queue.
func TestDeliveryJobsOfOtherVersions(t *testing.T) {
	t.Parallel()
	bodies := baselineJobs(t, "baseline-delivery.jsonl")
	if len(bodies) != len(sampleJobs()) {
		t.Fatalf("%d jobs", len(bodies))
	}
	for i, body := range bodies {
		added := strings.Replace(body, `{"v":1,`, `{"zz":{"a":[1]},"v":1,`, 1)
		added = strings.Replace(added, `"added":{`, `"added":{"zz":{},`, 1)
		for _, b := range []string{body, added} {
			got, err := DecodeDelivery(b)
			if d := cmp.Diff(sampleJobs()[i], got, cmpopts.EquateEmpty()); d != "" || err != nil {
				t.Errorf("%s: %v, -want +got\n%s", b, err, d)
			}
		}
		for _, version := range []string{`"v":2`, `"v":0`, `"zz":1`} {
			if _, err := DecodeDelivery(strings.Replace(body, `"v":1`, version, 1)); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s in place of the version: %v", version, err)
			}
		}
	}
}

// Integrators read the jobs with code of their own: what the first version wrote, today's writes too, and may add to.
func TestIntegrationJobsKeepTheirMembers(t *testing.T) {
	t.Parallel()
	api := &queue{}
	ref := chat.Ref{Workspace: workspace, Conversation: conversation}
	err := (&Integration{API: api, URL: "u"}).Enqueue(t.Context(), []chat.IntegrationJob{{Ref: ref, Subscription: "sub", Track: chat.Desk, Seq: 7, Gen: 65537, Type: chat.EventNote}})
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range baselineJobs(t, "baseline-integration.jsonl") {
		then, now := members(t, body), members(t, api.bodies()[i])
		for name, v := range then {
			if !bytes.Equal(now[name], v) {
				t.Errorf("%s was %s and is %s", name, v, now[name])
			}
		}
		var m IntegrationMessage
		if err := json.Unmarshal([]byte(body), &m); err != nil || m.Seq != 7 || m.Event != "w_01kaw3v4x00123456789abcdef.c_01kaw3v4x0c0nversat10n0001.65537.desk.7" {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

func members(t *testing.T, body string) map[string]json.RawMessage {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	return m
}
