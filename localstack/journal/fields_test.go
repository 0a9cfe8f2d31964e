package journal

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestFields(t *testing.T) {
	t.Parallel()
	record := append(AppendText(binary.AppendUvarint(nil, 300), "text"), 7)
	f := Fields{Rest: record}
	if n, s, b := f.Number(), f.Text(), f.Byte(); n != 300 || s != "text" || b != 7 || !f.Whole() {
		t.Errorf("%d %q %d, whole %v", n, s, b, f.Whole())
	}
	for end := range record {
		f := Fields{Rest: record[:end]}
		f.Number()
		f.Bytes()
		if f.Byte(); f.Whole() || !f.Bad || len(f.Rest) > 0 {
			t.Errorf("%d of %d bytes pass for a whole record", end, len(record))
		}
	}
	if f := (Fields{Rest: record}); f.Number() != 300 || f.Whole() {
		t.Error("what follows the last field is not noticed")
	}
	huge := Fields{Rest: binary.AppendUvarint(nil, 1<<63)}
	if huge.Bytes() != nil || !huge.Bad {
		t.Error("a length beyond the record is believed")
	}
}

func FuzzFields(f *testing.F) {
	f.Add(AppendText(nil, "text"))
	f.Fuzz(func(t *testing.T, record []byte) {
		r := Fields{Rest: record}
		text := r.Bytes()
		if !r.Bad && !bytes.HasSuffix(record, append(bytes.Clone(text), r.Rest...)) {
			t.Errorf("%x: took %x, left %x", record, text, r.Rest)
		}
	})
}
