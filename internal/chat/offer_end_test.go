package chat_test

import (
	"context"
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// offered is a conversation that waits for its operator to accept it, and the principals that may end that.
type offered struct {
	*routed
	id          chat.ConversationID
	to, another chat.Principal
	customer    chat.Principal
	department  chat.DepartmentID
}

func newOffered(t *testing.T) *offered {
	t.Helper()
	r := newRouted(t)
	r.policy.ManualAccept = true
	o := &offered{routed: r, to: r.onDuty(2), department: chat.DepartmentID(r.id(chat.DepartmentPrefix))}
	r.staff[o.to.User] = o.to.Role
	o.id = r.arrive()
	r.work()
	r.svc.Departments = func(context.Context, chat.WorkspaceID) ([]chat.DepartmentID, error) {
		return []chat.DepartmentID{o.department}, nil
	}
	bot := r.principal(r.customer.Workspace, chat.RoleBot, "")
	r.svc.Bot = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.UserID, error) { return bot.User, nil }
	o.another = r.colleague("another", 2)
	for u, p := range r.of(o.id).Participants {
		if p.Role == chat.RoleCustomer {
			o.customer = r.customer
			o.customer.User = u
		}
	}
	if h := r.of(o.id); h.OfferedTo != o.to.User {
		t.Fatalf("%+v", h)
	}
	return o
}

// Whoever is asked to take a conversation that then goes another way takes part no more from that very write on, and has
// their place back: they never had it.
func TestOfferThatIsOvertakenLeavesNoTrace(t *testing.T) {
	t.Parallel()
	for name, overtake := range map[string]func(*offered) (*chat.Outcome, error){
		"assigned to another": func(o *offered) (*chat.Outcome, error) {
			return o.svc.Assign(o.Context(), o.supervisor, o.stepOn(o.id), o.another.User)
		},
		"taken over": func(o *offered) (*chat.Outcome, error) {
			return o.svc.TakeOver(o.Context(), o.supervisor, o.stepOn(o.id), false)
		},
		"taken over, and who had it watches on": func(o *offered) (*chat.Outcome, error) {
			return o.svc.TakeOver(o.Context(), o.supervisor, o.stepOn(o.id), true)
		},
		"transferred to an operator": func(o *offered) (*chat.Outcome, error) {
			return o.svc.Transfer(o.Context(), o.supervisor, chat.Transfer{Step: o.stepOn(o.id), Operator: o.another.User})
		},
		"transferred to a department": func(o *offered) (*chat.Outcome, error) {
			return o.svc.Transfer(o.Context(), o.supervisor, chat.Transfer{Step: o.stepOn(o.id), Department: o.department})
		},
		"transferred to the bot": func(o *offered) (*chat.Outcome, error) {
			return o.svc.Transfer(o.Context(), o.supervisor, chat.Transfer{Step: o.stepOn(o.id), Bot: true})
		},
		"closed": func(o *offered) (*chat.Outcome, error) {
			return o.svc.Close(o.Context(), o.supervisor, o.stepOn(o.id))
		},
		"left": func(o *offered) (*chat.Outcome, error) {
			return o.svc.Leave(o.Context(), o.customer, o.stepOn(o.id))
		},
		"merged": func(o *offered) (*chat.Outcome, error) {
			return o.svc.Link(o.Context(), o.supervisor, o.stepOn(o.id), o.arrive())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffered(t)
			out, err := overtake(o)
			o.must(err)
			if h := o.of(o.id); h.Status == chat.StatusOffered || h.OfferedTo != "" {
				t.Fatalf("still offered: %+v", h)
			}
			if part, in := o.of(o.id).Participants[o.to.User]; in {
				t.Errorf("whom it was offered to still takes part: %+v", part)
			}
			o.same(o.standing(o.to.User).Load, 0)
			if !slices.Contains(out.Gone, o.to.User) {
				t.Errorf("whom it was offered to is not told that it is gone: %v", out.Gone)
			}
		})
	}
}

// An offer that is given to the very operator who has it stays theirs.
func TestOfferIsAssignedToWhoHasIt(t *testing.T) {
	t.Parallel()
	o := newOffered(t)
	_, err := o.svc.Assign(t.Context(), o.supervisor, o.stepOn(o.id), o.to.User)
	o.must(err)
	h := o.of(o.id)
	if _, in := h.Participants[o.to.User]; !in || h.Assignee != o.to.User || o.standing(o.to.User).Load != 1 {
		t.Fatalf("%+v", h)
	}
}

// Whom a conversation is offered to reads it and may leave a note, but speaks to the customer only once it is theirs.
func TestNobodySpeaksBeforeAccepting(t *testing.T) {
	t.Parallel()
	o := newOffered(t)
	_, err := o.svc.Send(t.Context(), o.to, o.id, chat.Public, 0, o.messages("too early"))
	o.refused(err, chat.CodeNotClosed)
	_, err = o.svc.Send(t.Context(), o.to, o.id, chat.Desk, 0, o.messages("I know her"))
	o.must(err)
	o.same(o.types(o.id, chat.Public), []string{"conversation.started -queued", "message -"})
	_, err = o.svc.Send(t.Context(), o.customer, o.id, chat.Public, 0, o.messages("anybody?"))
	o.must(err)
	_, err = o.svc.Accept(t.Context(), o.to, o.stepOn(o.id))
	o.must(err)
	_, err = o.svc.Send(t.Context(), o.to, o.id, chat.Public, 0, o.messages("here I am"))
	o.must(err)
}
