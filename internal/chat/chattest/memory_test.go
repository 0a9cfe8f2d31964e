package chattest_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat/chattest"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	chattest.Conform(t, chattest.NewMemory())
}

func TestMemoryConformsForMentions(t *testing.T) {
	t.Parallel()
	chattest.ConformMentions(t, chattest.NewMemory())
}
