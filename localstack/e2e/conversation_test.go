package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

func TestTwoPartiesTalk(t *testing.T) {
	t.Parallel()
	c, o, id := pair(t, client.Options{})
	var want []string
	for i := range 20 {
		p := []*world.Party{c, o}[i%2]
		text := fmt.Sprint("message ", i)
		must(t, p.Say(id, text))
		must(t, p.Acked(within(t)))
		want = append(want, text)
	}
	if d := cmp.Diff(append([]string{"hello"}, want...), converge(t, id, chat.Public, c, o)); d != "" {
		t.Error(d)
	}
}

// TestBothSpeakAtOnce: the log has one order, in which each keeps its own.
func TestBothSpeakAtOnce(t *testing.T) {
	t.Parallel()
	c, o, id := pair(t, fast())
	const n = 40
	for i := range n {
		must(t, c.Say(id, fmt.Sprintf("c%02d", i)))
		must(t, o.Say(id, fmt.Sprintf("o%02d", i)))
	}
	texts := converge(t, id, chat.Public, c, o)
	for _, who := range []string{"c", "o"} {
		own := slices.DeleteFunc(slices.Clone(texts[1:]), func(s string) bool { return s[:1] != who })
		if len(own) != n || !slices.IsSorted(own) {
			t.Errorf("%s: %v", who, own)
		}
	}
}

// TestDeskTrack: notes are for staff; the customer sees no trace of them.
func TestDeskTrack(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	c, o := customer(t, ws, fast()), operator(t, ws, 0, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, o.Take(within(t), id))
	must(t, o.Note(id, "seems upset"))
	must(t, o.Say(id, "hi"))
	must(t, o.Acked(within(t)))
	converge(t, id, chat.Public, c, o)
	if notes := converge(t, id, chat.Desk, o); !slices.Contains(notes, "seems upset") {
		t.Errorf("desk track: %v", notes)
	}
	if got := c.Shown(id, chat.Desk); len(got) != 0 {
		t.Errorf("the customer got %+v", got)
	}
	_, err = c.Log(within(t), id, chat.Desk)
	if chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("the customer reads the desk track: %v", err)
	}
}

func TestCloseAndReopen(t *testing.T) {
	t.Parallel()
	c, o, id := pair(t, fast())
	status := func(p *world.Party, want chat.Status) {
		t.Helper()
		err := p.Until(within(t), func(m *client.Machine) bool { return m.View(id) != nil && m.View(id).Status == want })
		if err != nil {
			t.Fatalf("not %s: %v", want, err)
		}
	}
	step := func(p *world.Party, f func(m *client.Machine) error) {
		t.Helper()
		p.Do(func(m *client.Machine) { must(t, f(m)) })
		must(t, p.Acked(within(t)))
	}
	closing := func(m *client.Machine) error { _, err := m.Close(id, "solved"); return err }
	step(o, closing)
	status(c, chat.StatusClosed)
	// Staff must reopen first; a customer just writes.
	must(t, o.Say(id, "too late"))
	err := o.Until(within(t), func(m *client.Machine) bool {
		out := m.Outbox()
		return len(out) == 1 && out[0].Failed == chat.CodeClosed && m.Discard(out[0].ID)
	})
	must(t, err)
	must(t, c.Say(id, "one more thing"))
	must(t, c.Acked(within(t)))
	status(o, chat.StatusActive)
	step(o, closing)
	status(c, chat.StatusClosed)
	step(o, func(m *client.Machine) error { _, err := m.Reopen(id, "follow-up"); return err })
	status(c, chat.StatusActive)
	converge(t, id, chat.Public, c, o)
}

func TestEditAndDelete(t *testing.T) {
	t.Parallel()
	c, o, id := pair(t, fast())
	must(t, c.Say(id, "helo", "oops"))
	must(t, c.Acked(within(t)))
	log, err := c.Log(within(t), id, chat.Public)
	must(t, err)
	n := log[len(log)-1].Seq
	c.Do(func(m *client.Machine) {
		_, err := m.Edit(id, chat.Public, n-1, "hello")
		must(t, err)
		_, err = m.Delete(id, chat.Public, n)
		must(t, err)
	})
	must(t, c.Acked(within(t)))
	converge(t, id, chat.Public, c, o)
	for _, p := range []*world.Party{c, o} {
		p.Do(func(m *client.Machine) {
			lines := m.View(id).Messages()
			edited, deleted := lines[len(lines)-2], lines[len(lines)-1]
			if edited.Text != "hello" || !edited.Edited || deleted.Text != "" || !deleted.Deleted {
				t.Errorf("shown: %+v %+v", edited, deleted)
			}
		})
	}
	// Another's message is not one's own to change.
	o.Do(func(m *client.Machine) { _, err = m.Edit(id, chat.Public, n-1, "mine") })
	must(t, err)
	must(t, o.Until(within(t), func(m *client.Machine) bool {
		out := m.Outbox()
		return len(out) == 1 && out[0].Failed == chat.CodeForbidden
	}))
}
