// Package faults breaks the local stack on purpose: rules say where, how and how often, and every strike is counted, so
// that a test in which its fault did not happen can fail. Rules are set over /_local/faults, or by Add.
package faults

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/localstack/policy"
	"github.com/parley-chat/parley/localstack/seam"
)

// Rule is one fault. Empty patterns match everything; * stands for any run of characters and ? for one.
type Rule struct {
	ID        string         `json:"id"` // given by Add when empty
	Service   string         `json:"service,omitempty"`
	Operation string         `json:"operation,omitempty"`
	Function  string         `json:"function,omitempty"`
	Resource  string         `json:"resource,omitempty"`
	Route     string         `json:"route,omitempty"`
	Phase     seam.Phase     `json:"phase,omitempty"` // default before
	Kind      seam.FaultKind `json:"kind"`
	// ErrorType, Message and Status are those of an error. The type is as AWS writes it in __type, with or without the
	// service's prefix. Status 0 means the one that AWS gives with this type, else 400.
	ErrorType string `json:"errorType,omitempty"`
	Message   string `json:"message,omitempty"`
	Status    int    `json:"status,omitempty"`
	DelayMS   int    `json:"delayMs,omitempty"` // of a delay
	// Probability is the chance of each passing after the first Skip, default 1. The n-th passing strikes or not by Seed
	// and n alone, so that a run with the same passings has the same strikes.
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`
	Skip        int     `json:"skip,omitempty"`  // passings that are let through first
	Times       int     `json:"times,omitempty"` // strikes after which the rule is spent, 0 = never

	Passed int `json:"passed"` // matching passings so far
	Hits   int `json:"hits"`   // strikes so far
}

// Count is how often a kind of fault struck.
type Count struct {
	Service   string         `json:"service"`
	Operation string         `json:"operation"`
	Kind      seam.FaultKind `json:"kind"`
	Hits      int            `json:"hits"`
}

// Injector holds the rules. Its zero value has none and is ready for use. It is safe for concurrent use; without rules
// a Strike costs one atomic load.
type Injector struct {
	active atomic.Pointer[[]*active] // nil or empty without rules

	mu     sync.Mutex // guards what changes below and in the rules
	next   int
	counts map[Count]int // Hits is 0 in the keys
}

var _ seam.Faults = (*Injector)(nil)

// active is a rule with its own lock: rules do not wait for each other.
type active struct {
	mu   sync.Mutex
	rule Rule
}

// statuses are the HTTP statuses of AWS's error types that are not 400 (DynamoDB, Lambda and API Gateway API references).
var statuses = map[string]int{
	"InternalServerError": http.StatusInternalServerError, "InternalFailure": http.StatusInternalServerError, "InternalError": http.StatusInternalServerError,
	"ServiceUnavailable": http.StatusServiceUnavailable, "LimitExceededException": http.StatusTooManyRequests, "TooManyRequestsException": http.StatusTooManyRequests,
	"GoneException": http.StatusGone, "ForbiddenException": http.StatusForbidden, "PayloadTooLargeException": http.StatusRequestEntityTooLarge,
	"ServiceException": http.StatusInternalServerError, "RequestThrottled": http.StatusForbidden,
}

// Add puts a rule behind the others and returns it with its id. The error says what is wrong with the rule.
func (in *Injector) Add(r Rule) (Rule, error) {
	if err := check(&r); err != nil {
		return Rule{}, err
	}
	r.Passed, r.Hits = 0, 0
	in.mu.Lock()
	defer in.mu.Unlock()
	rules := in.list()
	if r.ID == "" {
		in.next++
		r.ID = fmt.Sprintf("fault-%d", in.next)
	}
	if slices.ContainsFunc(rules, func(a *active) bool { return a.rule.ID == r.ID }) {
		return Rule{}, fmt.Errorf("there is a rule %q already", r.ID)
	}
	in.store(append(slices.Clone(rules), &active{rule: r}))
	return r, nil
}

func check(r *Rule) error {
	if r.Phase == "" {
		r.Phase = seam.Before
	}
	if r.Probability == 0 {
		r.Probability = 1
	}
	switch {
	case r.Phase != seam.Before && r.Phase != seam.After:
		return fmt.Errorf("phase %q is neither before nor after", r.Phase)
	case !slices.Contains([]seam.FaultKind{seam.FaultError, seam.FaultDelay, seam.FaultLose, seam.FaultKill, seam.FaultDuplicate}, r.Kind):
		return fmt.Errorf("kind %q is none of error, delay, lose, kill, duplicate", r.Kind)
	case r.Kind == seam.FaultError && r.ErrorType == "":
		return fmt.Errorf("an error needs an errorType")
	case r.Kind == seam.FaultDelay && r.DelayMS <= 0:
		return fmt.Errorf("a delay needs delayMs")
	case r.DelayMS < 0 || r.Skip < 0 || r.Times < 0:
		return fmt.Errorf("delayMs, skip and times cannot be negative")
	case !(r.Probability > 0 && r.Probability <= 1):
		return fmt.Errorf("probability must be above 0 and at most 1")
	case r.Status != 0 && (r.Status < 400 || r.Status > 599):
		return fmt.Errorf("status %d is no error", r.Status)
	}
	if r.Kind == seam.FaultError && r.Status == 0 {
		r.Status = http.StatusBadRequest
		if s, ok := statuses[r.ErrorType[strings.LastIndex(r.ErrorType, "#")+1:]]; ok {
			r.Status = s
		}
	}
	return nil
}

func (in *Injector) list() []*active {
	if p := in.active.Load(); p != nil {
		return *p
	}
	return nil
}

func (in *Injector) store(rules []*active) { in.active.Store(&rules) }

// Remove takes a rule away; false if there is none with this id.
func (in *Injector) Remove(id string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	rules := in.list()
	kept := slices.DeleteFunc(slices.Clone(rules), func(a *active) bool { return a.rule.ID == id })
	in.store(kept)
	return len(kept) < len(rules)
}

// Clear takes all rules away. The counts stay.
func (in *Injector) Clear() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.store(nil)
}

// ResetCounts sets the totals to nothing.
func (in *Injector) ResetCounts() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.counts = nil
}

// Rules lists the rules in their order, with their hits.
func (in *Injector) Rules() []Rule {
	made := []Rule{}
	for _, a := range in.list() {
		a.mu.Lock()
		made = append(made, a.rule)
		a.mu.Unlock()
	}
	return made
}

// Counts lists what struck since the start or ResetCounts, including rules that are gone.
func (in *Injector) Counts() []Count {
	in.mu.Lock()
	defer in.mu.Unlock()
	made := []Count{}
	for c, hits := range in.counts {
		c.Hits = hits
		made = append(made, c)
	}
	slices.SortFunc(made, func(a, b Count) int {
		return strings.Compare(a.Service+" "+a.Operation+" "+string(a.Kind), b.Service+" "+b.Operation+" "+string(b.Kind))
	})
	return made
}

// Hits returns how often a kind struck at a service's operation; an empty name stands for any.
func (in *Injector) Hits(service, operation string, kind seam.FaultKind) int {
	hits := 0
	for _, c := range in.Counts() {
		if (service == "" || c.Service == service) && (operation == "" || c.Operation == operation) && (kind == "" || c.Kind == kind) {
			hits += c.Hits
		}
	}
	return hits
}

// Strike implements seam.Faults: the first rule that matches and decides to strike does.
func (in *Injector) Strike(p seam.FaultPoint) (seam.Fault, bool) {
	rules := in.list()
	for _, a := range rules {
		if !a.matches(p) || !a.pass() {
			continue
		}
		in.count(p, a.rule.Kind)
		r := &a.rule
		return seam.Fault{Kind: r.Kind, ErrorType: r.ErrorType, Message: r.Message, Status: r.Status, Delay: time.Duration(r.DelayMS) * time.Millisecond}, true
	}
	return seam.Fault{}, false
}

// matches looks only at fields that never change.
func (a *active) matches(p seam.FaultPoint) bool {
	r := &a.rule
	return r.Phase == p.Phase && fits(r.Service, p.Service) && fits(r.Operation, p.Operation) && fits(r.Function, p.Function) && fits(r.Resource, p.Resource) &&
		fits(r.Route, p.Route)
}

func fits(pattern, s string) bool {
	return pattern == "" || pattern == s || policy.Match(pattern, s)
}

// pass counts one passing and decides it.
func (a *active) pass() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &a.rule
	if r.Times > 0 && r.Hits >= r.Times {
		return false
	}
	r.Passed++
	if r.Passed <= r.Skip || !chance(r.Seed, uint64(r.Passed), r.Probability) {
		return false
	}
	r.Hits++
	return true
}

// chance decides the n-th passing: the first 53 bits of SplitMix64(seed, n) as a fraction (Steele, Lea and Flood,
// "Fast splittable pseudorandom number generators", 2014).
func chance(seed, n uint64, probability float64) bool {
	z := seed + n*0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11)/(1<<53) < probability
}

func (in *Injector) count(p seam.FaultPoint, kind seam.FaultKind) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.counts == nil {
		in.counts = map[Count]int{}
	}
	in.counts[Count{Service: p.Service, Operation: p.Operation, Kind: kind}]++
}
