// Package chat is the domain: conversations as append-only logs, who may do what to them, and the ports
// through which they are stored and delivered. It imports the standard library only.
//
// A conversation has two tracks, public and desk, each a gap-free sequence of events 1, 2, 3 …
// Every command that appends carries client-made ids and the seq after which it means to append
// (compare-and-append); package documentation of Service.append says why that makes a retry harmless.
package chat
