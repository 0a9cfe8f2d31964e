package cloudevent

import (
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// OwnEvent is one event of the own log of an operator or a contact. Attributes other than data are those of CloudEvents
// 1.0 and of its extensions sequence and partitionkey, as with events of conversations.
type OwnEvent struct {
	SpecVersion string `json:"specversion"`
	// ID is the same however often and by whichever way the event is delivered, and never that of another event:
	// dedupe by it. It is made of workspace, operator or contact, generation and seq; do not take it apart.
	ID string `json:"id"`
	// Source names the log: /workspaces/<workspace>/operators/<user>, or …/contacts/<contact>.
	Source string `json:"source"`
	// Type is parley.<subject>.<what happened>.v<major>. Within a major version fields are only added.
	Type string `json:"type"`
	// Subject is whose log it is: an operator by their user id, or a contact.
	Subject string `json:"subject"`
	// Time is when the event was stored, by the server's clock, in UTC with milliseconds (RFC 3339).
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	// Sequence is the seq within the source in 12 digits, so that the order of texts is the order of events. A
	// source's sequences have no holes.
	Sequence string `json:"sequence"`
	// PartitionKey is the subject: whatever has the same one is delivered in order.
	PartitionKey string  `json:"partitionkey"`
	Data         OwnData `json:"data"`
}

// OwnData is the entry of such a log.
type OwnData struct {
	Workspace chat.WorkspaceID `json:"workspace"`
	// Operator whose log it is.
	Operator chat.UserID `json:"operator,omitempty"`
	// Contact whose log it is.
	Contact contact.ID `json:"contact,omitempty"`
	Seq     uint64     `json:"seq"`
	// Gen is the generation under which the event was appended: it is another one after a restore.
	Gen uint32 `json:"gen"`
	At  int64  `json:"at"` // Unix milliseconds, the server's clock
	// Sender is who did it: the one whom the log is about, staff, an API key or the system.
	Sender chat.UserID `json:"sender"`
	Role   chat.Role   `json:"role"`
	// From is the status before, absent for one who had never been on duty.
	From chat.Duty `json:"from,omitempty"`
	// To is the status that it is now.
	To     chat.Duty `json:"to,omitempty"`
	Reason string    `json:"reason,omitempty"` // why, in words
	// Changed names what was changed on the card, without values.
	Changed []string `json:"changed,omitempty"`
	// User that the event is about: who has identified themselves, left an address, or was named by a ban.
	User chat.UserID `json:"user,omitempty"`
	// Other is the contact that was merged into this one, or, in its own log, the one it was merged into.
	Other contact.ID `json:"other,omitempty"`
}

// OwnTypeOf returns the type outside of an event of an operator's or a contact's own log.
func OwnTypeOf(t string) string { return "parley." + t + ".v1" }

// OfOperator puts an event of an operator's own log into its envelope.
func OfOperator(w chat.WorkspaceID, user chat.UserID, gen uint32, e chat.OperatorEvent) OwnEvent {
	out := ownEvent(chat.Subject{Workspace: w, ID: string(user)}, "operators", string(e.Type), OwnData{
		Operator: user, Seq: e.Seq, Gen: gen, At: e.At.UnixMilli(), Sender: e.Sender, Role: e.Role, From: e.From, To: e.To, Reason: e.Reason,
	})
	out.Time = timeText(e.At)
	return out
}

// OfContact puts an event of a contact's own log into its envelope.
func OfContact(w chat.WorkspaceID, id contact.ID, gen uint32, e contact.Event) OwnEvent {
	out := ownEvent(chat.Subject{Workspace: w, ID: string(id)}, "contacts", string(e.Type), OwnData{
		Contact: id, Seq: e.Seq, Gen: gen, At: e.At.UnixMilli(), Sender: e.Sender, Role: e.Role, Reason: e.Reason, Changed: e.Changed, User: e.User, Other: e.Other,
	})
	out.Time = timeText(e.At)
	return out
}

func ownEvent(s chat.Subject, kind, typ string, d OwnData) OwnEvent {
	job := chat.IntegrationJob{Ref: chat.Ref{Workspace: s.Workspace}, Subject: s.ID, Seq: d.Seq, Gen: d.Gen}
	d.Workspace = s.Workspace
	return OwnEvent{
		SpecVersion: SpecVersion, ID: job.EventKey(), Type: OwnTypeOf(typ), Subject: s.ID, Source: fmt.Sprintf("/workspaces/%s/%s/%s", s.Workspace, kind, s.ID),
		DataContentType: ContentType, Sequence: fmt.Sprintf("%012d", d.Seq), PartitionKey: s.ID, Data: d,
	}
}
