// Package cloudevent is the form in which an event of a log leaves the system: CloudEvents 1.0, JSON, structured
// mode. Every way of delivery sends the same, and the schemas in events/ are made from these structs.
package cloudevent

import (
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// The fixed attributes of the envelope.
const (
	// SpecVersion is the version of CloudEvents.
	SpecVersion = "1.0"
	// ContentType is the media type of data.
	ContentType = "application/json"
)

// Event is one event of a conversation's log. Attributes other than data are those of CloudEvents 1.0 and of its
// extensions sequence and partitionkey.
type Event struct {
	SpecVersion string `json:"specversion"`
	// ID is the same however often and by whichever way the event is delivered, and never that of another event:
	// dedupe by it. It is made of workspace, conversation, generation, track and seq; do not take it apart.
	ID string `json:"id"`
	// Source names the track: /workspaces/<workspace>/conversations/<conversation>/<track>.
	Source string `json:"source"`
	// Type is parley.<subject>.<what happened>.v<major>. Within a major version fields are only added.
	Type string `json:"type"`
	// Subject is the conversation.
	Subject chat.ConversationID `json:"subject"`
	// Time is when the event was stored, by the server's clock, in UTC with milliseconds (RFC 3339).
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	// Sequence is the seq within the source in 12 digits, so that the order of texts is the order of events. A
	// source's sequences have no holes.
	Sequence string `json:"sequence"`
	// PartitionKey is the conversation: whatever has the same one is delivered in order.
	PartitionKey chat.ConversationID `json:"partitionkey"`
	Data         Data                `json:"data"`
}

// Data is the entry of the log.
type Data struct {
	Workspace    chat.WorkspaceID    `json:"workspace"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track"`
	Seq          uint64              `json:"seq"`
	// Gen is the generation of the log under which the event was appended.
	Gen    uint32       `json:"gen"`
	ID     chat.EventID `json:"id"`
	At     int64        `json:"at"` // Unix milliseconds, the server's clock
	Sender chat.UserID  `json:"sender"`
	Role   chat.Role    `json:"role"`
	// Follows is, on the desk track, the public seq after which the event comes.
	Follows uint64      `json:"follows,omitempty"`
	Target  uint64      `json:"target,omitempty"`
	Text    string      `json:"text,omitempty"`
	From    chat.Status `json:"from,omitempty"`
	To      chat.Status `json:"to,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Subject chat.UserID `json:"subject,omitempty"`
	// Detail holds what only some types have.
	Detail *protocol.Detail `json:"detail,omitempty"`
}

// TypeOf returns the type outside of an event of the log; "" for one that integrators are not told.
func TypeOf(t chat.EventType) string {
	switch t {
	case chat.EventMessage:
		return "parley.message.created.v1"
	case chat.EventEdited:
		return "parley.message.edited.v1"
	case chat.EventDeleted:
		return "parley.message.deleted.v1"
	case chat.EventNote:
		return "parley.note.created.v1"
	default:
	}
	if slices.Contains(chat.EventTypes(), t) {
		return "parley." + string(t) + ".v1"
	}
	return ""
}

// Of puts an event of the log into its envelope.
func Of(ref chat.Ref, t chat.Track, e chat.Event) Event {
	job := chat.IntegrationJob{Ref: ref, Track: t, Seq: e.Seq, Gen: e.Gen, Type: e.Type}
	return Event{
		SpecVersion: SpecVersion, ID: job.EventKey(), Type: TypeOf(e.Type), Subject: ref.Conversation,
		Source: fmt.Sprintf("/workspaces/%s/conversations/%s/%s", ref.Workspace, ref.Conversation, t),
		Time:   timeText(e.At), DataContentType: ContentType,
		Sequence: fmt.Sprintf("%012d", e.Seq), PartitionKey: ref.Conversation,
		Data: Data{
			Workspace: ref.Workspace, Conversation: ref.Conversation, Track: t, Seq: e.Seq, Gen: e.Gen, ID: e.ID,
			At: e.At.UnixMilli(), Sender: e.Sender, Role: e.Role, Follows: e.Follows, Target: e.Target, Text: e.Text,
			From: e.From, To: e.To, Reason: e.Reason, Subject: e.Subject, Detail: protocol.DetailOf(e.Detail),
		},
	}
}

func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
