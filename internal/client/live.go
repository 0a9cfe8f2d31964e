package client

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// live is the live desk as this client sees it.
type live struct {
	views       []chat.DeskView
	departments []chat.DepartmentID
	// wanted says that there is something to ask for: views to keep open, or to close.
	wanted  bool
	asked   bool // a frame is under way
	opened  bool // the server has shown these views of these departments
	due     time.Time
	refused chat.Code
	shown   protocol.DeskPush
	frames  int
}

// Watch opens views of the live desk, for departments of the user's own (none: all of them), in place of those that
// were open; none closes them. They are opened again on every new socket.
func (m *Machine) Watch(views []chat.DeskView, departments ...chat.DepartmentID) {
	l := &m.live
	l.views, l.departments, l.wanted, l.asked, l.refused, l.due = slices.Clone(views), departments, true, false, "", time.Time{}
	l.opened = false
	l.shown = protocol.DeskPush{}
}

// LiveDesk returns the views as they were shown last, and how many frames have shown any.
func (m *Machine) LiveDesk() (shown protocol.DeskPush, frames int) {
	return m.live.shown, m.live.frames
}

// LiveRefused returns the code of the answer that refused the last Watch, "" for none.
func (m *Machine) LiveRefused() chat.Code { return m.live.refused }

func (m *Machine) sendLive(now time.Time) {
	l := &m.live
	if !l.wanted || l.asked || now.Before(l.due) {
		return
	}
	l.asked = true
	ref := m.ref()
	m.request(&request{ref: ref, kind: protocol.ActionDesk, socket: m.current.id})
	views := l.views
	if views == nil {
		views = []chat.DeskView{}
	}
	m.write(m.current, encode(protocol.Desk{Action: protocol.ActionDesk, Ref: ref, Views: views, Departments: l.departments}))
}

// liveAgain repeats a frame that got no answer.
func (m *Machine) liveAgain() {
	m.live.asked = false
	m.live.due = m.cfg.Now().Add(m.jitter(m.cfg.RetryBase, m.cfg.RetryCap, 2))
}

// liveAnew opens the views after a hello, which has closed them. What was shown before may be older or newer than what
// the other socket gets first: revisions begin anew with it.
func (m *Machine) liveAnew() {
	l := &m.live
	l.asked, l.due, l.shown.Revision = false, time.Time{}, 0
	l.views = slices.DeleteFunc(l.views, func(v chat.DeskView) bool { return chat.Allowed(m.role, v.Command()) == chat.Denied })
	l.wanted = len(l.views) > 0
	l.forget()
}

// forget shows nothing more of views that are not open: whoever has another role by now loses at once what it may not see.
func (l *live) forget() {
	for view, drop := range map[chat.DeskView]func(){
		chat.ViewQueue:       func() { l.shown.Queue = nil },
		chat.ViewColleagues:  func() { l.shown.Colleagues = nil },
		chat.ViewVisitors:    func() { l.shown.Visitors = nil },
		chat.ViewSupervision: func() { l.shown.Supervision = nil },
	} {
		if !slices.Contains(l.views, view) {
			drop()
		}
	}
}

func (m *Machine) liveSeen(p protocol.DeskPush) {
	l := &m.live
	if p.Ref != "" {
		if m.answered(p.Ref) == nil {
			return // an answer to what is not wanted any more
		}
		l.asked, l.opened, l.due, l.wanted = false, true, m.cfg.Now().Add(m.cfg.Live), len(l.views) > 0
	}
	if len(l.views) == 0 || p.Revision < l.shown.Revision {
		return
	}
	l.frames++
	l.shown.Revision, l.shown.At = p.Revision, p.At
	l.shown.Queue, l.shown.Colleagues = orOld(p.Queue, l.shown.Queue), orOld(p.Colleagues, l.shown.Colleagues)
	l.shown.Visitors, l.shown.Supervision = orOld(p.Visitors, l.shown.Visitors), orOld(p.Supervision, l.shown.Supervision)
	if p.Queue != nil {
		m.setWaiting(p.Queue.Entries)
	}
	m.tell(Notice{Kind: LiveChanged})
}

func orOld[T any](next, old *T) *T {
	if next != nil {
		return next
	}
	return old
}

func (m *Machine) liveRefused(e protocol.Error) {
	if e.Retryable || e.Code == chat.CodeHelloFirst {
		m.liveAgain()
		return
	}
	l := &m.live
	if e.Code == chat.CodeForbidden && l.opened && len(l.departments) > 0 { // who was moved has other departments: all of those
		l.departments, l.asked = nil, false
		return
	}
	l.wanted, l.asked, l.refused, l.views = false, false, e.Code, nil
	l.forget()
}

// visiting is the last visit that this client told.
type visiting struct {
	ref     string
	refused chat.Code
	until   int64
}

// Visit tells the page that the customer is on, once: a visit that is lost is made up for by the next.
func (m *Machine) Visit(v protocol.Visit) {
	if !m.Ready() {
		return
	}
	v.Action, v.Ref = protocol.ActionVisit, m.ref()
	m.visit = visiting{ref: v.Ref}
	m.request(&request{ref: v.Ref, kind: v.Action, socket: m.current.id})
	m.write(m.current, encode(v))
}

// VisitSettled says that the last Visit was answered, and how if it was refused.
func (m *Machine) VisitSettled() (refused chat.Code, settled bool) {
	return m.visit.refused, m.visit.refused != "" || m.visit.until != 0
}

func (m *Machine) visitSeen(r protocol.VisitReply) {
	if m.answered(r.Ref) != nil && r.Ref == m.visit.ref {
		m.visit.until = r.Until
	}
}
