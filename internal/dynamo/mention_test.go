package dynamo

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat/chattest"
)

func TestMentionsConform(t *testing.T) {
	t.Parallel()
	chattest.ConformMentions(t, newStore(t))
}
