package sim

import "time"

// Fault names a class of what can go wrong, or of an unusual situation that must have been seen.
type Fault string

// The classes. Those with a rate are drawn by the schedule, the others follow from it and are only counted.
const (
	KillBefore       Fault = "function killed before an effect"
	KillAfter        Fault = "function killed after an effect"
	KillAtAnswer     Fault = "function killed at its response"
	LateEffect       Fault = "effect of a dead function lands later"
	Throttle         Fault = "storage throttled"
	Conflict         Fault = "transaction conflict"
	LostOutcome      Fault = "answer lost after commit"
	Stall            Fault = "call stalled"
	FunctionTimeout  Fault = "function timed out"
	DuplicateInvoke  Fault = "frame invoked twice"
	Busy             Fault = "post answered 429"
	PostFailed       Fault = "post answered 5xx"
	PostUnknown      Fault = "post taken, answer lost"
	Deaf             Fault = "receiver took nothing for minutes"
	PushDuplicated   Fault = "push delivered twice"
	PushReordered    Fault = "frame overtook another"
	Drop             Fault = "connection dropped"
	DropMidSend      Fault = "connection dropped with a frame unanswered"
	HalfOpen         Fault = "connection half open"
	DisconnectLost   Fault = "$disconnect lost"
	DisconnectLate   Fault = "$disconnect late"
	DisconnectTwice  Fault = "$disconnect twice"
	DialFailed       Fault = "dial failed"
	Restart          Fault = "client restarted with its outbox"
	DeviceSleep      Fault = "everything asleep for long"
	StaleHello       Fault = "hello with a stale cursor"
	ClockSkew        Fault = "function's clock was off"
	QueueDuplicate   Fault = "queue message duplicated"
	QueueLate        Fault = "queue message late"
	QueueRedelivered Fault = "queue message redelivered"
	QueueExpired     Fault = "visibility expired in mid-work"
	SendRefused      Fault = "batch entry refused"
	SendFailed       Fault = "batch send failed"
	SendUnknown      Fault = "batch send taken, answer lost"
	StreamRepeated   Fault = "stream record repeated"
	StreamGaveUp     Fault = "stream gave up on a record"
	RelayAway        Fault = "relay away"
	IntegratorFails  Fault = "integrator failed in mid-batch"
	IntegratorRepeat Fault = "integrator's deletion lost"
	// Situations.
	HandlerTrimmed Fault = "handler trimmed a huge tail"
	Gone           Fault = "post answered 410"
	Duplicates     Fault = "retry found its message"
	LostRace       Fault = "join lost to another operator"
	ReopenedBySend Fault = "reopened by the customer's send"
	Muted          Fault = "customer muted"
	Limited        Fault = "limited snapshot"
	Paged          Fault = "gap fetched"
	Queued         Fault = "push left to the queue"
	Rotated        Fault = "socket rotated"
	Expired        Fault = "listener expired"
	Abandoned      Fault = "call outlived its context"
	Crowded        Fault = "more listeners than HEAD holds"
	Closed         Fault = "connection closed by the service"
	Reused         Fault = "id reused for another content"
)

// rates are the probabilities per opportunity at full strength; a run takes each at a strength of its own.
var rates = map[Fault]float64{
	KillBefore: 0.006, KillAfter: 0.006, KillAtAnswer: 0.02, LateEffect: 0.3, Throttle: 0.03, Conflict: 0.1, LostOutcome: 0.03,
	Stall: 0.004, DuplicateInvoke: 0.03, Busy: 0.1, PostFailed: 0.05, PostUnknown: 0.05, PushDuplicated: 0.05, Deaf: 0.06,
	Drop: 0.004, HalfOpen: 0.002, DisconnectLost: 0.3, DisconnectLate: 0.4, DisconnectTwice: 0.3, DialFailed: 0.2,
	Restart: 0.002, DeviceSleep: 0.0006, StaleHello: 0.002, ClockSkew: 0.2, QueueDuplicate: 0.1, QueueLate: 0.2, QueueRedelivered: 0.1,
	QueueExpired: 0.05, SendRefused: 0.08, SendFailed: 0.06, SendUnknown: 0.06, StreamRepeated: 0.15, StreamGaveUp: 0.2, RelayAway: 0.01,
	IntegratorFails: 0.1, IntegratorRepeat: 0.1,
}

// situations are seen, not drawn.
var situations = []Fault{FunctionTimeout, DropMidSend, PushReordered, HandlerTrimmed, Gone, Duplicates, LostRace, ReopenedBySend, Muted,
	Limited, Paged, Queued, Rotated, Expired, Abandoned, Crowded, Closed, Reused}

// Faults lists every class: a set of runs must have seen each.
func Faults() []Fault {
	list := append([]Fault(nil), situations...)
	for f := range rates {
		list = append(list, f)
	}
	return list
}

// strikes draws whether a fault happens now, and counts it.
func (w *world) strikes(f Fault) bool {
	if !w.faulty || w.rate[f] == 0 || w.rng.Float64() >= w.rate[f] {
		return false
	}
	w.count(f)
	return true
}

func (w *world) count(f Fault) { w.counts[f]++ }

// skew draws how wrong a new function's clock is.
func (w *world) skew() time.Duration {
	if !w.strikes(ClockSkew) {
		return 0
	}
	return time.Duration(w.pick(600_000)-300_000) * time.Millisecond
}

// fateOf draws what becomes of a call.
func (w *world) fateOf(c *call) fate {
	if c.kind == pause {
		return proceed
	}
	if c.kind == answer {
		if w.strikes(KillAtAnswer) {
			return die
		}
		return proceed
	}
	switch {
	case w.strikes(KillBefore):
		return die
	case w.strikes(KillAfter):
		return dieAfter
	}
	for _, f := range failuresOf[c.kind] {
		if w.strikes(f.fault) {
			return f.fate
		}
	}
	return proceed
}

type failure struct {
	fault Fault
	fate  fate
}

var failuresOf = map[kind][]failure{
	read:        {{Throttle, refuse}},
	write:       {{Throttle, refuse}, {LostOutcome, forget}},
	transaction: {{Throttle, refuse}, {Conflict, refuse}, {LostOutcome, forget}},
	push:        {{Busy, refuse}, {PostFailed, refuse}, {PostUnknown, forget}},
	enqueue:     {{SendFailed, refuse}, {SendUnknown, forget}},
}
