package gateway

import "time"

// Switches name every behaviour that no source settles, so that a reader can see what was assumed and a test
// can assume the opposite. Start from DefaultSwitches and change fields.
type Switches struct {
	// PingResetsIdle makes a client's ping frame count as activity. Default false: users report that pings do
	// not keep a connection open.
	PingResetsIdle bool

	// UnknownStageStatus answers a handshake on a path that is not the stage. Default 403.
	UnknownStageStatus int
	// PlainGETStatus answers a GET without an upgrade. Default 426.
	PlainGETStatus int
	// ConnectTimeoutStatus answers a handshake whose $connect integration ran out of time. Default 504, as
	// REST APIs map INTEGRATION_TIMEOUT.
	ConnectTimeoutStatus int
	// MalformedConnectStatus answers a handshake whose $connect function returned no statusCode. Default 502.
	MalformedConnectStatus int
	// StartFailureStatus answers a handshake or HTTP request whose function could not be started at all.
	// Default 500.
	StartFailureStatus int
	// ThrottledConnectStatus answers a handshake whose $connect function Lambda throttled. Default 500, as REST
	// APIs answer for a throttled proxy integration (AWS re:Post, "API Gateway proxy integration does not forward
	// Lambda throttling"). A throttled authorizer is 500, as any that gave no verdict; a throttled message gets the
	// frame Internal server error.
	ThrottledConnectStatus int
	// ThrottledHTTPStatus answers a request to the HTTP API whose function Lambda throttled. Default 503, Service
	// Unavailable, as when the function does not answer in time; 429 and 500 have their documents too.
	ThrottledHTTPStatus int
	// ConnectRefusalBody sends the $connect function's body along with a status that is not 2xx. Default true.
	ConnectRefusalBody bool

	// ThrottledMessage is the message of the error frame for a message over its route's limit; "" sends no
	// frame. Default "Too Many Requests".
	ThrottledMessage string
	// ThrottledClose closes with 1008 after this many throttled messages on one connection. Default 0: never.
	ThrottledClose int

	// AbnormalReason is the disconnectReason of 1006. Default "Connection lost".
	AbnormalReason string
	// IntegrationLatency adds integrationLatency to the authorizer context, as serverless-offline does.
	// Default false.
	IntegrationLatency bool
	// ConnectStageVariables puts stage variables, if any, into CONNECT events. Default true.
	ConnectStageVariables bool

	// MalformedResponseFrame answers an unusable result of a two-way route (no JSON object, a body that is
	// not a string, more than 128 KB) with the frame Internal server error. Default true. A result without a
	// body sends nothing in either case.
	MalformedResponseFrame bool
	// RefuseInvalidPosts answers a post that is not valid UTF-8, and so cannot be a text frame, with 400.
	// Default true.
	RefuseInvalidPosts bool

	// MessageJitter delays each MESSAGE invocation by a random time up to it, to surface code that relies on
	// order. Default 0.
	MessageJitter time.Duration

	// SendBuffer bounds, in bytes, the frames waiting for one slow reader beyond what the kernel holds.
	// Default 256 KiB: two messages of the largest size.
	SendBuffer int
	// KernelBuffer sets the kernel's send buffer of a connection in bytes; 0 leaves it to the system, which
	// lets it grow to megabytes. Default 128 KiB.
	KernelBuffer int
	// WriteStall gives up on a connection that takes no byte for so long (1006). Default 1 min.
	WriteStall time.Duration
	// CloseGrace waits for the client's half of the closing handshake. Default 2 s.
	CloseGrace time.Duration
}

// DefaultSwitches returns the documented defaults.
func DefaultSwitches() Switches {
	return Switches{
		UnknownStageStatus:     403,
		PlainGETStatus:         426,
		ConnectTimeoutStatus:   504,
		MalformedConnectStatus: 502,
		StartFailureStatus:     500,
		ThrottledConnectStatus: 500,
		ThrottledHTTPStatus:    503,
		ConnectRefusalBody:     true,
		ThrottledMessage:       "Too Many Requests",
		AbnormalReason:         "Connection lost",
		ConnectStageVariables:  true,
		MalformedResponseFrame: true,
		RefuseInvalidPosts:     true,
		SendBuffer:             256 << 10,
		KernelBuffer:           128 << 10,
		WriteStall:             time.Minute,
		CloseGrace:             2 * time.Second,
	}
}
