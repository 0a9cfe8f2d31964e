package chat

import (
	"context"
	"time"
)

// Rate bounds what a customer may write: more than Messages within Window mutes the sender for Pause. It costs
// nothing until the newest events look like too much. Staff is not limited.
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
	if p.Role != RoleCustomer || s.Rate.Messages == 0 {
		return
	}
	now, track := s.now(), out.Head.Track(out.Track)
	n, first := s.recent(track.Tail, p.User, now)
	if n >= 2 && n <= s.Rate.Messages && track.From > 1 && s.fast(n, now.Sub(first)) {
		moved := track.From - 1
		older, err := s.events(ctx, out.Head, out.Track, moved-min(moved, 2*uint64(s.Rate.Messages)), moved)
		if err != nil {
			return
		}
		m, _ := s.recent(older, p.User, now)
		n += m
	}
	if n > s.Rate.Messages {
		_ = s.Subs.Mute(ctx, out.Head.Ref, p.User, now.Add(s.Rate.Pause))
	}
}

// recent counts the user's events within the window, and returns the time of the first.
func (s *Service) recent(events []Event, u UserID, now time.Time) (n int, first time.Time) {
	for _, e := range events {
		if e.Sender != u || now.Sub(e.At) >= s.Rate.Window {
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
func (s *Service) fast(n int, in time.Duration) bool {
	return in*time.Duration(s.Rate.Messages) < time.Duration(n-1)*s.Rate.Window
}
