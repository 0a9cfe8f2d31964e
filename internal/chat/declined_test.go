package chat_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// declines lets the offer go to somebody else, with all that follows.
func (o *offered) declines(p chat.Principal) *chat.Outcome {
	o.Helper()
	out, err := o.svc.Decline(o.Context(), p, o.stepOn(o.id))
	o.must(err)
	o.must(o.delivery.Committed(o.Context(), p, out))
	return out
}

// asked counts whom the conversation was offered to.
func (o *offered) asked() map[chat.UserID]int {
	o.Helper()
	times := map[chat.UserID]int{}
	for _, e := range readLog(o.T, o.store, o.refTo(o.id), chat.Desk) {
		if e.Type == chat.EventOffered {
			times[e.Subject]++
		}
	}
	return times
}

// When the last one who could take a conversation declines it, it waits at its place, and the one is not asked again
// before the time that the supervisors are told. The customer is told that those who are there are busy.
func TestEverybodyDeclined(t *testing.T) {
	t.Parallel()
	o := newOffered(t)
	first := o.of(o.id).QueuedAt
	o.push.take()
	o.declines(o.to)
	o.work()
	h := o.of(o.id)
	if h.Status != chat.StatusQueued || h.QueuedAt != first || !slices.Equal(h.Tried, []chat.UserID{o.to.User}) {
		t.Fatalf("%+v", h)
	}
	o.same(o.types(o.id, chat.Desk), []string{"conversation.offered queued-offered", "supervisor.alerted -", "conversation.offer_missed offered-queued"})
	again := o.clock.Now().Add(chat.AskAgain)
	o.same(h.Desk.Tail[1].Detail.Until.UnixMilli(), again.UnixMilli())
	told := h.Public.Tail[len(h.Public.Tail)-1]
	if told.Type != chat.EventPromise || told.Detail.Fields[chat.PromiseStaffed] != chat.StaffedBusy || told.Detail.Fields[chat.PromiseOffer] != "email" {
		t.Errorf("the customer is told %+v", told)
	}
	if pushed := o.push.take(); !slices.Contains(pushed, "web-"+string(o.id)+" public 3") {
		t.Errorf("the customer is not told: %v", pushed)
	}
	o.clock.Advance(chat.AskAgain - time.Millisecond)
	o.renew(o.to)
	o.drain()
	o.same(o.of(o.id).Status, chat.StatusQueued)
	o.clock.Advance(time.Millisecond)
	o.drain()
	o.same(o.of(o.id).OfferedTo, o.to.User)
	o.sound(o.id)
}

// Who never is asked twice within the time may decline for ever: the number of offers is bounded by time, not by how
// fast they are declined.
func TestDecliningIsBoundedByTime(t *testing.T) {
	t.Parallel()
	o := newOffered(t)
	all := []chat.Principal{o.to, o.onDuty(1), o.onDuty(1)}
	const rounds = 4
	for range rounds {
		for range 50 { // as often as anybody looks
			if to := o.of(o.id).OfferedTo; to != "" {
				o.declines(pick(to, all...))
			}
			o.work()
			o.drain()
		}
		o.clock.Advance(chat.AskAgain)
		o.renew(all...)
		o.drain()
	}
	for _, p := range all {
		if n := o.asked()[p.User]; n < rounds || n > rounds+1 {
			t.Errorf("%s was asked %d times in %d rounds", p.User, n, rounds)
		}
	}
	o.sound(o.id)
}

// What changes brings the conversation back at once: somebody else comes on duty, gets room, or comes back on duty.
func TestDeclinedIsOfferedToWhoComes(t *testing.T) {
	t.Parallel()
	for name, comes := range map[string]func(*offered) chat.UserID{
		"somebody else comes on duty": func(o *offered) chat.UserID {
			o.declines(o.to)
			o.work()
			o.same(o.of(o.id).Status, chat.StatusQueued)
			return o.onDuty(1).User
		},
		"somebody else frees a place": func(o *offered) chat.UserID {
			full := o.onDuty(1)
			o.svc.Bot = nil
			behind := o.arrive()
			_, err := o.svc.Join(o.Context(), full, o.stepOn(behind))
			o.must(err)
			o.declines(o.to)
			o.work()
			o.same(o.of(o.id).Status, chat.StatusQueued)
			o.same(o.types(o.id, chat.Desk)[1:], []string{"conversation.offer_missed offered-queued"}) // one is left to ask
			out, err := o.svc.Close(o.Context(), full, o.stepOn(behind))
			o.must(err)
			o.must(o.delivery.Committed(o.Context(), full, out))
			return full.User
		},
		"who declined comes on duty anew": func(o *offered) chat.UserID {
			o.declines(o.to)
			o.work()
			o.clock.Advance(time.Second)
			for _, duty := range []chat.Duty{chat.DutyAway, chat.DutyAccepting} {
				_, err := o.svc.Duty(o.Context(), o.to, duty)
				o.must(err)
			}
			return o.to.User
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffered(t)
			next := comes(o)
			o.work()
			o.same(o.of(o.id).OfferedTo, next)
			o.sound(o.id)
		})
	}
}

