package chattest_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat/chattest"
)

func TestTimersConform(t *testing.T) {
	t.Parallel()
	chattest.ConformTimers(t, chattest.NewTimers())
}
