package chat_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// leads is a Leads that knows one limit and may fail.
type leads struct {
	captured []chat.Lead
	of       []chat.UserID
	err      error
}

func (l *leads) CheckLead(lead chat.Lead) error {
	if lead.Name == "too long" {
		return chat.Errorf(chat.CodeInvalid, "name: too long")
	}
	return nil
}

func (l *leads) CaptureLead(_ context.Context, p chat.Principal, lead chat.Lead) error {
	if l.err != nil {
		return l.err
	}
	l.captured, l.of = append(l.captured, lead), append(l.of, p.User)
	return nil
}

// asking is a world whose workspace asks for a topic, and keeps what it was asked.
func asking(t *testing.T) (*world, *leads, *[]chat.Submission) {
	t.Helper()
	w, noted, asked := newWorld(t), &leads{}, &[]chat.Submission{}
	w.svc.Leads = noted
	w.svc.Forms = func(_ context.Context, _ chat.WorkspaceID, s chat.Submission) error {
		if *asked = append(*asked, s); s.Starts && s.Answers["topic"] == "" {
			return chat.WrongAnswers(map[string]string{"topic": "required"})
		}
		return nil
	}
	return w, noted, asked
}

func (w *world) new(f chat.Form) chat.NewConversation {
	return chat.NewConversation{ID: w.newConversation(), Messages: w.messages("hello"), Form: f}
}

// TestStartAgainThoughTheFormHasChanged: what was stored is acknowledged to its retry, with its lead; another start is
// refused.
func TestStartAgainThoughTheFormHasChanged(t *testing.T) {
	t.Parallel()
	w, noted, _ := asking(t)
	n := w.new(chat.Form{Fields: map[string]string{"topic": "a parcel"}, Mail: "ada@shop.example"})
	first, err := w.svc.Start(t.Context(), w.customer, n)
	w.must(err)
	w.svc.Forms = func(context.Context, chat.WorkspaceID, chat.Submission) error {
		return chat.WrongAnswers(map[string]string{"size": "required"})
	}
	again, err := w.svc.Start(t.Context(), w.customer, n)
	w.must(err)
	if len(again.Acks) != 1 || !again.Acks[0].Duplicate || again.Acks[0].Event.Seq != first.Acks[0].Event.Seq || len(noted.captured) != 2 {
		t.Errorf("%+v, %d leads", again.Acks, len(noted.captured))
	}
	more := n
	more.Messages = slices.Concat(n.Messages, w.messages("and more"))
	for _, n := range []chat.NewConversation{w.new(n.Form), more} {
		_, err = w.svc.Start(t.Context(), w.customer, n)
		w.refused(err, chat.CodeInvalid)
	}
}

// TestStartDemandsItsForm: a conversation whose form is not filled in does not begin, and leaves no lead.
func TestStartDemandsItsForm(t *testing.T) {
	t.Parallel()
	w, noted, asked := asking(t)
	for _, f := range []chat.Form{{}, {Mail: "ada@shop.example"}, {Fields: map[string]string{"name": "Ada"}}} {
		n := w.new(f)
		_, err := w.svc.Start(t.Context(), w.customer, n)
		w.refused(err, chat.CodeInvalid)
		var named *chat.Error
		if !errors.As(err, &named) || named.Fields["topic"] != "required" {
			t.Errorf("%v names no field", err)
		}
		if h, err := w.store.Head(t.Context(), chat.Ref{Workspace: w.customer.Workspace, Conversation: n.ID}); h != nil || err != nil {
			t.Errorf("stored: %v, %v", h, err)
		}
	}
	if len(noted.captured) > 0 || len(*asked) != 3 {
		t.Errorf("%v noted, asked %d times", noted.captured, len(*asked))
	}
	for _, f := range []chat.Form{{Fields: map[string]string{"name": "too long", "topic": "x"}}, {Fields: map[string]string{"email": "ada", "topic": "x"}},
		{Mail: "ada@shop.example", Fields: map[string]string{"email": "eve@shop.example", "topic": "x"}}} {
		_, err := w.svc.Start(t.Context(), w.customer, w.new(f))
		w.refused(err, chat.CodeInvalid)
	}
}

