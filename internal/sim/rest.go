package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// unrest returns why the system is not at rest yet, "" when it is: P4, P5 and no work left.
func (w *world) unrest() string {
	switch {
	case len(w.delivery.messages) > 0:
		return fmt.Sprintf("%d jobs are left in the delivery queue", len(w.delivery.messages))
	case len(w.jobs.messages) > 0:
		return fmt.Sprintf("%d jobs are left in the integration queue", len(w.jobs.messages))
	}
	for _, s := range w.shards {
		if s.next < len(s.records) {
			return fmt.Sprintf("the relay has not read %d records", len(s.records)-s.next)
		}
	}
	for _, t := range w.tabs() {
		if n := t.machine.Pending(); n > 0 {
			return fmt.Sprintf("%s has %d entries left, the first: %+v", t, n, t.machine.Outbox()[0])
		}
		if !t.machine.Ready() {
			return fmt.Sprintf("%s is not connected", t)
		}
	}
	for _, ref := range w.order {
		if why := w.unseen(ref); why != "" {
			return why
		}
	}
	if why := w.integrator.missing(); why != "" {
		return "P5: integration " + why
	}
	return ""
}

// unseen says which participant's screen is not the log.
func (w *world) unseen(ref chat.Ref) string {
	h := w.head(ref)
	for _, t := range w.tabs() {
		if _, in := h.Participants[t.user.id]; !in || t.user.ws.id != ref.Workspace {
			continue
		}
		v := t.machine.View(ref.Conversation)
		if v == nil && h.Status.Over() {
			continue // found in the list of closed ones
		}
		switch {
		case v == nil || v.Gone:
			return fmt.Sprintf("P4: %s does not know %s", t, key(ref))
		case v.Applied(chat.Public) != h.Public.Last:
			return fmt.Sprintf("P4: %s shows %d of %d in %s", t, v.Applied(chat.Public), h.Public.Last, key(ref))
		case t.user.role.Staff() && v.Applied(chat.Desk) != h.Desk.Last:
			return fmt.Sprintf("P4: %s shows %d of %d notes in %s", t, v.Applied(chat.Desk), h.Desk.Last, key(ref))
		case v.Status != h.Status || v.Assignee != h.Assignee:
			return fmt.Sprintf("P4: %s takes %s for %s of %q, it is %s of %q", t, key(ref), v.Status, v.Assignee, h.Status, h.Assignee)
		}
	}
	return ""
}

// checkRest checks what must hold once everything has come to rest.
func (w *world) checkRest() {
	for _, ref := range w.order {
		w.checkStored(ref)
	}
	for _, t := range w.tabs() {
		w.checkOutbox(t)
		w.checkFailed(t)
	}
	for _, ref := range w.order {
		w.checkForgotten(ref)
		w.checkTold(ref)
	}
	for _, ws := range w.workspaces {
		w.recount(ws)
	}
}

// checkStored compares what storage holds with what was ever committed: P1.
func (w *world) checkStored(ref chat.Ref) {
	h := w.head(ref)
	for _, t := range chat.Tracks() {
		stored, err := w.memory.After(context.Background(), ref, t, 0, 1<<30)
		if err != nil {
			w.violate("reading the chunks: %v", err)
		}
		stored = slices.Clone(stored[:min(len(stored), int(h.Track(t).From-1))])
		if !slices.Equal(append(stored, h.Track(t).Tail...), *w.logs[ref].of(t)) {
			w.violate("P1: %s %s is not what was committed", key(ref), t)
		}
	}
}

// checkQuiet checks, in some runs, that at rest nobody says anything but ping: no hello or page that is asked for again
// and again.
func (w *world) checkQuiet() {
	if w.seed%5 != 0 {
		return
	}
	began := time.Now()
	for end := began.Add(4 * time.Minute); time.Now().Before(end) && w.violation == ""; {
		if !w.step() {
			w.advance(max(min(time.Until(w.next()), time.Until(end)), time.Millisecond))
		}
		w.quiet = time.Since(began) > time.Minute // read cursors may still have been waiting for something to ride on
	}
}

// checkTold checks P5 at rest: every listener of then that is still there was pushed every acknowledged event.
func (w *world) checkTold(ref chat.Ref) {
	l := w.logs[ref]
	for _, t := range chat.Tracks() {
		for n := range *l.of(t) {
			for c := range l.due[t][uint64(n+1)] {
				if l.acked[t][uint64(n+1)] && w.byID[c].up {
					w.violate("P5: %s was never told of %s %s %d", c, key(ref), t, n+1)
				}
			}
		}
	}
}

