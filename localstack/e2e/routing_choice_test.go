package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// desks are the first n operators, on duty, by id.
func desks(t *testing.T, ws world.Workspace, n int) []*world.Party {
	t.Helper()
	var all []*world.Party
	for i := range n {
		o := operator(t, ws, i, fast())
		duty(t, o, chat.DutyAccepting)
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *world.Party) int { return strings.Compare(string(a.Session.User), string(b.Session.User)) })
	return all
}

// supervisor of a workspace with n operators.
func supervisor(t *testing.T, ws world.Workspace, n int) *world.Party {
	t.Helper()
	return operator(t, ws, n, fast())
}

func capacity(t *testing.T, boss, o *world.Party, n int) {
	t.Helper()
	if got := call(t, boss, http.MethodPut, "/v1/operators/"+string(o.Session.User), object{"capacity": n}, nil); got != http.StatusOK {
		t.Fatalf("capacity %d: %d", n, got)
	}
}

// TestRoutingChooses: of three operators that one who has most room, then who waits longest, then by id.
func TestRoutingChooses(t *testing.T) {
	t.Parallel()
	ws := seed(t, 3)
	all := desks(t, ws, 3)
	capacity(t, supervisor(t, ws, 3), all[1], 8)
	// Shares of room: 4/4 8/8 4/4, by id; 3/4 8/8 4/4; 3/4 7/8 4/4; 3/4 7/8 3/4; 3/4 6/8 3/4, the first for the longest without.
	for i, want := range []int{0, 1, 2, 1, 0} {
		id, err := customer(t, ws, fast()).Start(within(t), "hello")
		must(t, err)
		has(t, all[want], id, "the chosen operator's", owned(all[want].Session.User))
		if t.Failed() {
			t.Fatalf("conversation %d", i+1)
		}
	}
}

// TestClosingDrains: a place that comes free is given to who has the highest priority, then to who came first.
func TestClosingDrains(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	boss := supervisor(t, ws, 1)
	o := desks(t, ws, 1)[0]
	capacity(t, boss, o, 1)
	var ids []chat.ConversationID
	for range 4 {
		id, err := customer(t, ws, fast()).Start(within(t), "hello")
		must(t, err)
		ids = append(ids, id)
		has(t, o, ids[0], "the operator's", owned(o.Session.User))
	}
	command(t, boss, ids[3], "priority", object{"priority": 2}, http.StatusOK)
	for i, next := range []int{3, 1, 2} {
		before := ids[[]int{0, 3, 1}[i]]
		o.Do(func(m *client.Machine) {
			_, err := m.Close(before, "done")
			must(t, err)
		})
		has(t, o, ids[next], "next", owned(o.Session.User))
		waiting, err := o.API.Waiting(within(t), o.Session.Token)
		must(t, err)
		if len(waiting) != 2-i {
			t.Errorf("after %d closed, %d wait: %+v", i+1, len(waiting), waiting)
		}
	}
}

// TestOffers: where operators accept by hand, an offer that is declined or missed goes to the next, and the customer sees
// none of it.
func TestOffers(t *testing.T) {
	t.Parallel()
	ws := seed(t, 2)
	newBoss(t, suite, ws).do(http.StatusOK, http.MethodPut, "/v1/settings", `{"routing":{"manualAccept":true,"offerSeconds":10}}`, nil, "If-Match", "*")
	all := desks(t, ws, 2)
	c := customer(t, ws, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	offered := func(o *world.Party, id chat.ConversationID) {
		t.Helper()
		shows(t, o, id, "the offer", func(v *client.View) bool {
			return v.Status == chat.StatusOffered && slices.ContainsFunc(v.Events(chat.Desk), func(e protocol.Event) bool {
				return e.Type == chat.EventOffered && e.Subject == o.Session.User
			})
		})
	}
	offered(all[0], id)
	all[0].Do(func(m *client.Machine) {
		_, err := m.Decline(id, "not mine")
		must(t, err)
	})
	offered(all[1], id)
	all[1].Do(func(m *client.Machine) {
		_, err := m.Accept(id)
		must(t, err)
	})
	has(t, all[1], id, "accepted", owned(all[1].Session.User))
	has(t, c, id, "known to be assigned", owned(all[1].Session.User))
	for _, e := range c.Shown(id, chat.Public) {
		if e.From == chat.StatusOffered || e.To == chat.StatusOffered || e.Type == chat.EventOffered {
			t.Errorf("the customer sees %+v", e)
		}
	}
	second, err := customer(t, ws, fast()).Start(within(t), "me too")
	must(t, err)
	offered(all[0], second) // who lets it pass
	offered(all[1], second)
	log, err := all[1].Log(within(t), second, chat.Desk)
	must(t, err)
	if !slices.ContainsFunc(log, func(e protocol.Event) bool {
		return e.Type == chat.EventOfferMissed && e.Subject == all[0].Session.User && e.Sender == chat.SystemUser
	}) {
		t.Errorf("the miss is not told: %+v", log)
	}
}
