package journal

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// ErrClosed is what Wait returns for a record that came after Close.
var ErrClosed = errors.New("journal is closed")

// lazyFlush is how long a record stays in memory when nobody waits for it.
const lazyFlush = 5 * time.Millisecond

// Component is an engine whose state lives in the log.
type Component interface {
	// Replay applies one record, as it was appended or as Snapshot emitted it. Open calls it in order, from
	// one goroutine, before it returns. The record is valid during the call only: copy what is kept.
	Replay(record []byte) error
	// Snapshot emits records that rebuild the present state when replayed into an empty component. Open may
	// call it, from one goroutine, after the last Replay. The record may be reused once emit has returned.
	Snapshot(emit func(record []byte) error) error
}

// logFile is the part of os.File that the writer needs; tests put failing disks here.
type logFile interface {
	Write(p []byte) (int, error)
	Sync() error
	Close() error
}

// Journal is an open log. A nil *Journal is memory mode: nothing is kept and everything succeeds at once.
// It is safe for concurrent use.
type Journal struct {
	file logFile
	lock *os.File

	// kick has room for one token, which says that someone waits for the pending batch.
	kick chan struct{}
	// stop tells the writer to write what is pending and end; stopped is closed when it has.
	stop, stopped chan struct{}
	lazy          *time.Timer

	mu      sync.Mutex
	next    uint64 // position of the newest record
	durable uint64 // every record up to here is on disk
	pending *batch // being filled
	writing *batch // with the writer, nil when it is idle
	spare   []byte // buffer of the last batch, reused
	failed  error  // set once, for good
	closed  bool
}

// batch is what one write and one fsync make durable.
type batch struct {
	bytes []byte
	last  uint64        // position of its last record
	done  chan struct{} // closed when durable or failed
}

func newBatch(buffer []byte) *batch {
	if cap(buffer) < headBytes {
		buffer = make([]byte, headBytes, 4096)
	}
	return &batch{bytes: buffer[:headBytes], done: make(chan struct{})}
}

func start(file logFile, lock *os.File, batches uint64) *Journal {
	j := &Journal{
		file:    file,
		lock:    lock,
		kick:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
		pending: newBatch(nil),
	}
	j.lazy = time.AfterFunc(time.Hour, j.wake)
	j.lazy.Stop()
	go j.write(batches)
	return j
}

// Append orders a record after all earlier ones and returns its position, 1 or more. It copies the record,
// does no I/O and may be called under the lock that orders the component's changes. The record is not yet
// durable: call Wait, without the lock, before answering. A record that nobody waits for is written about
// 5 ms later. Append has no error: once the journal has failed or is closed, Wait says so.
func (j *Journal) Append(component string, record []byte) uint64 {
	if j == nil {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next++
	if j.failed != nil || j.closed {
		return j.next
	}
	if len(j.pending.bytes)+len(record) > maxBatch {
		j.failed = fmt.Errorf("journal: more than %d bytes wait to be written", maxBatch)
		j.wake()
		return j.next
	}
	if j.pending.last == 0 {
		j.lazy.Reset(lazyFlush)
	}
	j.pending.bytes = appendRecord(j.pending.bytes, component, record)
	j.pending.last = j.next
	return j.next
}

// Wait blocks until the record at pos, and so every earlier one, is on disk. It returns an error when that
// cannot be promised: then the change may or may not survive, and nothing later will be acknowledged.
func (j *Journal) Wait(pos uint64) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	for pos > j.durable && j.failed == nil {
		b := j.writing
		if b == nil || pos > b.last {
			b = j.pending
			if pos > b.last { // appended after Close, or never appended
				j.mu.Unlock()
				return ErrClosed
			}
			j.wake()
		}
		j.mu.Unlock()
		<-b.done
		j.mu.Lock()
	}
	defer j.mu.Unlock()
	if pos > j.durable {
		return j.failed
	}
	return nil
}

func (j *Journal) wake() {
	select {
	case j.kick <- struct{}{}:
	default:
	}
}

// Close writes what is pending, releases the directory and returns the error that ended the journal early,
// if one did. It may be called more than once.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	first := !j.closed
	j.closed = true
	j.mu.Unlock()
	if first {
		close(j.stop)
	}
	<-j.stopped
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

// write is the single writer.
func (j *Journal) write(batches uint64) {
	defer close(j.stopped)
	for running := true; running; {
		select {
		case <-j.kick:
		case <-j.stop:
			running = false
		}
		b := j.take()
		if b == nil {
			continue
		}
		batches++
		seal(b.bytes, batches)
		_, err := j.file.Write(b.bytes)
		if err == nil {
			err = j.file.Sync()
		}
		j.finish(b, err)
	}
	j.lazy.Stop()
	j.release()
}

// take hands the pending batch to the writer, or nil when there is nothing to write or no use in writing.
func (j *Journal) take() *batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		close(j.pending.done)
		j.pending = newBatch(nil)
		return nil
	}
	if j.pending.last == 0 {
		return nil
	}
	j.lazy.Stop()
	j.writing = j.pending
	j.pending = newBatch(j.spare)
	j.spare = nil
	return j.writing
}

// finish publishes the outcome of a batch.
func (j *Journal) finish(b *batch, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writing = nil
	if cap(b.bytes) <= 4<<20 { // a rare giant is not kept
		j.spare = b.bytes[:0]
	}
	if err != nil {
		j.failed = fmt.Errorf("journal failed, nothing can be acknowledged any more: %w", err)
		close(j.pending.done)
		j.pending = newBatch(nil)
	} else {
		j.durable = b.last
	}
	close(b.done)
}

func (j *Journal) release() {
	err := j.file.Close()
	if j.lock != nil {
		err = errors.Join(err, unlock(j.lock))
	}
	if err == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = fmt.Errorf("closing the journal: %w", err)
	}
}
