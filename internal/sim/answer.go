package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
)

// checkAnswer checks a response when the function gives it: whatever an acknowledgement claims must be true then.
func (w *world) checkAnswer(i *invocation, c *conn, frame []byte) {
	switch {
	case bytes.HasPrefix(frame, []byte(`{"type":"ack"`)):
		w.checkAck(i, c, frame)
	case bytes.HasPrefix(frame, []byte(`{"type":"welcome"`)):
		w.checkWelcome(i, c, frame)
	case bytes.Contains(frame, []byte(chat.CodeIDReused)):
		w.count(Reused)
	}
}

func (w *world) checkAck(i *invocation, c *conn, frame []byte) {
	var a protocol.Ack
	if err := json.Unmarshal(frame, &a); err != nil {
		w.violate("an ack that cannot be read: %v", err)
		return
	}
	ref := chat.Ref{Workspace: c.tab.user.ws.id, Conversation: a.Conversation}
	l := w.logs[ref]
	if l == nil {
		w.violate("P1: an ack for %s, which does not exist", a.Conversation)
		return
	}
	for _, x := range a.Acks {
		if seq := l.ids[a.Track][eventName{c.tab.user.id, x.ID}]; seq != x.Seq {
			w.violate("P1: socket#%d acknowledges %s at %d, the log has it at %d", i.id, x.ID, x.Seq, seq)
			return
		}
		if x.Duplicate {
			w.count(Duplicates)
		}
		l.acked[a.Track][x.Seq] = true
		delete(l.due[a.Track][x.Seq], c.id)
		w.checkServed(i, c, ref, a.Track, x.Seq)
	}
	w.checkContent(i, l, a)
	if bytes.HasPrefix(i.frame, []byte(`{"action":"start"`)) || bytes.HasPrefix(i.frame, []byte(`{"action":"join"`)) {
		w.checkListens(c, ref)
	}
	w.checkEvents(c.tab, ref, a.Track, a.Events)
	if a.Snapshot != nil {
		w.checkSnapshot(c.tab, *a.Snapshot, nil)
	}
}

// checkServed checks P5: whoever listened when the event was stored has been pushed to, is gone, or has a job.
func (w *world) checkServed(i *invocation, c *conn, ref chat.Ref, t chat.Track, seq uint64) {
	for id := range w.logs[ref].due[t][seq] {
		if w.byID[id].up && id != c.id && !w.delivery.holds(ref, t, seq, id) {
			w.violate("P5: socket#%d acknowledges %s %s %d, but %s was not told and has no job", i.id, key(ref), t, seq, id)
		}
	}
}

// checkContent checks that what is acknowledged is what was sent: an id that was used before for something else
// must be refused.
func (w *world) checkContent(i *invocation, l *logCopy, a protocol.Ack) {
	var sent protocol.Send
	if json.Unmarshal(i.frame, &sent) != nil || sent.Action != protocol.ActionSend && sent.Action != protocol.ActionStart {
		return
	}
	texts := map[chat.EventID]string{}
	for _, m := range sent.Messages {
		texts[m.ID] = m.Text
	}
	for _, x := range a.Acks {
		if e := (*l.of(a.Track))[x.Seq-1]; e.Text != texts[x.ID] {
			w.violate("P2: %s is acknowledged at %d, which holds another text", x.ID, x.Seq)
		}
	}
}

// checkBudget checks P6 where it can be: no post of a request may wait longer than its budget.
func (w *world) checkBudget(ctx context.Context, i *invocation) {
	limit := 10 * time.Second
	if i.conn != nil {
		limit = 300 * time.Millisecond
	}
	if d, ok := ctx.Deadline(); !ok || time.Until(d) > limit {
		w.bad.Store(true)
	}
}

// gone counts a 410, and notes what must be forgotten for it.
func (w *world) gone(c *conn, frame []byte) {
	w.count(Gone)
	if c != nil && w.epilogue && bytes.HasPrefix(frame, []byte(`{"type":"events"`)) {
		var p protocol.Events
		_ = json.Unmarshal(frame, &p)
		if c.refused == nil {
			c.refused = map[chat.ConversationID]bool{}
		}
		c.refused[p.Conversation] = true
	}
}

// holds says whether a job is queued that owes the connection the event.
func (q *sqsQueue) holds(ref chat.Ref, t chat.Track, seq uint64, c chat.ConnectionID) bool {
	for _, m := range q.messages {
		if j := m.job; j.Ref == ref && j.Waiting == nil && j.Track == t && j.From <= seq && seq <= j.To && j.Except != c {
			if j.Shard > 0 && len(j.Connections) == 0 {
				return true
			}
			for _, x := range j.Connections {
				if x == c {
					return true
				}
			}
		}
	}
	return false
}

func (w *world) checkWelcome(i *invocation, c *conn, frame []byte) {
	var hello protocol.Hello
	var answer protocol.Welcome
	if json.Unmarshal(i.frame, &hello) != nil || json.Unmarshal(frame, &answer) != nil {
		w.violate("a welcome that cannot be read: %s", frame)
		return
	}
	for _, s := range answer.Conversations {
		cursor := hello.Cursors[s.Conversation]
		ref := chat.Ref{Workspace: c.tab.user.ws.id, Conversation: s.Conversation}
		if since := c.since[ref]; c.up && (s.Public.Head < since[0] || s.Desk != nil && s.Desk.Head < since[1]) {
			w.violate("P4: %s listens to %s from %v on, its snapshot ends at %d: what lies between it never hears of", c.id, key(ref), since, s.Public.Head)
		}
		w.checkListens(c, ref)
		w.checkSnapshot(c.tab, s, &cursor)
	}
}

