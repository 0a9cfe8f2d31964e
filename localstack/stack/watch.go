package stack

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/parley-chat/parley/localstack/lambda"
)

// settle is how long the sources must have been quiet before a build: editors write in several steps.
const settle = 150 * time.Millisecond

// watch rebuilds when a source of a function changes and reloads the functions whose binary came out different.
func (s *Stack) watch() error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	if err := s.watchSources(watcher); err != nil {
		_ = watcher.Close()
		return err
	}
	s.wg.Go(func() {
		defer watcher.Close() //nolint:errcheck // nothing was written
		s.rebuildOnChange(watcher)
	})
	return nil
}

// watchSources watches the directories of every package of this module that the functions are built from, and the template's.
func (s *Stack) watchSources(watcher *fsnotify.Watcher) error {
	args := []string{"list", "-deps", "-tags", lambda.Tags, "-f", "{{if not .Standard}}{{.Dir}}{{end}}"}
	for _, f := range s.Plan.Functions {
		args = append(args, "./"+filepath.ToSlash(filepath.Clean(f.CodeURI)))
	}
	cmd := exec.CommandContext(s.ctx, "go", args...)
	cmd.Dir = s.root
	out, err := cmd.Output()
	if err != nil {
		return errors.New("go list of the functions' packages failed; -watch needs it: " + err.Error())
	}
	problems := []error{watcher.Add(s.root)}
	for dir := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		if !strings.Contains(dir, "/pkg/mod/") { // modules from the cache never change
			problems = append(problems, watcher.Add(dir))
		}
	}
	return errors.Join(problems...)
}

func (s *Stack) rebuildOnChange(watcher *fsnotify.Watcher) {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case event, ok := <-watcher.Events:
			if !ok {
				return
			}
			switch {
			case strings.HasSuffix(event.Name, ".go") && event.Op != fsnotify.Chmod:
				timer.Reset(settle)
			case event.Name == filepath.Join(s.root, filepath.Base(s.opts.Template)) && event.Has(fsnotify.Write):
				s.console.Warn("the template has changed: restart the stack to run it")
			}
		case err := <-watcher.Errors:
			s.console.Warn("watching the sources: " + err.Error())
		case <-timer.C:
			s.reload()
			if err := s.watchSources(watcher); err != nil && s.ctx.Err() == nil {
				s.console.Warn(err.Error())
			}
		}
	}
}

// reload builds all functions and restarts those whose binary changed. What does not compile changes nothing.
func (s *Stack) reload() {
	before := s.fingerprints()
	began := s.opts.Now()
	if err := lambda.Build(s.ctx, s.root, s.opts.BinDir, s.Plan.Functions); err != nil {
		if !errors.Is(s.ctx.Err(), context.Canceled) {
			s.console.Warn(err.Error())
		}
		return
	}
	after := s.fingerprints()
	var reloaded []string
	for _, f := range s.Plan.Functions {
		if before[f.LogicalID] == after[f.LogicalID] {
			continue
		}
		if err := s.runner.Restart(f.LogicalID); err == nil {
			reloaded = append(reloaded, f.LogicalID)
		}
	}
	s.console.Say("rebuilt in %.1f s, reloaded: %s", s.opts.Now().Sub(began).Seconds(), strings.Join(append(reloaded, ""), " "))
}

// fingerprints hashes the binaries by function.
func (s *Stack) fingerprints() map[string][sha256.Size]byte {
	sums := map[string][sha256.Size]byte{}
	for _, f := range s.Plan.Functions {
		file, err := os.Open(lambda.Binary(s.opts.BinDir, f))
		if err != nil {
			continue // not built yet: any build is a change
		}
		hash := sha256.New()
		_, err = io.Copy(hash, file)
		_ = file.Close()
		if err == nil {
			sums[f.LogicalID] = [sha256.Size]byte(hash.Sum(nil))
		}
	}
	return sums
}
