package world

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Stack is a local stack that runs as a child of this process.
type Stack struct {
	*World
	opts    StackOptions
	command *exec.Cmd
	done    chan struct{} // closed when the process has ended
	err     error         // of the process; read after done
}

// StackOptions say how to start a local stack.
type StackOptions struct {
	// Binary of the stack; default: built from the source into a temporary directory by Build.
	Binary string
	// Root of the repository, where template.yaml lies. Default: found above the working directory.
	Root string
	// Data is the directory that keeps tables and queues, "" for memory.
	Data string
	// Args are further flags.
	Args []string
	// Wrap is put before the command: ["taskset", "-c", "0"].
	Wrap []string
	// Env is added to the environment.
	Env []string
	// Log gets what the stack prints; default nothing.
	Log io.Writer
}

// Open connects to the system that the environment names (see FromEnvironment), else builds and starts a local
// stack of its own, which ends with stop. Its log is kept when PARLEY_E2E_LOG names a file.
func Open(ctx context.Context, env func(string) string) (w *World, stop func(), err error) {
	w, found, err := FromEnvironment(ctx, env)
	if found || err != nil {
		return w, func() {}, err
	}
	root, err := Root()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "parley-stack-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) } // a directory of our own in the temporary one
	s, err := open(ctx, root, dir, cmp.Or(env("PARLEY_E2E_LOG"), filepath.Join(dir, "log")))
	if err != nil {
		remove()
		return nil, nil, err
	}
	return s.World, func() {
		_ = s.Stop() // nobody is left to be told
		remove()
	}, nil
}

func open(ctx context.Context, root, dir, path string) (*Stack, error) {
	binary, err := Build(ctx, root, dir)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child has its own handle
	s, err := Start(ctx, StackOptions{Binary: binary, Root: root, Log: log, Args: []string{
		"-param", "OidcLocal=true", "-param", `OidcSecrets={"test":"of the client"}`, // of internal/oidc/issuertest
	}})
	if err != nil {
		text, _ := os.ReadFile(path)
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return s, nil
}

// Root finds the repository above the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "template.yaml")); err == nil {
			return dir, nil
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return "", errors.New("world: no template.yaml here or above")
	}
}

// Build compiles the local stack into dir and returns the binary.
func Build(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "localstack")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./localstack")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("world: building the local stack: %w\n%s", err, out)
	}
	return binary, nil
}

// Start starts a local stack on free ports and waits until it is ready. The first start compiles the functions,
// which takes up to a minute.
func Start(ctx context.Context, o StackOptions) (*Stack, error) {
	public, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	internal, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	args := append(append([]string{}, o.Wrap...), o.Binary, "-addr", public, "-aws", internal)
	if o.Data != "" {
		args = append(args, "-data", o.Data)
	}
	args = append(args, o.Args...)
	s := &Stack{opts: o, done: make(chan struct{})}
	s.command = exec.CommandContext(context.WithoutCancel(ctx), args[0], args[1:]...) // ends with Stop or Kill
	s.command.Dir, s.command.Stdout, s.command.Stderr = o.Root, o.Log, o.Log
	s.command.Env = append(os.Environ(), o.Env...)
	s.command.SysProcAttr = endWithParent()
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.command.Wait()
		close(s.done)
	}()
	if s.World, err = s.ready(ctx, "http://"+public+"/_local"); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// ready asks until the stack answers, it ends, or ctx does.
func (s *Stack) ready(ctx context.Context, control string) (*World, error) {
	for {
		w, err := Connect(ctx, control)
		if err == nil {
			return w, nil
		}
		select {
		case <-s.done:
			return nil, fmt.Errorf("world: the local stack ended before it was ready: %w", s.err)
		case <-ctx.Done():
			return nil, fmt.Errorf("world: the local stack is not ready: %w (%w)", ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// PID of the stack; its functions are its children.
func (s *Stack) PID() int { return s.command.Process.Pid }

// Kill ends the stack as a power cut would.
func (s *Stack) Kill() {
	_ = s.command.Process.Kill() // fails only if it has ended
	<-s.done
}

// stopPatience is how long an orderly stop may take.
const stopPatience = 15 * time.Second

// Stop ends the stack in order. It is killed when that takes too long.
func (s *Stack) Stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.done:
		return s.err
	case <-time.After(stopPatience):
		s.Kill()
		return errors.New("world: the local stack did not stop in time")
	}
}

// The ports that freePort tries. They are below those that systems give to outgoing connections (from 32768 on Linux,
// 49152 elsewhere): while a stack is being restarted, its clients dial, and one of them would get the stack's port.
const firstPort, ports = 20000, 12000

// freePort finds a port that nobody listens on right now.
func freePort(ctx context.Context) (address string, err error) {
	var any net.ListenConfig
	for range 100 {
		var l net.Listener
		if l, err = any.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(ports))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}
