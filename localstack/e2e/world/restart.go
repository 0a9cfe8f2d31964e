package world

import (
	"context"
	"net/http"
	"os/exec"

	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/front"
)

// Restart starts the stack again on the addresses that it had, after Kill or Stop, and waits until it is ready. What
// it knew is there again if it has a directory for it (StackOptions.Data). Its admin key is the one of before only if
// Args name one (-access-key, -secret-key).
func (s *Stack) Restart(ctx context.Context) error {
	before := s.World
	old := s.command
	<-s.done
	s.command = exec.CommandContext(context.WithoutCancel(ctx), old.Args[0], old.Args[1:]...) // ends with Stop or Kill
	s.command.Dir, s.command.Stdout, s.command.Stderr = old.Dir, old.Stdout, old.Stderr
	s.command.Env, s.command.SysProcAttr = old.Env, endWithParent()
	if err := s.command.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	s.done = done
	command := s.command
	go func() {
		s.err = command.Wait()
		close(done)
	}()
	w, err := s.ready(ctx, before.Control)
	if err != nil {
		s.Kill()
		return err
	}
	s.World = w
	return nil
}

// Denied lists the calls that the policies of the template did not allow.
func (w *World) Denied(ctx context.Context) (list []front.Denial, err error) {
	err = w.get(ctx, "/denied", &list)
	return list, err
}

// Faults returns the fault rules with their hits, and how often each kind of fault struck.
func (w *World) Faults(ctx context.Context) (status faults.Status, err error) {
	err = w.get(ctx, "/faults", &status)
	return status, err
}

// Expire deletes the items whose time has come, which DynamoDB does within days.
func (w *World) Expire(ctx context.Context) error {
	return w.control(ctx, http.MethodPost, "/expire", nil, nil)
}

// Cut ends a connection as the network may: with a TCP reset and no close frame.
func (w *World) Cut(ctx context.Context, connection string) error {
	return w.control(ctx, http.MethodDelete, "/connections/"+connection+"?how=reset", nil, nil)
}
