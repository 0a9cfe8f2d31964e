package identitytest_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/identity/identitytest"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	identitytest.Run(t, new(identitytest.Memory))
}
