package main

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// frameSamples are the frames that the played conversation does not have, made of the structs: a line for each.
func frameSamples() []struct {
	schema, name string
	frame        any
} {
	c, until := conversation, noon.Add(150*time.Second).UnixMilli()
	type list = []struct {
		schema, name string
		frame        any
	}
	return list{
		{"client.duty", "an operator begins to take conversations", protocol.Duty{Action: "duty", Ref: "3", Status: chat.DutyAccepting}},
		{"server.duty", "on duty, with one conversation of four", protocol.DutyReply{Type: "duty", Ref: "3", Operator: protocol.Operator{
			User: operator, Name: "Ada", Status: chat.DutyAccepting, Since: noon.UnixMilli(), Connected: true, Lease: until, Load: 1, Capacity: 4,
			Departments: []chat.DepartmentID{department}, Skills: []string{"french"}, Missed: 1,
		}}},
		{"client.accept", "an operator accepts an offer", protocol.Accept{Action: "accept", Ref: "4", Conversation: c, After: 2, ID: eventID(60)}},
		{"client.decline", "an operator lets an offer go to somebody else", protocol.Decline{
			Action: "decline", Ref: "5", Conversation: c, After: 1, ID: eventID(61), Reason: "not my language"}},
		{"server.position", "third in the queue, about two minutes", protocol.PositionPush{
			Type: "position", Conversation: c, Position: 3, Estimate: 120, Basis: "rate"}},
	}
}
