package protocol

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

// Envelope is what every frame of a client has.
type Envelope struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref"`
	Conversation chat.ConversationID `json:"conversation"`
}

// maxDepth is how deeply a frame may nest; the documented frames need 3.
const maxDepth = 16

// Open checks a frame as text and returns its envelope. The error is a *chat.Error; the envelope holds what
// could be read of it, so that the answer can name the ref. Nothing of the frame is in the error's message:
// it may hold what must not be logged.
func Open(body string) (Envelope, error) {
	switch {
	case len(body) > chat.MaxFrame:
		return Envelope{}, chat.Errorf(chat.CodeInvalid, "frame: at most %d bytes", chat.MaxFrame)
	case !utf8.ValidString(body):
		return Envelope{}, chat.Errorf(chat.CodeInvalid, "frame: must be valid UTF-8")
	case depth(body) > maxDepth:
		return Envelope{}, chat.Errorf(chat.CodeInvalid, "frame: nested more than %d deep", maxDepth)
	}
	var e Envelope
	err := decode(body, &e)
	if err == nil && len(e.Ref) > MaxRef {
		err = chat.Errorf(chat.CodeInvalid, "ref: at most %d bytes", MaxRef)
	}
	e.Ref = clean(e.Ref)
	if !e.Conversation.Valid() {
		e.Conversation = ""
	}
	return e, err
}

// Decode reads the frame of an action into its struct.
func Decode[T any](body string) (T, error) {
	var frame T
	err := decode(body, &frame)
	return frame, err
}

// TrackOf returns the track of a frame: public if it names none.
func TrackOf(t chat.Track) (chat.Track, error) {
	switch t {
	case "", chat.Public:
		return chat.Public, nil
	case chat.Desk:
		return chat.Desk, nil
	}
	return "", chat.Errorf(chat.CodeInvalid, "track: public or desk")
}

// CursorsOf turns a frame's cursors into the domain's.
func CursorsOf(in map[chat.ConversationID]Cursor) map[chat.ConversationID]chat.Cursor {
	out := make(map[chat.ConversationID]chat.Cursor, len(in))
	for c, v := range in {
		out[c] = chat.Cursor{Gen: v.Gen, Public: v.Public, Desk: v.Desk, Read: v.Read}
	}
	return out
}

// MessagesOf turns a frame's messages into the domain's.
func MessagesOf(in []NewMessage) []chat.NewMessage {
	out := make([]chat.NewMessage, len(in))
	for i, m := range in {
		out[i] = chat.NewMessage{ID: m.ID, Text: m.Text, Mentions: m.Mentions}
	}
	return out
}

func decode(body string, into any) error {
	err := json.Unmarshal([]byte(body), into)
	if err == nil && strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "{") { // null would decode into anything
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return chat.Errorf(chat.CodeInvalid, "%s: wrong type, must be %s", wrong.Field, kindOf(wrong.Type.Kind().String()))
	}
	return chat.Errorf(chat.CodeInvalid, "frame: must be one JSON object")
}

// kindOf names a Go kind as JSON does.
func kindOf(kind string) string {
	switch kind {
	case "string", "bool":
		return kind
	case "slice":
		return "an array"
	case "map", "struct":
		return "an object"
	default:
		return "a whole number from 0"
	}
}

// depth returns how deeply brackets nest, strings aside.
func depth(body string) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

func asError(err error) *chat.Error {
	var e *chat.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