// When the only one left to ask goes, those who declined are asked after the time: nothing gets stuck.
func TestDeclinedWhileTheOtherIsFull(t *testing.T) {
	t.Parallel()
	o := newOffered(t)
	full := o.onDuty(1)
	o.svc.Bot = nil
	_, err := o.svc.Join(t.Context(), full, o.stepOn(o.arrive()))
	o.must(err)
	o.declines(o.to)
	_, err = o.svc.Duty(t.Context(), full, chat.DutyOff)
	o.must(err)
	o.clock.Advance(chat.AskAgain)
	o.renew(o.to)
	o.drain() // the sweep's
	o.same(o.of(o.id).OfferedTo, o.to.User)
}

// A decline that is repeated, for its answer was lost, tells the customer what the first one did not get round to.
func TestRepeatedDeclineTells(t *testing.T) {
	t.Parallel()
	o := newOffered(t)
	st := o.stepOn(o.id)
	_, err := o.svc.Decline(t.Context(), o.to, st)
	o.must(err)
	o.push.take()
	out, err := o.svc.Decline(t.Context(), o.to, st)
	o.must(err)
	o.same(out.Acks[0].Duplicate, true)
	o.must(o.delivery.Committed(t.Context(), o.to, out))
	if pushed := o.push.take(); !slices.Contains(pushed, "web-"+string(o.id)+" public 3") {
		t.Errorf("the customer is not told: %v", pushed)
	}
	o.same(len(o.asked()), 1)
}

// Where everybody has let it pass, no estimate is given: it goes by those that were taken when their turn came.
func TestNoEstimateOfWhatEverybodyDeclined(t *testing.T) {
	t.Parallel()
	assigned := []time.Time{noon.Add(-time.Minute), noon.Add(-30 * time.Second), noon}
	list := chat.Positions([]chat.Waiting{{Again: noon.Add(time.Second)}, {Again: noon}}, assigned, noon)
	if list[0].Basis != chat.BasisNone || list[0].Estimate != 0 || list[1].Basis != chat.BasisRate {
		t.Errorf("%+v", list)
	}
}

// The time is armed when everybody has declined, and only then, and fires not too early.
func TestAskingAgainIsArmed(t *testing.T) {
	t.Parallel()
	until := noon.Add(chat.AskAgain)
	before := &chat.Head{Status: chat.StatusOffered, Version: 2, Desk: chat.TrackHead{Last: 1}}
	after := &chat.Head{Status: chat.StatusQueued, Version: 3, Desk: chat.TrackHead{Last: 3, From: 1, Tail: []chat.Event{
		{Seq: 1, Type: chat.EventAlerted, Detail: &chat.Detail{Until: noon}},
		{Seq: 2, Type: chat.EventAlerted, Detail: &chat.Detail{Until: until}}, {Seq: 3, Type: chat.EventOfferMissed},
	}}}
	arming := &chat.Arming{Now: func() time.Time { return noon }}
	due := must(arming.Due(t.Context(), before, after))
	due = slices.DeleteFunc(due, func(t chat.Timer) bool { return t.Kind != chat.TimerAgain })
	if len(due) != 1 || due[0].Due.Before(until) || due[0].Due.After(until.Add(2*time.Second)) {
		t.Errorf("%+v", due)
	}
	after.Desk.Tail = after.Desk.Tail[2:]
	due = must(arming.Due(t.Context(), before, after))
	if slices.ContainsFunc(due, func(t chat.Timer) bool { return t.Kind == chat.TimerAgain }) {
		t.Errorf("%+v", due)
	}
}
