package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// TestReconnectInMidSend drops both sides again and again while both speak.
func TestReconnectInMidSend(t *testing.T) {
	t.Parallel()
	c, o, id := pair(t, fast())
	want := 1
	for i := range 30 {
		p := []*world.Party{c, o}[i%2]
		must(t, p.Say(id, fmt.Sprint("message ", i)))
		want++
		if i%6 == 5 {
			p.Drop()
		}
	}
	if texts := converge(t, id, chat.Public, c, o); len(texts) != want {
		t.Errorf("%d of %d messages: %v", len(texts), want, texts)
	}
}

// TestLostAcks: what is acknowledged in vain is sent again, found, and there once.
func TestLostAcks(t *testing.T) {
	t.Parallel()
	opts := fast()
	opts.Answer = 4 * time.Second // of two tries under way at once, either's answer may be the one that is lost
	duplicates := 0
	opts.OnNotice = func(n client.Notice) {
		if n.Kind == client.Acked && n.Duplicate {
			duplicates++
		}
	}
	ws := seed(t, 1)
	c, o := customer(t, ws, opts), operator(t, ws, 0, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, o.Take(within(t), id))
	const n = 3
	for i := range n {
		c.LoseAcks(1)
		must(t, c.Say(id, fmt.Sprint("message ", i)))
		must(t, c.Acked(within(t)))
	}
	if texts := converge(t, id, chat.Public, c, o); len(texts) != n+1 {
		t.Errorf("%v", texts)
	}
	c.Do(func(*client.Machine) { // under the client's lock
		if duplicates != n {
			t.Errorf("%d duplicates, want %d", duplicates, n)
		}
	})
}

// TestMissedWhileAway: hello brings what was said meanwhile, in whole or as its newest page.
func TestMissedWhileAway(t *testing.T) {
	t.Parallel()
	for _, n := range []int{20, 260} { // 260: more than a hello carries for a view (200)
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			c, o, id := pair(t, fast())
			must(t, c.Say(id, "back in a minute"))
			must(t, c.Acked(within(t)))
			converge(t, id, chat.Public, c, o)
			c.Do((*client.Machine).Disconnect)
			var texts []string
			for i := range n {
				texts = append(texts, fmt.Sprint("message ", i))
			}
			must(t, o.Say(id, texts...))
			must(t, o.Acked(within(t)))
			c.Connect()
			log, err := o.Log(within(t), id, chat.Public)
			must(t, err)
			must(t, c.Sees(within(t), id, chat.Public, uint64(len(log))))
			shown := c.Shown(id, chat.Public)
			if d := cmp.Diff(log[len(log)-len(shown):], shown); d != "" {
				t.Error(d)
			}
			if n < 200 && len(shown) != len(log) {
				t.Errorf("%d of %d events", len(shown), len(log))
			}
		})
	}
}

// TestLostPushesAreFoundByPing: nobody tells the customer but the head in a pong.
func TestLostPushesAreFoundByPing(t *testing.T) {
	t.Parallel()
	opts := fast()
	opts.Ping = 500 * time.Millisecond
	c, o, id := pair(t, opts)
	c.MutePushes(true)
	must(t, o.Say(id, "anybody there?"))
	must(t, o.Acked(within(t)))
	converge(t, id, chat.Public, c, o)
}

// TestTwoTabs: two sockets of one customer show the same, whichever sends.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	c, o, id := pair(t, fast())
	tab, err := suite.Join(within(t), c.API, c.Session, fast())
	must(t, err)
	t.Cleanup(tab.Close)
	for i := range 10 {
		must(t, []*world.Party{c, tab, o}[i%3].Say(id, fmt.Sprint("message ", i)))
	}
	if texts := converge(t, id, chat.Public, c, tab, o); len(texts) != 11 {
		t.Errorf("%v", texts)
	}
}

// TestRotation: a socket that grows old is replaced without a break.
func TestRotation(t *testing.T) {
	t.Parallel()
	opts := fast()
	opts.RotateFrom, opts.RotateTo = 300*time.Millisecond, 600*time.Millisecond
	rotated, broken := 0, 0
	opts.OnNotice = func(n client.Notice) {
		switch n.Kind {
		case client.Rotated:
			rotated++
		case client.Disconnected:
			broken++
		default:
		}
	}
	ws := seed(t, 1)
	c, o := customer(t, ws, opts), operator(t, ws, 0, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, o.Take(within(t), id))
	for enough, i := false, 0; !enough; i++ { // the customer would be too fast
		must(t, o.Say(id, fmt.Sprint("message ", i)))
		must(t, o.Acked(within(t)))
		c.Do(func(*client.Machine) { enough = rotated >= 3 })
	}
	must(t, c.Say(id, "still here"))
	converge(t, id, chat.Public, c, o)
	c.Do(func(*client.Machine) {
		if broken > 0 {
			t.Errorf("%d sockets were lost", broken)
		}
	})
}

// TestReadInOneTabIsReadInAll: what an operator reads or answers in one tab is unread in none, before any ping, and the
// customer's wait ends in both.
func TestReadInOneTabIsReadInAll(t *testing.T) {
	t.Parallel()
	opts := fast()
	opts.Read = 50 * time.Millisecond
	c, o, id := pair(t, opts)
	tab, err := suite.Join(within(t), o.API, o.Session, opts)
	must(t, err)
	t.Cleanup(tab.Close)
	shows := func(unread int, waits bool) {
		t.Helper()
		for _, p := range []*world.Party{o, tab} {
			must(t, p.Until(within(t), func(m *client.Machine) bool {
				v := m.View(id)
				return v != nil && v.Unread() == unread && (v.WaitingSince() != 0) == waits
			}))
		}
	}
	must(t, c.Say(id, "one", "two"))
	must(t, c.Acked(within(t)))
	log, err := o.Log(within(t), id, chat.Public)
	must(t, err)
	must(t, o.Sees(within(t), id, chat.Public, uint64(len(log))))
	shows(3, true) // and the one that began it
	o.Do(func(m *client.Machine) { m.MarkRead(id, uint64(len(log))) })
	shows(0, true)
	must(t, c.Say(id, "three"))
	shows(1, true)
	must(t, tab.Say(id, "here I am"))
	shows(0, false)
	must(t, c.Until(within(t), func(m *client.Machine) bool {
		return m.View(id).Participants[o.Session.User].Read == uint64(len(log))+1
	}))
}
