package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Acked is the outcome for one id of a command.
type Acked struct {
	Event     Event // as it is stored
	Duplicate bool  // an earlier try had stored it
}

// Outcome is what a command that appends has brought about. Everything in it is committed.
type Outcome struct {
	// Head is an image at or after the commit.
	Head  *Head
	Track Track
	Acks  []Acked
	// Push holds the events that others must hear of, in seq order: the acknowledged ones (again, if an earlier
	// try had stored them: it may have died before pushing) and what the command appended beside them.
	Push []Event
	// Missed holds what else was appended between the command's After and its last event: with it the sender's
	// view is complete.
	Missed []Event
	// Other holds what the command appended to the other track.
	Other []Event
	// Gone lists who takes part no more. A retry knows at most its actor.
	Gone []UserID
	// Beside is what the command brought about in another conversation.
	Beside *Outcome
	// Standing is how it stands, for a customer who has come to wait.
	Standing *Standing
}

// command is an append on its way: the drafts that are not yet found or stored.
type command struct {
	Append
	drafts []Event // without Seq, in order
	acks   []Acked
	missed []Event
	first  uint64 // After of the client's first try
	either EventType
	loose  bool   // whatever is stored under an id is what was meant
	rule   string // see Principal.Rule
	full   UserID // an operator whose load refused an earlier try
	parted bool   // all of it was stored before, by who takes part no more
}

// triesAtOnce is how often a write that lost to another is repeated before it waits: each loss has shown the log's
// new end, so the next try is likely to win unless many write at once.
const triesAtOnce = 3

// append is compare-and-append.
//
// Invariant: an id is stored at most once. The write commits only if nothing was appended after After; the
// client took After before its first try, so an earlier try can only have been stored behind it. When the
// condition fails, the range (After, last] is searched for this sender's ids before anything is written.
func (s *Service) append(ctx context.Context, c *command) (*Outcome, error) {
	c.first = c.After
	var out *Outcome
	err := s.retry(ctx, func() error {
		for range triesAtOnce {
			head, err := s.tryAppend(ctx, c)
			if err != nil {
				return err
			}
			if head != nil {
				out = c.outcome(head)
				return nil
			}
		}
		return fmt.Errorf("%w: others write faster", ErrUnknownOutcome)
	})
	return out, err
}

// tryAppend makes one write. It returns nil without an error when the command has changed so that another
// write is worth a try.
func (s *Service) tryAppend(ctx context.Context, c *command) (*Head, error) {
	c.Events = c.number(s)
	head, err := s.Log.Append(ctx, c.Append)
	var refused *Refused
	switch {
	case err == nil:
		c.follow(head)
		c.stored(c.Events)
		return head, nil
	case !errors.As(err, &refused):
		return nil, err
	case refused.Old == nil:
		return nil, errNotFound()
	}
	return s.refused(ctx, c, refused.Old)
}

// refused decides what a failed condition means, from the image that refused the write.
func (s *Service) refused(ctx context.Context, c *command, old *Head) (*Head, error) {
	if old.Track(c.Track).Last == c.After {
		if err := c.Rule.Check(old); err != nil {
			return nil, err
		}
		// The image satisfies the rule by now: what refused the write has passed (a mute).
		return nil, fmt.Errorf("%w: the rule holds again", ErrUnknownOutcome)
	}
	if !c.mayLook(old) {
		return old, s.parted(ctx, c, old)
	}
	if err := s.catchUp(ctx, c, old); err != nil {
		return nil, err
	}
	if len(c.drafts) == 0 {
		return old, nil
	}
	return nil, nil
}

// mayLook keeps the answer about a conversation that the actor has no part in the same whatever After was.
func (c *command) mayLook(h *Head) bool {
	_, takesPart := h.Participants[c.Rule.Actor]
	return takesPart || !c.Rule.Participant && (c.Rule.Departments == "" || c.Rule.Departments.Has(h.Department))
}

// catchUp moves the command to the end of the log, taking out the drafts that an earlier try has stored.
func (s *Service) catchUp(ctx context.Context, c *command, h *Head) error {
	last := h.Track(c.Track).Last
	if last < c.After {
		return Errorf(CodeOutOfSync, "after is %d but the log ends at %d: reload", c.After, last)
	}
	between, err := s.events(ctx, h, c.Track, c.After, last)
	if err != nil {
		return err
	}
	if err := c.find(between); err != nil {
		return err
	}
	c.After = last
	return nil
}

// find takes the drafts that were stored by an earlier try out of the command.
func (c *command) find(between []Event) error {
	for _, e := range between {
		i := indexOf(c.drafts, e)
		if i < 0 {
			c.missed = append(c.missed, e)
			continue
		}
		meant := c.drafts[i]
		if e.Type == c.either {
			meant.Type = e.Type
		}
		if !c.loose && !meant.SameContent(e) {
			return Errorf(CodeIDReused, "id %s was used before, for something else", e.ID)
		}
		c.acks = append(c.acks, Acked{Event: e, Duplicate: true})
		c.drafts = append(c.drafts[:i:i], c.drafts[i+1:]...)
	}
	return nil
}

