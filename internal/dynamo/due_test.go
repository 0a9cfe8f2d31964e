package dynamo

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
)

var (
	_ chat.Dues          = (*Store)(nil)
	_ chat.Active        = (*Store)(nil)
	_ chat.PositionTurns = (*Store)(nil)
)

func TestTimersConform(t *testing.T) {
	t.Parallel()
	chattest.ConformTimers(t, newStore(t))
}
