package lambda

import (
	"os/exec"
	"runtime"
)

// starter starts every child from one thread that lives as long as the runner: PR_SET_PDEATHSIG fires when
// the thread that forked ends (prctl(2)), and Go ends threads as it likes. Children inherit its priority.
type starter struct {
	requests chan startRequest
	stopped  chan struct{}
}

type startRequest struct {
	cmd  *exec.Cmd
	done chan error
}

// newStarter returns a starter whose children run at the stack's own priority, or at a lower one: prepare is called on
// the thread first.
func newStarter(prepare func()) *starter {
	s := &starter{requests: make(chan startRequest), stopped: make(chan struct{})}
	go s.run(prepare)
	return s
}

// run never unlocks its thread, which ends with it: its priority cannot be raised again.
func (s *starter) run(prepare func()) {
	runtime.LockOSThread()
	prepare()
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
