package journal

import "encoding/binary"

// What a record holds is its component's own. The engines write numbers as uvarints and texts behind their length, and
// read them with Fields.

// AppendText adds a text behind its length.
func AppendText(record []byte, s string) []byte {
	return append(binary.AppendUvarint(record, uint64(len(s))), s...)
}

// Fields takes fields off a record from the front. After the first that is malformed, nothing is left and all are zero.
type Fields struct {
	// Rest is what has not been taken yet.
	Rest []byte
	// Bad says that a field was malformed. Whoever reads on sets it too, where the values make no sense.
	Bad bool
}

func (f *Fields) fail() { f.Rest, f.Bad = nil, true }

// Number takes a uvarint.
func (f *Fields) Number() uint64 {
	n, size := binary.Uvarint(f.Rest)
	if size <= 0 {
		f.fail()
		return 0
	}
	f.Rest = f.Rest[size:]
	return n
}

// Byte takes one byte.
func (f *Fields) Byte() byte {
	if len(f.Rest) == 0 {
		f.fail()
		return 0
	}
	b := f.Rest[0]
	f.Rest = f.Rest[1:]
	return b
}

// Bytes takes what AppendText wrote, and shares the record's memory.
func (f *Fields) Bytes() []byte {
	n := f.Number()
	if n > uint64(len(f.Rest)) {
		f.fail()
		return nil
	}
	b := f.Rest[:n]
	f.Rest = f.Rest[n:]
	return b
}

// Text is Bytes as a text of its own.
func (f *Fields) Text() string { return string(f.Bytes()) }

// Whole says that the record held what was taken, and nothing else.
func (f *Fields) Whole() bool { return !f.Bad && len(f.Rest) == 0 }