// TestWhichFormIsDue: the workspace is told whether the conversation begins, whether a message is left, and which form was
// named. Its own systems are asked nothing.
func TestWhichFormIsDue(t *testing.T) {
	t.Parallel()
	w, _, asked := asking(t)
	answers := map[string]string{"topic": "refund"}
	w.svc.Availability = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.Status, error) {
		return chat.StatusOffline, nil
	}
	n := w.new(chat.Form{Fields: answers, Phone: "110"})
	_, err := w.svc.Start(t.Context(), w.customer, n)
	w.must(err)
	w.conv = n.ID
	_, err = w.svc.SubmitForm(t.Context(), w.customer, w.step(), chat.Form{ID: "q_1", Fields: answers})
	w.must(err)
	w.same(*asked, []chat.Submission{{Offline: true, Starts: true, Answers: answers, Phone: "110"}, {Form: "q_1", Offline: true, Answers: answers}})
	key := w.principal(w.customer.Workspace, chat.RoleAPIKey, "")
	key.Grants = chat.JoinGrants(chat.GrantWriteConversations)
	n = w.new(chat.Form{})
	n.Customer = w.customer.User
	_, err = w.svc.Start(t.Context(), key, n)
	w.must(err)
	if len(*asked) != 2 {
		t.Errorf("an API key was asked: %+v", (*asked)[2])
	}
}

// TestEveryFormMakesALead: the form before a chat, one within it and an address alone are noted on the customer's contact,
// also by the repetition of a command whose lead was not.
func TestEveryFormMakesALead(t *testing.T) {
	t.Parallel()
	w, noted, _ := asking(t)
	n := w.new(chat.Form{Fields: map[string]string{"topic": "refund", "name": "Ada", "email": "ada@shop.example"}})
	noted.err = chat.ErrUnknownOutcome
	_, err := w.svc.Start(t.Context(), w.customer, n)
	w.refused(err, chat.CodeUnavailable)
	noted.err = nil
	out, err := w.svc.Start(t.Context(), w.customer, n)
	w.must(err)
	if !out.Acks[0].Duplicate {
		t.Error("the first try had stored nothing")
	}
	w.conv = n.ID
	st, phone := w.step(), chat.Form{Phone: "+49 30 1234"}
	noted.err = chat.ErrUnknownOutcome
	_, err = w.svc.SubmitForm(t.Context(), w.customer, st, phone)
	w.refused(err, chat.CodeUnavailable)
	noted.err = nil
	_, err = w.svc.SubmitForm(t.Context(), w.customer, st, phone)
	w.must(err)
	w.same(noted.captured, []chat.Lead{{Name: "Ada", Mail: "ada@shop.example"}, {Phone: "+49 30 1234"}})
	w.same(noted.of, []chat.UserID{w.customer.User, w.customer.User})
	noted.err = chat.Errorf(chat.CodeInvalid, "addresses: a contact has at most 10")
	_, err = w.svc.SubmitForm(t.Context(), w.customer, w.step(), chat.Form{Mail: "eleventh@shop.example"})
	w.must(err) // the conversation has it
	d, err := w.svc.Details(t.Context(), w.supervisor, w.conv)
	w.must(err)
	w.same(d.Fields, map[string]string{"topic": "refund", "name": "Ada", chat.LeadMail: "eleventh@shop.example", chat.LeadPhone: "+49 30 1234"})
	forms := 0
	for _, e := range w.log(chat.Public) {
		if e.Type == chat.EventForm {
			forms++
		}
	}
	if forms != 3 {
		t.Errorf("%d forms in the log", forms)
	}
}
