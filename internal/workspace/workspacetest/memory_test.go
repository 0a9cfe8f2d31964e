package workspacetest_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/workspace/workspacetest"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	workspacetest.Conform(t, &workspacetest.Memory{})
}
