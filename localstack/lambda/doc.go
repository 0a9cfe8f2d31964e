// Package lambda builds the functions of a template and runs them as the binaries that are deployed: real
// child processes that speak the Lambda Runtime API (AWS: "Using the Lambda runtime API for custom runtimes"),
// one request at a time each, reused while warm, frozen between invocations, killed when they time out or
// outgrow their memory.
//
// A Runner owns a listener on the loopback interface for the Runtime API. Each process has its own secret
// path there, so one listener knows which process calls, and a process that was killed and replaced cannot
// answer for its successor.
package lambda
