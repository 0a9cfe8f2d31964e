package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// ANSI colours that are readable on dark and on light backgrounds.
const (
	bold    = "1"
	dim     = "2"
	red     = "31"
	green   = "32"
	yellow  = "33"
	magenta = "35"
	cyan    = "36"
)

// screen prints what happens. It is safe for concurrent use: both clients report to it.
type screen struct {
	mu     sync.Mutex
	out    io.Writer
	colour bool
	scene  time.Time                  // when the scene began
	asked  map[string]time.Time       // by actor and ref
	sent   map[chat.EventID]time.Time // first tries
	shown  map[string]bool            // actors and the events that they were pushed
}

func newScreen(out io.Writer, colour bool) *screen {
	return &screen{out: out, colour: colour, asked: map[string]time.Time{}, sent: map[chat.EventID]time.Time{}, shown: map[string]bool{}}
}

func (s *screen) paint(code, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) line(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, format+"\n", args...) // a terminal that is gone is no reason to stop
}

// say prints a line of the narrator.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line("  "+format, args...)
}

// title begins a scene.
func (s *screen) title(n int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scene = time.Now()
	s.line("\n%s %s", s.paint(bold, fmt.Sprint(n)), s.paint(bold, text))
}

// event prints something that is no frame: a fault.
func (s *screen) event(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line("%s  %s", s.clock(), s.paint(red, "✂ "+text))
}

func (s *screen) clock() string {
	return s.paint(dim, fmt.Sprintf("%7.1f ms", float64(time.Since(s.scene).Microseconds())/1000))
}

// frame prints a frame of an actor.
func (s *screen) frame(actor, hue string, in bool, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var f anyFrame
	if json.Unmarshal(raw, &f) != nil {
		return
	}
	arrow := "──▶"
	name := f.Action
	if in {
		arrow, name = "◀──", cmp.Or(f.Type, "gateway")
	}
	text := s.describe(actor, in, &f)
	who, what := s.paint(hue, fmt.Sprintf("%-8s", actor)), s.paint(bold, fmt.Sprintf("%-8s", name))
	s.line("%s", strings.TrimRight(fmt.Sprintf("%s  %s %s %s %s", s.clock(), who, s.paint(dim, arrow), what, text), " "))
}

// anyFrame has the fields of all frames that the demo shows.
type anyFrame struct {
	Action, Type, Ref string
	Message           string
	After, Head       uint64
	Heads             map[chat.ConversationID]protocol.TrackHeads
	Messages          []protocol.NewMessage
	Acks              []protocol.Acked
	Events            []protocol.Event
	Conversations     []protocol.Snapshot
	Cursors           map[chat.ConversationID]protocol.Cursor
	Code              chat.Code
	Added             []protocol.WaitingEntry
	Removed           []chat.ConversationID
}

// describe says in a few words what is in a frame, and how long it took.
func (s *screen) describe(actor string, in bool, f *anyFrame) string {
	if !in {
		s.asked[actor+f.Ref] = time.Now()
		return s.describeOut(f)
	}
	switch f.Type {
	case protocol.TypeAck:
		return s.acks(f) + s.since(s.asked[actor+f.Ref], "round trip")
	case protocol.TypeEvents:
		e := f.Events[len(f.Events)-1]
		text := eventsText(f.Events)
		if s.shown[actor+string(e.ID)] {
			return text + s.paint(dim, "  had it already")
		}
		s.shown[actor+string(e.ID)] = true
		return text + s.since(s.sent[e.ID], "after it was sent")
	case protocol.TypeWelcome:
		return welcomeText(f) + s.since(s.asked[actor+f.Ref], "round trip")
	case protocol.TypePong:
		for _, h := range f.Heads {
			return fmt.Sprintf("the log ends at seq %d", h.Public) + s.since(s.asked[actor+f.Ref], "round trip")
		}
	case protocol.TypePage:
		return eventsText(f.Events) + s.since(s.asked[actor+f.Ref], "round trip")
	case protocol.TypeWaiting:
		return fmt.Sprintf("%d waiting more, %d less", len(f.Added), len(f.Removed))
	case protocol.TypeError:
		return s.paint(red, string(f.Code)) + " " + f.Message
	case "":
		return s.paint(red, f.Message) + ": the outcome is unknown"
	}
	return ""
}

func (s *screen) describeOut(f *anyFrame) string {
	switch f.Action {
	case protocol.ActionHello:
		var at []string
		for _, c := range f.Cursors {
			at = append(at, fmt.Sprint(c.Public))
		}
		if len(at) == 0 {
			return "knows nothing yet"
		}
		return "knows up to seq " + strings.Join(at, ", ")
	case protocol.ActionStart, protocol.ActionSend:
		again := ""
		for _, m := range f.Messages {
			if _, known := s.sent[m.ID]; known {
				again = s.paint(yellow, "again, ")
			} else {
				s.sent[m.ID] = time.Now()
			}
		}
		return fmt.Sprintf("%safter %d  %s", again, f.After, quote(f.Messages))
	case protocol.ActionJoin:
		return "takes the conversation"
	case protocol.ActionPing:
		return "no answer came: does the socket live, and where does the log end?"
	case protocol.ActionPage:
		return fmt.Sprintf("what comes after seq %d?", f.After)
	}
	return ""
}

func (s *screen) acks(f *anyFrame) string {
	var parts []string
	for _, a := range f.Acks {
		text := fmt.Sprint("seq ", a.Seq)
		if a.Duplicate {
			text += s.paint(yellow, " (was there already)")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func (s *screen) since(t time.Time, what string) string {
	if t.IsZero() {
		return ""
	}
	return s.paint(dim, fmt.Sprintf("  %.1f ms %s", float64(time.Since(t).Microseconds())/1000, what))
}

func eventsText(events []protocol.Event) string {
	var parts []string
	for _, e := range events {
		text := string(e.Type)
		if e.Text != "" {
			text = "“" + e.Text + "”"
		}
		parts = append(parts, fmt.Sprintf("seq %d %s", e.Seq, text))
	}
	return strings.Join(parts, ", ")
}

func welcomeText(f *anyFrame) string {
	if len(f.Conversations) == 0 {
		return "no conversation"
	}
	c := f.Conversations[0]
	if len(c.Public.Events) == 0 {
		return fmt.Sprintf("nothing missed, seq is %d", c.Public.Head)
	}
	return "missed " + eventsText(c.Public.Events)
}

func quote(messages []protocol.NewMessage) string {
	var parts []string
	for _, m := range messages {
		parts = append(parts, "“"+m.Text+"”")
	}
	return strings.Join(parts, " ")
}
