package client

// mutant names a bug planted for the self-test of the simulation; see TestSimulationFindsPlantedBugs. The zero
// value is the client as it is meant to be.
type mutant int

const (
	sane mutant = iota
	// raiseAfter: a retry sends the newest seq that it knows instead of the one of its first try.
	raiseAfter
	// learnIsAck: an outbox entry ends when its event is merely seen.
	learnIsAck
	// dropEarly: what comes before its turn is dropped, and not missed.
	dropEarly
	// applyTwice: a push is applied although its seq was applied before.
	applyTwice
	// applyUnseen: a push is applied although something before it is missing.
	applyUnseen
	// neverResend: a frame whose answer is lost is given up.
	neverResend
	// twoInFlight: the next frame goes out before the last one is answered.
	twoInFlight
	// ignorePong: the heads that a pong tells are not compared with the view.
	ignorePong
	// neverFetch: what is missing is not asked for.
	neverFetch
	// forgetStrange: a push that no view can take yet is dropped.
	forgetStrange
)
