package chat

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Service is the use cases of a conversation. Its fields are ports, set once before use; the zero values of
// the functions mean the real clock, real randomness and real sleep.
type Service struct {
	Log      Appender
	Reader   Reader
	Subs     Subscriptions
	Dir      Directory
	Sockets  Sockets
	Sessions SessionChecker
	// Arrivals may be nil: then a hello asks Sessions and Dir.
	Arrivals Arrivals
	// Departments lists a workspace's departments; nil, or an empty list, stands for a workspace without any.
	Departments func(context.Context, WorkspaceID) ([]DepartmentID, error)
	// NewDepartment looks again, consistently, for one that Departments does not know yet; nil does not look.
	NewDepartment func(context.Context, WorkspaceID, DepartmentID) (bool, error)
	// Staff is how operators stand, Routing takes jobs for routing, Entries mends the queue, Timers arms timers: all
	// are needed by routing only.
	Staff   OperatorStore
	Routing RoutingQueue
	Entries Entries
	Timers  Timers
	// Desk takes broadcasts to the live desk; it may be nil.
	Desk DeskQueue
	// DefaultDepartment is where conversations begin whose customers chose none; nil for none.
	DefaultDepartment func(context.Context, WorkspaceID) (DepartmentID, error)
	// Policies returns how a department routes; nil stands for the defaults.
	Policies func(context.Context, WorkspaceID, DepartmentID) (RoutingPolicy, error)
	// Heads may be nil: then a hello that a socket repeats subscribes anew to all that it listens to.
	Heads Heads
	// States reads what lies beside HEAD: the commands of a conversation's life need it.
	States States
	// Colleague returns the member of staff or bot with the id, nil when there is none or they are disabled. A nil func
	// knows nobody.
	Colleague func(context.Context, WorkspaceID, UserID) (*Colleague, error)
	// Required lists the fields without which staff closes no conversation; nil stands for none.
	Required func(context.Context, WorkspaceID, DepartmentID) ([]string, error)
	// Forms checks what a customer hands in against the workspace's forms: CodeInvalid, whose Fields name what is wrong. Nil
	// lets everything pass. Answer from memory.
	Forms func(context.Context, WorkspaceID, Submission) error
	// Fields checks what fields of a conversation are to hold against the workspace's definitions: CodeInvalid, whose
	// Fields name what is wrong. Nil lets everything pass. Answer from memory.
	Fields func(context.Context, WorkspaceID, map[string]string) error
	// Leads notes on contacts how customers can be reached; nil notes nothing.
	Leads Leads
	// Availability is how a conversation begins: StatusQueued, or StatusOffline when nobody is there; nil stands for
	// StatusQueued.
	Availability func(context.Context, WorkspaceID, DepartmentID) (Status, error)
	// Bot is the bot that greets, "" for none; nil stands for none.
	Bot func(context.Context, WorkspaceID, DepartmentID) (UserID, error)
	// Tails moves a tail that outgrew MaxTailBytes while the relay was away.
	Tails    Mover
	Delivery *Delivery
	// Relay is needed by Repair only.
	Relay *Relay

	looks  looks  // of routing, at the queues
	queues queues // as read for telling how it stands

	// Epoch is the deployment's restore epoch, stored with every event (parameter RestoreEpoch).
	Epoch uint32
	// Deadline bounds all tries of one command, default 5 s: half of the socket function's timeout, so that a
	// typed answer is sent before the function is killed.
	Deadline time.Duration
	// Rate bounds what one customer may write, such as DefaultRate. The zero value bounds nothing.
	Rate Rate
	// RateOf, when set, returns a workspace's own rate; not ok means that it has none, and Rate holds. It is asked
	// after every message of a customer: answer from memory.
	RateOf func(context.Context, WorkspaceID) (rate Rate, ok bool)
	// SizeOf returns how many bytes an event takes in a frame.
	SizeOf func(Event) int

	Now   func() time.Time
	Sleep func(context.Context, time.Duration)
}

func (s *Service) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Service) sizeOf(e Event) int {
	if s.SizeOf != nil {
		return s.SizeOf(e)
	}
	return len(e.Text) + 256
}

// retry calls try until it returns anything but an unknown outcome, or the deadline passes. Backoff is
// exponential from 10 ms to 500 ms with full jitter, so that contenders for one conversation spread out.
func (s *Service) retry(ctx context.Context, try func() error) error {
	limit := s.Deadline
	if limit == 0 {
		limit = 5 * time.Second
	}
	deadline := s.now().Add(limit)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		err := try()
		if !errors.Is(err, ErrUnknownOutcome) {
			return err
		}
		if s.now().After(deadline) || ctx.Err() != nil {
			return Errorf(CodeUnavailable, "storage did not answer in time; send the same again")
		}
		s.sleep(ctx, rand.N(pause))
	}
}

func (s *Service) sleep(ctx context.Context, d time.Duration) {
	if s.Sleep != nil {
		s.Sleep(ctx, d)
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
