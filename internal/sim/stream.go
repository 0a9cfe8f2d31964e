package sim

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/worker"
)

// shard is one shard of the table's stream with its poller: in order, at least once, one batch at a time.
type shard struct {
	w       *world
	name    string
	records []record
	next    int // first that was not relayed
	busy    bool
	away    time.Time // the relay is not there until then
	size    int       // of the next batch, 0 for any: halved after an error
	process *process  // the function's warm process, nil after a death
}

// record is one append with its images.
type record struct{ before, after *chat.Head }

// shardOf keeps a conversation's records together.
func (w *world) shardOf(ref chat.Ref) *shard {
	return w.shards[(int(ref.Conversation[len(ref.Conversation)-1])+int(ref.Workspace[len(ref.Workspace)-1]))%len(w.shards)]
}

func (s *shard) ready() bool { return !s.busy && s.next < len(s.records) && !s.away.After(time.Now()) }

// image stands for an item's image; headOfImage reads it as the adapter would.
func (s *shard) image(n int, kind string) []byte {
	return []byte(s.name + " " + strconv.Itoa(n) + " " + kind)
}

func (w *world) headOfImage(image []byte) (*chat.Head, bool, error) {
	name := strings.Fields(string(image))
	for _, s := range w.shards {
		if s.name != name[0] {
			continue
		}
		n, err := strconv.Atoi(name[1])
		if err != nil {
			return nil, false, err
		}
		h := s.records[n].after
		if name[2] == "old" {
			h = s.records[n].before
		}
		return h, h != nil, nil
	}
	return nil, false, nil
}

// relayLimit is the relay function's timeout (template.yaml).
const relayLimit = 30 * time.Second

// invokeRelay hands the next records to the relay.
func (w *world) invokeRelay(s *shard) {
	if w.strikes(RelayAway) {
		s.away = time.Now().Add(time.Duration(1+w.pick(40)) * time.Minute)
		return
	}
	from := s.next
	to := min(len(s.records), from+1+w.pick(10))
	if s.size > 0 {
		to = min(to, from+s.size)
	}
	var e worker.StreamEvent
	for n := from; n < to; n++ {
		e.Records = append(e.Records, worker.StreamRecord{SequenceNumber: strconv.Itoa(n), NewImage: s.image(n, "new"), OldImage: s.image(n, "old")})
	}
	s.busy = true
	if s.process == nil || w.pick(4) == 0 {
		s.process = w.newProcess()
	}
	p := s.process
	i := w.start("relay", relayLimit, func(i *invocation) {
		p.store.invocation, p.sends.invocation = i, i
		out, err := p.relay.Handle(context.Background(), e)
		_ = i.do(context.Background(), answer, "answer", "", nil, func() error {
			s.relayed(from, to, out, err)
			return nil
		})
	})
	w.log("relay#%d gets %s%d to %d", i.id, s.name, from, to-1)
	i.onDeath = func() {
		s.busy, s.size, s.process = false, max(1, (to-from)/2), nil
		w.count(StreamRepeated)
	}
}

// relayed moves the iterator.
func (s *shard) relayed(from, to int, out events.DynamoDBEventResponse, err error) {
	s.busy, s.size = false, 0
	if err != nil {
		s.w.violate("the relay returned an error: %v", err)
	}
	s.next = to
	if len(out.BatchItemFailures) > 0 {
		n, err := strconv.Atoi(out.BatchItemFailures[0].ItemIdentifier)
		if err != nil || n < from || n >= to {
			s.w.violate("the relay failed %q, not in %d to %d", out.BatchItemFailures[0].ItemIdentifier, from, to-1)
			return
		}
		s.next, s.size = n, max(1, (to-n)/2)
		if s.size == 1 && s.w.strikes(StreamGaveUp) { // retries are bounded: the record goes to the failure destination
			s.w.logOf(s.records[n].after.Ref).lost = true
			s.next++
		}
	} else if s.w.strikes(StreamRepeated) {
		s.next = from
	}
}
