package chat

import (
	"context"
	"time"
)

// Rate bounds what a customer may write: more than Messages within Window mutes the sender for Pause. It costs
// nothing until the newest events look like too much. Staff is not limited. No Messages means no limit.
type Rate struct {
	Messages      int
	Window, Pause time.Duration
}

// DefaultRate is far above what a person types, and below what a script does to an operator's screen.
var DefaultRate = Rate{Messages: 30, Window: 10 * time.Second, Pause: 10 * time.Second}

// limitRate mutes a customer who writes too much. Failing to is not the sender's problem.
//
// The relay keeps tails short, so an image seldom shows a whole window. When what it shows is faster than the
// rate and older events lie in chunks, they are read: one query, for those who are about to be muted, or have
// sent two messages in a third of a second.
func (s *Service) limitRate(ctx context.Context, p Principal, out *Outcome) {
	if p.Role != RoleCustomer {
		return
	}
	rate := s.rateOf(ctx, p.Workspace)
	if rate.Messages == 0 {
		return
	}
	now, track := s.now(), out.Head.Track(out.Track)
	n, first := rate.recent(track.Tail, p.User, now)
	if n >= 2 && n <= rate.Messages && track.From > 1 && rate.fast(n, now.Sub(first)) {
		moved := track.From - 1
		older, err := s.events(ctx, out.Head, out.Track, moved-min(moved, 2*uint64(rate.Messages)), moved)
		if err != nil {
			return
		}
		m, _ := rate.recent(older, p.User, now)
		n += m
	}
	if n > rate.Messages {
		_ = s.Subs.Mute(ctx, out.Head.Ref, p.User, now.Add(rate.Pause)) // else the next message does
	}
}

// rateOf is the workspace's own rate, else the service's.
func (s *Service) rateOf(ctx context.Context, w WorkspaceID) Rate {
	if s.RateOf != nil {
		if own, ok := s.RateOf(ctx, w); ok {
			return own
		}
	}
	return s.Rate
}

// recent counts the user's events within the window, and returns the time of the first.
func (r Rate) recent(events []Event, u UserID, now time.Time) (n int, first time.Time) {
	for _, e := range events {
		if e.Sender != u || now.Sub(e.At) >= r.Window {
			continue
		}
		if n == 0 {
			first = e.At
		}
		n++
	}
	return n, first
}

// fast says whether n events in this time exceed the rate.
func (r Rate) fast(n int, in time.Duration) bool {
	return in*time.Duration(r.Messages) < time.Duration(n-1)*r.Window
}
