// Package chat is the domain: conversations as append-only logs, who may do what to them, and the ports
// through which they are stored and delivered. It imports the standard library only.
//
// A conversation has two tracks, public and desk, each a gap-free sequence of events 1, 2, 3 …
// Every command that appends carries client-made ids and the seq after which it means to append
// (compare-and-append); package documentation of Service.append says why that makes a retry harmless.
//
// # In what order to read
//
// The names of things: entity.go (conversation, event, head), detail.go, id.go, errors.go, permission.go (who may do
// what), port.go and port_routing.go (what storage and queues promise), service.go (the use cases' fields).
//
// Writing to a log: append.go, parted.go (retries of who takes part no more), then message.go (send, edit, delete), start.go, and rule.go, which says against what
// image of the conversation a write holds. Limits on writers: rate.go, mute.go, requests.go (one request, carried out
// once).
//
// A conversation's life: transition.go (the states and their edges; join and reopen), reason.go, lifecycle.go (close,
// leave, ask for a person, wake), command.go (what all such commands have in common), transfer.go, department.go
// (whether there is such a one), bot_silent.go, watch.go, adopt.go, link.go, rating.go, form.go, facts.go (tags, fields, priority),
// automation.go (what rules do), until.go. What lies beside the
// log: state.go, details.go.
//
// Telling people: announce.go and delivery.go (pushes to listeners), work.go (what a request could not push), notice.go, mention.go,
// signal.go (typing, reading), parallel.go. Catching up: hello.go, page.go, list.go, waiting.go.
//
// Routing: operator.go and duty.go (who takes conversations), routing.go (policies), decide.go (the choice, which can be
// made again from the log), drain.go and drain_wave.go (giving out what waits), looks.go, offer.go, gone.go and
// dismiss.go (operators who vanished, or left the staff), positions.go and expect.go (places in the queue, and how they
// are told at once), attention.go (how long a customer waits for an answer), summary.go (how a conversation shows in a list),
// standing.go (how an operator does).
//
// Time: timer.go, timer_arming.go (what changes arm), timer_fire.go (what is due), promise.go, opening.go, sla.go and
// sla_resolution.go, sweep.go and sweep_workspace.go (so that nothing sticks).
//
// The live desk: live.go (views and their changes), live_look.go (snapshots), live_broadcast.go (frames), visitor.go.
//
// Behind the table's stream: relay.go (integrations, tails into chunks), relay_own.go (the own logs of operators and
// contacts), relay_routing.go, repair.go and handled.go (what the stream gave up on).
package chat
