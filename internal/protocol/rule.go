package protocol

import "github.com/parley-chat/parley/internal/chat"

// shownDetail is the detail without the automation rule, where customers see the event: the desk reads of it in the
// event automation.applied.
func shownDetail(e chat.Event) *chat.Detail {
	if e.Detail == nil || e.Detail.Rule == "" || !shownToCustomers(e.Type) {
		return e.Detail
	}
	out := *e.Detail
	out.Rule = ""
	if out.Equal(&chat.Detail{}) {
		return nil
	}
	return &out
}

// shownToCustomers says whether events of the type lie on the public track.
func shownToCustomers(t chat.EventType) bool {
	switch t {
	case chat.EventMessage, chat.EventEdited, chat.EventDeleted, chat.EventStarted, chat.EventAssigned, chat.EventClosed, chat.EventReopened,
		chat.EventQueued, chat.EventTransferred, chat.EventAbandoned, chat.EventOffline, chat.EventRated, chat.EventForm, chat.EventPromise,
		chat.EventBotEngaged, chat.EventHandedOff:
		return true
	default:
	}
	return false
}
