package protocol

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

// Encode writes a frame. Text is not escaped for HTML: bytes are metered, and clients treat text as text.
func Encode(frame any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(frame); err != nil {
		// The frames of this package hold nothing that JSON cannot (a test marshals each of them).
		panic("protocol: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// EventOf turns an event into its form for clients.
func EventOf(e chat.Event) Event {
	return Event{
		Seq: e.Seq, ID: e.ID, Type: e.Type, At: e.At.UnixMilli(), Sender: e.Sender, Role: e.Role,
		Follows: e.Follows, Target: e.Target, Text: e.Text, From: e.From, To: e.To, Reason: e.Reason, Subject: e.Subject,
		Detail: DetailOf(shownDetail(e)),
	}
}

// EventsOf turns events into their form for clients. It returns nil for none.
func EventsOf(events []chat.Event) []Event {
	if len(events) == 0 {
		return nil
	}
	out := make([]Event, len(events))
	for i, e := range events {
		out[i] = EventOf(e)
	}
	return out
}

// eventFixed is more than an event always takes in a frame: the names, the longest type and role, two ids, a seq and a
// time of any length, commas and braces.
const eventFixed = 200

// What the optional members take at most, with their names.
const (
	numberSize  = 32 // "follows" or "target"
	statusSize  = 20 // "from" or "to"
	subjectSize = 48
	reasonSize  = 14 // besides the reason itself
)

// EventSize returns an upper bound of the bytes that the event takes in a frame.
func EventSize(e chat.Event) int {
	n := eventFixed + stringSize(e.Text) + stringSize(e.Reason) + detailSize(e.Detail)
	for _, optional := range []struct {
		has  bool
		size int
	}{{e.Follows > 0, numberSize}, {e.Target > 0, numberSize}, {e.From != "", statusSize}, {e.To != "", statusSize},
		{e.Subject != "", subjectSize}, {e.Reason != "", reasonSize}} {
		if optional.has {
			n += optional.size
		}
	}
	return n
}

// stringSize bounds the length of s as a JSON string: control characters, U+2028, U+2029 and what is not UTF-8
// take 6 bytes, quotes and backslashes 2.
func stringSize(s string) int {
	n := len(s)
	for _, c := range s {
		switch {
		case c < 0x20 || c == 0x7f || c == utf8.RuneError:
			n += 5
		case c == '"' || c == '\\':
			n++
		case c == '\u2028' || c == '\u2029':
			n += 3
		}
	}
	return n
}

// Encoder writes the frames that delivery pushes.
type Encoder struct{}

// Events writes events as few frames as their size allows.
func (Encoder) Events(head *chat.Head, t chat.Track, events []chat.Event) [][]byte {
	var frames [][]byte
	for len(events) > 0 {
		n, used := 0, 512
		for n < len(events) {
			if used += EventSize(events[n]); used > chat.MaxFrame && n > 0 {
				break
			}
			n++
		}
		frames = append(frames, Encode(Events{
			Type: TypeEvents, Conversation: head.Conversation, Track: t, Gen: head.Gen, Events: EventsOf(events[:n]), Read: readBySender(head, events[:n]),
		}))
		events = events[n:]
	}
	return frames
}

// readBySender is how far the sender of messages has read, by the image; 0 for all other events.
func readBySender(h *chat.Head, events []chat.Event) uint64 {
	by := events[0].Sender
	if slices.ContainsFunc(events, func(e chat.Event) bool { return e.Type != chat.EventMessage || e.Sender != by }) {
		return 0
	}
	return h.Participants[by].Cursor
}

func waitingOf(w chat.Waiting) WaitingEntry {
	return WaitingEntry{
		Conversation: w.Conversation, Customer: w.Customer, Since: w.Since.UnixMilli(), Department: w.Department, Priority: w.Priority, Offered: w.Offered,
	}
}

// WaitingOf turns waiting conversations into their form for clients.
func WaitingOf(list []chat.Waiting) []WaitingEntry {
	out := make([]WaitingEntry, len(list))
	for i, w := range list {
		out[i] = waitingOf(w)
	}
	return out
}

// SnapshotOf turns a snapshot into its form for a client of that role.
func SnapshotOf(s chat.Snapshot, role chat.Role) Snapshot {
	out := Snapshot{
		Conversation: s.Head.Conversation, Gen: s.Head.Gen, Status: s.Head.Status.Shown(), Version: s.Head.Version,
		Assignee: s.Head.Assignee, Department: s.Head.Department, QueuedAt: millis(s.Head.QueuedAt),
		Participants: participantsOf(s.Head, role), Public: viewOf(s.Public), Standing: standingOf(s.Standing),
	}
	if role.Staff() {
		out.Status, out.Priority, out.OfferedTo, out.Epoch = s.Head.Status, s.Head.Priority, s.Head.OfferedTo, s.Head.Epoch
		out.WaitingSince, out.Unread = millis(s.WaitingSince), s.Unread
		desk := viewOf(s.Desk)
		out.Desk = &desk
	}
	return out
}

func viewOf(v chat.TrackView) TrackView {
	return TrackView{Head: v.Head, Events: EventsOf(v.Events), Limited: v.Limited}
}

// participantsOf lists those whom a reader of the role may know of: customers do not see who watches, nor whom it is offered to.
func participantsOf(h *chat.Head, role chat.Role) []Participant {
	out := make([]Participant, 0, len(h.Participants))
	for _, u := range slices.Sorted(maps.Keys(h.Participants)) {
		if p := h.Participants[u]; role.Staff() || !h.Unseen(u) {
			out = append(out, Participant{User: u, Role: p.Role, Read: p.Cursor, Watching: p.Watching})
		}
	}
	return out
}

// HeadsOf returns the newest seqs of a conversation for a client of that user and role.
func HeadsOf(h *chat.Head, user chat.UserID, role chat.Role) TrackHeads {
	out := TrackHeads{Gen: h.Gen, Public: h.Public.Last, Read: h.Participants[user].Cursor}
	if role.Staff() {
		out.Desk = h.Desk.Last
	}
	return out
}

// ErrorOf turns any error into its frame. What nobody named is internal: its text stays here.
func ErrorOf(err error, ref string, conversation chat.ConversationID) Error {
	out := Error{Type: TypeError, Ref: ref, Code: chat.CodeOf(err), Conversation: conversation}
	out.Retryable = out.Code.Retryable()
	out.Message = "something went wrong on our side; send the same again"
	if e := asError(err); e != nil {
		out.Message = e.Message
		out.RetryAfter, out.Fields = e.RetryAfter.Milliseconds(), e.Fields
	}
	return out
}

// clean makes a ref safe to send back: a prefix of at most MaxRef bytes of valid UTF-8.
func clean(ref string) string {
	if len(ref) <= MaxRef {
		return strings.ToValidUTF8(ref, "")
	}
	ref = ref[:MaxRef]
	for len(ref) > 0 && !utf8.ValidString(ref) {
		ref = ref[:len(ref)-1]
	}
	return ref
}
