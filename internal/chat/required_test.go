package chat_test

import (
	"context"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// Whoever closes for the business closes nothing that lacks its required fields; the customer, a merge, and what ends the
// wait of a customer who left, do. Nothing closes by itself.
func TestEveryCloseAndTheRequiredFields(t *testing.T) {
	t.Parallel()
	closing := func(p func(w *world) chat.Principal) func(*world) error {
		return func(w *world) error { _, err := w.svc.Close(w.Context(), p(w), w.step()); return err }
	}
	granted := func(r chat.Role) func(*world) chat.Principal {
		return func(w *world) chat.Principal {
			p := w.principal(w.customer.Workspace, r, "")
			p.Grants = chat.JoinGrants(chat.Grants()...)
			return p
		}
	}
	for name, c := range map[string]struct {
		end     func(*world) error
		joined  bool // an operator has the conversation
		demands bool
	}{
		"operator":   {closing(func(w *world) chat.Principal { return w.operator }), true, true},
		"supervisor": {closing(func(w *world) chat.Principal { return w.supervisor }), true, true},
		"admin":      {closing(granted(chat.RoleAdmin)), true, true},
		"API key":    {closing(granted(chat.RoleAPIKey)), false, true},
		"bot":        {closing(func(w *world) chat.Principal { return w.bot }), false, true},
		"rule": {closing(func(w *world) chat.Principal {
			return chat.ByRule(w.customer.Workspace, "r_01kaw3v4x00000000000000001")
		}), false, true},
		"macro": {closing(func(w *world) chat.Principal {
			p := w.operator
			p.Rule = "x_01kaw3v4x00000000000000001"
			return p
		}), true, true},
		"customer who waits":  {closing(func(w *world) chat.Principal { return w.customer }), false, false},
		"customer in talk":    {closing(func(w *world) chat.Principal { return w.customer }), true, false},
		"customer who leaves": {func(w *world) error { _, err := w.svc.Leave(w.Context(), w.customer, w.step()); return err }, false, false},
		"merge into another one": {func(w *world) error {
			into := w.newConversation()
			if _, err := w.begin(w.Context(), w.customer, into, "", w.messages("again")); err != nil {
				return err
			}
			_, err := w.svc.Link(w.Context(), w.supervisor, w.step(), into)
			return err
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.svc.Required = func(context.Context, chat.WorkspaceID, chat.DepartmentID) ([]string, error) {
				return []string{"topic"}, nil
			}
			if w.bot = granted(chat.RoleBot)(w); name == "bot" {
				w.greets(w.bot)
			}
			w.start("hello")
			if c.joined {
				w.join()
			}
			err := c.end(w)
			if over := w.head().Status.Over(); c.demands && (chat.CodeOf(err) != chat.CodeRequired || over) || !c.demands && (err != nil || !over) {
				t.Fatalf("without the field: %v, %s", err, w.head().Status)
			}
			if !c.demands {
				return
			}
			_, err = w.svc.SetFields(t.Context(), granted(chat.RoleAPIKey)(w), w.step(), map[string]string{"topic": "refund"})
			w.must(err)
			w.must(c.end(w))
			w.same(w.head().Status, chat.StatusClosed)
		})
	}
}

// greets lets the bot lead what begins from now on.
func (w *world) greets(bot chat.Principal) {
	w.svc.Bot = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.UserID, error) { return bot.User, nil }
}
