package history

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// MarkerPrefix begins every marker; MarkerBytes is how long markers are, with it.
const (
	MarkerPrefix = "mark-"
	MarkerBytes  = len(MarkerPrefix) + 8
)

// Frames looks at the frames of one client: it notes the ranges of the log that they carry as reads, and what
// they should not hold. It must be called by one goroutine at a time.
type Frames struct {
	r      *Recorder
	client Client
	asked  map[string]asked // by ref
}

type asked struct {
	at    time.Duration
	after uint64
}

// Frames returns what watches a client's frames.
func (r *Recorder) Frames(c Client) *Frames {
	return &Frames{r: r, client: c, asked: map[string]asked{}}
}

// Frame looks at one frame.
func (x *Frames) Frame(in bool, frame []byte) {
	if !in {
		x.sent(frame)
		return
	}
	x.look(frame)
	if bytes.Contains(frame, []byte(`"type":"page"`)) {
		x.page(frame)
	}
}

// look searches for what must not be there. Texts hold no quotes, so a quoted word is a field or a value of the
// protocol.
func (x *Frames) look(frame []byte) {
	if !x.client.Staff && bytes.Contains(frame, []byte(`"desk"`)) {
		x.r.note(Leak, "client %d, a customer, got a frame about the desk track: %.300s", x.client.Number, frame)
	}
	for rest := frame; ; {
		i := bytes.Index(rest, []byte(MarkerPrefix))
		if i < 0 {
			return
		}
		rest = rest[i:]
		if mark := rest[:min(MarkerBytes, len(rest))]; string(mark) != x.client.Marker {
			x.r.note(Crossing, "client %d of %s got %s of another workspace: %.300s", x.client.Number, x.client.Marker, mark, frame)
		}
		rest = rest[len(MarkerPrefix):]
	}
}

func (r *Recorder) note(k Kind, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frames.add(k, format, args...)
}

func (x *Frames) sent(frame []byte) {
	if !bytes.Contains(frame, []byte(`"action":"page"`)) {
		return
	}
	var p protocol.Page
	if json.Unmarshal(frame, &p) == nil && p.After != nil {
		x.asked[p.Ref] = asked{x.r.ReadBegin(), *p.After}
	}
}

func (x *Frames) page(frame []byte) {
	var p protocol.PageReply
	if json.Unmarshal(frame, &p) != nil {
		return
	}
	q, ok := x.asked[p.Ref]
	if !ok {
		return
	}
	delete(x.asked, p.Ref)
	x.r.ReadEnd(Read{Key: Key{p.Conversation, p.Track}, After: q.after, IDs: IDs(p.Events), Head: p.Head, Begin: q.at})
}

// IDs of events.
func IDs(events []protocol.Event) []chat.EventID {
	ids := make([]chat.EventID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	return ids
}
