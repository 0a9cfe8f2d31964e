package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
)

// user is a principal; every tab of it has a machine and an outbox of its own.
type user struct {
	w    *world
	ws   *workspace
	n    int
	id   chat.UserID
	role chat.Role
	tabs []*tab
}

func (u *user) authorizer() map[string]any {
	return map[string]any{"workspace": string(u.ws.id), "user": string(u.id), "role": string(u.role), "session": id(chat.SessionPrefix, u.n)}
}

// tab is one client process after another, with what it keeps over a restart.
type tab struct {
	user    *user
	n       int
	life    int
	machine *client.Machine
	saved   []client.Entry
	ids     int

	queued map[lane][]chat.EventID // in the order in which the user wrote
	failed map[lane]map[chat.EventID]bool
	acked  map[lane]map[chat.EventID]bool
	seen   map[lane]*progress
}

// lane is one track of one conversation.
type lane struct {
	conversation chat.ConversationID
	track        chat.Track
}

// progress is how much of a view was compared with the log.
type progress struct {
	base uint64
	n    int
}

func (t *tab) String() string {
	return fmt.Sprintf("w%d.%s%d.%d", t.user.ws.n, t.user.role, t.user.n, t.n)
}

func (u *user) open() {
	t := &tab{user: u, n: len(u.tabs) + 1, queued: map[lane][]chat.EventID{}, failed: map[lane]map[chat.EventID]bool{},
		acked: map[lane]map[chat.EventID]bool{}}
	u.tabs = append(u.tabs, t)
	t.boot()
}

// boot starts the client's process from what the last one saved.
func (t *tab) boot() {
	w := t.user.w
	t.life++
	t.seen = map[lane]*progress{}
	t.machine = client.NewMachine(client.Config{
		Now: time.Now, NewID: t.newID, Saved: slices.Clone(t.saved), Rand: rand.New(rand.NewPCG(w.rng.Uint64(), uint64(t.life))),
	})
	t.machine.Connect()
	t.flush()
}

// newID makes ids that collide wherever they may: between tenants, and between the senders of a conversation.
func (t *tab) newID(prefix string) string {
	if prefix == chat.ConversationPrefix {
		t.user.ws.conversations++
		return id(prefix, t.user.ws.conversations)
	}
	t.ids++
	return id(prefix, t.n<<16|t.ids)
}

// flush carries out what the machine wants, and checks what it shows.
func (t *tab) flush() {
	w := t.user.w
	for _, a := range t.machine.Actions() {
		switch a.Kind {
		case client.Dial:
			w.dials = append(w.dials, dial{t, a.Socket})
		case client.Write:
			if c := w.find(t, a.Socket); c != nil && c.up {
				if len(a.Frame) > chat.MaxFrame {
					w.violate("%s writes a frame of %d bytes", t, len(a.Frame))
				}
				c.in = append(c.in, a.Frame)
			}
		case client.Hangup:
			w.hangup(t, a.Socket)
		case client.Save:
			t.saved = a.Entries
		case client.Tell:
			t.told(a.Notice)
		}
	}
	w.checkViews(t)
}

func (w *world) find(t *tab, socket int) *conn {
	for _, c := range w.conns {
		if c.tab == t && c.life == t.life && c.socket == socket {
			return c
		}
	}
	return nil
}

func (w *world) hangup(t *tab, socket int) {
	w.dials = slices.DeleteFunc(w.dials, func(d dial) bool { return d == dial{t, socket} })
	if c := w.find(t, socket); c != nil {
		c.known = false
		w.cut(c)
	}
}

// restart kills the client's process: what it saved is left.
func (w *world) restart(t *tab) {
	w.log("%s restarts with %d entries", t, len(t.saved))
	for _, c := range w.conns {
		if c.tab == t && c.life == t.life {
			c.known = false
			w.cut(c)
		}
	}
	w.dials = slices.DeleteFunc(w.dials, func(d dial) bool { return d.tab == t })
	t.boot()
}

func (t *tab) told(n client.Notice) {
	w := t.user.w
	switch n.Kind {
	case client.Acked:
		w.checkAcked(t.user, n)
		l := lane{n.Conversation, n.Track}
		if t.acked[l] == nil {
			t.acked[l] = map[chat.EventID]bool{}
		}
		t.acked[l][n.ID] = true
	case client.Refused:
		w.log("%s is refused %s %s: %s %s", t, n.Track, n.ID, n.Code, n.Message)
		l := lane{n.Conversation, n.Track}
		if t.failed[l] == nil {
			t.failed[l] = map[chat.EventID]bool{}
		}
		t.failed[l][n.ID] = true
		if n.Code == chat.CodeAlreadyAssigned {
			w.count(LostRace)
		}
		if n.Code == chat.CodeIDReused || n.Code == chat.CodeOutOfSync || n.Code == chat.CodeUnknownAction {
			w.violate("%s is told %s: %s", t, n.Code, n.Message)
		}
	case client.Stopped:
		w.violate("%s was stopped: %s", t, n.Code)
	case client.Fetched:
		w.count(Paged)
	case client.Rotated:
		w.count(Rotated)
	default: // for the screen
	}
}

// tick lets machines know that time has passed.
func (w *world) tick() {
	now := time.Now()
	for _, t := range w.tabs() {
		if d := t.machine.Deadline(); !d.IsZero() && !d.After(now) {
			t.machine.Tick()
			t.flush()
		}
	}
}

func (w *world) tabs() []*tab {
	var list []*tab
	for _, ws := range w.workspaces {
		for _, u := range ws.users {
			list = append(list, u.tabs...)
		}
	}
	return list
}
