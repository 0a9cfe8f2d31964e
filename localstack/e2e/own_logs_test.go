package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/e2e/rig"
)

// setDuty has the operator change their status over their socket.
func setDuty(t *testing.T, p *rig.Person, d chat.Duty) {
	t.Helper()
	p.Do(func(m *client.Machine) { m.Duty(d) })
	var refused chat.Code
	err := p.Until(limit(t, 20*time.Second), func(m *client.Machine) (settled bool) {
		refused, settled = m.DutySettled()
		return settled
	})
	if err != nil || refused != "" {
		t.Fatalf("duty %s: %v, %s", d, err, refused)
	}
}

// ownNames lists what the own logs of the operator and the contact hold, as an integrator is to be told of it.
func ownNames(t *testing.T, s *dynamo.Store, w chat.WorkspaceID, user chat.UserID, id contact.ID) (names []string) {
	t.Helper()
	operator, err := s.OperatorEvents(t.Context(), w, user, 0, 100)
	must(t, err)
	for _, e := range operator {
		names = append(names, fmt.Sprintf("%s.%s.0.%d %s", w, user, e.Seq, e.Type))
	}
	card, err := dynamo.Contacts{Store: s}.Events(t.Context(), w, id, 0, 100)
	must(t, err)
	for _, e := range card {
		names = append(names, fmt.Sprintf("%s.%s.0.%d %s", w, id, e.Seq, e.Type))
	}
	return names
}

// toldOwn lists what the integrator was told of a subject, each once, in the order in which it was told.
func toldOwn(jobs []queue.SubjectMessage, subject string) (names []string, seqs []uint64) {
	for _, j := range jobs {
		if name := j.Event + " " + j.Type; j.Subject == subject && !slices.Contains(names, name) {
			names, seqs = append(names, name), append(seqs, j.Seq)
		}
	}
	return names, seqs
}

// TestOwnLogsAreTold: what an operator's status and a contact's card tell reaches the integration, in order for each;
// and also what the stream's mapping has given up on, when the relay has read it back.
func TestOwnLogsAreTold(t *testing.T) {
	t.Parallel()
	f := newFailureRig(t, 50)
	s := newScript(t, f.Rig, rig.Fast())
	w, user, id := s.operator.Space.ID, s.operator.Session.User, contact.OfUser(s.customer.Session.User)
	lead := func(email string) {
		t.Helper()
		answer := api(t, "POST", f.Local.HTTP+"/v1/leads", s.customer.Session.Token, object{"email": email}, nil, "Origin", s.customer.Space.Origin)
		if answer.StatusCode != http.StatusNoContent {
			t.Fatalf("a lead: %d", answer.StatusCode)
		}
	}
	told := func() (operator, card []string) {
		jobs := f.OwnJobs(w)
		operator, _ = toldOwn(jobs, string(user))
		card, _ = toldOwn(jobs, string(id))
		return operator, card
	}
	settled := func() (want []string) {
		t.Helper()
		f.until(t, "all that the own logs hold to be told", func(console.State) bool {
			want = ownNames(t, f.Store, w, user, id)
			operator, card := told()
			return len(operator)+len(card) >= len(want)
		})
		return want
	}
	setDuty(t, s.operator, chat.DutyAccepting)
	lead("ada@shop.example")
	setDuty(t, s.operator, chat.DutyAway)
	want := settled()
	operator, card := told()
	if got := slices.Concat(operator, card); !slices.Equal(got, want) {
		t.Fatalf("told\n%q\nthe logs hold\n%q", got, want)
	}
	if len(operator) < 3 || len(card) != 1 { // connected, accepting, away; the lead
		t.Fatalf("the logs hold %q", want)
	}

	f.poison(t)
	setDuty(t, s.operator, chat.DutyAccepting)
	setDuty(t, s.operator, chat.DutyOff)
	lead("ada@home.example")
	f.until(t, "the mapping to give up", func(st console.State) bool { return discarded(st) >= 3 })
	must(t, f.Mend(t.Context()))
	setDuty(t, s.operator, chat.DutyAway)
	want = settled()
	operator, card = told()
	got := slices.Concat(operator, card)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("told\n%q\nthe logs hold\n%q", got, want)
	}
}

// TestWhatAConversationTellsIsToldOnce: taking and closing a conversation is in its log alone; of the operator's own
// nothing is told by it.
func TestWhatAConversationTellsIsToldOnce(t *testing.T) {
	t.Parallel()
	f := newFailureRig(t, 50)
	s := newScript(t, f.Rig, rig.Fast())
	setDuty(t, s.operator, chat.DutyAway)
	f.until(t, "the status to be told", func(console.State) bool { return len(f.OwnJobs(s.operator.Space.ID)) >= 2 })
	before := len(f.OwnJobs(s.operator.Space.ID))
	id := s.begun(t)
	s.sayMore(t, id, "said")
	s.allTold(t)
	if own := f.OwnJobs(s.operator.Space.ID); len(own) != before {
		t.Errorf("beside the conversation's events: %+v", own[before:])
	}
}
