package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// list is a component that keeps its records. Its snapshot is the list itself, or the last keep of it.
type list struct {
	records []string
	keep    int
	refuse  error
}

func (l *list) Replay(record []byte) error {
	if l.refuse != nil {
		return l.refuse
	}
	l.records = append(l.records, string(record))
	return nil
}

func (l *list) Snapshot(emit func([]byte) error) error {
	from := 0
	if l.keep > 0 {
		from = max(0, len(l.records)-l.keep)
	}
	for _, r := range l.records[from:] {
		if err := emit([]byte(r)); err != nil {
			return err
		}
	}
	return nil
}

func mustOpen(t testing.TB, dir string, components map[string]Component) *Journal {
	t.Helper()
	j, err := Open(dir, components)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func mustClose(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func appendAndWait(t testing.TB, j *Journal, component, record string) {
	t.Helper()
	if err := j.Wait(j.Append(component, []byte(record))); err != nil {
		t.Fatalf("Wait for %q: %v", record, err)
	}
}

func TestNilJournalIsMemoryMode(t *testing.T) {
	t.Parallel()
	var j *Journal
	if pos := j.Append("sqs", []byte("x")); pos != 0 {
		t.Errorf("Append = %d, want 0", pos)
	}
	if err := errors.Join(j.Wait(0), j.Wait(7), j.Close()); err != nil {
		t.Errorf("memory mode failed: %v", err)
	}
}

func TestReplayReturnsEachComponentItsRecordsInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, map[string]Component{"a": &list{}, "b": &list{}})
	var wantA, wantB []string
	for i := range 100 {
		a, b := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)
		wantA, wantB = append(wantA, a), append(wantB, b)
		j.Append("a", []byte(a))
		j.Append("b", []byte(b))
		if i%7 == 0 {
			appendAndWait(t, j, "a", "")
			wantA = append(wantA, "")
		}
	}
	mustClose(t, j)
	a, b := &list{}, &list{}
	mustOpen(t, dir, map[string]Component{"a": a, "b": b})
	if !slices.Equal(a.records, wantA) || !slices.Equal(b.records, wantB) {
		t.Errorf("replayed %q and %q", a.records, b.records)
	}
}

func TestAppendedBatchesFollowReplayedOnes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 5 {
		l := &list{}
		j := mustOpen(t, dir, map[string]Component{"a": l})
		if len(l.records) != i {
			t.Fatalf("opening %d replayed %q", i, l.records)
		}
		appendAndWait(t, j, "a", fmt.Sprint(i))
		mustClose(t, j)
	}
}

func TestUnawaitedRecordIsWrittenSoon(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), map[string]Component{"a": &list{}})
	pos := j.Append("a", []byte("nobody waits"))
	deadline := time.Now().Add(10 * time.Second)
	for {
		j.mu.Lock()
		durable := j.durable
		j.mu.Unlock()
		if durable == pos {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the record was never written")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestSecondStackIsLockedOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, nil)
	if _, err := Open(dir, nil); !errors.Is(err, ErrLocked) {
		t.Fatalf("second Open = %v, want ErrLocked", err)
	}
	mustClose(t, j)
	mustOpen(t, dir, nil)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, map[string]Component{"a": &list{}})
	appendAndWait(t, j, "a", "x")
	mustClose(t, j)
	if _, err := Open(dir, map[string]Component{"b": &list{}}); err == nil {
		t.Error("a record of an unknown component was dropped in silence")
	}
	broken := errors.New("broken")
	if _, err := Open(dir, map[string]Component{"a": &list{refuse: broken}}); !errors.Is(err, broken) {
		t.Errorf("Open = %v, want the error of Replay", err)
	}
	l := &list{}
	mustOpen(t, dir, map[string]Component{"a": l}) // the lock was released, the record is still there
	if len(l.records) != 1 {
		t.Errorf("replayed %q", l.records)
	}
}

func TestCompactionKeepsOnlyTheLiveState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, map[string]Component{"a": &list{}, "b": &list{}})
	record := make([]byte, 1000)
	for i := range 3 * compactFrom / 1000 {
		copy(record, fmt.Sprintf("%08d", i))
		j.Append("a", record)
	}
	appendAndWait(t, j, "b", "other")
	mustClose(t, j)
	if err := os.WriteFile(filepath.Join(dir, newName), []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}

	j = mustOpen(t, dir, map[string]Component{"a": &list{keep: 10}, "b": &list{}})
	stat, err := os.Stat(filepath.Join(dir, logName))
	if err != nil || stat.Size() > 20_000 {
		t.Fatalf("after compaction: %v, %v", stat, err)
	}
	appendAndWait(t, j, "a", "after")
	mustClose(t, j)

	a, b := &list{}, &list{}
	mustOpen(t, dir, map[string]Component{"a": a, "b": b})
	if len(a.records) != 11 || a.records[10] != "after" || !slices.Equal(b.records, []string{"other"}) {
		t.Errorf("after compaction %d records of a and %q of b", len(a.records), b.records)
	}
}

// disk is a logFile that counts, can be held up and can fail.
type disk struct {
	writes, syncs atomic.Int64
	hold          chan struct{} // Sync takes one token, when set
	failWrite     atomic.Bool
	failSync      atomic.Bool
}

