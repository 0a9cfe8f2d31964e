package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// logCopy is what a conversation's log must be: written at the very effect of each append.
type logCopy struct {
	public, desk []chat.Event
	ids          map[chat.Track]map[eventName]uint64
	members      map[chat.UserID]chat.Role
	status       chat.Status
	assignee     chat.UserID
	due          map[chat.Track]map[uint64]map[chat.ConnectionID]bool // pushes owed
	acked        map[chat.Track]map[uint64]bool
	jobs         map[chat.Track]map[uint64]bool // integration jobs that were taken for "all"
	lost         bool                           // the stream gave up on a record
	closing      bool                           // the epilogue closes it, which repairs that
}

// eventName is what must be unique on a track.
type eventName struct {
	sender chat.UserID
	id     chat.EventID
}

func (l *logCopy) of(t chat.Track) *[]chat.Event {
	if t == chat.Desk {
		return &l.desk
	}
	return &l.public
}

func (w *world) logOf(ref chat.Ref) *logCopy {
	l := w.logs[ref]
	if l == nil {
		l = &logCopy{ids: map[chat.Track]map[eventName]uint64{}, members: map[chat.UserID]chat.Role{},
			due: map[chat.Track]map[uint64]map[chat.ConnectionID]bool{}, jobs: map[chat.Track]map[uint64]bool{}, acked: map[chat.Track]map[uint64]bool{}}
		for _, t := range chat.Tracks() {
			l.ids[t], l.due[t], l.jobs[t], l.acked[t] = map[eventName]uint64{}, map[uint64]map[chat.ConnectionID]bool{}, map[uint64]bool{}, map[uint64]bool{}
		}
		w.logs[ref] = l
		w.order = append(w.order, ref)
	}
	return l
}

// changed checks what an effect did to a conversation, and feeds the stream.
func (w *world) changed(i *invocation, name string, before, after *chat.Head) {
	w.effects++
	appends := name == "Create" || name == "Append" || name == "Transition"
	if before == nil {
		before = &chat.Head{Ref: after.Ref}
		if !appends {
			w.violate("%s made a conversation", name)
		}
	}
	l := w.logOf(after.Ref)
	l.status, l.assignee = after.Status, after.Assignee
	for u, p := range after.Participants {
		l.members[u] = p.Role
		if p.Cursor < before.Participants[u].Cursor || p.Cursor > after.Public.Last {
			w.violate("%s moved the read cursor of %s from %d to %d of %d", name, u, before.Participants[u].Cursor, p.Cursor, after.Public.Last)
		}
	}
	for c, n := range after.Listeners {
		if _, in := after.Participants[n.User]; !in {
			w.violate("%s left a listener %s of %s, who takes no part", name, c, n.User)
		}
		if !n.Expires.After(time.Now()) {
			w.count(Expired)
		}
		if _, before := before.Listeners[c]; !before && after.ListenerShards == 0 {
			w.byID[c].since[after.Ref] = [2]uint64{after.Public.Last, after.Desk.Last}
		}
	}
	w.checkState(name, before, after)
	for _, t := range chat.Tracks() {
		w.appended(i, l, t, before, after, appends)
	}
	if !appends {
		return
	}
	s := w.shardOf(after.Ref)
	r := record{after: after}
	if name != "Create" {
		r.before = before
	}
	s.records = append(s.records, r)
}

// checkState checks the state of play: an assignee is chosen once, and only out of the waiting list.
func (w *world) checkState(name string, before, after *chat.Head) {
	if before.Assignee != "" && after.Assignee != before.Assignee {
		w.violate("%s: %s lost the conversation to %s", name, before.Assignee, after.Assignee)
	}
	if after.Assignee != before.Assignee && before.Status != chat.StatusQueued {
		w.violate("%s assigned a conversation that was %s", name, before.Status)
	}
	if (after.Status == chat.StatusActive) != (after.Assignee != "" && !after.Status.Over()) {
		w.violate("%s: %s with assignee %q", name, after.Status, after.Assignee)
	}
	if (after.Status == chat.StatusQueued) != !after.QueuedAt.IsZero() {
		w.violate("%s: %s, queued at %s", name, after.Status, after.QueuedAt)
	}
}

