package client

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// again loses the socket, and is welcomed on the next one as the role.
func (s *stage) again(role chat.Role) {
	s.t.Helper()
	s.m.Closed(s.m.current.id)
	s.run()
	s.pass(time.Minute)
	s.open(s.dials[len(s.dials)-1])
	s.welcome(role)
}

// TestViewsOfAnotherRole: whoever comes back in a role that has fewer views shows nothing more of the others, and goes on
// with the rest.
func TestViewsOfAnotherRole(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleSupervisor)
	s.m.Watch(chat.DeskViews())
	s.run()
	s.receive(1, protocol.DeskPush{Type: protocol.TypeDesk, Ref: s.take(protocol.ActionDesk).Ref, Revision: 1,
		Queue: &protocol.DeskQueue{More: true}, Supervision: &protocol.DeskSupervision{More: true}})
	s.again(chat.RoleOperator)
	if d, _ := s.m.LiveDesk(); d.Supervision != nil || d.Queue == nil {
		t.Errorf("%+v", d)
	}
	f := s.take(protocol.ActionDesk)
	if want := `"views":["queue","colleagues","visitors"]`; !strings.Contains(f.Raw, want) {
		t.Errorf("%s; want %s", f.Raw, want)
	}
}

// TestViewsOfOtherDepartments: whoever is moved sees all of their departments in place of those that they had chosen; a
// choice that was never theirs is refused, and shows nothing.
func TestViewsOfOtherDepartments(t *testing.T) {
	t.Parallel()
	for name, opened := range map[string]bool{"moved": true, "never theirs": false} {
		s := welcomed(t, chat.RoleOperator)
		s.m.Watch([]chat.DeskView{chat.ViewQueue}, "d_sales")
		s.run()
		if opened {
			s.receive(1, protocol.DeskPush{Type: protocol.TypeDesk, Ref: s.take(protocol.ActionDesk).Ref, Revision: 1, Queue: &protocol.DeskQueue{More: true}})
			s.again(chat.RoleOperator)
		}
		s.refuse(s.take(protocol.ActionDesk), chat.CodeForbidden, 0)
		s.pass(time.Second)
		if refused := s.m.LiveRefused() != ""; refused == opened {
			t.Errorf("%s: refused %v", name, refused)
			continue
		}
		if d, _ := s.m.LiveDesk(); !opened && d.Queue != nil {
			t.Errorf("%s: %+v", name, d)
		}
		if opened {
			if f := s.take(protocol.ActionDesk); strings.Contains(f.Raw, "d_sales") {
				t.Errorf("%s: asks again for %s", name, f.Raw)
			}
		}
	}
}
