package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The file is fileMagic followed by batches. A batch is what one write and one fsync put there, so at most
// the last one can be incomplete after a crash:
//
//	length   uint32  bytes of the body
//	number   uint64  1, 2, 3 …: a batch that was lost or repeated shows
//	bodySum  uint32  CRC-32C of the body
//	headSum  uint32  CRC-32C of the 16 bytes before it, so that a wrong length is never believed
//	body     records, each: uvarint length and component name, uvarint length and record
//
// Integers are little-endian.
const (
	fileMagic = "PARLEYJ1"
	headBytes = 20
	// maxBatch bounds one batch; the length field could hold 4 GiB.
	maxBatch = 1 << 30
	// sector is the unit in which disks lose writes: one that never arrived reads as zeros.
	sector = 512
)

// ErrCorrupt is returned by Open for a log whose bytes are present but wrong.
var ErrCorrupt = errors.New("journal is corrupt")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord adds one record to the body of a batch.
func appendRecord(batch []byte, component string, record []byte) []byte {
	batch = binary.AppendUvarint(batch, uint64(len(component)))
	batch = append(batch, component...)
	batch = binary.AppendUvarint(batch, uint64(len(record)))
	return append(batch, record...)
}

// seal fills in the head of a batch whose first headBytes were left free.
func seal(batch []byte, number uint64) {
	body := batch[headBytes:]
	binary.LittleEndian.PutUint32(batch[0:], uint32(len(body)))
	binary.LittleEndian.PutUint64(batch[4:], number)
	binary.LittleEndian.PutUint32(batch[12:], crc32.Checksum(body, castagnoli))
	binary.LittleEndian.PutUint32(batch[16:], crc32.Checksum(batch[:16], castagnoli))
}

// extent says how much of a log is good.
type extent struct {
	end     int64  // bytes up to the end of the last whole batch
	batches uint64 // number of whole batches
}

// scan visits every record of the log in r, which holds size bytes. The extent that it returns is shorter
// than size when the tail is torn. The record handed to visit is valid during the call only.
func scan(r io.Reader, size int64, visit func(component string, record []byte) error) (extent, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	magic := make([]byte, len(fileMagic))
	if _, err := io.ReadFull(in, magic); err != nil || string(magic) != fileMagic {
		return extent{}, fmt.Errorf("%w: it does not begin with %q", ErrCorrupt, fileMagic)
	}
	good := extent{end: int64(len(fileMagic))}
	var body []byte
	for {
		var err error
		body, err = readBatch(in, body, good, size)
		if err != nil || body == nil {
			return good, err
		}
		if err := splitRecords(body, visit); err != nil {
			return good, fmt.Errorf("batch %d at byte %d: %w", good.batches+1, good.end, err)
		}
		good.batches++
		good.end += headBytes + int64(len(body))
	}
}

// readBatch returns the body of the batch after good, or nil when the log ends there, torn or not.
func readBatch(in *bufio.Reader, buffer []byte, good extent, size int64) ([]byte, error) {
	rest := size - good.end
	if rest < headBytes {
		return nil, nil
	}
	var head [headBytes]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(head[0:]))
	switch {
	case binary.LittleEndian.Uint32(head[16:]) != crc32.Checksum(head[:16], castagnoli):
		return nil, headTornOrCorrupt(head[:], in, good)
	case binary.LittleEndian.Uint64(head[4:]) != good.batches+1:
		return nil, corrupt(good, fmt.Sprintf("it is numbered %d: batches are missing or repeated", binary.LittleEndian.Uint64(head[4:])))
	case length > maxBatch || length == 0:
		return nil, corrupt(good, "its length is impossible")
	case length > rest-headBytes:
		return nil, nil // torn: the write never finished, so it was never acknowledged
	}
	if int64(cap(buffer)) < length {
		buffer = make([]byte, length)
	}
	body := buffer[:length]
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(head[12:]) == crc32.Checksum(body, castagnoli) {
		return body, nil
	}
	if hasLostSector(body, good.end+headBytes) && onlyZeros(in) {
		return nil, nil
	}
	return nil, corrupt(good, "its checksum is wrong")
}

// headTornOrCorrupt judges a head whose checksum is wrong. A file that was extended but not filled before
// the power went reads as zeros to its end; anything else was damaged later.
func headTornOrCorrupt(head []byte, in io.Reader, good extent) error {
	if len(bytes.Trim(head, "\x00")) == 0 && onlyZeros(in) {
		return nil
	}
	return corrupt(good, "its head is damaged")
}

func corrupt(good extent, why string) error {
	return fmt.Errorf("%w in the middle: batch %d at byte %d: %s; everything before it is whole", ErrCorrupt, good.batches+1, good.end, why)
}

// hasLostSector reports whether an aligned sector inside body, which begins at offset in the file, is zero.
func hasLostSector(body []byte, offset int64) bool {
	var zero [sector]byte
	for at := (sector - offset%sector) % sector; at+sector <= int64(len(body)); at += sector {
		if bytes.Equal(body[at:at+sector], zero[:]) {
			return true
		}
	}
	return false
}

func onlyZeros(in io.Reader) bool {
	chunk := make([]byte, 4096)
	for {
		n, err := in.Read(chunk)
		if len(bytes.Trim(chunk[:n], "\x00")) > 0 {
			return false
		}
		if err != nil {
			return err == io.EOF
		}
	}
}

// splitRecords visits the records of a body.
func splitRecords(body []byte, visit func(component string, record []byte) error) error {
	for len(body) > 0 {
		name, rest, ok := cutField(body)
		if !ok {
			return fmt.Errorf("%w: a component's name runs over the end of its batch", ErrCorrupt)
		}
		record, rest, ok := cutField(rest)
		if !ok {
			return fmt.Errorf("%w: a record runs over the end of its batch", ErrCorrupt)
		}
		if err := visit(string(name), record); err != nil {
			return err
		}
		body = rest
	}
	return nil
}

func cutField(b []byte) (field, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(length)], b[n+int(length):], true
}
