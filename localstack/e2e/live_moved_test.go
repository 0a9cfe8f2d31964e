package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// repost changes an account as an admin.
func (b *boss) repost(u chat.UserID, body string) {
	b.t.Helper()
	var m httpapi.StaffMember
	b.do(http.StatusOK, "GET", "/v1/staff/"+string(u), "", &m)
	b.do(http.StatusOK, "PATCH", "/v1/staff/"+string(u), body, nil, "If-Match", fmt.Sprintf(`"v%d"`, m.Version))
}

// waitIn starts a conversation that waits in the department.
func waitIn(t *testing.T, ws world.Workspace, d string) (id chat.ConversationID) {
	t.Helper()
	c := customer(t, ws, fast())
	var err error
	c.Do(func(m *client.Machine) {
		id, _, err = m.StartWith(protocol.Start{Department: chat.DepartmentID(d)}, "hello")
	})
	must(t, err)
	must(t, c.Acked(within(t)))
	return id
}

// queued says that exactly these wait.
func queued(ids ...chat.ConversationID) func(protocol.DeskPush) bool {
	return func(d protocol.DeskPush) bool {
		return d.Queue != nil && len(d.Queue.Entries) == len(ids) && !slices.ContainsFunc(d.Queue.Entries, func(e protocol.WaitingEntry) bool {
			return !slices.Contains(ids, e.Conversation)
		})
	}
}

// TestLiveDeskOfSomebodyWhoIsMoved: an operator who is connected sees the queue of the departments that they work in by
// now, and nothing of the others any more, also where they had chosen a department.
func TestLiveDeskOfSomebodyWhoIsMoved(t *testing.T) {
	t.Parallel()
	ws := seed(t, 2)
	b := newBoss(t, suite, ws)
	b.make("/v1/departments", `{"name":"Front desk","default":true}`)
	sales, support := b.make("/v1/departments", `{"name":"Sales"}`), b.make("/v1/departments", `{"name":"Support"}`)
	a, chosen := ws.Operators[0].User, ws.Operators[1].User
	for _, u := range []chat.UserID{a, chosen} {
		b.repost(u, `{"departments":["`+sales+`"]}`)
	}
	o, narrow := operator(t, ws, 0, fast()), operator(t, ws, 1, fast())
	watch(t, o, chat.ViewQueue, chat.ViewColleagues)
	narrow.Do(func(m *client.Machine) { m.Watch([]chat.DeskView{chat.ViewQueue}, chat.DepartmentID(sales)) })
	sold, supported := waitIn(t, ws, sales), waitIn(t, ws, support)
	for _, p := range []*world.Party{o, narrow} {
		deskShows(t, p, "the queue of sales", queued(sold))
	}
	for _, u := range []chat.UserID{a, chosen} {
		b.repost(u, `{"departments":["`+support+`"]}`)
	}
	for _, p := range []*world.Party{o, narrow} {
		deskShows(t, p, "the queue of support", queued(supported))
	}
	again := waitIn(t, ws, support)
	waitIn(t, ws, sales)
	for _, p := range []*world.Party{o, narrow} {
		deskShows(t, p, "what comes to support, and not what comes to sales", queued(supported, again))
	}
	b.repost(a, `{"departments":[]}`)
	deskShows(t, o, "everything", func(d protocol.DeskPush) bool { return d.Queue != nil && len(d.Queue.Entries) == 4 })
}

// TestLiveDeskOfSomebodyWhoSupervisesNoMore: the view is gone with the answer to the change, and whatever happens later is
// not told on it; the other views stay.
func TestLiveDeskOfSomebodyWhoSupervisesNoMore(t *testing.T) {
	t.Parallel()
	ws := seed(t, 0)
	b := newBoss(t, suite, ws)
	opts := fast()
	var mu sync.Mutex
	var told []string
	opts.OnFrame = func(in bool, frame []byte) {
		mu.Lock()
		defer mu.Unlock()
		if in && bytes.Contains(frame, []byte(`"supervision":`)) {
			told = append(told, string(frame))
		}
	}
	o := operator(t, ws, 0, opts)
	watch(t, o, chat.DeskViews()...)
	ids := burst(t, ws, 1)
	deskShows(t, o, "what goes on", func(d protocol.DeskPush) bool { return d.Supervision != nil && len(d.Supervision.Conversations) == 1 })
	b.repost(o.Session.User, `{"role":"operator"}`)
	deskShows(t, o, "what operators see, and no more", func(d protocol.DeskPush) bool {
		return d.Supervision == nil && d.Colleagues != nil && queued(ids...)(d)
	})
	ids = append(ids, burst(t, ws, 1)...)
	deskShows(t, o, "what came later", queued(ids...))
	o.Do(func(m *client.Machine) { m.Watch([]chat.DeskView{chat.ViewSupervision}) })
	must(t, o.Until(within(t), func(m *client.Machine) bool { return m.LiveRefused() == chat.CodeForbidden }))
	mu.Lock()
	defer mu.Unlock()
	if len(told) == 0 || slices.ContainsFunc(told, func(f string) bool { return strings.Contains(f, string(ids[1])) }) {
		t.Errorf("an operator supervises: %s", told)
	}
}

// TestLiveDesksAfterAPowerCut: the stack is killed while everything changes, and comes back: every view of every desk
// comes to what is stored, and follows it again.
func TestLiveDesksAfterAPowerCut(t *testing.T) {
	t.Parallel()
	r := ownRig(t, rig.Options{Data: t.TempDir()})
	w := newWatchers(t, r, rig.Pinging(5*time.Second))
	w.play(t)
	_, err := w.customer.Start("and now the lights go out")
	must(t, err)
	must(t, r.RestartAfterKill(limit(t, time.Minute)))
	settled := func() {
		ctx := limit(t, 20*time.Second)
		must(t, w.Rest(ctx))
		found, err := w.JudgeDesks(ctx)
		must(t, err)
		report(t, found)
	}
	settled()
	_, err = w.customer.Start("they are on again")
	must(t, err)
	settled()
}
