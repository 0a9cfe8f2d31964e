package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// smallLog returns the bytes of a log of a few batches, its records, and where each batch ends.
func smallLog(t testing.TB) (log []byte, records []string, ends []int) {
	t.Helper()
	log = []byte(fileMagic)
	ends = []int{len(log)}
	for i := range 4 {
		body := make([]byte, headBytes)
		for k := range i + 1 {
			record := strings.Repeat(fmt.Sprintf("record %d.%d ", i, k), 1+k)
			records = append(records, record)
			body = appendRecord(body, "a", []byte(record))
		}
		seal(body, uint64(i+1))
		log = append(log, body...)
		ends = append(ends, len(log))
	}
	return log, records, ends
}

func writeLog(t testing.TB, dir string, log []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, logName), log, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCutAtEveryByteKeepsAllWholeBatches(t *testing.T) {
	t.Parallel()
	log, records, ends := smallLog(t)
	dir := t.TempDir()
	for cut := len(fileMagic); cut <= len(log); cut++ {
		writeLog(t, dir, log[:cut])
		l := &list{}
		j, err := Open(dir, map[string]Component{"a": l})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		whole := 0
		for i, end := range ends[1:] {
			if end <= cut {
				whole += i + 1
			}
		}
		if !slices.Equal(l.records, records[:whole]) {
			t.Fatalf("cut at %d: replayed %q, want %d records", cut, l.records, whole)
		}
		appendAndWait(t, j, "a", "after the crash")
		mustClose(t, j)
		again := &list{}
		mustClose(t, mustOpen(t, dir, map[string]Component{"a": again}))
		if !slices.Equal(again.records, append(slices.Clone(records[:whole]), "after the crash")) {
			t.Fatalf("cut at %d, then appended: replayed %q", cut, again.records)
		}
	}
}

func TestLogWithoutItsFirstBytesIsRefused(t *testing.T) {
	t.Parallel()
	log, _, _ := smallLog(t)
	for cut := range len(fileMagic) {
		dir := t.TempDir()
		writeLog(t, dir, log[:cut])
		if _, err := Open(dir, map[string]Component{"a": &list{}}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("a file of %d bytes: %v, want ErrCorrupt", cut, err)
		}
	}
}

func TestEveryBitFlipIsDetected(t *testing.T) {
	t.Parallel()
	log, _, ends := smallLog(t)
	dir := t.TempDir()
	for at := range log {
		for bit := range 8 {
			flipped := bytes.Clone(log)
			flipped[at] ^= 1 << bit
			writeLog(t, dir, flipped)
			_, err := Open(dir, map[string]Component{"a": &list{}})
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("bit %d of byte %d: %v, want ErrCorrupt", bit, at, err)
			}
			if at >= ends[0] && !strings.Contains(err.Error(), "in the middle") {
				t.Fatalf("the error does not say where: %v", err)
			}
		}
	}
}

