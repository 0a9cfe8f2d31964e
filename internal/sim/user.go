package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
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

func (u *user) principal() chat.Principal {
	return chat.Principal{Workspace: u.ws.id, User: u.id, Role: u.role, Session: chat.SessionID(id(chat.SessionPrefix, u.n))}
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

// command lets some user do something.
func (w *world) command() {
	list := w.tabs()
	t := list[w.pick(len(list))]
	views := slices.DeleteFunc(slices.Clone(t.machine.Views()), func(v *client.View) bool { return v.Gone })
	switch {
	case t.user.role == chat.RoleCustomer && (len(views) == 0 || w.pick(25) == 0):
		t.begin()
	case t.user.role != chat.RoleCustomer && (len(views) == 0 || w.pick(12) == 0):
		t.pickUp()
	case t.user.role == chat.RoleSupervisor && w.pick(4) == 0:
		t.supervise()
	case len(views) > 0:
		t.talk(views[w.pick(len(views))])
	}
	t.flush()
}

// maxConversations bounds a workspace, so that what one user has stays below what is done side by side.
const maxConversations = 6

func (t *tab) begin() {
	if t.user.ws.conversations >= maxConversations {
		return
	}
	next := chat.ConversationID(id(chat.ConversationPrefix, t.user.ws.conversations+1))
	texts := t.texts(next, chat.Public, 1+t.user.w.pick(3))
	c, ids, err := t.machine.Start("https://shop.example/", texts...)
	t.asked(lane{c, chat.Public}, "starts", ids, err)
}

// pickUp joins something that waits, or that does not any more.
func (t *tab) pickUp() {
	w := t.user.w
	var open []chat.ConversationID
	for _, ref := range w.order {
		if ref.Workspace == t.user.ws.id && (w.head(ref).Status == chat.StatusQueued || w.pick(6) == 0) {
			open = append(open, ref.Conversation)
		}
	}
	if len(open) == 0 {
		return
	}
	c := open[w.pick(len(open))]
	e, err := t.machine.Join(c)
	t.asked(lane{c, chat.Public}, "joins", []chat.EventID{e}, err)
	// Often a colleague wants the same.
	for _, u := range t.user.ws.users {
		if u != t.user && u.role == chat.RoleOperator && w.pick(2) == 0 {
			e, err := u.tabs[0].machine.Join(c)
			u.tabs[0].asked(lane{c, chat.Public}, "joins", []chat.EventID{e}, err)
			u.tabs[0].flush()
		}
	}
}

// supervise reaches into a conversation of others.
func (t *tab) supervise() {
	w := t.user.w
	var refs []chat.Ref
	for _, ref := range w.order {
		if ref.Workspace == t.user.ws.id {
			refs = append(refs, ref)
		}
	}
	if len(refs) == 0 {
		return
	}
	ref := refs[w.pick(len(refs))]
	switch w.pick(4) {
	case 0:
		t.revise(ref.Conversation, chat.Public, w.logs[ref].public, true)
	case 1:
		e, err := t.machine.Close(ref.Conversation, "supervised")
		t.asked(lane{ref.Conversation, chat.Public}, "closes", []chat.EventID{e}, err)
	case 2:
		e, err := t.machine.Reopen(ref.Conversation, "supervised")
		t.asked(lane{ref.Conversation, chat.Public}, "reopens", []chat.EventID{e}, err)
	default:
		t.say(ref.Conversation, chat.Desk, 1)
	}
}

// talk is what participants do.
func (t *tab) talk(v *client.View) {
	w, c := t.user.w, v.Conversation
	staff := t.user.role.Staff()
	track := chat.Public
	if staff && w.pick(4) == 0 {
		track = chat.Desk
	}
	switch n := w.pick(30); {
	case n < 16:
		t.say(c, track, 1+w.pick(2))
	case n == 16:
		t.say(c, track, 1+w.pick(chat.MaxMessages))
	case n < 20:
		if log := w.logs[chat.Ref{Workspace: t.user.ws.id, Conversation: c}]; log != nil {
			t.revise(c, track, *log.of(track), false)
		}
	case n < 23:
		t.machine.MarkRead(c, v.Applied(chat.Public))
	case n < 26:
		t.machine.Typing(c)
	case n == 26:
		e, err := t.machine.Close(c, "done")
		t.asked(lane{c, chat.Public}, "closes", []chat.EventID{e}, err)
	case n == 27 && staff:
		e, err := t.machine.Reopen(c, "again")
		t.asked(lane{c, chat.Public}, "reopens", []chat.EventID{e}, err)
	default:
		t.probe(c)
	}
}

func (t *tab) say(c chat.ConversationID, track chat.Track, n int) {
	ids, err := t.machine.Send(c, track, t.texts(c, track, n)...)
	t.asked(lane{c, track}, "says", ids, err)
}

// revise edits or deletes a message that the log has; one of somebody else only if bold.
func (t *tab) revise(c chat.ConversationID, track chat.Track, log []chat.Event, bold bool) {
	w := t.user.w
	var own []uint64
	for _, e := range log {
		if (e.Type == chat.EventMessage || e.Type == chat.EventNote) && (e.Sender == t.user.id || bold || w.pick(20) == 0) {
			own = append(own, e.Seq)
		}
	}
	if len(own) == 0 {
		return
	}
	target := own[w.pick(len(own))]
	if w.pick(2) == 0 {
		e, err := t.machine.Delete(c, track, target)
		t.asked(lane{c, track}, "deletes", []chat.EventID{e}, err)
		return
	}
	e, err := t.machine.Edit(c, track, target, t.texts(c, track, 1)[0])
	t.asked(lane{c, track}, "edits", []chat.EventID{e}, err)
}

// texts make texts that say where they belong: whoever else gets them is found out.
func (t *tab) texts(c chat.ConversationID, track chat.Track, n int) []string {
	w := t.user.w
	out := make([]string, n)
	long := w.long && w.pick(3) == 0
	for i := range out {
		w.messages++
		size := w.pick(40)
		if long {
			size = 5000 + w.pick(3000)
		}
		out[i] = fmt.Sprintf("%s%s says %d %s", mark(t.user.ws.n, c, track), t, w.messages, strings.Repeat("x", size))
	}
	return out
}

func (t *tab) asked(l lane, what string, ids []chat.EventID, err error) {
	w := t.user.w
	if err != nil {
		if what != "starts" && len(w.trace) >= 0 {
			w.violate("%s %s: %v", t, what, err)
		}
		return
	}
	w.log("%s %s %d in %s %s", t, what, len(ids), l.conversation, l.track)
	t.queued[l] = append(t.queued[l], ids...)
}

// probe writes a frame that a client of another make could: with cursors from elsewhere, or about a
// conversation of others. What comes back must be harmless.
func (t *tab) probe(c chat.ConversationID) {
	w := t.user.w
	var up *conn
	for _, x := range w.conns {
		if x.tab == t && x.life == t.life && x.up {
			up = x
		}
	}
	if up == nil {
		return
	}
	foreign := chat.ConversationID(id(chat.ConversationPrefix, 1+w.pick(maxConversations)))
	after := uint64(w.pick(20))
	var frame any
	switch w.pick(7) {
	case 5, 6:
		frame = t.reuse(c)
	case 0, 1:
		w.count(StaleHello)
		frame = protocol.Hello{Action: protocol.ActionHello, Ref: "probe", Cursors: map[chat.ConversationID]protocol.Cursor{c: {Public: uint64(w.pick(60)), Desk: uint64(w.pick(9))}}}
	case 2:
		frame = protocol.Page{Action: protocol.ActionPage, Ref: "probe", Conversation: foreign, After: &after, Track: chat.Tracks()[w.pick(2)]}
	case 3:
		frame = protocol.Read{Action: protocol.ActionRead, Ref: "probe", Conversation: foreign, Seq: after + 1}
	default:
		frame = protocol.Typing{Action: protocol.ActionTyping, Ref: "probe", Conversation: foreign, Read: after}
	}
	if frame != nil {
		up.in = append(up.in, protocol.Encode(frame))
	}
}

// reuse says something new under an id that the log may have: with an id that was never sent, so that no entry
// of the outbox is meant.
func (t *tab) reuse(c chat.ConversationID) any {
	w := t.user.w
	l := w.logs[chat.Ref{Workspace: t.user.ws.id, Conversation: c}]
	if l == nil {
		return nil
	}
	m := protocol.NewMessage{ID: chat.EventID(id(chat.EventPrefix, 1<<24|1+w.pick(2))), Text: t.texts(c, chat.Public, 1)[0]}
	return protocol.Send{Action: protocol.ActionSend, Ref: "probe", Conversation: c, Messages: []protocol.NewMessage{m}}
}
