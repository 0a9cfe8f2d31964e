package load

import (
	"bytes"

	"github.com/parley-chat/parley/internal/chat"
)

// What the generator needs of a frame is found without decoding it: at thousands of messages a second decoding
// would cost as much as the server does, on the generator's core. A text that contains such a pattern would
// mislead it, but the texts are its own.
var (
	typeMark         = []byte(`"type":"`)
	conversationMark = []byte(`"conversation":"`)
	idMark           = []byte(`"id":"`)
	seqMark          = []byte(`"seq":`)
)

// quoted returns the text behind a mark, up to its quote.
func quoted(frame, mark []byte) []byte {
	i := bytes.Index(frame, mark)
	if i < 0 {
		return nil
	}
	text := frame[i+len(mark):]
	end := bytes.IndexByte(text, '"')
	if end < 0 {
		return nil
	}
	return text[:end]
}

// eachID calls f with the bytes of every event id.
func eachID(frame []byte, f func([16]byte)) {
	for {
		i := bytes.Index(frame, idMark)
		if i < 0 {
			return
		}
		frame = frame[i+len(idMark):]
		if len(frame) < chat.IDLength {
			return
		}
		if b, ok := chat.IDBytes(chat.EventPrefix, string(frame[:chat.IDLength])); ok {
			f(b)
		}
	}
}

// maxSeq returns the highest seq of a frame.
func maxSeq(frame []byte) (highest uint64) {
	for {
		i := bytes.Index(frame, seqMark)
		if i < 0 {
			return highest
		}
		frame = frame[i+len(seqMark):]
		n := uint64(0)
		for len(frame) > 0 && frame[0] >= '0' && frame[0] <= '9' && n < 1<<56 {
			n, frame = n*10+uint64(frame[0]-'0'), frame[1:]
		}
		highest = max(highest, n)
	}
}
