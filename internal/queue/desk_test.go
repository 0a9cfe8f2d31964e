package queue

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

// FuzzDecodeDesk: every job is one that was sent, or malformed, or of another queue; and what is read is read again.
func FuzzDecodeDesk(f *testing.F) {
	f.Add(`{"v":1,"desk":"w_01kaw3v4x00123456789abcdef"}`)
	f.Add(`{"v":1,"desk":"w_01kaw3v4x00123456789abcdef","connections":["Qyi07eCbtjMCJKw="],"attempt":3,"revision":1790000000123}`)
	f.Add(`{"v":1,"desk":"w_01kaw3v4x00123456789abcdef","connections":[""],"attempt":1}`)
	f.Add(`{"v":1,"desk":"w_01kaw3v4x00123456789abcdef","attempt":-1}`)
	f.Add(`{"v":2,"desk":"w_01kaw3v4x00123456789abcdef"}`)
	f.Add(`{"v":1,"desk":"w_1"}`)
	f.Add(`{"v":1,"workspace":"w_01kaw3v4x00123456789abcdef","conversation":"c_01kaw3v4x0c0nversat10n0001"}`)
	f.Add(`{"v":1,"desk":7}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		job, ours, err := DecodeDesk(body)
		switch {
		case err != nil:
			if !errors.Is(err, ErrMalformed) || !cmp.Equal(job, chat.DeskJob{}) {
				t.Fatalf("%+v, %v", job, err)
			}
			return
		case !ours:
			if !cmp.Equal(job, chat.DeskJob{}) {
				t.Fatalf("of another queue: %+v", job)
			}
			return
		}
		if !job.Workspace.Valid() || job.Attempt < 0 || slices.Contains(job.Connections, "") {
			t.Fatalf("%+v", job)
		}
		again, err := json.Marshal(deskJob{jobVersion, job.Workspace, job.Connections, job.Attempt, job.Revision})
		if err != nil {
			t.Fatal(err)
		}
		back, ours, err := DecodeDesk(string(again))
		if len(job.Connections) == 0 {
			job.Connections = nil
		}
		if d := cmp.Diff(job, back); d != "" || !ours || err != nil {
			t.Fatalf("%v %v\n%s", ours, err, d)
		}
		if name := deskSlot(job, time.UnixMilli(1<<62)); len(name) > 128 || !strings.HasPrefix(name, string(job.Workspace)+"#") {
			t.Fatalf("the name %q", name)
		}
	})
}
