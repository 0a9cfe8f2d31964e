package history

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
)

var public = Key{"c_1", chat.Public}

// story is a correct history of two clients, which each case below falsifies in one place.
type story struct {
	*Recorder
	a, b  Client
	clock time.Duration
	logs  Logs
	views []View
	jobs  []queue.IntegrationMessage
}

func tell() *story {
	s := &story{Recorder: NewRecorder(), logs: Logs{}}
	s.now = func() time.Time { s.clock += time.Millisecond; return s.start.Add(s.clock) }
	s.a = s.Join(Client{User: "u_a", Workspace: "w_1", Marker: "mark-aaaaaaaa"})
	s.b = s.Join(Client{User: "u_b", Workspace: "w_1", Marker: "mark-aaaaaaaa", Staff: true})
	log := []protocol.Event{{Seq: 1, ID: "started", Type: chat.EventStarted, Sender: "u_a"}}
	for i, c := range []Client{s.a, s.b, s.a, s.a} {
		e := protocol.Event{Seq: uint64(i + 2), ID: chat.EventID(fmt.Sprint("m", i+2)), Type: chat.EventMessage, Sender: c.User, Text: fmt.Sprint("text ", i+2)}
		s.Begin(Op{Key: public, Client: c.Number, ID: e.ID, Type: e.Type, Text: e.Text})
		log = append(log, e)
		s.Acked(public, e.ID, e.Seq, false)
		begin := s.ReadBegin()
		s.ReadEnd(Read{Key: public, After: 1, IDs: IDs(log[1:]), Head: e.Seq, Begin: begin})
	}
	s.logs[public] = log
	for _, c := range []Client{s.a, s.b} {
		s.Learned(c.Number, public, log)
		s.views = append(s.views, View{Key: public, Client: c.Number, Events: slices.Clone(log)})
	}
	for _, e := range log {
		s.jobs = append(s.jobs, queue.IntegrationMessage{Event: fmt.Sprint(e.Seq), Subscription: "sub", Conversation: "c_1", Track: chat.Public, Seq: e.Seq, Type: e.Type})
	}
	return s
}

func (s *story) judge() Findings {
	f := s.Check(s.logs, s.views)
	f = append(f, s.Linearizable(s.logs, 5*time.Second)...)
	return append(f, CheckJobs(s.jobs, s.logs, map[chat.ConversationID][]string{"c_1": {"sub"}})...)
}

