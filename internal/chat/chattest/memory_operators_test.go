package chattest_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat/chattest"
)

func TestMemoryConformsToRouting(t *testing.T) {
	t.Parallel()
	chattest.ConformOperators(t, chattest.NewMemory())
}
