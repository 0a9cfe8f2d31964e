package history

import (
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/parley-chat/parley/internal/chat"
)

// Linearizable says whether each track behaved like one append-only list: whether there is an order of all
// appends and reads in which each falls between its begin and its end, every acknowledged append got the seq that
// follows the list's length, and every read returned what the list then held.
//
// logs are the tracks as they were read in the end: the last read of each. An append of unknown or refused outcome
// (the frame of a try that the client has given up may still be on its way) happened at any time after its begin if
// that read shows it, with the seq that it shows; else it is left out, as one that comes after. What the server
// appends of its own accord may come at any time. A track that takes longer than the limit counts as not
// linearizable.
func (r *Recorder) Linearizable(logs Logs, limit time.Duration) Findings {
	f := findings{}
	for _, k := range r.Keys() {
		history := r.operations(k, logs)
		switch porcupine.CheckOperationsTimeout(listModel, history, limit) {
		case porcupine.Ok:
		case porcupine.Illegal:
			f.add(NotLinearizable, "%s %s: no order explains its %d operations", k.Conversation, k.Track, len(history))
		case porcupine.Unknown:
			f.add(NotLinearizable, "%s %s: undecided after %s (%d operations)", k.Conversation, k.Track, limit, len(history))
		}
	}
	return f.list()
}

// operation is the input of the model: an append when id is set, else a read.
type operation struct {
	id    chat.EventID
	seq   uint64 // that it got
	after uint64
	ids   []chat.EventID
	head  uint64
}

// list is the state of the model. Lists share their fronts: an append copies when another has been appended
// to the same front before.
type list struct {
	ids  []chat.EventID
	hash uint64 // of all ids, so that two lists are told apart at once
}

var listModel = porcupine.Model{
	Init: func() any { return list{} },
	Step: func(state, input, _ any) (bool, any) {
		l, op := state.(list), input.(operation)
		if op.id == "" {
			return l.reads(op), l
		}
		if op.seq != uint64(len(l.ids))+1 {
			return false, l
		}
		return true, l.append(op.id)
	},
	Equal: func(a, b any) bool {
		x, y := a.(list), b.(list)
		return x.hash == y.hash && slices.Equal(x.ids, y.ids)
	},
}

func (l list) append(id chat.EventID) list {
	h := l.hash*1099511628211 + 14695981039346656037
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return list{append(l.ids[:len(l.ids):len(l.ids)], id), h}
}

func (l list) reads(op operation) bool {
	end := op.after + uint64(len(op.ids))
	return op.head == uint64(len(l.ids)) && end <= op.head && slices.Equal(l.ids[op.after:end], op.ids)
}

// operations lists what happened to a track as the model takes it.
func (r *Recorder) operations(k Key, logs Logs) (out []porcupine.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	inLog := map[chat.EventID]uint64{}
	for _, e := range logs[k] {
		inLog[e.ID] = e.Seq
		if r.byID[opID{k, e.ID}] == nil {
			out = append(out, porcupine.Operation{Input: operation{id: e.ID, seq: e.Seq}, Call: math.MinInt64 / 2, Return: math.MaxInt64})
		}
	}
	for _, op := range r.ops {
		if op.Key != k {
			continue
		}
		seq, end := inLog[op.ID], int64(math.MaxInt64)
		if op.Outcome == Acked {
			seq, end = op.Seq, int64(op.End)
		}
		if seq > 0 {
			out = append(out, porcupine.Operation{ClientId: op.Client, Input: operation{id: op.ID, seq: seq}, Call: int64(op.Begin), Return: end})
		}
	}
	for _, x := range r.reads {
		if x.Key == k {
			out = append(out, porcupine.Operation{Input: operation{after: x.After, ids: x.IDs, head: x.Head}, Call: int64(x.Begin), Return: int64(x.End)})
		}
	}
	last := operation{ids: IDs(logs[k]), head: uint64(len(logs[k]))}
	return append(out, porcupine.Operation{Input: last, Call: int64(r.Elapsed()), Return: math.MaxInt64})
}
