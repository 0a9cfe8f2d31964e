package dynamo

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat/chattest"
)

func TestOperatorsConform(t *testing.T) {
	t.Parallel()
	chattest.ConformOperators(t, newStore(t))
}
