// Package console is what a developer sees of the local stack: log lines in the terminal, the banner with the
// addresses, and the state page in the browser.
package console

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/lambda"
)

// Console writes log lines and remembers the latest problems. It is safe for concurrent use.
type Console struct {
	Now func() time.Time // default time.Now

	mu       sync.Mutex
	out      io.Writer
	colour   bool
	width    int // of the function column
	hues     map[string]int
	problems []Problem // oldest first
}

// Problem is something that went wrong lately.
type Problem struct {
	At        time.Time `json:"at"`
	Function  string    `json:"function,omitempty"`
	RequestID string    `json:"requestId,omitempty"`
	Text      string    `json:"text"`
}

// maxProblems is how many problems are remembered.
const maxProblems = 50

// New returns a console that writes to out, in colour if asked.
func New(out io.Writer, colour bool) *Console {
	return &Console{Now: time.Now, out: out, colour: colour, width: 8, hues: map[string]int{}}
}

// WantsColour says whether to write to f in colour: it is a terminal that knows colours, and NO_COLOR
// (no-color.org) is not set.
func WantsColour(f *os.File) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	stat, err := f.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}

// Function writes a line of a function, or of the runner about it.
func (c *Console) Function(line lambda.Line) {
	level, text := "", line.Text
	if line.Platform {
		level = "PLATFORM"
	} else if t, ok := returnedError(line.Text); ok {
		level, text = "WARN", t
	} else if l, t, ok := parseRecord(line.Text); ok {
		level, text = l, t
	}
	problem := line.Problem || level == "ERROR"
	c.write(line.Function, line.RequestID, level, text, problem)
}

// Say writes a line of the stack itself.
func (c *Console) Say(format string, args ...any) {
	c.write("", "", "", fmt.Sprintf(format, args...), false)
}

// Warn writes a line of the stack that needs attention.
func (c *Console) Warn(text string) { c.write("", "", "WARN", text, true) }

// Problems returns the latest problems, newest first.
func (c *Console) Problems() []Problem {
	c.mu.Lock()
	defer c.mu.Unlock()
	latest := make([]Problem, 0, len(c.problems))
	for i := len(c.problems) - 1; i >= 0; i-- {
		latest = append(latest, c.problems[i])
	}
	return latest
}

// Raw writes text as it is: the banner.
func (c *Console) Raw(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.out, text) // a console that is gone is no reason to stop
}

func (c *Console) write(function, requestID, level, text string, problem bool) {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if problem {
		if len(c.problems) >= maxProblems {
			c.problems = append(c.problems[:0], c.problems[1:]...)
		}
		c.problems = append(c.problems, Problem{now, function, requestID, text})
	}
	if function == "" {
		function = "stack"
	}
	c.width = min(max(c.width, len(function)), 24)
	var b strings.Builder
	b.WriteString(c.paint(dim, now.Format("15:04:05.000")))
	b.WriteByte(' ')
	b.WriteString(c.paint(c.hue(function), fmt.Sprintf("%-*s", c.width, function)))
	b.WriteByte(' ')
	b.WriteString(c.paint(dim, fmt.Sprintf("%-8.8s", requestID)))
	b.WriteByte(' ')
	if level != "" && level != "INFO" {
		b.WriteString(c.paint(levelColour(level, problem), level))
		b.WriteByte(' ')
	}
	b.WriteString(printable(text))
	b.WriteByte('\n')
	_, _ = io.WriteString(c.out, b.String())
}

// ANSI colours that are readable on dark and on light backgrounds.
const (
	dim    = 2
	red    = 31
	yellow = 33
	blue   = 34
)

var hueCycle = [...]int{36, 35, 32, 34, 33, 96, 95, 92, 94, 93}

// hue gives each function a colour of its own, in the order in which they first speak. c.mu is held.
func (c *Console) hue(function string) int {
	if function == "stack" {
		return 1 // bold
	}
	hue, ok := c.hues[function]
	if !ok {
		hue = hueCycle[len(c.hues)%len(hueCycle)]
		c.hues[function] = hue
	}
	return hue
}

func levelColour(level string, problem bool) int {
	switch {
	case level == "ERROR" || (problem && level == "PLATFORM"):
		return red
	case level == "WARN":
		return yellow
	default:
		return blue
	}
}

func (c *Console) paint(code int, text string) string {
	if !c.colour {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, text)
}

// printable keeps a function from steering the terminal: control characters are shown, not sent.
func printable(text string) string {
	if !strings.ContainsFunc(text, isControl) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString("\n    ")
		case isControl(r):
			fmt.Fprintf(&b, "\\x%02x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || (r >= 0x80 && r < 0xa0) }

// parseRecord makes a readable line of a record that log/slog wrote as JSON: its level and "message key=value".
func parseRecord(line string) (level, text string, ok bool) {
	if !strings.HasPrefix(line, "{") {
		return "", "", false
	}
	decoder := json.NewDecoder(strings.NewReader(line))
	if _, err := decoder.Token(); err != nil {
		return "", "", false
	}
	var message string
	var rest strings.Builder
	for decoder.More() {
		key, err := decoder.Token()
		name, isName := key.(string)
		var value json.RawMessage
		if err != nil || !isName || decoder.Decode(&value) != nil {
			return "", "", false
		}
		switch name {
		case "level":
			level = plain(value)
		case "msg", "message":
			message = plain(value)
		case "time", "timestamp", "requestId", "request_id", "record":
		default:
			rest.WriteString(" " + name + "=" + plainValue(value))
		}
	}
	if _, err := decoder.Token(); err != nil || (level == "" && message == "") {
		return "", "", false
	}
	return strings.ToUpper(level), message + rest.String(), true
}

// returnedError reads the line that aws-lambda-go logs for an error that a handler returned: Go's date and time,
// and the error document.
func returnedError(line string) (string, bool) {
	const stamp = "2006/01/02 15:04:05 "
	if len(line) < len(stamp) || !strings.HasPrefix(line[len(stamp):], `{"errorMessage"`) {
		return "", false
	}
	var document struct {
		Message string            `json:"errorMessage"`
		Type    string            `json:"errorType"`
		Stack   []json.RawMessage `json:"stackTrace"`
	}
	if json.Unmarshal([]byte(line[len(stamp):]), &document) != nil {
		return "", false
	}
	text := "returned an error: " + document.Message + " (" + document.Type + ")"
	for _, frame := range document.Stack {
		text += "\n" + string(frame)
	}
	return text, true
}

// plain is the text of a JSON string, or the JSON itself.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// plainValue is plain, quoted where it would not read as one word.
func plainValue(value json.RawMessage) string {
	text := plain(value)
	if text == "" || (value[0] == '"' && strings.ContainsAny(text, " =\"")) {
		return string(value)
	}
	return text
}
