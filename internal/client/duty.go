package client

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// duty is what the user wants to be, until the server has answered.
type duty struct {
	wanted    chat.Duty
	asked     bool // a frame is under way
	notBefore time.Time
	refused   chat.Code
	operator  *protocol.Operator
}

// Duty says whether the user takes conversations. It is repeated until the server has answered.
func (m *Machine) Duty(status chat.Duty) {
	m.duty.wanted, m.duty.asked, m.duty.refused = status, false, ""
}

// Operator returns how the user stands to routing as the server said last; nil for one who is not on duty.
func (m *Machine) Operator() *protocol.Operator { return m.duty.operator }

// DutySettled says that the server has answered the last Duty, and how if it refused.
func (m *Machine) DutySettled() (refused chat.Code, settled bool) {
	return m.duty.refused, m.duty.wanted == ""
}

// Accept queues the acceptance of an offer to the user.
func (m *Machine) Accept(id chat.ConversationID) (chat.EventID, error) {
	return Queue(m, protocol.Accept{Conversation: id})
}

// Decline queues that an offer is for somebody else.
func (m *Machine) Decline(id chat.ConversationID, reason string) (chat.EventID, error) {
	return Queue(m, protocol.Decline{Conversation: id, Reason: reason})
}

func (m *Machine) sendDuty(now time.Time) {
	d := &m.duty
	if d.wanted == "" || d.asked || now.Before(d.notBefore) {
		return
	}
	d.asked = true
	ref := m.ref()
	m.request(&request{ref: ref, kind: protocol.ActionDuty, socket: m.current.id})
	m.write(m.current, encode(protocol.Duty{Action: protocol.ActionDuty, Ref: ref, Status: d.wanted}))
}

// dutyAgain repeats a frame that got no answer.
func (m *Machine) dutyAgain() {
	m.duty.asked = false
	m.duty.notBefore = m.cfg.Now().Add(m.jitter(m.cfg.RetryBase, m.cfg.RetryCap, 2))
}

func (m *Machine) dutySet(r protocol.DutyReply) {
	if m.answered(r.Ref) == nil {
		return
	}
	m.duty.asked, m.duty.operator = false, &r.Operator
	if r.Operator.Status == m.duty.wanted {
		m.duty.wanted = ""
	}
}

func (m *Machine) dutyRefused(e protocol.Error) {
	if e.Retryable {
		m.dutyAgain()
		return
	}
	m.duty.wanted, m.duty.asked, m.duty.refused = "", false, e.Code
}
