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
		{"client.desk", "a supervisor looks at a department", protocol.Desk{
			Action: "desk", Ref: "20", Views: chat.DeskViews(), Departments: []chat.DepartmentID{department}}},
		{"server.desk", "one waits, one operator is at work, two visitors are on the site", protocol.DeskPush{
			Type: "desk", Ref: "20", Revision: uint64(noon.UnixMilli()), At: noon.UnixMilli(),
			Queue: &protocol.DeskQueue{
				Departments: []protocol.QueueCount{{Department: department, Waiting: 1, Oldest: noon.UnixMilli()}},
				Entries:     []protocol.WaitingEntry{{Conversation: c, Customer: customer, Since: noon.UnixMilli(), Department: department}},
			},
			Colleagues: &protocol.DeskColleagues{Operators: []protocol.DeskOperator{
				{User: operator, Name: "Ada", Status: chat.DutyAccepting, Connected: true, Load: 1, Capacity: 4}}},
			Visitors: &protocol.DeskVisitors{Total: 2, More: true, Visitors: []protocol.Visitor{{
				User: customer, Page: "https://shop.example/orders/1042", Title: "Your order", First: noon.UnixMilli(), Since: noon.UnixMilli(), Conversation: c}}},
			Supervision: &protocol.DeskSupervision{
				Departments: []protocol.DepartmentLoad{{
					QueueCount: protocol.QueueCount{Department: department, Waiting: 1, Oldest: noon.UnixMilli()}, Accepting: 1, Load: 1, Capacity: 4}},
				Conversations: []protocol.DeskConversation{{
					Conversation: c, Customer: customer, Status: chat.StatusQueued, Department: department, Started: noon.UnixMilli(), Changed: noon.UnixMilli()}},
			},
		}},
		{"client.visit", "a visitor who has agreed is on a page", protocol.Visit{
			Action: "visit", Ref: "21", Page: "https://shop.example/orders/1042", Title: "Your order", Consent: true}},
		{"server.visit", "told, for three minutes", protocol.VisitReply{Type: "visit", Ref: "21", Until: until}},
		{"client.accept", "an operator accepts an offer", protocol.Accept{Action: "accept", Ref: "4", Conversation: c, After: 2, ID: eventID(60)}},
		{"client.decline", "an operator lets an offer go to somebody else", protocol.Decline{
			Action: "decline", Ref: "5", Conversation: c, After: 1, ID: eventID(61), Reason: "not my language"}},
		{"client.transfer", "to a department, with a note", protocol.Transfer{
			Action: "transfer", Ref: "6", Conversation: c, After: 9, ID: eventID(62), Department: department, Note: "Knows the order number", Reason: "refunds"}},
		{"client.assign", "a supervisor chooses", protocol.Assign{Action: "assign", Ref: "7", Conversation: c, After: 9, ID: eventID(63), Operator: operator}},
		{"client.watch", "a supervisor follows", protocol.Watch{Action: "watch", Ref: "8", Conversation: c, After: 1, ID: eventID(64)}},
		{"client.unwatch", "and stops", protocol.Unwatch{Action: "unwatch", Ref: "9", Conversation: c, After: 2, ID: eventID(65)}},
		{"client.takeover", "a supervisor takes over, and lets the operator watch", protocol.TakeOver{
			Action: "takeover", Ref: "10", Conversation: c, After: 9, ID: eventID(66), Keep: true}},
		{"client.leave", "the customer does not wait any longer", protocol.Leave{Action: "leave", Ref: "11", Conversation: c, After: 2, ID: eventID(67)}},
		{"client.person", "a person, please", protocol.Person{Action: "person", Ref: "12", Conversation: c, After: 5, ID: eventID(68)}},
		{"client.snooze", "until tomorrow", protocol.Snooze{
			Action: "snooze", Ref: "13", Conversation: c, After: 2, ID: eventID(69), Until: noon.Add(24 * time.Hour).UnixMilli(), Reason: "carrier answers tomorrow"}},
		{"client.wake", "sooner than thought", protocol.Wake{Action: "wake", Ref: "14", Conversation: c, After: 3, ID: eventID(70)}},
		{"client.rate", "four of five", protocol.Rate{Action: "rate", Ref: "15", Conversation: c, After: 11, ID: eventID(71), Score: 4, Comment: "quick"}},
		{"client.form", "where to answer", protocol.Form{
			Action: "form", Ref: "16", Conversation: c, After: 2, ID: eventID(72), Fields: map[string]string{"order": "1042"}, Mail: "ada@example.com", Phone: "+49 30 123456"}},
		{"client.tag", "one on, one off", protocol.Tag{
			Action: "tag", Ref: "17", Conversation: c, After: 3, ID: eventID(73), Tags: []string{"refund"}, Untagged: []string{"new"}}},
		{"client.fields", "the order's number", protocol.Fields{
			Action: "fields", Ref: "18", Conversation: c, After: 4, ID: eventID(74), Fields: map[string]string{"order": "1042"}}},
		{"client.priority", "urgent", protocol.Priority{Action: "priority", Ref: "19", Conversation: c, After: 5, ID: eventID(75), Priority: chat.MaxPriority}},
		{"client.link", "the same matter", protocol.Link{Action: "link", Ref: "20", Conversation: c, After: 6, ID: eventID(76), Into: gone}},
		{"client.mute", "a pause of an hour", protocol.Mute{
			Action: "mute", Ref: "21", Conversation: c, After: 7, ID: eventID(77), User: customer, Until: noon.Add(time.Hour).UnixMilli(), Reason: "insults"}},
		{"server.waiting", "what it was, for old clients", protocol.WaitingPush{Type: "waiting", Added: []protocol.WaitingEntry{
			{Conversation: c, Customer: customer, Since: noon.UnixMilli(), Department: department, Priority: 1, Offered: true}}}},
		{"server.mention", "a colleague asks for you", protocol.MentionPush{Type: "mention", Conversation: c, Track: chat.Desk, Seq: 4, By: operator}},
		{"server.gone", "it was given to somebody else", protocol.GonePush{Type: "gone", Conversation: c, By: operator}},
		{"server.position", "third in the queue, about two minutes", protocol.PositionPush{
			Type: "position", Conversation: c, Position: 3, Estimate: 120, Basis: "rate"}},
	}
}