// checkListens checks that a connection which was shown a conversation hears of what comes next.
func (w *world) checkListens(c *conn, ref chat.Ref) {
	rows, _ := w.memory.ListenerRows(context.Background(), ref, 0)
	_, row := rows[c.id]
	if _, listens := w.head(ref).Listeners[c.id]; c.up && !listens && !row {
		w.violate("P4: %s was shown %s, and does not listen to it", c.id, key(ref))
	}
}

// checkSnapshot checks that a snapshot is of a conversation of this user, and continues its cursor without a hole
// unless it says so.
func (w *world) checkSnapshot(t *tab, s protocol.Snapshot, cursor *protocol.Cursor) {
	ref := chat.Ref{Workspace: t.user.ws.id, Conversation: s.Conversation}
	l := w.logs[ref]
	if l == nil || l.members[t.user.id] == "" {
		w.violate("%s gets a snapshot of %s, in which it has no part", t, s.Conversation)
		return
	}
	check := func(track chat.Track, v protocol.TrackView, after uint64) {
		w.checkEvents(t, ref, track, v.Events)
		if v.Limited {
			w.count(Limited)
			return
		}
		if after > v.Head {
			after = 0
		}
		if cursor != nil && (uint64(len(v.Events)) != v.Head-after || len(v.Events) > 0 && v.Events[0].Seq != after+1) {
			w.violate("P4: %s has %s up to %d and gets %d events, head %d, as if they were the rest", t, track, after, len(v.Events), v.Head)
		}
	}
	var at protocol.Cursor
	if cursor != nil {
		at = *cursor
	}
	check(chat.Public, s.Public, at.Public)
	if s.Desk != nil {
		check(chat.Desk, *s.Desk, at.Desk)
	}
}

// mark is the beginning of every text: it says who may see it.
func mark(workspace int, c chat.ConversationID, t chat.Track) string {
	return fmt.Sprintf("~%d~%s~%s~", workspace, c, t)
}

// checkFrame checks a frame that goes to a client: its size, and that nothing in it belongs to others.
func (w *world) checkFrame(c *conn, frame []byte) {
	u := c.tab.user
	reads := u.role.Staff() && bytes.HasPrefix(frame, []byte(`{"type":"page"`)) // whoever works in the department may
	if len(frame) > chat.MaxFrame {
		w.violate("a frame of %d bytes for %s", len(frame), c.tab)
	}
	if !u.role.Staff() && bytes.Contains(frame, []byte(`"desk"`)) {
		w.violate("P: %s hears of the desk: %s", c.tab, frame)
	}
	for rest := frame; ; {
		i := bytes.IndexByte(rest, '~')
		if i < 0 {
			return
		}
		parts := bytes.SplitN(rest[i+1:], []byte("~"), 4)
		if len(parts) < 4 {
			return
		}
		rest = parts[3]
		l := w.logs[chat.Ref{Workspace: u.ws.id, Conversation: chat.ConversationID(parts[1])}]
		switch {
		case string(parts[0]) != itoa(u.ws.n):
			w.violate("tenancy: %s gets a text of workspace %s", c.tab, parts[0])
		case string(parts[2]) == string(chat.Desk) && !u.role.Staff():
			w.violate("%s gets a desk text", c.tab)
		case l == nil || l.members[u.id] == "" && u.role != chat.RoleSupervisor && !reads:
			w.violate("%s gets a text of %s, in which it has no part", c.tab, parts[1])
		}
	}
}

// checkAcked checks P1 and P2 when a client hears an acknowledgement.
func (w *world) checkAcked(u *user, n client.Notice) {
	l := w.logs[chat.Ref{Workspace: u.ws.id, Conversation: n.Conversation}]
	if l == nil || l.ids[n.Track][eventName{u.id, n.ID}] != n.Seq {
		w.violate("P1: %s was told that %s is at %s %d", u.id, n.ID, n.Track, n.Seq)
	}
}

// checkViews checks what a client has applied since the last time: a run of the log, without a hole, twice or out
// of order.
func (w *world) checkViews(t *tab) {
	for _, v := range t.machine.Views() {
		ref := chat.Ref{Workspace: t.user.ws.id, Conversation: v.Conversation}
		for _, track := range chat.Tracks() {
			at := lane{v.Conversation, track}
			p := t.seen[at]
			if p == nil {
				p = &progress{}
				t.seen[at] = p
			}
			events, base := v.Events(track), v.Base(track)
			if base != p.base || len(events) < p.n {
				*p = progress{base: base}
			}
			for n, e := range events[p.n:] {
				if want := base + uint64(p.n+n) + 1; e.Seq != want {
					w.violate("P3: %s shows seq %d at the place of %d", t, e.Seq, want)
				}
			}
			if len(events) > p.n {
				w.checkEvents(t, ref, track, events[p.n:])
			}
			p.n = len(events)
		}
		if l := w.logs[ref]; l != nil && v.Applied(chat.Public) == uint64(len(l.public)) && (v.Status != l.status || v.Assignee != l.assignee) {
			w.violate("P4: %s shows all of %s and takes it for %s of %q, it is %s of %q", t, key(ref), v.Status, v.Assignee, l.status, l.assignee)
		}
	}
}
