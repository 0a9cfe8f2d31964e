package dynamo

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	store, transport := newIdentity(t)
	chattest.ConformRequests(t, store, time.Now())
	refuse := "ProvisionedThroughputExceededException"
	transport.refuse.Store(&refuse)
	k := chat.RequestKey{Workspace: goldenWorkspace, User: goldenUser, Key: "k"}
	_, begin := store.BeginRequest(t.Context(), k, chat.RequestNote{})
	for name, err := range map[string]error{
		"begin": begin, "finish": store.FinishRequest(t.Context(), k, chat.RequestNote{}), "forget": store.ForgetRequest(t.Context(), k),
	} {
		if chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
