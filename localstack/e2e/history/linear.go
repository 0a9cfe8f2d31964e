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
// An append of unknown or refused outcome may have happened at any time after its begin (the frame of a try that
// the client has given up may still be on its way), or never. What the server appends of its own accord may come
// at any time. A track that takes longer than the limit is reported as not linearizable.
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
	seq   uint64 // that it got, 0 when that is not known
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
		if op.seq != 0 && op.seq != uint64(len(l.ids))+1 {
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
	for _, op := range r.ops {
		if op.Key != k {
			continue
		}
		o := porcupine.Operation{ClientId: op.Client, Input: operation{id: op.ID}, Call: int64(op.Begin), Return: math.MaxInt64}
		if op.Outcome == Acked {
			o.Input, o.Return = operation{id: op.ID, seq: op.Seq}, int64(op.End)
		}
		out = append(out, o)
	}
	for _, e := range logs[k] {
		if r.byID[opID{k, e.ID}] == nil {
			out = append(out, porcupine.Operation{Input: operation{id: e.ID}, Call: math.MinInt64 / 2, Return: math.MaxInt64})
		}
	}
	for _, x := range r.reads {
		if x.Key == k {
			out = append(out, porcupine.Operation{Input: operation{after: x.After, ids: x.IDs, head: x.Head}, Call: int64(x.Begin), Return: int64(x.End)})
		}
	}
	return out
}
