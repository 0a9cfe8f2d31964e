package telemetry

import (
	"log/slog"
	"testing"

	"github.com/parley-chat/parley/internal/config"
)

func TestLevel(t *testing.T) {
	for in, want := range map[string]slog.Level{"": slog.LevelWarn, "debug": slog.LevelDebug, "INFO": slog.LevelInfo, "error": slog.LevelError, "nonsense": slog.LevelWarn} {
		t.Setenv("LOG_LEVEL", in)
		l := Logger(config.FromEnvironment())
		if !l.Enabled(t.Context(), want) || l.Enabled(t.Context(), want-1) {
			t.Errorf("LOG_LEVEL %q is not %v", in, want)
		}
	}
}
