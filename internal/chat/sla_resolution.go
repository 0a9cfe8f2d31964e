package chat

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// The clock of the resolution stands still while the conversation is snoozed. When it is at risk therefore depends on
// what happened since it was started: it is reckoned from the log whenever its timer fires, so that a replay finds the
// same. A conversation that wakes has a timer armed that looks at once; whatever was armed before the snooze does
// nothing any more.

// engagement is the part of a conversation that a resolution clock measures.
type engagement struct {
	begun Event // the public event with which people began to be responsible
	// desk holds the desk events since, and pauses when it was snoozed, both in their order.
	desk   []Event
	pauses []pause
}

// pause is a time during which a clock stands still.
type pause struct{ from, to time.Time }

// resolution looks at the clock of the engagement that goes on.
func (k *Timekeeper) resolution(ctx context.Context, t Timer, head *Head) error {
	if head.Status.Over() || head.Status == StatusSnoozed || k.SLA == nil {
		return nil
	}
	e, err := k.engagement(ctx, head)
	if err != nil || e == nil || e.supersedes(t) {
		return err
	}
	policy, err := k.SLA(ctx, head.Workspace, head.Department)
	if err != nil {
		return err
	}
	target := policy.target(t.Clock, head.Priority)
	risk, ok := policy.after(e.begun.At, target*atRisk/100, e.pauses...)
	until, ends := policy.after(e.begun.At, target, e.pauses...)
	if target <= 0 || !ok || !ends {
		return nil
	}
	t.Until, t.Due, t.Round = until, risk, t.Round+1
	switch now := k.now(); {
	case !now.Before(until):
		return k.tellOnce(ctx, t, head, e, EventBreached)
	case !now.Before(risk):
		t.Due = until
		if err := k.tellOnce(ctx, t, head, e, EventAtRisk); err != nil {
			return err
		}
	default:
	}
	return k.Timers.Arm(ctx, t)
}

// supersedes says that another timer watches by now: the timer is of an engagement before, or was armed before a snooze.
func (e *engagement) supersedes(t Timer) bool {
	return max(t.After, 1) < e.begun.Seq || // the first engagement's timer has After 0, its event the seq 1
		slices.ContainsFunc(e.desk, func(d Event) bool { return d.Type == EventSnoozed && d.Seq > t.Desk })
}

// tellOnce tells of the clock, once for an engagement: the event is named by what began it.
func (k *Timekeeper) tellOnce(ctx context.Context, t Timer, head *Head, e *engagement, typ EventType) error {
	told := func(d Event) bool { return d.Type == typ && d.Detail != nil && d.Detail.Clock == t.Clock }
	if slices.ContainsFunc(e.desk, told) { // also by a version that named it otherwise
		return nil
	}
	if t.Version, t.After, t.Desk = 0, e.begun.Seq, head.Desk.Last; len(e.desk) > 0 {
		t.Desk = e.desk[0].Seq - 1
	}
	return k.note(ctx, head, t, clockEvent(typ, t))
}

// engagement reads the log back to where people became responsible; nil when they are not.
func (k *Timekeeper) engagement(ctx context.Context, head *Head) (*engagement, error) {
	public, err := k.since(ctx, head, Public, beginsEngagement)
	if err != nil || len(public) == 0 || !beginsEngagement(public[0]) {
		return nil, err
	}
	begun := public[0]
	desk, err := k.since(ctx, head, Desk, func(e Event) bool { return e.Follows < begun.Seq })
	if err != nil {
		return nil, err
	}
	desk = slices.DeleteFunc(desk, func(e Event) bool { return e.Follows < begun.Seq })
	return &engagement{begun: begun, desk: desk, pauses: pausesOf(public, desk)}, nil
}

// beginsEngagement says whether people become responsible with the event: as begins does of two images.
func beginsEngagement(e Event) bool {
	if e.To == "" || e.To.Over() || e.To == StatusBot || e.To == StatusSnoozed {
		return false
	}
	return e.Type == EventStarted || e.From.Over() || e.From == StatusBot
}

// pausesOf lists when the conversation was snoozed. A snooze is told on the desk track, and ends with the next change of
// state on either. One that goes on is left out.
func pausesOf(public, desk []Event) []pause {
	steps := slices.DeleteFunc(slices.Concat(public, desk), func(e Event) bool { return e.To == "" })
	slices.SortStableFunc(steps, func(a, b Event) int { return cmp.Compare(a.place(), b.place()) })
	var out []pause
	var from time.Time
	for _, e := range steps {
		switch {
		case e.To != StatusSnoozed && !from.IsZero():
			out, from = append(out, pause{from, e.At}), time.Time{}
		case e.To == StatusSnoozed && from.IsZero():
			from = e.At
		default:
		}
	}
	return out
}

// place is where the event stands among those of the public track, behind one of which every desk event comes.
func (e Event) place() uint64 {
	if e.Follows > 0 {
		return e.Follows
	}
	return e.Seq
}

// since reads a track backwards until an event satisfies begins, and returns what it has read: from that event on, or
// the whole track.
func (k *Timekeeper) since(ctx context.Context, head *Head, t Track, begins func(Event) bool) ([]Event, error) {
	track := head.Track(t)
	var out []Event
	for to := track.Last; to > 0; {
		from := track.From - 1 // what the image holds costs nothing
		if from >= to {
			from = to - min(to, backPage)
		}
		page, err := k.Chat.read(ctx, head, t, from, to)
		if err != nil {
			return nil, err
		}
		for i, e := range slices.Backward(page) {
			if begins(e) {
				return slices.Concat(page[i:], out), nil
			}
		}
		out, to = slices.Concat(page, out), from
	}
	return out, nil
}
