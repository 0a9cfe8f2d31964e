// Package sim runs the production code of a conversation under a schedule that a seed decides: the socket
// handler, the domain, the delivery worker, the relay and the adapters of the queues and of the gateway, driven
// by real client machines, on an in-memory store, gateway, queues and stream. Only tests import it.
//
// # How a seed means one run
//
// Every invocation of a function is a goroutine that stops at every call of a port. The schedule waits until
// all of them have stopped (testing/synctest), sorts the calls that wait, and lets exactly one go on: whose turn
// it is, and what becomes of the call, is drawn from the seed. Time is the bubble's clock and passes only
// when the schedule says so. Nothing else decides anything: no map order, no goroutine luck, no real randomness.
//
// # What a call can meet
//
// It succeeds; it is refused (throttled, a conflict); it takes effect and its answer is lost; the function dies
// before it, after it, or before it while the effect still lands later. Queues deliver twice and late, the stream
// repeats, sockets drop with everything that was on its way, clients restart with what they had saved. Each
// class has a rate and is counted: a set of runs in which one never happened is a failure.
//
// # What must hold
//
// The promises of design and package documentation: P1 to P6, tenancy, who may see and write what, and that counters
// agree with what they count. check.go looks at every effect, answer.go at every frame and screen, rest.go at the
// system when the faults have stopped and everything has come to rest, for which there is a bounded virtual time.
// Then everybody speaks once more, without faults and long after them, and what dead connections left must go.
//
// # Running it
//
//	go test ./internal/sim                                       300 seeds and the corpus
//	go test ./internal/sim -timeout 12h -args -seeds 40000       a night
//	go test ./internal/sim -run TestSeeds -args -seed 83         one run, with its trace
//	go run ./internal/cmd/mutants -packages ./internal/sim       which planted bugs it finds by itself
package sim
