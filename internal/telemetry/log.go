// Package telemetry makes the functions' logger.
package telemetry

import (
	"log/slog"
	"os"

	"github.com/parley-chat/parley/internal/config"
)

// Logger writes JSON lines to standard output, where Lambda collects them. LOG_LEVEL is debug, info, warn or
// error; warn by default, since log bytes cost more than the function's time.
func Logger(r *config.Reader) *slog.Logger {
	level := slog.LevelWarn
	_ = level.UnmarshalText([]byte(r.Optional("LOG_LEVEL", "WARN")))
	return slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: level}))
}
