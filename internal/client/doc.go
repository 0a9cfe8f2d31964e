// Package client is the reference client of the socket protocol: the half that the promises about delivery
// need on the user's side. Other SDKs mirror it.
//
// It has three layers. View folds one conversation's log into what a screen shows; Outbox holds what is not
// acknowledged yet. Machine joins them into the protocol: events go in (a socket opened, a frame came, time
// passed, the user typed), actions come out (dial, write, save), and neither sockets nor clocks nor chance are
// inside, so that a test can drive any schedule from a seed. Client runs a Machine over real sockets.
//
// Invariants, each with a test that breaks it on purpose:
//
//   - Only an acknowledgement ends an outbox entry. A message that the client meets in a push or a snapshot
//     is shown as sent, and is resent all the same: otherwise the other side may never be told of it.
//   - A retry repeats the "after" of the first try and never raises it: what an earlier try stored lies
//     behind it, so that the server can recognise it.
//   - At most one frame is under way per conversation and track: API Gateway runs the frames of one socket
//     side by side, so that two of them have no order.
//   - Events are applied in seq order, each once. What comes early is held back, what is missing is fetched.
package client