// TestPlanted plants one lie in a correct history: it must be found, and named.
func TestPlanted(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		want  Kind // "" for a history without fault
		name  string
		plant func(*story)
	}{
		{"", "nothing", func(*story) {}},
		{Lost, "the last event is gone", func(s *story) { s.logs[public] = s.logs[public][:4]; s.views = nil }},
		{Altered, "another text", func(s *story) { s.logs[public][2].Text = "x" }},
		{Altered, "another sender", func(s *story) { s.logs[public][2].Sender = "u_a" }},
		{Altered, "acknowledged elsewhere", func(s *story) { s.ops[1].Seq = 5 }},
		{Invented, "an event that nobody sent", func(s *story) {
			s.logs[public] = append(s.logs[public], protocol.Event{Seq: 6, ID: "m6", Type: chat.EventMessage})
		}},
		{Doubled, "an event twice", func(s *story) {
			e := s.logs[public][2]
			e.Seq = 6
			s.logs[public] = append(s.logs[public], e)
		}},
		{Reacked, "two seqs for one id", func(s *story) { s.Acked(public, "m2", 4, true) }},
		{Gap, "a hole", func(s *story) { s.logs[public] = slices.Delete(s.logs[public], 0, 1) }},
		{Disorder, "a sender's order", func(s *story) {
			s.ops[2].Seq, s.ops[3].Seq = s.ops[3].Seq, s.ops[2].Seq
		}},
		{ViewMismatch, "a view lacks the last", func(s *story) { s.views[1].Events = s.views[1].Events[:4] }},
		{ViewMismatch, "a view differs", func(s *story) { s.views[1].Events[3].Text = "x" }},
		{ViewMismatch, "shown out of order", func(s *story) { s.Learned(s.a.Number, public, s.logs[public][1:2]) }},
		{ViewMismatch, "shown with a hole", func(s *story) {
			s.Restarted(s.a.Number)
			s.Learned(s.a.Number, public, s.logs[public][3:])
		}},
		{"", "a newest page, of a view that begins there", func(s *story) {
			s.Restarted(s.a.Number)
			s.Learned(s.a.Number, public, s.logs[public][3:])
			s.views[0].Base, s.views[0].Events = 3, s.views[0].Events[3:]
		}},
		{ViewMismatch, "once shown otherwise", func(s *story) {
			s.Restarted(s.b.Number)
			s.Learned(s.b.Number, public, []protocol.Event{{Seq: 1, ID: "other"}})
			s.Restarted(s.b.Number)
		}},
		{Leak, "a desk event at a customer", func(s *story) {
			k := Key{"c_1", chat.Desk}
			s.logs[k] = []protocol.Event{{Seq: 1, ID: "n", Type: chat.EventNote}}
			s.Learned(s.a.Number, k, s.logs[k])
		}},
		{Leak, "a frame about the desk at a customer", func(s *story) { s.Frames(s.a).Frame(true, []byte(`{"type":"events","track":"desk"}`)) }},
		{"", "a frame about the desk at staff", func(s *story) { s.Frames(s.b).Frame(true, []byte(`{"type":"events","track":"desk"}`)) }},
		{Crossing, "another workspace's text", func(s *story) {
			s.Frames(s.b).Frame(true, []byte(`{"text":"mark-aaaaaaaa hi"},{"text":"mark-bbbbbbbb hi"}`))
		}},
		{NotLinearizable, "a read misses what was acknowledged before", func(s *story) {
			begin := s.ReadBegin()
			s.ReadEnd(Read{Key: public, After: 1, IDs: IDs(s.logs[public][1:4]), Head: 4, Begin: begin})
		}},
		{NotLinearizable, "a read sees what was not sent yet", func(s *story) {
			s.reads[0].IDs, s.reads[0].Head = IDs(s.logs[public][1:3]), 3
		}},
		{"", "an unknown outcome, in the log", func(s *story) { s.ops[3].Outcome = Unknown }},
		{"", "an unknown outcome, not in the log", func(s *story) {
			s.Begin(Op{Key: public, Client: s.a.Number, ID: "never", Type: chat.EventMessage})
		}},
		{"", "a page over the socket", func(s *story) {
			f := s.Frames(s.b)
			f.Frame(false, []byte(`{"action":"page","ref":"7","conversation":"c_1","track":"public","after":4}`))
			f.Frame(true, []byte(`{"type":"page","ref":"7","conversation":"c_1","track":"public","head":5,"events":[{"seq":5,"id":"m5"}]}`))
		}},
		{NotLinearizable, "an old page over the socket", func(s *story) {
			f := s.Frames(s.b)
			f.Frame(false, []byte(`{"action":"page","ref":"7","conversation":"c_1","track":"public","after":3}`))
			f.Frame(true, []byte(`{"type":"page","ref":"7","conversation":"c_1","track":"public","head":4,"events":[{"seq":4,"id":"m4"}]}`))
		}},
		{JobLost, "an event without a job", func(s *story) { s.jobs = slices.Delete(s.jobs, 2, 3) }},
		{JobDisorder, "jobs in another order", func(s *story) { s.jobs[1], s.jobs[2] = s.jobs[2], s.jobs[1] }},
		{JobInvented, "a job for nothing", func(s *story) {
			s.jobs = append(s.jobs, queue.IntegrationMessage{Event: "9", Subscription: "sub", Conversation: "c_1", Track: chat.Public, Seq: 9})
		}},
		{Crossing, "a job for another's subscription", func(s *story) { j := s.jobs[0]; j.Subscription = "other"; s.jobs = append(s.jobs, j) }},
		{"", "a job again", func(s *story) { s.jobs = append(s.jobs, s.jobs[1]) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := tell()
			tc.plant(s)
			found := s.judge()
			if tc.want == "" && len(found) > 0 {
				t.Errorf("found in a correct history:\n%s", found)
			}
			if tc.want != "" && found.Count(tc.want) == 0 {
				t.Errorf("%q was not found, but:\n%s", tc.want, found)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	s := tell()
	s.Begin(Op{Key: public, ID: "x"}, Op{Key: public, ID: "y"})
	s.Refused(public, "x", chat.CodeClosed)
	s.Refused(public, "m2", chat.CodeClosed) // acknowledged before: that stands
	want := Counts{Appends: 6, Acked: 4, Refused: 1, Unknown: 1, Reads: 4, Applied: 10}
	if got := s.Counts(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	first, ok := s.FirstAckAfter(0)
	if !ok || first <= 0 {
		t.Error("no first acknowledgement")
	}
	if _, ok := s.FirstAckAfter(time.Hour); ok {
		t.Error("an acknowledgement after the end")
	}
}
