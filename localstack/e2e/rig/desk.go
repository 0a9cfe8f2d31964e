package rig

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/history"
)

// Watch opens views of the live desk, now and in every life of the person's client.
func (p *Person) Watch(views ...chat.DeskView) {
	p.watched = views
	p.Do(func(m *client.Machine) { m.Watch(views) })
}

// desk is what a person's live desk must show: what storage holds.
type desk struct {
	Queue      *protocol.DeskQueue
	Colleagues map[chat.UserID]protocol.DeskOperator
	Visitors   map[chat.UserID]string // the pages
	// Open are the conversations that are not over, with their status and operator: all of them for supervisors.
	Open map[chat.ConversationID][2]string
	// Snoozed says until when those of them are put off that are.
	Snoozed map[chat.ConversationID]int64
	// Own are those of them that are the person's, or are offered to them, as their client shows them.
	Own map[chat.ConversationID]own
}

// own is what a list of one's own conversations shows of each.
type own struct {
	Status              chat.Status
	Assignee, OfferedTo chat.UserID
	Department          chat.DepartmentID
	Priority            int
	WaitingSince        int64
	Unread              int
}

// JudgeDesks waits until everybody who watches sees what is so, or ctx ends, and tells who does not. A view is pushed
// seconds after what it shows has changed.
func (sc *Scene) JudgeDesks(ctx context.Context) (found history.Findings, err error) {
	for _, p := range sc.People() {
		if len(p.watched) == 0 {
			continue
		}
		for {
			want, err := sc.truth(ctx, p)
			if err != nil && ctx.Err() == nil {
				return nil, err
			}
			difference := gocmp.Diff(want, p.shown())
			if difference == "" {
				break
			}
			if ctx.Err() != nil {
				found = append(found, history.Finding{Kind: history.DeskMismatch, Text: fmt.Sprintf("client %d sees (-truth +desk):\n%s", p.Number, difference)})
				break
			}
			pause(ctx, 200*time.Millisecond)
		}
	}
	return found, nil
}

// truth reads from storage what the person's desk must show.
func (sc *Scene) truth(ctx context.Context, p *Person) (d desk, err error) {
	store, now := sc.Rig.Store, time.Now()
	for _, view := range p.watched {
		switch view {
		case chat.ViewQueue:
			list, err := store.Waiting(ctx, p.Space.ID, "", chat.QueueShown)
			if err != nil {
				return d, err
			}
			d.Queue = protocol.QueueOf(chat.QueueView{Entries: list, Departments: []chat.QueueCount{{Waiting: len(list), Oldest: oldest(list)}}})
		case chat.ViewColleagues:
			d.Colleagues, err = sc.colleagues(ctx, p.Space.ID, now)
		case chat.ViewVisitors:
			d.Visitors = map[chat.UserID]string{}
			list, _, err := store.Visitors(ctx, p.Space.ID, now, chat.VisitorsShown)
			if err != nil {
				return d, err
			}
			for _, v := range list {
				d.Visitors[v.User] = v.Page
			}
		case chat.ViewSupervision:
			d.Open, d.Snoozed = map[chat.ConversationID][2]string{}, map[chat.ConversationID]int64{}
		}
	}
	heads, errHeads := sc.heads(ctx)
	d.Own = map[chat.ConversationID]own{}
	for id, h := range heads {
		if h.Workspace != p.Space.ID || h.Status.Over() {
			continue
		}
		if d.Open != nil {
			d.Open[id] = [2]string{string(h.Status), string(h.Assignee)}
		}
		if d.Snoozed != nil && h.Status == chat.StatusSnoozed {
			state, errState := store.State(ctx, h.Ref)
			if err = cmp.Or(err, errState); state != nil {
				d.Snoozed[id] = state.Until.UnixMilli()
			}
		}
		if _, in := h.Participants[p.User]; !in || h.Assignee != p.User && h.OfferedTo != p.User {
			continue
		}
		log, errLog := p.Space.api.Log(ctx, p.Space.supervisor.Token, id, chat.Public)
		d.Own[id], err = ownOf(h, p.User, log), cmp.Or(err, errLog)
	}
	return d, cmp.Or(err, errHeads)
}

// ownOf is what HEAD keeps, and for what is unread what the log and the read cursor in HEAD say.
func ownOf(h *chat.Head, me chat.UserID, log []protocol.Event) own {
	o := own{Status: h.Status, Assignee: h.Assignee, OfferedTo: h.OfferedTo, Department: h.Department, Priority: h.Priority}
	if !h.Wait.Since.IsZero() {
		o.WaitingSince = h.Wait.Since.UnixMilli()
	}
	for _, e := range log {
		if e.Type == chat.EventMessage && e.Role == chat.RoleCustomer && e.Seq > h.Participants[me].Cursor {
			o.Unread++
		}
	}
	return o
}

func oldest(list []chat.Waiting) (at time.Time) {
	for _, w := range list {
		if at.IsZero() || w.Since.Before(at) {
			at = w.Since
		}
	}
	return at
}

func (sc *Scene) colleagues(ctx context.Context, w chat.WorkspaceID, now time.Time) (map[chat.UserID]protocol.DeskOperator, error) {
	list, err := sc.Rig.Store.Operators(ctx, w)
	var at []chat.DeskColleague
	for _, o := range list {
		if o.OnDuty() || o.Load > 0 {
			at = append(at, chat.DeskColleague{Operator: o, Connected: o.Connected(now)})
		}
	}
	return byUser(protocol.ColleaguesOf(chat.ColleaguesView{Colleagues: at})), err
}

func byUser(v *protocol.DeskColleagues) map[chat.UserID]protocol.DeskOperator {
	out := map[chat.UserID]protocol.DeskOperator{}
	for _, o := range v.Operators {
		o.Departments = slices.Clone(o.Departments)
		out[o.User] = o
	}
	return out
}

// shown is what the person's client shows.
func (p *Person) shown() (d desk) {
	p.Do(func(m *client.Machine) {
		push, _ := m.LiveDesk()
		d.Queue = push.Queue
		if push.Colleagues != nil {
			d.Colleagues = byUser(push.Colleagues)
		}
		if push.Visitors != nil {
			d.Visitors = map[chat.UserID]string{}
			for _, v := range push.Visitors.Visitors {
				d.Visitors[v.User] = v.Page
			}
		}
		if push.Supervision != nil {
			d.Open, d.Snoozed = map[chat.ConversationID][2]string{}, map[chat.ConversationID]int64{}
			for _, c := range push.Supervision.Conversations {
				d.Open[c.Conversation] = [2]string{string(c.Status), string(c.Assignee)}
				if c.SnoozedUntil != 0 {
					d.Snoozed[c.Conversation] = c.SnoozedUntil
				}
			}
		}
		d.Own = map[chat.ConversationID]own{}
		for _, v := range m.Views() {
			if !v.Gone && !v.Status.Over() && (v.Assignee == p.User || v.OfferedTo == p.User) {
				d.Own[v.Conversation] = own{v.Status, v.Assignee, v.OfferedTo, v.Department, v.Priority, v.WaitingSince(), v.Unread()}
			}
		}
	})
	return d
}
