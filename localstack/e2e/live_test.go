package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// watch opens views of the live desk and waits for what they show.
func watch(t *testing.T, p *world.Party, views ...chat.DeskView) {
	t.Helper()
	p.Do(func(m *client.Machine) { m.Watch(views) })
	deskShows(t, p, "anything", func(d protocol.DeskPush) bool { return d.At != 0 })
}

// deskShows waits until the live desk of the party is as it should be.
func deskShows(t *testing.T, p *world.Party, what string, cond func(protocol.DeskPush) bool) {
	t.Helper()
	var last protocol.DeskPush
	var refused chat.Code
	err := p.Until(within(t), func(m *client.Machine) bool {
		last, _ = m.LiveDesk()
		refused = m.LiveRefused()
		return cond(last) || refused != ""
	})
	if err != nil || refused != "" {
		t.Fatalf("the desk does not show %s: %v %s, %+v", what, err, refused, last)
	}
}

func frames(p *world.Party) (n int) {
	p.Do(func(m *client.Machine) { _, n = m.LiveDesk() })
	return n
}

// waitsFor says that the queue is as long, and lists the conversations.
func waitsFor(n int, some ...chat.ConversationID) func(protocol.DeskPush) bool {
	return func(d protocol.DeskPush) bool {
		if d.Queue == nil || len(d.Queue.Departments) == 0 || d.Queue.Departments[0].Waiting != n {
			return false
		}
		for _, id := range some {
			if !slices.ContainsFunc(d.Queue.Entries, func(e protocol.WaitingEntry) bool { return e.Conversation == id }) {
				return false
			}
		}
		return true
	}
}

// burst starts n conversations of as many customers.
func burst(t *testing.T, ws world.Workspace, n int) []chat.ConversationID {
	t.Helper()
	ids := make([]chat.ConversationID, n)
	var group errgroup.Group
	group.SetLimit(10)
	for i := range n {
		group.Go(func() error {
			c, err := suite.Customer(within(t), ws, fast())
			if err != nil {
				return err
			}
			defer c.Close()
			ids[i], err = c.Start(within(t), "hello")
			return err
		})
	}
	must(t, group.Wait())
	return ids
}

// A burst of conversations shows as few frames, and all desks that look come to the same queue; one that has the view
// not open gets none.
func TestLiveQueue(t *testing.T) {
	t.Parallel()
	ws := seed(t, 3)
	a, b, blind := operator(t, ws, 0, fast()), operator(t, ws, 1, fast()), operator(t, ws, 2, fast())
	for _, p := range []*world.Party{a, b} {
		watch(t, p, chat.ViewQueue)
	}
	begin := time.Now()
	const n = 100
	ids := burst(t, ws, n)
	for _, p := range []*world.Party{a, b} {
		deskShows(t, p, "all that wait", waitsFor(n))
	}
	most := int(time.Since(begin)/chat.FrameGap) + 2 // one at each end, and the answer to watch
	for _, p := range []*world.Party{a, b} {
		if got := frames(p); got > most {
			t.Errorf("%d frames in %s", got, time.Since(begin))
		}
	}
	if got := frames(blind); got != 0 {
		t.Errorf("%d frames for a desk that does not look", got)
	}
	var first protocol.DeskPush
	a.Do(func(m *client.Machine) { first, _ = m.LiveDesk() })
	deskShows(t, b, "what the other does", func(d protocol.DeskPush) bool { return cmp.Equal(first.Queue, d.Queue) })
	if len(first.Queue.Entries) != chat.QueueShown || !first.Queue.More {
		t.Errorf("%d entries, more %v", len(first.Queue.Entries), first.Queue.More)
	}
	must(t, a.Take(within(t), ids[0]))
	deskShows(t, b, "that one is taken", waitsFor(n-1))
	a.Do(func(m *client.Machine) { m.Watch(nil) })
}

// What is missed while a socket is away is there after it has come back, without another change.
func TestLiveDeskAfterAReconnect(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	o := operator(t, ws, 0, fast())
	watch(t, o, chat.ViewQueue, chat.ViewColleagues)
	for range 3 {
		o.Drop()
		must(t, o.Until(within(t), func(m *client.Machine) bool { return !m.Ready() }))
		ids := burst(t, ws, 2)
		deskShows(t, o, "what came meanwhile", func(d protocol.DeskPush) bool {
			return d.Queue != nil && slices.ContainsFunc(d.Queue.Entries, func(e protocol.WaitingEntry) bool { return e.Conversation == ids[1] })
		})
		must(t, o.Take(within(t), ids[0]))
		deskShows(t, o, "that it is taken", func(d protocol.DeskPush) bool {
			return d.Queue != nil && !slices.ContainsFunc(d.Queue.Entries, func(e protocol.WaitingEntry) bool { return e.Conversation == ids[0] })
		})
	}
}

// Colleagues' load follows what they are given, and supervisors see the departments and conversations.
func TestLiveColleagues(t *testing.T) {
	t.Parallel()
	ws := seed(t, 2)
	o, colleague, boss := operator(t, ws, 0, fast()), operator(t, ws, 1, fast()), operator(t, ws, 2, fast())
	watch(t, colleague, chat.ViewColleagues)
	watch(t, boss, chat.ViewSupervision, chat.ViewColleagues)
	is := func(load int, status chat.Duty) func(protocol.DeskPush) bool {
		return func(d protocol.DeskPush) bool {
			return d.Colleagues != nil && slices.ContainsFunc(d.Colleagues.Operators, func(c protocol.DeskOperator) bool {
				return c.User == o.Session.User && c.Load == load && c.Status == status && c.Connected
			})
		}
	}
	duty(t, o, chat.DutyAccepting)
	deskShows(t, colleague, "who has come", is(0, chat.DutyAccepting))
	ids := burst(t, ws, 2)
	deskShows(t, colleague, "the load", is(2, chat.DutyAccepting))
	deskShows(t, boss, "the load", is(2, chat.DutyAccepting))
	deskShows(t, boss, "the conversations", func(d protocol.DeskPush) bool {
		s := d.Supervision
		return s != nil && len(s.Departments) == 1 && s.Departments[0].Accepting == 1 && s.Departments[0].Load == 2 &&
			s.Departments[0].Capacity == chat.DefaultCapacity && len(s.Conversations) == 2 && !slices.ContainsFunc(s.Conversations, func(c protocol.DeskConversation) bool {
			return c.Assignee != o.Session.User || c.Status != chat.StatusActive || !slices.Contains(ids, c.Conversation)
		})
	})
	o.Do(func(m *client.Machine) {
		_, err := m.Close(ids[0], "")
		must(t, err)
	})
	deskShows(t, boss, "what is left", is(1, chat.DutyAccepting))
	duty(t, o, chat.DutyAway)
	deskShows(t, colleague, "who is away", is(1, chat.DutyAway))
	colleague.Do(func(m *client.Machine) { m.Watch([]chat.DeskView{chat.ViewSupervision}) })
	must(t, colleague.Until(within(t), func(m *client.Machine) bool { return m.LiveRefused() == chat.CodeForbidden }))
}
