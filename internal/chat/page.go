package chat

import "context"

// MaxPageEvents is the most events that one page may ask for.
const MaxPageEvents = 200

// PageQuery asks for a range of a track: the events after a seq (oldest first), or the newest before one;
// with neither, the newest.
type PageQuery struct {
	Conversation  ConversationID
	Track         Track
	After, Before *uint64
	// Limit is 1 to MaxPageEvents, 0 for 50.
	Limit int
	// Bytes bounds the events' size, 0 for what fits a frame.
	Bytes int
}

// PageResult is a range of a track, oldest first, without a hole.
type PageResult struct {
	Head   *Head
	Events []Event
	// More says that the range holds more in the direction asked for.
	More bool
}

// Page reads a range of the log.
func (s *Service) Page(ctx context.Context, p Principal, q PageQuery) (*PageResult, error) {
	scope, err := authorize(p, onTrack(CommandPage, q.Track))
	if err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	head, err := s.visible(ctx, p, Ref{p.Workspace, q.Conversation}, scope)
	if err != nil {
		return nil, err
	}
	r := &PageResult{Head: head}
	err = s.retry(ctx, func() error {
		if q.After != nil {
			return s.pageAfter(ctx, head, q, r)
		}
		return s.pageBefore(ctx, head, q, r)
	})
	return r, err
}

func (q *PageQuery) check() error {
	switch {
	case q.After != nil && q.Before != nil:
		return Errorf(CodeInvalid, "after, before: one of them")
	case q.Limit < 0 || q.Limit > MaxPageEvents:
		return Errorf(CodeInvalid, "limit: 1 to %d", MaxPageEvents)
	}
	if q.Limit == 0 {
		q.Limit = pageEvents
	}
	if q.Bytes == 0 {
		q.Bytes = MaxFrame - 2<<10
	}
	return nil
}

func (s *Service) pageAfter(ctx context.Context, head *Head, q PageQuery, r *PageResult) error {
	last := head.Track(q.Track).Last
	after := min(*q.After, last)
	to := min(after+uint64(q.Limit), last)
	events, err := s.events(ctx, head, q.Track, after, to)
	if err != nil {
		return err
	}
	n, used := 0, 0
	for ; n < len(events); n++ {
		if used += s.sizeOf(events[n]); used > q.Bytes && n > 0 { // one at least, or the reader never gets past it
			break
		}
	}
	r.Events = events[:n]
	r.More = after+uint64(n) < last
	return nil
}

func (s *Service) pageBefore(ctx context.Context, head *Head, q PageQuery, r *PageResult) error {
	to := head.Track(q.Track).Last
	if q.Before != nil && *q.Before <= to {
		to = max(*q.Before, 1) - 1
	}
	from := to - min(to, uint64(q.Limit))
	events, err := s.events(ctx, head, q.Track, from, to)
	if err != nil {
		return err
	}
	if r.Events, _ = s.newestWithin(events, q.Bytes); len(r.Events) == 0 && len(events) > 0 {
		r.Events = events[len(events)-1:]
	}
	r.More = len(r.Events) > 0 && r.Events[0].Seq > 1
	return nil
}
