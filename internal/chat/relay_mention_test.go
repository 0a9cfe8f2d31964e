package chat_test

import (
	"errors"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// mention has the operator write a note that mentions colleagues.
func (s *stream) mention(text string, colleagues ...chat.UserID) {
	s.Helper()
	m := s.messages(text)
	m[0].Mentions = colleagues
	_, err := s.svc.Send(s.Context(), s.operator, s.conv, chat.Desk, s.head().Desk.Last, m)
	s.must(err)
}

// Whoever a note mentions has it in their list, whether a socket was open or not, and once however often the record
// comes; integrations need not subscribe to anything.
func TestRelayKeepsMentions(t *testing.T) {
	t.Parallel()
	s := newStream(t)
	s.relay.Mentions = s.store
	alan, grace := chat.UserID(s.id(chat.UserPrefix)), chat.UserID(s.id(chat.UserPrefix))
	s.staff[alan], s.staff[grace] = chat.RoleOperator, chat.RoleSupervisor
	listed := func(u chat.UserID) (seqs []uint64) {
		list, err := s.store.Mentions(t.Context(), s.customer.Workspace, u, nil, 10)
		s.must(err)
		for _, m := range list {
			if m.By != s.operator.User || m.Conversation != s.conv || m.At.IsZero() {
				t.Errorf("%+v", m)
			}
			seqs = append(seqs, m.Seq)
		}
		return seqs
	}
	s.start("hello")
	s.join()
	s.record()
	s.mention("have a look", alan, grace)
	before := s.before
	s.record()
	s.mention("and again", alan)
	s.record()
	s.before = before
	s.record() // the stream brings it all twice
	s.same(listed(alan), []uint64{2, 1})
	s.same(listed(grace), []uint64{1})

	s.mention("while storage is away", grace)
	away := errors.New("away")
	s.store.Fault = func(call string, _ bool) error {
		if call == "PutMention" {
			return away
		}
		return nil
	}
	if err := s.relay.Record(t.Context(), s.before, s.head()); !errors.Is(err, away) {
		t.Errorf("%v: a record whose mentions are not kept is to be delivered again", err)
	}
	s.store.Fault = nil
	s.record()
	s.same(listed(grace), []uint64{3, 1})
}
