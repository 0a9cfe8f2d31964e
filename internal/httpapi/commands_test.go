package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	targetOperator = chat.UserID("u_01kaw3v4x0tttttttttttttttt")
	otherTalk      = chat.ConversationID("c_01kaw3v4x0bbbbbbbbbbbbbbbb")
)

// commandFixtures say how to issue the commands of a conversation's life.
func commandFixtures() map[string]fixture {
	all := map[string]fixture{
		"startConversation":     {about: aboutSelf, arrange: arrangeConversation},
		"postMessages":          {about: aboutConversation, arrange: arrangeCommand("messages", `"messages":[{"text":"hello"}]`, nil)},
		"conversationDetails":   {about: aboutConversation, arrange: arrangeRead("/v1/conversations/" + string(talk) + "/details")},
		"listTeamConversations": {about: aboutWorkspace, arrange: arrangeRead("/v1/team/conversations")},
	}
	for action, body := range map[string]string{
		"close": "", "watch": "", "unwatch": "", "person": "", "takeover": "", "leave": "", "reopen": "", "wake": "",
		"transfer": `"operator":"` + string(targetOperator) + `"`, "assign": `"operator":"` + string(targetOperator) + `"`,
		"snooze": `"until":1793700000000`, "rate": `"score":5`, "form": `"mail":"ada@shop.example"`, "tag": `"tags":["vip"]`,
		"fields": `"fields":{"order":"17"}`, "priority": `"priority":2`, "link": `"into":"` + string(otherTalk) + `"`,
		"mute": `"user":"` + string(customerOne) + `"`,
	} {
		status := map[string]chat.Status{"leave": chat.StatusQueued, "reopen": chat.StatusClosed, "wake": chat.StatusSnoozed}[action]
		all[action+"Conversation"] = fixture{about: aboutConversation, arrange: arrangeCommand(action, body, func(w *world, memory *chattest.Memory) {
			if status != "" {
				w.step(memory, status)
			}
			if action == "link" {
				w.another(memory)
			}
		})}
	}
	return all
}

// talking lets the API carry out commands on the memory of its conversations.
func (w *world) talking() *chattest.Memory {
	s := w.api.Conversations.(*chat.Service)
	memory := s.Log.(*chattest.Memory)
	s.States, s.Tails = memory, memory
	s.Colleague = func(_ context.Context, _ chat.WorkspaceID, u chat.UserID) (*chat.Colleague, error) {
		if u == targetOperator {
			return &chat.Colleague{User: u, Role: chat.RoleOperator}, nil
		}
		return nil, nil
	}
	w.api.Chat = s
	w.api.Delivery = &chat.Delivery{Queue: noQueue{}, Reader: memory, Rows: memory, Subs: memory, Sockets: memory, Encode: protocol.Encoder{}, Now: s.Now}
	return memory
}

type noQueue struct{}

func (noQueue) Enqueue(context.Context, time.Duration, ...chat.Job) error { return nil }

// role of the caller; "" for nobody.
func (w *world) role(token string) chat.Role {
	parsed, err := identity.ParseToken(strings.TrimPrefix(token, "Bearer "))
	if err != nil {
		return ""
	}
	s, _, err := w.store.Session(w.t.Context(), parsed.Workspace, parsed.User, parsed.Session)
	w.must(err)
	return s.Role
}

// arrangeCommand issues an action; bots say which epoch they know.
func arrangeCommand(action, members string, prepare func(*world, *chattest.Memory)) arrangement {
	return func(w *world, token string) (string, string) {
		memory := w.talking()
		if prepare != nil {
			prepare(w, memory)
		}
		body := members
		if w.role(token) == chat.RoleBot {
			if action == "messages" { // it speaks only while it leads
				w.step(memory, chat.StatusBot)
			}
			h, err := memory.Head(w.t.Context(), chat.Ref{Workspace: workspaceOne, Conversation: talk})
			w.must(err)
			body = strings.TrimPrefix(fmt.Sprintf(`%s,"epoch":%d`, members, h.Epoch), ",")
		}
		return "/v1/conversations/" + string(talk) + "/" + action, "{" + body + "}"
	}
}

func arrangeConversation(w *world, token string) (string, string) {
	w.talking()
	body := `"messages":[{"text":"hello"}]`
	if w.role(token) == chat.RoleAPIKey {
		body += `,"customer":"` + string(customerOne) + `"`
	}
	return "/v1/conversations", "{" + body + "}"
}

func arrangeRead(target string) arrangement {
	return func(w *world, _ string) (string, string) {
		w.talking()
		return target, ""
	}
}

// step brings the conversation talk into a status.
func (w *world) step(memory *chattest.Memory, status chat.Status) {
	ref := chat.Ref{Workspace: workspaceOne, Conversation: talk}
	h, err := memory.Head(w.t.Context(), ref)
	w.must(err)
	w.must(memory.Transition(w.t.Context(), chat.Append{Ref: ref, Track: chat.Public, After: h.Public.Last, Rule: chat.Rule{Actor: operatorOne}},
		chat.Change{Old: h, Status: status, QueuedAt: w.now, Until: w.now.Add(time.Hour)}))
}

// another makes a second conversation of the same people.
func (w *world) another(memory *chattest.Memory) {
	ref := chat.Ref{Workspace: workspaceOne, Conversation: otherTalk}
	w.must(memory.Create(w.t.Context(), chat.Creation{Ref: ref, Customer: customerOne, Role: chat.RoleCustomer, Department: salesDepartment, At: w.now}))
	h, err := memory.Head(w.t.Context(), ref)
	w.must(err)
	w.must(memory.Transition(w.t.Context(), chat.Append{Ref: ref, Track: chat.Public, Rule: chat.Rule{Actor: operatorOne}},
		chat.Change{Old: h, Status: chat.StatusActive, Assignee: operatorOne, Join: chat.RoleOperator}))
}

// askAllowed sends a request of the operation as a caller who may make it: an admin if they may.
func (w *world) askAllowed(op Operation, f fixture, query string) answer {
	w.t.Helper()
	all := callers()
	slices.SortStableFunc(all, func(a, b caller) int { return cmp.Compare(rank(a), rank(b)) })
	for _, c := range all {
		if (c.name == "nobody") != op.Open || !wanted(op, f, c).allowed {
			continue
		}
		return newMatrix(w.t, c).request(op, f, c, query)
	}
	w.t.Fatalf("%s: nobody may", op.Name)
	return answer{}
}

// rank puts those who may the most first.
func rank(c caller) int {
	if c.principal.Role == chat.RoleAdmin && c.principal.Workspace == workspaceOne {
		return 0
	}
	return 1
}
