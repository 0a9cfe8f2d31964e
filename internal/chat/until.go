package chat

import "time"

// listensUntil is when what the principal's socket listens to is pushed no more.
func (s *Service) listensUntil(p Principal) time.Time {
	until := s.now().Add(ListenerLife)
	if end := time.UnixMilli(p.Until); p.Until != 0 && end.Before(until) {
		return end
	}
	return until
}
