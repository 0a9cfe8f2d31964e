package main

import (
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// logged says which optional fields of an event's data, and of its detail, each type of event has. Those that are
// named nowhere are never there.
type logged struct {
	typ chat.EventType
	// always and sometimes name fields of the data.
	always, sometimes []string
	// detail and detailSometimes name fields of data.detail, which is always there when one of its fields is.
	detail, detailSometimes []string
	// desk says that the event is on the desk track, or may be; else it is public.
	desk, public bool
}

// detailed says that the event may have a detail.
func (l logged) detailed() bool { return len(l.detail)+len(l.detailSometimes) > 0 }

// A change of state on the public track, and on the desk track.
var (
	moves     = []string{"from", "to"}
	deskMoves = []string{"from", "to", "follows"}
	follows   = []string{"follows"}
	reason    = []string{"reason"}
)

// with adds names to a list.
func with(list []string, names ...string) []string { return slices.Concat(list, names) }

// logRegistry is the registry of what the log holds. No event promises what somebody wrote (its text, the answers
// of a form, the values of fields): an erasure takes it away, and an event may be delivered, or delivered again,
// after that.
func logRegistry() []logged {
	list := slices.Concat(messageEvents(), lifeEvents(), deskLifeEvents(), deskEvents())
	slices.SortStableFunc(list, func(a, b logged) int {
		return slices.Index(chat.EventTypes(), a.typ) - slices.Index(chat.EventTypes(), b.typ)
	})
	return list
}

// messageEvents are what people write.
func messageEvents() []logged {
	return []logged{
		{typ: chat.EventMessage, sometimes: []string{"text"}, public: true},
		{typ: chat.EventEdited, always: []string{"target"}, sometimes: []string{"text", "follows"}, detailSometimes: []string{"mentions"}, public: true, desk: true},
		{typ: chat.EventDeleted, always: []string{"target"}, sometimes: follows, public: true, desk: true},
		{typ: chat.EventNote, always: follows, sometimes: []string{"text"}, detailSometimes: []string{"mentions"}, desk: true},
	}
}

// lifeEvents are those that everyone in the conversation sees; their from and to are what customers see of statuses.
func lifeEvents() []logged {
	department := []string{"department"}
	return []logged{
		{typ: chat.EventStarted, always: []string{"to"}, sometimes: reason, detailSometimes: department, public: true},
		{typ: chat.EventAssigned, always: with(moves, "subject"), sometimes: reason, public: true},
		{typ: chat.EventClosed, always: moves, sometimes: reason, public: true},
		{typ: chat.EventReopened, always: moves, sometimes: reason, public: true},
		{typ: chat.EventQueued, always: moves, sometimes: reason, detailSometimes: department, public: true},
		{typ: chat.EventTransferred, always: moves, sometimes: with(reason, "subject"), detailSometimes: department, public: true},
		{typ: chat.EventAbandoned, always: moves, sometimes: reason, public: true},
		{typ: chat.EventOffline, always: moves, sometimes: reason, public: true},
		{typ: chat.EventRated, sometimes: []string{"text"}, detail: []string{"score"}, public: true},
		{typ: chat.EventForm, sometimes: reason, detailSometimes: []string{"fields"}, public: true},
		{typ: chat.EventPromise, sometimes: []string{"text", "reason"}, public: true},
		{typ: chat.EventBotEngaged, always: []string{"subject"}, sometimes: with(moves, "reason"), public: true},
		{typ: chat.EventHandedOff, always: moves, sometimes: with(reason, "subject"), detailSometimes: department, public: true},
	}
}

// deskLifeEvents are changes of state that customers do not see.
func deskLifeEvents() []logged {
	return []logged{
		{typ: chat.EventOffered, always: with(deskMoves, "subject"), sometimes: reason, detailSometimes: []string{"until"}, desk: true},
		{typ: chat.EventOfferMissed, always: with(follows, "subject"), sometimes: with(moves, "reason"), desk: true},
		{typ: chat.EventIdle, always: deskMoves, sometimes: reason, desk: true},
		{typ: chat.EventResumed, always: deskMoves, sometimes: reason, desk: true},
		{typ: chat.EventSnoozed, always: deskMoves, sometimes: reason, detail: []string{"until"}, desk: true},
	}
}

// deskEvents are what staff, routing, clocks and rules note.
func deskEvents() []logged {
	clock := []string{"clock", "until"}
	return []logged{
		{typ: chat.EventTagged, always: follows, sometimes: reason, detailSometimes: []string{"tags", "untagged"}, desk: true},
		{typ: chat.EventPriority, always: follows, sometimes: reason, detailSometimes: []string{"priority"}, desk: true},
		{typ: chat.EventFields, always: follows, sometimes: reason, detailSometimes: []string{"fields"}, desk: true},
		{typ: chat.EventLinked, always: follows, sometimes: reason, detail: []string{"link"}, desk: true},
		{typ: chat.EventRouted, always: follows, sometimes: with(reason, "subject"), detail: []string{"decision"}, desk: true},
		{typ: chat.EventAlerted, always: with(follows, "reason"), sometimes: []string{"subject"}, detailSometimes: []string{"until"}, desk: true},
		{typ: chat.EventMuted, always: with(follows, "subject"), sometimes: reason, detailSometimes: []string{"until"}, desk: true},
		{typ: chat.EventWatched, always: with(follows, "subject"), sometimes: reason, desk: true},
		{typ: chat.EventLeft, always: with(follows, "subject"), sometimes: reason, desk: true},
		{typ: chat.EventAtRisk, always: follows, sometimes: reason, detail: clock, desk: true},
		{typ: chat.EventBreached, always: follows, sometimes: reason, detail: clock, desk: true},
		{typ: chat.EventAutomated, always: follows, sometimes: reason, detail: []string{"rule"}, desk: true},
		{typ: chat.EventAutoFailed, always: with(follows, "reason"), detail: []string{"rule"}, desk: true},
		{typ: chat.EventIdentified, always: with(follows, "subject"), desk: true},
		{typ: chat.EventUnreachable, always: with(follows, "subject"), sometimes: reason, desk: true},
	}
}

// eventSummaries says in a sentence what each type of event tells.
var eventSummaries = map[chat.EventType]string{
	chat.EventMessage:  "Somebody wrote a message.",
	chat.EventEdited:   "The author replaced the text of a message or note.",
	chat.EventDeleted:  "A message or note was withdrawn, by its author or a supervisor. Its text stays in the log; show it no more.",
	chat.EventNote:     "Staff wrote a note that the customer does not see.",
	chat.EventStarted:  "A conversation began: to is where it is first. It is the first event of every log.",
	chat.EventAssigned: "An operator has the conversation: subject is the one, by their own choice, by routing or by a supervisor.",
	chat.EventClosed:   "The conversation was closed.",
	chat.EventReopened: "The conversation was reopened, by staff or because the customer wrote again.",
	chat.EventQueued:   "The conversation waits for an operator again: it came back from a bot, an operator, or a pause that no operator had room for.",
	chat.EventTransferred: "The conversation was handed to another operator (subject) or department (detail.department), which may have to be " +
		"waited for.",
	chat.EventAbandoned:  "The customer left while waiting.",
	chat.EventOffline:    "Nobody is there: the customer was asked to leave a message, which waits for opening hours.",
	chat.EventRated:      "The customer rated the conversation; text is the comment.",
	chat.EventForm:       "The customer filled in a form.",
	chat.EventPromise:    "The customer waits for longer than they should, or those who are there could not take it so far, and was told what to expect.",
	chat.EventBotEngaged: "A bot (subject) leads the conversation. It is announced before the bot's first answer.",
	chat.EventHandedOff:  "A bot gave the conversation to people, was silent for too long, or a person took it from the bot.",
	chat.EventOffered:    "An operator (subject) was asked to take the conversation, until detail.until.",
	chat.EventOfferMissed: "The operator (subject) did not take it in time (then the system is the sender), or declined (then they are). " +
		"Whoever did is left in peace with it for some minutes.",
	chat.EventIdle:        "Nobody wrote for a while: the conversation takes no place of its operator any more.",
	chat.EventResumed:     "An idle or snoozed conversation goes on, with its operator.",
	chat.EventSnoozed:     "The conversation was put off until detail.until, or until the customer writes.",
	chat.EventTagged:      "Tags were put on or taken off.",
	chat.EventPriority:    "The priority was changed; no detail.priority means normal.",
	chat.EventFields:      "Fields of the conversation were set; an empty text takes one off.",
	chat.EventLinked:      "The conversation was linked with another one that it belongs together with.",
	chat.EventRouted:      "Routing decided, and why: enough to make the decision again. subject is the chosen operator; none means that nobody could take it.",
	chat.EventAlerted:     "Supervisors were told that this conversation needs them; reason says why. Where everybody has let it pass, detail.until is when they are asked again.",
	chat.EventMuted:       "A participant (subject) may not write until detail.until; without it they may again.",
	chat.EventWatched:     "A member of staff (subject) follows the conversation without being its operator.",
	chat.EventLeft:        "A member of staff (subject) takes no part in the conversation any more.",
	chat.EventAtRisk:      "A service level is about to be missed: detail.clock runs out at detail.until.",
	chat.EventBreached:    "A service level was missed: detail.clock ran out at detail.until.",
	chat.EventAutomated:   "An automation rule or a macro (detail.rule) acted.",
	chat.EventAutoFailed:  "An automation rule or a macro (detail.rule) could not take one of its steps; reason says why. Those before it were taken, those after it were not.",
	chat.EventIdentified:  "The customer has proved who they are: the sender takes the place of the anonymous visitor (subject), whose words stay the visitor's.",
	chat.EventUnreachable: "The operator (subject) is not connected any more. Where the customer waits, the conversation is back in the queue; else it is routed again when the customer writes.",
}
