package chat_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Of the jobs that pile up behind one look, those that were sent before the next one begins cost nothing more; one that
// was sent later, or whose time is not known, is another look.
func TestJobsBehindALookCostNothing(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(1)
	id := r.arrive()
	reads := 0
	r.store.Fault = func(call string, after bool) error {
		if !after && (call == "Operators" || call == "Waiting") {
			reads++
		}
		return nil
	}
	sent := r.clock.Now()
	job := chat.RouteJob{Workspace: r.customer.Workspace, Sent: sent}
	freed := chat.RouteJob{Workspace: r.customer.Workspace, Operator: p.User, Sent: sent}
	look := func(what string, some bool, jobs ...chat.RouteJob) {
		t.Helper()
		before := reads
		r.must(r.svc.Drain(t.Context(), jobs...))
		if got := reads > before; got != some {
			t.Errorf("%s: %d reads", what, reads-before)
		}
	}
	r.clock.Advance(time.Second)
	look("the first", true, job, freed)
	r.same(r.of(id).Assignee, p.User)
	look("sent before the look", false, job, freed, job)
	look("sent at an unknown time", true, chat.RouteJob{Workspace: r.customer.Workspace})
	late := job
	late.Sent = r.clock.Now()
	look("sent at about the time of the look", true, late)
	other := job
	other.Department = "d_01kaw3v4x0fedcba9876543210"
	look("of another department", true, other)
}

// A look that lost something to another job does not stand for others.
func TestATornLookAnswersNoJob(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	a, b := r.onDuty(1), r.onDuty(1)
	first, second := r.arrive(), r.arrive()
	sent := r.clock.Now()
	r.clock.Advance(time.Second)
	once := false
	r.store.Fault = func(call string, after bool) error {
		if call == "Operators" && after && !once {
			once = true
			_, err := r.svc.Join(t.Context(), a, chat.Step{Conversation: second, ID: r.eventID()})
			return err
		}
		return nil
	}
	job := chat.RouteJob{Workspace: r.customer.Workspace, Sent: sent}
	r.must(r.svc.Drain(t.Context(), job))
	r.same(r.of(first).Assignee, b.User)
	reads := 0
	r.store.Fault = func(call string, after bool) error {
		if call == "Waiting" && !after {
			reads++
		}
		return nil
	}
	r.must(r.svc.Drain(t.Context(), job))
	if reads == 0 {
		t.Error("a job was left out that nobody has answered")
	}
}
