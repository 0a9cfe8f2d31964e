package client

import (
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Errors of commands that could never be sent.
var (
	ErrText   = errors.New("client: a text must be valid UTF-8 of 1 byte to 8 KB that fits into a frame")
	ErrReason = errors.New("client: a reason is at most 256 bytes of valid UTF-8")
	ErrFrame  = errors.New("client: the command does not fit into a frame of 32 KB")
	ErrCount  = errors.New("client: a start carries 1 to 20 messages")
)

// Entry is a command that appends to a log and is not acknowledged yet. It is what must survive a restart of
// the client: sent again with the same id and the same After it has its effect once.
type Entry struct {
	Action       string              `json:"action"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track"`
	ID           chat.EventID        `json:"id"`
	// After is the seq of the track that the view had applied at the first try; it counts only when Tried.
	After  uint64 `json:"after,omitempty"`
	Tried  bool   `json:"tried,omitempty"`
	Text   string `json:"text,omitempty"`
	Target uint64 `json:"target,omitempty"`
	// Mentions are the colleagues whom a note mentions.
	Mentions []chat.UserID `json:"mentions,omitempty"`
	// Body is what a Command, or a start, holds besides: its struct of package protocol.
	Body json.RawMessage `json:"body,omitempty"`
	// Reason and Page are in Body. They are read from outboxes that older clients have saved.
	Reason string `json:"reason,omitempty"`
	Page   string `json:"page,omitempty"`
	// Shown says that the event was seen in the log. It is sent all the same until it is acknowledged.
	Shown bool `json:"shown,omitempty"`
	// Failed is why the server refused it for good; a failed entry is not sent again.
	Failed chat.Code `json:"failed,omitempty"`
}

// lane is the outbox of one track of one conversation: first in, first out, one frame under way.
type lane struct {
	conversation chat.ConversationID
	name         chat.Track
	entries      []*Entry
	flight       *flight
	attempt      int       // tries in a row without an answer
	notBefore    time.Time // of the next try
	// alone counts entries that go in frames of their own, so that a refusal says which one it means.
	alone  int
	mutant mutant
}

// flight is the one frame that is under way.
type flight struct {
	ref     string
	entries []*Entry
	retry   bool
}

// frameReserve is the part of a frame that is not messages: action, ref, conversation, track and after take
// less than 256 bytes.
const frameReserve = 256

// mentionSize is more than the id of a user takes with its quotes and its comma.
const mentionSize = 40

// check refuses what no server would take.
func (e *Entry) check() error {
	switch e.Action {
	case protocol.ActionStart, protocol.ActionSend, protocol.ActionEdit:
		if e.Text == "" || len(e.Text) > chat.MaxText || !utf8.ValidString(e.Text) || e.size()+frameReserve > chat.MaxFrame {
			return ErrText
		}
	case protocol.ActionDelete:
	default:
		return e.checkCommand()
	}
	return nil
}

// size is how many bytes the entry takes in a frame, at most.
func (e *Entry) size() int {
	n := len(`{"id":"","text":""},`) + len(e.ID) + len(e.Text)
	for i := range len(e.Text) {
		switch c := e.Text[i]; {
		case c < 0x20:
			n += 5 // \u00XX
		case c == '"' || c == '\\':
			n++
		case c == 0xe2:
			n += 3 // U+2028 and U+2029 become \u202X
		}
	}
	if len(e.Mentions) > 0 {
		n += len(`,"mentions":[]`) + len(e.Mentions)*mentionSize
	}
	return n + len(e.Page)*6 + len(e.Body)
}

// batch returns the entries of the next frame: those that wait, as many as one frame takes. Only messages
// share a frame.
func (l *lane) batch() []*Entry {
	first := l.entries[0]
	n, bytes := 1, frameReserve+first.size()
	if first.Action != protocol.ActionSend && first.Action != protocol.ActionStart || l.alone > 0 && first.Action == protocol.ActionSend {
		return l.entries[:1:1]
	}
	for n < len(l.entries) && n < chat.MaxMessages && l.entries[n].Action == first.Action {
		if bytes += l.entries[n].size(); bytes > chat.MaxFrame {
			break
		}
		n++
	}
	return l.entries[:n:n]
}

// take makes the next frame's entries; applied is the seq that the view has now. Entries that go for the
// first time take the After of the first: lower than it need be is safe, for the server then searches more.
func (l *lane) take(applied uint64) []*Entry {
	entries := l.batch()
	retry := entries[0].Tried
	if !retry || l.mutant == raiseAfter {
		entries[0].After = applied
	}
	for _, e := range entries {
		if !e.Tried {
			e.After, e.Tried = entries[0].After, true
		}
	}
	l.flight = &flight{entries: entries, retry: retry}
	return entries
}

// end removes the entry with the id and returns it, or nil when it is not here.
func (l *lane) end(id chat.EventID) *Entry {
	for i, e := range l.entries {
		if e.ID == id {
			l.entries = append(l.entries[:i:i], l.entries[i+1:]...)
			l.alone = max(l.alone-1, 0)
			l.landed()
			return e
		}
	}
	return nil
}

// answeredBy returns an entry that the ack is about; nil when none is left.
func (l *lane) answeredBy(a protocol.Ack) *Entry {
	for _, x := range a.Acks {
		for _, e := range l.entries {
			if e.ID == x.ID {
				return e
			}
		}
	}
	if l.flight != nil && l.flight.ref == a.Ref {
		return l.flight.entries[0]
	}
	return nil
}

// landed ends the flight when none of its entries is left.
func (l *lane) landed() {
	if l.flight == nil {
		return
	}
	for _, f := range l.flight.entries {
		for _, e := range l.entries {
			if e == f {
				return
			}
		}
	}
	l.flight, l.attempt, l.notBefore = nil, 0, time.Time{}
}

// lower brings the Afters of tried entries down to a reloaded log's head. Lower is always safe; higher never.
func (l *lane) lower(head uint64) {
	for _, e := range l.entries {
		e.After = min(e.After, head)
	}
}

// frame encodes what is under way.
func (l *lane) frame(ref string) []byte {
	es := l.flight.entries
	e := es[0]
	l.flight.ref = ref
	switch e.Action {
	case protocol.ActionStart:
		return encode(e.start(ref, messages(es)))
	case protocol.ActionEdit:
		return encode(protocol.Edit{Action: e.Action, Ref: ref, Conversation: e.Conversation, Track: e.Track, After: e.After, ID: e.ID, Target: e.Target, Text: e.Text})
	case protocol.ActionDelete:
		return encode(protocol.Delete{Action: e.Action, Ref: ref, Conversation: e.Conversation, Track: e.Track, After: e.After, ID: e.ID, Target: e.Target})
	case protocol.ActionSend:
		return encode(protocol.Send{Action: e.Action, Ref: ref, Conversation: e.Conversation, Track: e.Track, After: e.After, Messages: messages(es)})
	}
	return e.command(ref)
}

// start makes the frame of a start, whose first entry holds what is not messages.
func (e *Entry) start(ref string, messages []protocol.NewMessage) protocol.Start {
	s := protocol.Start{Page: e.Page}
	if len(e.Body) > 0 {
		take(e.Body, func(body protocol.Start) { s = body })
	}
	s.Action, s.Ref, s.Conversation, s.Messages = e.Action, ref, e.Conversation, messages
	return s
}

func messages(es []*Entry) []protocol.NewMessage {
	out := make([]protocol.NewMessage, len(es))
	for i, e := range es {
		out[i] = protocol.NewMessage{ID: e.ID, Text: e.Text, Mentions: e.Mentions}
	}
	return out
}