// checkForgotten checks that a connection that answered 410 is forgotten: nobody posts to it for two hours.
func (w *world) checkForgotten(ref chat.Ref) {
	for c, l := range w.head(ref).Listeners {
		if conn := w.byID[c]; conn != nil && conn.refused[ref.Conversation] && l.Expires.After(time.Now()) {
			w.violate("%s still listens to %s, although it is gone", c, key(ref))
		}
	}
	for _, ws := range w.workspaces {
		for _, u := range ws.users {
			sockets, _ := w.memory.OfUser(context.Background(), ws.id, u.id)
			for _, c := range sockets {
				if conn := w.byID[c]; conn != nil && len(conn.refused) > 0 {
					w.violate("%s still has a row, although it is gone", c)
				}
			}
		}
	}
}

// speakAgain has somebody say something in every conversation, long after the faults: now everything must go as
// on the first day, and what is left of dead connections is swept up. Then everything is closed, which repairs
// what the stream has lost.
func (w *world) speakAgain() {
	w.advance(time.Minute) // whatever a dead function had under way has landed
	w.epilogue = true
	for _, ref := range w.order {
		for _, t := range w.tabs() {
			if v := t.machine.View(ref.Conversation); v != nil && !v.Gone && t.user.ws.id == ref.Workspace && t.user.role == chat.RoleCustomer {
				t.say(ref.Conversation, chat.Public, 1)
				if w.logs[ref].lost {
					w.logs[ref].closing = true
					e, err := t.machine.Close(ref.Conversation, "end")
					t.asked(lane{ref.Conversation, chat.Public}, "closes", []chat.EventID{e}, err)
				}
				t.flush()
				break
			}
		}
	}
	w.collect()
}

// checkOutbox checks that what a client queued is in the log, in its order, unless it was told that it is not.
func (w *world) checkOutbox(t *tab) {
	for at, ids := range t.queued {
		l := w.logs[chat.Ref{Workspace: t.user.ws.id, Conversation: at.conversation}]
		last := uint64(0)
		for _, id := range ids {
			var seq uint64
			if l != nil {
				seq = l.ids[at.track][eventName{t.user.id, id}]
			}
			switch {
			case seq == 0 && !t.failed[at][id]:
				w.violate("P1: %s queued %s in %s, which is neither stored nor refused", t, id, at.conversation)
			case seq > 0 && !t.failed[at][id] && !t.acked[at][id]:
				w.violate("P1: %s wrote %s, which is stored at %d and was never acknowledged", t, id, seq)
			case t.failed[at][id]:
				// Refused, or not after all: an earlier invocation of its frame, still running, may have stored it
				// once the reason had passed. Its place is then its own.
			case seq > 0 && seq <= last:
				w.violate("P3: %s wrote %s after what is at %d, but it is at %d", t, id, last, seq)
			case seq > 0:
				last = seq
			}
		}
	}
}

// checkFailed checks that what a client shows as refused is not in the log.
func (w *world) checkFailed(t *tab) {
	for _, e := range t.machine.Outbox() {
		l := w.logs[chat.Ref{Workspace: t.user.ws.id, Conversation: e.Conversation}]
		if e.Failed == "" || l == nil {
			continue
		}
		seq := l.ids[e.Track][eventName{t.user.id, e.ID}]
		if v := t.machine.View(e.Conversation); seq > 0 && v != nil && seq > v.Base(e.Track) && seq <= v.Applied(e.Track) {
			w.violate("%s shows %s as refused (%s), but it is at %s %d", t, e.ID, e.Failed, e.Track, seq)
		}
	}
}

// recount compares memberships and the waiting list with the conversations themselves.
func (w *world) recount(ws *workspace) {
	var waiting []chat.ConversationID
	open, closed := map[chat.UserID][]chat.ConversationID{}, map[chat.UserID][]chat.ConversationID{}
	for _, ref := range w.order {
		if ref.Workspace != ws.id {
			continue
		}
		h := w.head(ref)
		if h.Status == chat.StatusQueued {
			waiting = append(waiting, ref.Conversation)
		}
		list := open
		if h.Status.Over() {
			list = closed
		}
		for u := range h.Participants {
			list[u] = append(list[u], ref.Conversation)
		}
	}
	ctx := context.Background()
	for _, u := range ws.users {
		o, _ := w.memory.Open(ctx, ws.id, u.id, "", 1000)
		c, _ := w.memory.Closed(ctx, ws.id, u.id, "", 1000)
		if !same(o, open[u.id]) || !same(c, closed[u.id]) {
			w.violate("%s has the rows %v open and %v closed, the conversations say %v and %v", u.id, o, c, open[u.id], closed[u.id])
		}
	}
	rows, _ := w.memory.Waiting(ctx, ws.id, "", 1000)
	var listed []chat.ConversationID
	for _, r := range rows {
		listed = append(listed, r.Conversation)
	}
	if !same(listed, waiting) {
		w.violate("%v wait by the list, %v by the conversations", listed, waiting)
	}
}

func same(a, b []chat.ConversationID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// restLimit is how long, in virtual time, everything may take to come to rest when nothing fails any more: two
// pings of a customer, a mute by a clock that was 5 minutes ahead, and queue visibilities.
const restLimit = 25 * time.Minute
