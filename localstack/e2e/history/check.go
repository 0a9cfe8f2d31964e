package history

import (
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Logs are the tracks as they were read back in the end.
type Logs map[Key][]protocol.Event

// View is what a client shows of a track in the end.
type View struct {
	Key
	Client int
	// Base is the seq before the oldest event that it holds.
	Base   uint64
	Events []protocol.Event
}

// Check compares what was recorded with the logs and the views, all of which must be of a system at rest.
func (r *Recorder) Check(logs Logs, views []View) Findings {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := findings{}
	f.merge(r.frames)
	for _, k := range r.keys() {
		r.checkLog(f, k, logs[k])
	}
	r.checkOrder(f)
	viewed := map[laneID]View{}
	for _, v := range views {
		viewed[laneID{v.Client, v.Key}] = v
		checkView(f, v, logs[v.Key])
	}
	r.checkShown(f, logs, viewed)
	return f.list()
}

func (r *Recorder) keys() []Key {
	var keys []Key
	for _, op := range r.ops {
		if !slices.Contains(keys, op.Key) {
			keys = append(keys, op.Key)
		}
	}
	return keys
}

// checkLog holds a log against the appends that were meant for it.
func (r *Recorder) checkLog(f findings, k Key, log []protocol.Event) {
	at := map[chat.EventID]int{}
	for i, e := range log {
		if e.Seq != uint64(i)+1 {
			f.add(Gap, "%s %s: event %d has seq %d", k.Conversation, k.Track, i+1, e.Seq)
		}
		if before, twice := at[e.ID]; twice {
			f.add(Doubled, "%s %s: %s at seqs %d and %d", k.Conversation, k.Track, e.ID, log[before].Seq, e.Seq)
			continue
		}
		at[e.ID] = i
		if r.byID[opID{k, e.ID}] == nil && !derived(e) {
			f.add(Invented, "%s %s: seq %d is a %s %s that nobody sent", k.Conversation, k.Track, e.Seq, e.Type, e.ID)
		}
	}
	for _, op := range r.ops {
		if op.Key != k {
			continue
		}
		i, found := at[op.ID]
		switch {
		case !found && op.Outcome == Acked:
			f.add(Lost, "%s %s: %s, acknowledged at seq %d, is not in the log of %d", k.Conversation, k.Track, op.ID, op.Seq, len(log))
		case found:
			r.checkEvent(f, op, log[i])
		}
	}
}

// derived says whether the server appends such events of its own accord: beside a client's, or as nobody in particular.
func derived(e protocol.Event) bool {
	return e.Type == chat.EventStarted || e.Type == chat.EventReopened || e.Sender == chat.SystemUser && e.Role == chat.RoleSystem
}

// storedAs is the type under which the log holds what was sent: a customer who closes a conversation that waits has left
// the queue.
func storedAs(op *Op, e protocol.Event) chat.EventType {
	if op.Type == chat.EventClosed && e.Type == chat.EventAbandoned && e.Role == chat.RoleCustomer && e.From == chat.StatusQueued {
		return e.Type
	}
	return op.Type
}

func (r *Recorder) checkEvent(f findings, op *Op, e protocol.Event) {
	if op.Outcome == Acked && op.Seq != e.Seq {
		f.add(Altered, "%s %s: %s was acknowledged at seq %d and is at %d", op.Conversation, op.Track, op.ID, op.Seq, e.Seq)
	}
	sender := r.clients[op.Client].User
	if e.Type != storedAs(op, e) || e.Text != op.Text || e.Target != op.Target || e.Sender != sender {
		f.add(Altered, "%s %s: seq %d is %s %q of %s for %d, sent was %s %q of %s for %d", op.Conversation, op.Track, e.Seq,
			e.Type, e.Text, e.Sender, e.Target, op.Type, op.Text, sender, op.Target)
	}
}

// checkOrder holds each client's acknowledged appends to a track against the order in which it sent them.
func (r *Recorder) checkOrder(f findings) {
	lanes := map[laneID][]*Op{}
	for _, op := range r.ops {
		if op.Outcome == Acked {
			lane := laneID{op.Client, op.Key}
			lanes[lane] = append(lanes[lane], op)
		}
	}
	for lane, ops := range lanes {
		slices.SortFunc(ops, func(a, b *Op) int { return a.Order - b.Order })
		for i := 1; i < len(ops); i++ {
			if ops[i].Seq <= ops[i-1].Seq {
				f.add(Disorder, "%s %s: client %d sent %s before %s, the log has them at seqs %d and %d", lane.key.Conversation, lane.key.Track,
					lane.client, ops[i-1].ID, ops[i].ID, ops[i-1].Seq, ops[i].Seq)
			}
		}
	}
}

// same compares two events with their details.
func same(a, b protocol.Event) bool {
	details := cmp.Equal(a.Detail, b.Detail)
	a.Detail, b.Detail = nil, nil
	return details && a == b
}

// checkView holds what a client shows against the log. A view may begin in the middle, where a hello was cut to
// the newest page; from there on it must be the whole log.
func checkView(f findings, v View, log []protocol.Event) {
	if v.Base > uint64(len(log)) {
		f.add(ViewMismatch, "client %d begins %s %s after seq %d, the log ends at %d", v.Client, v.Conversation, v.Track, v.Base, len(log))
		return
	}
	if want := log[v.Base:]; !slices.EqualFunc(want, v.Events, same) {
		f.add(ViewMismatch, "client %d shows %s %s otherwise than the log (-log +view):\n%s", v.Client, v.Conversation, v.Track, cmp.Diff(want, v.Events))
	}
}

// checkShown holds everything that was ever shown against the log: what a client saw once it saw rightly, also
// before a restart or a reload.
func (r *Recorder) checkShown(f findings, logs Logs, viewed map[laneID]View) {
	for lane, s := range r.shown {
		log := logs[lane.key]
		for _, e := range s.seen {
			if e.Seq == 0 || e.Seq > uint64(len(log)) || !same(log[e.Seq-1], e) {
				f.add(ViewMismatch, "client %d was shown seq %d of %s %s as %s %s %q, which the log does not hold there", lane.client, e.Seq,
					lane.key.Conversation, lane.key.Track, e.Type, e.ID, e.Text)
			}
		}
		if v, ok := viewed[lane]; ok {
			for _, jump := range s.jumps {
				if jump > v.Base+1 {
					f.add(ViewMismatch, "client %d was shown seq %d of %s %s before the one in front of it", lane.client, jump, lane.key.Conversation, lane.key.Track)
				}
			}
		}
		if c := r.clients[lane.client]; lane.key.Track == chat.Desk && !c.Staff && s.events > 0 {
			f.add(Leak, "client %d, a customer, was shown %d events of the desk track of %s", lane.client, s.events, lane.key.Conversation)
		}
	}
}
