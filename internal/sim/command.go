package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
)

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
		if what != "starts" { // three long texts do not fit into its one frame
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
