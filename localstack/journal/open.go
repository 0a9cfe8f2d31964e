package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

const (
	logName  = "journal"
	newName  = "journal.new"
	lockName = "lock"
	// compactFrom is the size below which compaction is not worth its fsyncs, and compactFactor how many
	// times larger than the live state a log has to be.
	compactFrom   = 1 << 20
	compactFactor = 3
	// snapshotBatch is the size of one batch of a compacted log.
	snapshotBatch = 1 << 20
)

// ErrLocked is returned by Open when another process uses the directory.
var ErrLocked = errors.New("another local stack uses this directory")

// Open opens the log in dir, which it creates if need be, and replays it into the components, keyed by the
// name that they append under. A torn tail, which nobody was told was durable, is cut off. A log much larger
// than the live state is rewritten. Errors: ErrLocked, ErrCorrupt, a record of a component that is not
// given, whatever a component's Replay or Snapshot returned, and those of the file system. After an error
// the components are in an undefined state and the files as they were, save for the torn tail.
//
// Components are built first, opened with Open, and only then given the Journal to append to.
func Open(dir string, components map[string]Component) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := acquire(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	file, batches, err := load(dir, components)
	if err != nil {
		return nil, errors.Join(err, unlock(lock))
	}
	return start(file, lock, batches), nil
}

// acquire takes the lock that the kernel gives back when the process dies.
func acquire(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s: %w", filepath.Dir(path), ErrLocked)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// unlock gives the lock up by name, not just by closing the file: a child that another goroutine is starting
// holds a copy of the descriptor between fork and exec.
func unlock(lock *os.File) error {
	return errors.Join(syscall.Flock(int(lock.Fd()), syscall.LOCK_UN), lock.Close())
}

// load returns the log, open for appending, and the number of batches in it.
func load(dir string, components map[string]Component) (*os.File, uint64, error) {
	path := filepath.Join(dir, logName)
	if err := os.Remove(filepath.Join(dir, newName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, 0, err // a compaction that never finished
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return rewrite(dir, nil)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, 0, err
	}
	good, err := replay(file, components)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	large, err := muchLarger(good.end, components)
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	if large {
		if err := file.Close(); err != nil {
			return nil, 0, err
		}
		return rewrite(dir, components)
	}
	return file, good.batches, nil
}

// replay applies the log, cuts off its torn tail and leaves the file positioned at its end.
func replay(file *os.File, components map[string]Component) (extent, error) {
	stat, err := file.Stat()
	if err != nil {
		return extent{}, err
	}
	good, err := scan(file, stat.Size(), func(name string, record []byte) error {
		c, ok := components[name]
		if !ok {
			return fmt.Errorf("a record belongs to %q, which this stack does not run", name)
		}
		return c.Replay(record)
	})
	if err != nil {
		return good, err
	}
	if good.end < stat.Size() {
		if err := errors.Join(file.Truncate(good.end), file.Sync()); err != nil {
			return good, err
		}
	}
	_, err = file.Seek(good.end, io.SeekStart)
	return good, err
}

// muchLarger reports whether a log of the given size deserves compaction.
func muchLarger(size int64, components map[string]Component) (bool, error) {
	if size < compactFrom {
		return false, nil
	}
	var live int64
	err := eachSnapshot(components, func(name string, record []byte) error {
		live += int64(len(name) + len(record) + 6)
		return nil
	})
	return size > compactFactor*live, err
}

func eachSnapshot(components map[string]Component, emit func(name string, record []byte) error) error {
	names := make([]string, 0, len(components))
	for name := range components {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		err := components[name].Snapshot(func(record []byte) error { return emit(name, record) })
		if err != nil {
			return fmt.Errorf("snapshot of %s: %w", name, err)
		}
	}
	return nil
}

// rewrite puts a fresh log with the components' snapshots in the place of the present one. It takes effect
// at the rename, so that a crash leaves the old log or the new one, whole.
func rewrite(dir string, components map[string]Component) (*os.File, uint64, error) {
	path := filepath.Join(dir, newName)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, 0, err
	}
	batches, err := writeSnapshots(file, components)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(path, filepath.Join(dir, logName))
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, batches, nil
}

func writeSnapshots(file io.Writer, components map[string]Component) (batches uint64, err error) {
	if _, err := io.WriteString(file, fileMagic); err != nil {
		return 0, err
	}
	body := make([]byte, headBytes)
	flush := func() error {
		if len(body) == headBytes {
			return nil
		}
		batches++
		seal(body, batches)
		_, err := file.Write(body)
		body = body[:headBytes]
		return err
	}
	err = eachSnapshot(components, func(name string, record []byte) error {
		body = appendRecord(body, name, record)
		if len(body) < snapshotBatch {
			return nil
		}
		return flush()
	})
	return batches, errors.Join(err, flush())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