func TestMissingOrRepeatedBatchIsDetected(t *testing.T) {
	t.Parallel()
	log, _, ends := smallLog(t)
	for name, broken := range map[string][]byte{
		"missing":  append(bytes.Clone(log[:ends[1]]), log[ends[2]:]...),
		"repeated": append(bytes.Clone(log), log[ends[3]:]...),
		"swapped":  slices.Concat(log[:ends[0]], log[ends[1]:ends[2]], log[ends[0]:ends[1]], log[ends[2]:]),
	} {
		dir := t.TempDir()
		writeLog(t, dir, broken)
		if _, err := Open(dir, map[string]Component{"a": &list{}}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

// After a loss of power a file may have grown without its last sectors having been written.
func TestSectorsThatNeverArrivedAreATornTail(t *testing.T) {
	t.Parallel()
	log, records, _ := smallLog(t)
	body := appendRecord(make([]byte, headBytes), "a", bytes.Repeat([]byte("x"), 5*sector))
	seal(body, 5)
	whole := append(bytes.Clone(log), body...)
	hole := bytes.Clone(whole)
	clear(hole[3*sector : 4*sector])
	for name, torn := range map[string][]byte{
		"zeros after the last batch": append(bytes.Clone(log), make([]byte, 3*sector)...),
		"hole in the last batch":     hole,
		"hole, then zeros":           append(bytes.Clone(hole), make([]byte, sector)...),
	} {
		dir := t.TempDir()
		writeLog(t, dir, torn)
		l := &list{}
		mustClose(t, mustOpen(t, dir, map[string]Component{"a": l}))
		if !slices.Equal(l.records, records) {
			t.Errorf("%s: replayed %d records, want %d", name, len(l.records), len(records))
		}
	}
	dir := t.TempDir()
	next := appendRecord(make([]byte, headBytes), "a", []byte("acknowledged after the hole"))
	seal(next, 6)
	writeLog(t, dir, append(bytes.Clone(hole), next...))
	if _, err := Open(dir, map[string]Component{"a": &list{}}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a hole before a later batch: %v, want ErrCorrupt", err)
	}
}

const childDir = "PARLEY_JOURNAL_CHILD_DIR"

// TestKilledWriterLosesNothingAcknowledged kills a real process in the middle of writing, several times over
// the same log, and finds every record that it had acknowledged.
func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		writeUntilKilled(dir)
	}
	t.Parallel()
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 5 {
		for _, record := range runAndKill(t, dir, 200+137*round) {
			acknowledged[record] = true
		}
		l := &list{}
		mustClose(t, mustOpen(t, dir, map[string]Component{"a": l}))
		seen := map[string]bool{}
		for _, record := range l.records {
			if seen[record] {
				t.Fatalf("%q was replayed twice", record)
			}
			seen[record] = true
		}
		for record := range acknowledged {
			if !seen[record] {
				t.Fatalf("round %d: %q was acknowledged and lost", round, record)
			}
		}
	}
	if len(acknowledged) < 1000 {
		t.Errorf("only %d records were acknowledged", len(acknowledged))
	}
}

// runAndKill starts a writer, kills it after it has acknowledged n records and returns all of those.
func runAndKill(t *testing.T, dir string, n int) []string {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledWriterLosesNothingAcknowledged$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
		if len(acknowledged) == n {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it reports the kill
	if len(acknowledged) < n {
		t.Fatalf("the writer ended by itself after %d records", len(acknowledged))
	}
	return acknowledged
}

// writeUntilKilled is the child: 16 goroutines that append, wait and print what was acknowledged.
func writeUntilKilled(dir string) {
	j, err := Open(dir, map[string]Component{"a": &list{}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				record := strings.Join([]string{strconv.Itoa(os.Getpid()), strconv.Itoa(g), strconv.Itoa(i)}, "/")
				if err := j.Wait(j.Append("a", []byte(record))); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				// One write call each: lines of the goroutines do not mix, and nothing is buffered.
				_, _ = os.Stdout.WriteString(record + "\n")
			}
		})
	}
	wg.Wait()
}

// FuzzScan feeds the reader arbitrary files. It must never panic or read past the end, and what it accepts
// must read the same again.
func FuzzScan(f *testing.F) {
	log, _, ends := smallLog(f)
	f.Add(log)
	f.Add(log[:ends[2]+5])
	f.Add([]byte(fileMagic))
	f.Add(append(bytes.Clone(log), make([]byte, 600)...))
	f.Fuzz(func(t *testing.T, log []byte) {
		var records []string
		good, err := scan(bytes.NewReader(log), int64(len(log)), func(name string, record []byte) error {
			records = append(records, name+" "+string(record))
			return nil
		})
		if good.end > int64(len(log)) {
			t.Fatalf("read %d of %d bytes", good.end, len(log))
		}
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		var again []string
		repaired, err := scan(bytes.NewReader(log[:good.end]), good.end, func(name string, record []byte) error {
			again = append(again, name+" "+string(record))
			return nil
		})
		if err != nil || repaired != good || !slices.Equal(again, records) {
			t.Fatalf("after cutting the tail off: %v, %v, want %v", repaired, err, good)
		}
	})
}
