package queue

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func TestIntegrationJobsComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	want := chat.IntegrationJob{
		Ref:          chat.Ref{Workspace: "w_01kaw3v4x00123456789abcdef", Conversation: "c_01kaw3v4x0aaaaaaaaaaaaaaaa"},
		Subscription: "#automation", Track: chat.Desk, Seq: 12, Gen: 3, Type: chat.EventTagged,
	}
	entry, err := integrationEntry("0", want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeIntegration(*entry.MessageBody)
	if err != nil || got != want {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(*entry.MessageBody), &fields); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]any{"v": 2, "workspace": "x", "conversation": "", "track": "other", "seq": 0} {
		old := fields[name]
		fields[name] = bad
		body, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeIntegration(string(body)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s = %v: %v", name, bad, err)
		}
		fields[name] = old
	}
	if _, err := DecodeIntegration("{"); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}