// appended checks P2 and P3 on what was appended to a track, and notes who is owed a push.
func (w *world) appended(i *invocation, l *logCopy, t chat.Track, before, after *chat.Head, appends bool) {
	was, is, log := before.Track(t), after.Track(t), l.of(t)
	if is.From+uint64(len(is.Tail)) != is.Last+1 {
		w.violate("P3: the tail of %s begins at %d, has %d events and ends at %d", t, is.From, len(is.Tail), is.Last)
		return
	}
	if is.Last < was.Last || is.Last > was.Last && !appends {
		w.violate("P1: the log of %s went from %d to %d", t, was.Last, is.Last)
		return
	}
	for _, e := range is.Tail[len(is.Tail)-int(is.Last-was.Last):] {
		*log = append(*log, e)
		if e.Seq != uint64(len(*log)) {
			w.violate("P3: seq %d at place %d", e.Seq, len(*log))
		}
		name := eventName{e.Sender, e.ID}
		if old := l.ids[t][name]; old > 0 {
			w.violate("P2: %s of %s is at %d and at %d", e.ID, e.Sender, old, e.Seq)
		}
		l.ids[t][name] = e.Seq
		w.checkAuthor(l, t, e)
		if t == chat.Desk && e.Follows != after.Public.Last {
			w.violate("P3: desk event %d follows %d, not %d", e.Seq, e.Follows, after.Public.Last)
		}
		if e.Type == chat.EventReopened && e.Reason == "customer wrote" {
			w.count(ReopenedBySend)
		}
		l.due[t][e.Seq] = w.owed(i, t, after)
	}
	for n := is.Relayed; n > 0 && n > was.Relayed; n-- {
		if !l.jobs[t][n] {
			w.violate("P5: %s %s is marked as relayed up to %d, but no job for %d was ever queued", key(after.Ref), t, is.Relayed, n)
			return
		}
	}
}

// checkAuthor checks that whoever wrote an event might.
func (w *world) checkAuthor(l *logCopy, t chat.Track, e chat.Event) {
	if l.members[e.Sender] == "" && e.Role != chat.RoleSupervisor {
		w.violate("%s, who takes no part, wrote %s at %s %d", e.Sender, e.Type, t, e.Seq)
	}
	if e.Target == 0 {
		return
	}
	target := (*l.of(t))[e.Target-1]
	if target.Sender != e.Sender && (e.Type != chat.EventDeleted || e.Role != chat.RoleSupervisor) {
		w.violate("%s wrote %s at %s %d about what %s wrote", e.Sender, e.Type, t, e.Seq, target.Sender)
	}
}

// owed lists the connections that must be pushed to: those that surely listen, whatever the invocation's clock
// says.
func (w *world) owed(i *invocation, t chat.Track, h *chat.Head) map[chat.ConnectionID]bool {
	due := map[chat.ConnectionID]bool{}
	all := h.Listeners
	if h.ListenerShards > 0 {
		w.count(Crowded)
		rows, _ := w.memory.ListenerRows(context.Background(), h.Ref, 0)
		maps.Copy(rows, all)
		all = rows
	}
	for c, l := range all {
		conn := w.byID[c]
		p := h.Participants[l.User]
		if conn != nil && conn.up && conn != i.conn && (t == chat.Public || p.Role.Staff()) && time.Until(l.Expires) > 10*time.Minute {
			due[c] = true
		}
	}
	return due
}

// checkListener checks that nobody posts to a listener that has expired, by any clock.
func (w *world) checkListener(c *conn, frame []byte) {
	if !bytes.HasPrefix(frame, []byte(`{"type":"events"`)) {
		return
	}
	var p protocol.Events
	_ = json.Unmarshal(frame, &p) // posted says if it cannot be read
	h := w.head(chat.Ref{Workspace: c.tab.user.ws.id, Conversation: p.Conversation})
	if h == nil {
		return
	}
	if l, listens := h.Listeners[c.id]; listens && time.Since(l.Expires) > 6*time.Minute {
		w.violate("%s is posted to, although it ceased to listen to %s at %s", c.id, p.Conversation, l.Expires.Format(time.TimeOnly))
	}
}

// posted checks a push at its effect.
func (w *world) posted(c *conn, frame []byte) {
	if !bytes.HasPrefix(frame, []byte(`{"type":"events"`)) {
		return
	}
	var p protocol.Events
	if err := json.Unmarshal(frame, &p); err != nil {
		w.violate("a push that cannot be read: %v", err)
		return
	}
	ref := chat.Ref{Workspace: c.tab.user.ws.id, Conversation: p.Conversation}
	l := w.logs[ref]
	if l == nil {
		w.violate("%s is told of %s, which its workspace does not have", c.tab, p.Conversation)
		return
	}
	w.checkEvents(c.tab, ref, p.Track, p.Events)
	for _, e := range p.Events {
		if _, in := l.members[c.tab.user.id]; !in && e.Sender != c.tab.user.id {
			w.violate("%s is told of %s, in which it has no part", c.tab, p.Conversation)
		}
		delete(l.due[p.Track][e.Seq], c.id)
	}
}

// checkEvents checks that events are what the log has at their seqs.
func (w *world) checkEvents(t *tab, ref chat.Ref, track chat.Track, events []protocol.Event) {
	l := w.logs[ref]
	if track == chat.Desk && !t.user.role.Staff() && len(events) > 0 {
		w.violate("%s gets desk events", t)
	}
	for _, e := range events {
		log := *l.of(track)
		if e.Seq == 0 || e.Seq > uint64(len(log)) || e != protocol.EventOf(log[e.Seq-1]) {
			w.violate("P3: %s gets %+v at %s %d, the log has something else", t, e, track, e.Seq)
			return
		}
	}
}
