package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Store keeps the outbox over a restart. Save replaces what was kept and returns once it is as durable as the
// store can make it: a frame is only sent after its entries, with their After, are saved. Both are called by
// one goroutine at a time.
type Store interface {
	Load() ([]Entry, error)
	Save([]Entry) error
}

// MemoryStore keeps the outbox for a client that is made again in the same process.
type MemoryStore struct {
	mu      sync.Mutex
	entries []Entry
}

// Load returns what was saved last.
func (s *MemoryStore) Load() ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Entry(nil), s.entries...), nil
}

// Save keeps a copy.
func (s *MemoryStore) Save(entries []Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries[:0:0], entries...)
	return nil
}

// FileStore keeps the outbox in one file, which survives the death of the process and of the machine: each
// Save writes a new file, syncs it, renames it over the old one and syncs the directory.
type FileStore struct{ Path string }

// Load returns what was saved last, nothing when there is no file yet.
func (s FileStore) Load() ([]Entry, error) {
	b, err := os.ReadFile(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []Entry
	if err := json.Unmarshal(b, &entries); err != nil {
		return nil, fmt.Errorf("client: outbox %s: %w", s.Path, err)
	}
	return entries, nil
}

// Save replaces the file.
func (s FileStore) Save(entries []Entry) error {
	next := s.Path + ".next"
	if err := writeSynced(next, encode(entries)); err != nil { // as in frames: no character grows into an escape

		return err
	}
	if err := os.Rename(next, s.Path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(s.Path))
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
