package lambda

import (
	"os/exec"
	"runtime"
)

// starter starts every child from one thread that lives as long as the runner: PR_SET_PDEATHSIG fires when
// the thread that forked ends (prctl(2)), and Go ends threads as it likes.
type starter struct {
	requests chan startRequest
	stopped  chan struct{}
}

type startRequest struct {
	cmd  *exec.Cmd
	done chan error
}

func newStarter() *starter {
	s := &starter{requests: make(chan startRequest), stopped: make(chan struct{})}
	go s.run()
	return s
}

func (s *starter) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.stopped)
	for request := range s.requests {
		request.done <- request.cmd.Start()
	}
}

func (s *starter) start(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	s.requests <- startRequest{cmd, done}
	return <-done
}

// stop ends the thread. No start may follow, and no child may be left: it would be killed.
func (s *starter) stop() {
	close(s.requests)
	<-s.stopped
}