var errDisk = errors.New("disk broke")

func (d *disk) Write(p []byte) (int, error) {
	d.writes.Add(1)
	if d.failWrite.Load() {
		return 0, errDisk
	}
	return len(p), nil
}

func (d *disk) Sync() error {
	d.syncs.Add(1)
	if d.hold != nil {
		<-d.hold
	}
	if d.failSync.Load() {
		return errDisk
	}
	return nil
}

func (d *disk) Close() error { return nil }

func TestWaitReturnsOnlyAfterSync(t *testing.T) {
	t.Parallel()
	d := &disk{hold: make(chan struct{})}
	j := start(d, nil, 0)
	done := make(chan error, 1)
	pos := j.Append("a", nil)
	go func() { done <- j.Wait(pos) }()
	for d.syncs.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-done:
		t.Fatalf("acknowledged before fsync returned: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	d.hold <- struct{}{}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	close(d.hold)
	mustClose(t, j)
}

func TestGroupCommit(t *testing.T) {
	t.Parallel()
	d := &disk{hold: make(chan struct{})}
	j := start(d, nil, 0)
	first := j.Append("a", nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := j.Wait(first); err != nil {
			t.Error(err)
		}
	})
	for d.syncs.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for range 100 { // all of them while the first fsync is under way
		pos := j.Append("a", nil)
		wg.Go(func() {
			if err := j.Wait(pos); err != nil {
				t.Error(err)
			}
		})
	}
	close(d.hold)
	wg.Wait()
	if n := d.syncs.Load(); n != 2 {
		t.Errorf("101 records took %d fsyncs, want 2", n)
	}
	mustClose(t, j)
}

func TestNothingIsAcknowledgedAfterAFailure(t *testing.T) {
	t.Parallel()
	for name, breakDisk := range map[string]func(*disk){
		"write": func(d *disk) { d.failWrite.Store(true) },
		"fsync": func(d *disk) { d.failSync.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &disk{}
			j := start(d, nil, 0)
			good := j.Append("a", nil)
			if err := j.Wait(good); err != nil {
				t.Fatal(err)
			}
			breakDisk(d)
			if err := j.Wait(j.Append("a", nil)); !errors.Is(err, errDisk) {
				t.Fatalf("Wait = %v, want the disk's error", err)
			}
			d.failWrite.Store(false)
			d.failSync.Store(false)
			writes := d.writes.Load()
			if err := j.Wait(j.Append("a", nil)); !errors.Is(err, errDisk) {
				t.Errorf("Wait after the disk recovered = %v, want the first error", err)
			}
			if err := j.Wait(good); err != nil {
				t.Errorf("Wait for what was durable before = %v", err)
			}
			if err := j.Close(); !errors.Is(err, errDisk) {
				t.Errorf("Close = %v, want the disk's error", err)
			}
			if d.writes.Load() != writes {
				t.Error("something was written after the failure")
			}
		})
	}
}

func TestFailureReachesThoseWhoWaitForTheNextBatch(t *testing.T) {
	t.Parallel()
	d := &disk{hold: make(chan struct{})}
	d.failSync.Store(true)
	j := start(d, nil, 0)
	errs := make(chan error, 2)
	first := j.Append("a", nil)
	go func() { errs <- j.Wait(first) }()
	for d.syncs.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	second := j.Append("a", nil)
	go func() { errs <- j.Wait(second) }()
	close(d.hold)
	for range 2 {
		if err := <-errs; !errors.Is(err, errDisk) {
			t.Errorf("Wait = %v, want the disk's error", err)
		}
	}
	if err := j.Close(); !errors.Is(err, errDisk) {
		t.Errorf("Close = %v", err)
	}
}

func TestCloseWritesWhatIsPendingAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, map[string]Component{"a": &list{}})
	pos := j.Append("a", []byte("pending"))
	mustClose(t, j)
	mustClose(t, j)
	if err := j.Wait(pos); err != nil {
		t.Errorf("Wait for a record from before Close = %v", err)
	}
	if err := j.Wait(j.Append("a", []byte("late"))); !errors.Is(err, ErrClosed) {
		t.Errorf("Wait for a record from after Close = %v, want ErrClosed", err)
	}
	l := &list{}
	mustOpen(t, dir, map[string]Component{"a": l})
	if !slices.Equal(l.records, []string{"pending"}) {
		t.Errorf("replayed %q", l.records)
	}
}

func TestConcurrentAppendersKeepTheOrderOfTheirPositions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, map[string]Component{"a": &list{}})
	const goroutines, each = 64, 50
	var mu sync.Mutex
	var want []string
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				record := fmt.Sprintf("%d/%d", g, i)
				mu.Lock() // the component's own lock
				pos := j.Append("a", []byte(record))
				want = append(want, record)
				if pos != uint64(len(want)) {
					t.Errorf("position %d, want %d", pos, len(want))
				}
				mu.Unlock()
				if err := j.Wait(pos); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	mustClose(t, j)
	l := &list{}
	mustOpen(t, dir, map[string]Component{"a": l})
	if !slices.Equal(l.records, want) {
		t.Error("the log has another order than the appends")
	}
}