// indexOf finds the draft that e stores: same id from the same sender. Another's id proves nothing.
func indexOf(drafts []Event, e Event) int {
	for i, d := range drafts {
		if d.ID == e.ID && d.Sender == e.Sender {
			return i
		}
	}
	return -1
}

// number gives the remaining drafts their seqs, time and generation.
func (c *command) number(s *Service) []Event {
	now := s.now()
	events := make([]Event, len(c.drafts))
	for i, d := range c.drafts {
		d.Seq = c.After + uint64(i) + 1
		d.At = now
		d.Gen = s.Epoch
		d.Detail = d.Detail.by(c.rule)
		events[i] = d
	}
	if !c.Rule.UnmutedAt.IsZero() {
		c.Rule.UnmutedAt = now
	}
	if c.After != c.first {
		c.Cursor = 0 // the cursor rides only on a commit at the seq that the client had seen
	}
	return events
}

// follow gives desk events the public seq that the write stored with them: it is known only by the image that
// the write returned, and what is pushed must be what is stored.
func (c *command) follow(head *Head) {
	for i := range c.Events {
		if c.Track == Desk {
			c.Events[i].Follows = head.Public.Last
		}
	}
}

func (c *command) stored(events []Event) {
	for _, e := range events {
		c.acks = append(c.acks, Acked{Event: e})
	}
	c.drafts = nil
}

func (c *command) outcome(head *Head) *Outcome {
	out := &Outcome{Head: head, Track: c.Track, Acks: c.acks, Missed: c.missed}
	for _, a := range c.acks {
		out.Push = append(out.Push, a.Event)
	}
	// What an earlier try appended beside the client's own events comes back as missed, and may be unpushed too.
	for _, e := range c.missed {
		if (e.Sender == SystemUser || e.Sender == c.Rule.Actor && changesState(e.Type)) && c.derived(e.ID) {
			out.Push = append(out.Push, e)
		}
	}
	for _, e := range head.Track(c.Track.Other()).Tail {
		if (e.Sender == SystemUser || e.Sender == c.Rule.Actor) && c.derived(e.ID) {
			out.Other = append(out.Other, e)
		}
	}
	slices.SortFunc(out.Push, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
	if c.parted { // their other sockets may not have heard of it
		out.Missed, out.Gone = nil, []UserID{c.Rule.Actor}
	}
	return out
}

// derived says whether the id was made from one of the command's own.
func (c *command) derived(id EventID) bool {
	return slices.ContainsFunc(c.acks, func(a Acked) bool {
		return slices.ContainsFunc(besides, func(what string) bool { return id == derivedID(what, a.Event.ID) })
	})
}

// read is events for those that are not inside a retry already.
func (s *Service) read(ctx context.Context, head *Head, t Track, after, to uint64) ([]Event, error) {
	var out []Event
	err := s.retry(ctx, func() (err error) {
		out, err = s.events(ctx, head, t, after, to)
		return err
	})
	return out, err
}

// events returns (after, to] of a track: what the image's tail does not hold comes from the chunks.
func (s *Service) events(ctx context.Context, head *Head, t Track, after, to uint64) ([]Event, error) {
	tail := head.Track(t)
	var out []Event
	for after < to && after+1 < tail.From {
		part, err := s.Reader.After(ctx, head.Ref, t, after, int(to-after))
		if err != nil {
			return nil, err
		}
		if len(part) == 0 || part[0].Seq != after+1 {
			return nil, Errorf(CodeInternal, "chunk of seq %d is missing", after+1)
		}
		out = append(out, part...)
		after = part[len(part)-1].Seq
	}
	for _, e := range tail.Tail {
		if e.Seq > after && e.Seq <= to {
			out = append(out, e)
		}
	}
	return out, nil
}

// lookBack is how far back a log is read at most, backPage how much at once.
const (
	lookBack = 400
	backPage = 50
)

// backwards shows the public track's events, newest first, until show has seen enough.
func (s *Service) backwards(ctx context.Context, head *Head, show func(Event) bool) error {
	to := head.Public.Last
	end := uint64(0)
	if to > lookBack {
		end = to - lookBack
	}
	for to > end {
		from := head.Public.From - 1 // what the image holds costs nothing
		if from >= to || from < end {
			from = end
			if to-end > backPage {
				from = to - backPage
			}
		}
		page, err := s.read(ctx, head, Public, from, to)
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(page) {
			if !show(e) {
				return nil
			}
		}
		to = from
	}
	return nil
}
