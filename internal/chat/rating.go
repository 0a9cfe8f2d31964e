package chat

import (
	"context"
	"time"
	"unicode/utf8"
)

const (
	// MaxComment is the longest comment of a rating, in bytes.
	MaxComment = 2000
	// RatingLife is how long after its end a conversation may be rated.
	RatingLife = 30 * 24 * time.Hour
)

// SubmitRating says what the customer thought, 1 to 5, of the conversation up to now or of the one that has ended. Another rating
// of the same engagement replaces the one before in STATE; the log has both.
func (s *Service) SubmitRating(ctx context.Context, p Principal, st Step, score int, comment string) (*Outcome, error) {
	switch {
	case score < 1 || score > 5:
		return nil, Errorf(CodeInvalid, "score: 1 to 5")
	case len(comment) > MaxComment || !utf8.ValidString(comment):
		return nil, Errorf(CodeInvalid, "comment: at most %d bytes of valid UTF-8", MaxComment)
	}
	a := act{command: CommandRate, track: Public, draft: Event{Type: EventRated, Text: comment, Detail: &Detail{Score: score}}}
	return s.edit(ctx, p, st, a, func(h *Head, state *State) error {
		now := s.now()
		if h.Status.Over() && now.Sub(state.Closed) > RatingLife {
			return Errorf(CodeClosed, "the conversation ended more than %d days ago", RatingLife/(24*time.Hour))
		}
		operator := h.Assignee
		if operator == "" {
			operator = h.LastOperator
		}
		state.Rating = &Rating{Score: score, Comment: comment, At: now, Engagement: state.Engagement, Operator: operator}
		return nil
	})
}
