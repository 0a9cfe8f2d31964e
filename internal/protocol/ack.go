package protocol

import (
	"cmp"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// AckOf acknowledges a command whose outcome has been pushed, or queued to be.
func AckOf(ref string, out *chat.Outcome) Ack {
	track := out.Head.Track(out.Track)
	ack := Ack{
		Type: TypeAck, Ref: ref, Conversation: out.Head.Conversation, Track: out.Track, Gen: out.Head.Gen, Head: track.Last,
		Acks: make([]Acked, 0, len(out.Acks)), Standing: standingOf(out.Standing),
	}
	for _, a := range out.Acks {
		ack.Acks = append(ack.Acks, Acked{ID: a.Event.ID, Seq: a.Event.Seq, At: a.Event.At.UnixMilli(), Duplicate: a.Duplicate})
	}
	events := unknownToSender(out)
	room := chat.MaxFrame - 4<<10
	for _, e := range events {
		if room -= EventSize(e); room < 0 {
			return ack // the client sees the hole and pages
		}
	}
	ack.Events = EventsOf(events)
	return ack
}

// unknownToSender lists, in seq order, what others appended in between, and those of the sender's own events that
// hold what only the server knew: which message a note follows, from which state to which a step led.
func unknownToSender(out *chat.Outcome) []chat.Event {
	events := slices.Clone(out.Missed)
	for _, a := range out.Acks {
		if a.Event.Follows > 0 || a.Event.From != "" || a.Event.To != "" {
			events = append(events, a.Event)
		}
	}
	slices.SortFunc(events, func(a, b chat.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events
}
