package main

import (
	"cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/integration/cloudevent"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
)

// direction says who writes a document, and so what a change of its schema may not do.
type direction string

const (
	// toServer documents are written by clients: schemas are strict, and may not ask for more than they did.
	toServer direction = "client"
	// toClient documents are written by the server: schemas let unknown fields and values pass, and may not
	// promise less than they did.
	toClient direction = "server"
)

// frame is one frame of the socket.
type frame struct {
	// name is the value of action or type.
	name string
	dir  direction
	// value is the zero value of the struct.
	value any
	// reply is the type of the answer to a command; every command may be answered by an error instead.
	reply string
	// command is what the sender must be allowed; "" for the command of the frame's own name.
	command chat.Command
	// push says that the server sends it without being asked.
	push bool
}

// file is the name of the frame's schema, and its key among samples.
func (f frame) file() string { return string(f.dir) + "." + f.name }

// allowed is the command whose row of the table of permissions says who may send the frame.
func (f frame) allowed() chat.Command { return cmp.Or(f.command, chat.Command(f.name)) }

// frames is the registry of the socket's frames.
func frames() []frame {
	return []frame{
		{name: protocol.ActionHello, dir: toServer, value: protocol.Hello{}, reply: protocol.TypeWelcome},
		{name: protocol.ActionStart, dir: toServer, value: protocol.Start{}, reply: protocol.TypeAck},
		{name: protocol.ActionSend, dir: toServer, value: protocol.Send{}, reply: protocol.TypeAck},
		{name: protocol.ActionEdit, dir: toServer, value: protocol.Edit{}, reply: protocol.TypeAck},
		{name: protocol.ActionDelete, dir: toServer, value: protocol.Delete{}, reply: protocol.TypeAck},
		{name: protocol.ActionPage, dir: toServer, value: protocol.Page{}, reply: protocol.TypePage},
		{name: protocol.ActionTyping, dir: toServer, value: protocol.Typing{}, reply: protocol.TypeDone},
		{name: protocol.ActionRead, dir: toServer, value: protocol.Read{}, reply: protocol.TypeDone},
		{name: protocol.ActionPing, dir: toServer, value: protocol.Ping{}, reply: protocol.TypePong},
		{name: protocol.ActionJoin, dir: toServer, value: protocol.Join{}, reply: protocol.TypeAck},
		{name: protocol.ActionClose, dir: toServer, value: protocol.Close{}, reply: protocol.TypeAck},
		{name: protocol.ActionReopen, dir: toServer, value: protocol.Reopen{}, reply: protocol.TypeAck},
		{name: protocol.ActionDuty, dir: toServer, value: protocol.Duty{}, reply: protocol.TypeDuty},
		{name: protocol.ActionAccept, dir: toServer, value: protocol.Accept{}, reply: protocol.TypeAck},
		{name: protocol.ActionDecline, dir: toServer, value: protocol.Decline{}, reply: protocol.TypeAck, command: chat.CommandAccept},
		{name: protocol.ActionTransfer, dir: toServer, value: protocol.Transfer{}, reply: protocol.TypeAck},
		{name: protocol.ActionAssign, dir: toServer, value: protocol.Assign{}, reply: protocol.TypeAck},
		{name: protocol.ActionWatch, dir: toServer, value: protocol.Watch{}, reply: protocol.TypeAck},
		{name: protocol.ActionUnwatch, dir: toServer, value: protocol.Unwatch{}, reply: protocol.TypeAck, command: chat.CommandWatch},
		{name: protocol.ActionTakeOver, dir: toServer, value: protocol.TakeOver{}, reply: protocol.TypeAck},
		{name: protocol.ActionLeave, dir: toServer, value: protocol.Leave{}, reply: protocol.TypeAck},
		{name: protocol.ActionPerson, dir: toServer, value: protocol.Person{}, reply: protocol.TypeAck},
		{name: protocol.ActionSnooze, dir: toServer, value: protocol.Snooze{}, reply: protocol.TypeAck},
		{name: protocol.ActionWake, dir: toServer, value: protocol.Wake{}, reply: protocol.TypeAck, command: chat.CommandSnooze},
		{name: protocol.ActionRate, dir: toServer, value: protocol.Rate{}, reply: protocol.TypeAck},
		{name: protocol.ActionForm, dir: toServer, value: protocol.Form{}, reply: protocol.TypeAck},
		{name: protocol.ActionTag, dir: toServer, value: protocol.Tag{}, reply: protocol.TypeAck},
		{name: protocol.ActionFields, dir: toServer, value: protocol.Fields{}, reply: protocol.TypeAck},
		{name: protocol.ActionPriority, dir: toServer, value: protocol.Priority{}, reply: protocol.TypeAck},
		{name: protocol.ActionLink, dir: toServer, value: protocol.Link{}, reply: protocol.TypeAck},
		{name: protocol.ActionMute, dir: toServer, value: protocol.Mute{}, reply: protocol.TypeAck},

		{name: protocol.ActionDesk, dir: toServer, value: protocol.Desk{}, reply: protocol.TypeDesk},
		{name: protocol.ActionVisit, dir: toServer, value: protocol.Visit{}, reply: protocol.TypeVisit},

		{name: protocol.TypeWelcome, dir: toClient, value: protocol.Welcome{}},
		{name: protocol.TypeAck, dir: toClient, value: protocol.Ack{}},
		{name: protocol.TypePage, dir: toClient, value: protocol.PageReply{}},
		{name: protocol.TypePong, dir: toClient, value: protocol.Pong{}},
		{name: protocol.TypeDone, dir: toClient, value: protocol.Done{}},
		{name: protocol.TypeError, dir: toClient, value: protocol.Error{}},
		{name: protocol.TypeEvents, dir: toClient, value: protocol.Events{}, push: true},
		{name: protocol.TypeTyping, dir: toClient, value: protocol.TypingPush{}, push: true},
		{name: protocol.TypeRead, dir: toClient, value: protocol.ReadPush{}, push: true},
		{name: protocol.TypeWaiting, dir: toClient, value: protocol.WaitingPush{}, push: true},
		{name: protocol.TypeDuty, dir: toClient, value: protocol.DutyReply{}},
		{name: protocol.TypePosition, dir: toClient, value: protocol.PositionPush{}, push: true},
		{name: protocol.TypeMention, dir: toClient, value: protocol.MentionPush{}, push: true},
		{name: protocol.TypeGone, dir: toClient, value: protocol.GonePush{}, push: true},
		{name: protocol.TypeDesk, dir: toClient, value: protocol.DeskPush{}, push: true},
		{name: protocol.TypeVisit, dir: toClient, value: protocol.VisitReply{}},
		{name: protocol.TypeBye, dir: toClient, value: protocol.Bye{}, push: true},
		{name: gatewayFrame, dir: toClient, value: Gateway{}, push: true},
	}
}

// gatewayFrame names the one frame that is not ours and has no type.
const gatewayFrame = "gateway"

// Gateway is what API Gateway itself sends when a frame had no outcome that it knows: the function failed, timed
// out or could not be invoked. It names no frame: the outcome of every unanswered frame of the socket is unknown,
// send those again, unchanged.
type Gateway struct {
	// Message is the gateway's own text, such as "Internal server error".
	Message      string `json:"message"`
	ConnectionID string `json:"connectionId"` // the socket
	RequestID    string `json:"requestId"`    // for support
}

// queued is a message that the integration queue holds.
type queued struct {
	file  string // the name of its schema, and its key among samples
	value any
}

// integrationMessages are what the integration queue holds.
func integrationMessages() []queued {
	return []queued{{"queue.integration", queue.IntegrationMessage{}}, {"queue.subject", queue.SubjectMessage{}}}
}

// envelope is what integrators get of a conversation.
func envelope() any { return cloudevent.Event{} }
