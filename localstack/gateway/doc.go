// Package gateway stands in for API Gateway on one machine: WebSocket APIs with their handshake, routes and
// close codes, the @connections management API, and HTTP APIs with payload format 2.0.
//
// A Gateway is built from what template.yaml declares (template.SocketAPI, template.HTTPAPI) and runs
// functions through seam.Invoker. It has three faces towards the network, each an http.Handler that the
// caller mounts on a listener of its own, plus an admin face for tests:
//
//	SocketHandler       ws://host/{stage}                    clients
//	ConnectionsHandler  /{stage}/@connections/{id}           functions, behind the front door that authenticates
//	HTTPHandler         the routes of the HTTP API           clients and integrators
//	AdminHandler        /_local/connections                  tests and the curious
//
// # Parity
//
// Statuses, event documents, error frames and close codes are those of AWS where a source settles them: the
// API Gateway developer guide (cited by page name beside the code), recorded events and recorded HTTP
// answers. What no source settles is a field of Switches with its default.
//
// # Concurrency
//
// An open connection costs one goroutine, parked in a read on a 512-byte buffer, and no timer: idle and
// lifetime limits are read deadlines. Each message runs in a goroutine of its own for as long as its function
// does, at most Options.PerConnection at a time; beyond that the connection is not read. Frames are written
// by whoever has one, without ever blocking: what the kernel does not take is queued, up to
// Switches.SendBuffer, and written by a goroutine that lives only while there is a backlog. A full queue
// refuses posts with 429 LimitExceededException, so a slow reader delays nobody else.
package gateway
