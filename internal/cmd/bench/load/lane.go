package load

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// textBytes is the size of a message: that of the peers' measurements in the README.
const textBytes = 128

var text = strings.Repeat("x", textBytes)

// Lane is what one party says in one conversation: one frame under way, what waits goes together, as the
// protocol has it.
type Lane struct {
	peer         *Peer
	conversation chat.ConversationID

	mu     sync.Mutex
	seq    uint64 // the highest one seen: the next frame's "after"
	flying []int  // messages under way
	queue  []int
	frame  []byte
}

// say queues a message, and sends it if nothing is under way.
func (l *Lane) say(b *Book, i int) {
	l.mu.Lock()
	l.queue = append(l.queue, i)
	l.next(b)
	l.mu.Unlock()
}

// next sends what waits. l.mu is held.
func (l *Lane) next(b *Book) {
	if len(l.flying) > 0 || len(l.queue) == 0 {
		return
	}
	n := min(len(l.queue), chat.MaxMessages)
	l.flying = append(l.flying[:0], l.queue[:n]...)
	l.queue = append(l.queue[:0], l.queue[n:]...)
	l.frame = appendSend(l.frame[:0], b, l)
	if err := l.peer.socket.Send(l.frame); err != nil {
		b.failed("socket", len(l.flying))
		l.flying = l.flying[:0]
	}
}

// appendSend appends the frame of what is under way. Its ref is the lane: answers need no book-keeping.
func appendSend(f []byte, b *Book, l *Lane) []byte {
	f = append(f, `{"action":"send","ref":"`...)
	f = append(f, l.conversation...)
	f = append(f, `","conversation":"`...)
	f = append(f, l.conversation...)
	f = append(f, `","after":`...)
	f = strconv.AppendUint(f, l.seq, 10)
	f = append(f, `,"messages":[`...)
	for k, i := range l.flying {
		if k > 0 {
			f = append(f, ',')
		}
		f = append(f, `{"id":"`...)
		f = append(f, b.id(i)...)
		f = append(f, `","text":"`...)
		f = append(f, text...)
		f = append(f, `"}`...)
	}
	return append(f, `]}`...)
}

func (l *Lane) last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

// learned notes the seq of a push.
func (l *Lane) learned(seq uint64) {
	l.mu.Lock()
	l.seq = max(l.seq, seq)
	l.mu.Unlock()
}

// answered ends what is under way; failure is "" for an acknowledgement.
func (l *Lane) answered(b *Book, seq uint64, failure string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if failure != "" {
		b.failed(failure, len(l.flying))
	}
	l.seq = max(l.seq, seq)
	l.flying = l.flying[:0]
	l.next(b)
}

// Peer is one socket with its lanes. Its reader runs until the socket ends.
type Peer struct {
	socket *Socket
	lanes  map[string]*Lane // by conversation; not changed once the reader runs
	book   *atomic.Pointer[Book]
	// onAck, when set, hears of every answer: the closed loop.
	onAck *atomic.Pointer[func(*Lane)]
}

// read handles what the server sends until the socket ends.
func (p *Peer) read() {
	var buf []byte
	for {
		var err error
		if buf, err = p.socket.Read(buf); err != nil {
			return
		}
		if b := p.book.Load(); b != nil {
			p.handle(b, buf)
		}
	}
}

func (p *Peer) handle(b *Book, frame []byte) {
	lane := p.lanes[string(quoted(frame, conversationMark))]
	switch string(quoted(frame, typeMark)) {
	case protocol.TypeEvents:
		eachID(frame, b.sawPush)
		if lane != nil {
			lane.learned(maxSeq(frame))
		}
	case protocol.TypeAck:
		eachID(frame, b.sawAck)
		if lane != nil {
			lane.answered(b, maxSeq(frame), "")
			p.tell(lane)
		}
	case protocol.TypeError:
		p.failed(b, frame)
	case "": // the gateway's own error: the outcome of all that is under way is unknown
		for _, l := range p.lanes {
			l.answered(b, 0, "gateway")
			p.tell(l)
		}
	}
}

func (p *Peer) failed(b *Book, frame []byte) {
	var e protocol.Error
	if json.Unmarshal(frame, &e) != nil {
		return
	}
	if lane := p.lanes[e.Ref]; lane != nil {
		lane.answered(b, 0, string(e.Code))
		p.tell(lane)
	}
}

func (p *Peer) tell(l *Lane) {
	if f := p.onAck.Load(); f != nil {
		(*f)(l)
	}
}
