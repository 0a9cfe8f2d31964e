package dynamo

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// An event is stored packed, since write units are per started KB:
//
//	byte 0      format: 1, or 2 with a detail
//	byte 1      type, index in chat.EventTypes
//	byte 2      role of the sender (low 4 bits, index in chat.Roles) and flags
//	16 bytes    id
//	16 bytes    sender
//	uvarint     time, Unix milliseconds
//	uvarint     generation
//	[uvarint    follows, flag hasFollows]
//	[uvarint    target, flag hasTarget]
//	[state      from and to as status index+1, reason (uvarint length), flag hasState]
//	[16 bytes   subject, flag hasSubject]
//	[detail     uvarint length and JSON, format 2]
//	rest        text
//
// The seq is not stored: it follows from the place in the tail or the chunk.
const (
	packFormat   = 1
	detailFormat = 2
)

const (
	hasFollows = 1 << (4 + iota)
	hasTarget
	hasState
	hasSubject
)

// errCorrupt means that a stored event cannot be read: a newer format, or damage.
var errCorrupt = errors.New("stored event cannot be read")

// statuses are stored by index: append only.
var statuses = []chat.Status{"", chat.StatusQueued, chat.StatusActive, chat.StatusClosed, chat.StatusBot, chat.StatusOffered,
	chat.StatusIdle, chat.StatusSnoozed, chat.StatusOffline, chat.StatusAbandoned}

// pack encodes an event. Its ids are well-formed: the domain checked them.
func pack(e chat.Event) []byte {
	flags := slices.Index(chat.Roles(), e.Role) & 0x0f
	flags |= flagIf(e.Follows > 0, hasFollows) | flagIf(e.Target > 0, hasTarget) | flagIf(e.Subject != "", hasSubject)
	flags |= flagIf(e.From != "" || e.To != "" || e.Reason != "", hasState)
	b := make([]byte, 0, 48+len(e.Text)+len(e.Reason))
	format := byte(packFormat)
	if e.Detail != nil {
		format = detailFormat
	}
	b = append(b, format, byte(slices.Index(chat.EventTypes(), e.Type)), byte(flags))
	b = appendID(b, chat.EventPrefix, string(e.ID))
	b = appendID(b, chat.UserPrefix, string(e.Sender))
	b = binary.AppendUvarint(b, uint64(e.At.UnixMilli()))
	b = binary.AppendUvarint(b, uint64(e.Gen))
	if flags&hasFollows != 0 {
		b = binary.AppendUvarint(b, e.Follows)
	}
	if flags&hasTarget != 0 {
		b = binary.AppendUvarint(b, e.Target)
	}
	if flags&hasState != 0 {
		b = append(b, byte(slices.Index(statuses, e.From)), byte(slices.Index(statuses, e.To)))
		b = binary.AppendUvarint(b, uint64(len(e.Reason)))
		b = append(b, e.Reason...)
	}
	if flags&hasSubject != 0 {
		b = appendID(b, chat.UserPrefix, string(e.Subject))
	}
	if e.Detail != nil {
		raw := packDetail(e.Detail)
		b = binary.AppendUvarint(b, uint64(len(raw)))
		b = append(b, raw...)
	}
	return append(b, e.Text...)
}

func flagIf(on bool, flag int) int {
	if on {
		return flag
	}
	return 0
}

func appendID(b []byte, prefix, id string) []byte {
	raw, _ := chat.IDBytes(prefix, id)
	return append(b, raw[:]...)
}

// unpack decodes what pack wrote; seq comes from the event's place.
func unpack(b []byte, seq uint64) (chat.Event, error) {
	if len(b) < 3 || b[0] != packFormat && b[0] != detailFormat || int(b[1]) >= len(chat.EventTypes()) || int(b[2]&0x0f) >= len(chat.Roles()) {
		return chat.Event{}, errCorrupt
	}
	flags := int(b[2])
	r := reader{b: b[3:]}
	e := chat.Event{Seq: seq, Type: chat.EventTypes()[b[1]], Role: chat.Roles()[b[2]&0x0f]}
	e.ID = chat.EventID(r.id(chat.EventPrefix))
	e.Sender = chat.UserID(r.id(chat.UserPrefix))
	e.At = time.UnixMilli(int64(r.uvarint()))
	e.Gen = uint32(r.uvarint())
	if flags&hasFollows != 0 {
		e.Follows = r.uvarint()
	}
	if flags&hasTarget != 0 {
		e.Target = r.uvarint()
	}
	if flags&hasState != 0 {
		e.From, e.To = r.status(), r.status()
		e.Reason = string(r.take(r.uvarint()))
	}
	if flags&hasSubject != 0 {
		e.Subject = chat.UserID(r.id(chat.UserPrefix))
	}
	if b[0] == detailFormat {
		detail, err := unpackDetail(r.take(r.uvarint()))
		if err != nil {
			return chat.Event{}, errCorrupt
		}
		e.Detail = detail
	}
	e.Text = string(r.b)
	if r.bad {
		return chat.Event{}, errCorrupt
	}
	return e, nil
}

// reader takes fields off a byte slice and remembers that it ran out.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad = true
		r.b = nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) id(prefix string) string {
	raw := r.take(16)
	if raw == nil {
		return ""
	}
	return chat.FormatID(prefix, [16]byte(raw))
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) status() chat.Status {
	raw := r.take(1)
	if raw == nil || int(raw[0]) >= len(statuses) {
		r.bad = true
		return ""
	}
	return statuses[raw[0]]
}
