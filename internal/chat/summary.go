package chat

import (
	"context"
	"time"
	"unicode/utf8"
)

// Summary is how a conversation shows in a list, to somebody who may read it.
type Summary struct {
	Head *Head
	// Customer whose conversation it is.
	Customer UserID
	// Last is the newest message of the public track that was not withdrawn, as last edited; nil when there is none
	// among the newest events.
	Last *Excerpt
}

// Excerpt is the beginning of a message.
type Excerpt struct {
	Seq    uint64
	At     time.Time
	Sender UserID
	Role   Role
	// Text is at most MaxExcerpt bytes, cut between characters.
	Text string
}

const (
	// MaxExcerpt is the longest text of an excerpt in bytes: a line of a list.
	MaxExcerpt = 160
	// summarySought is how many events are searched for the newest message: what one page of the log holds.
	summarySought = backPage
)

// Summaries reads up to MaxStates conversations. Those that the principal may not read, or that are not there, are absent,
// as all are for a principal who may read none. It costs a batch of reads, and one more for each conversation whose newest
// events were moved out of the image.
func (s *Service) Summaries(ctx context.Context, p Principal, ids []ConversationID) (map[ConversationID]Summary, error) {
	scope, err := authorize(p, CommandPage)
	if err != nil || len(ids) == 0 {
		return nil, nil //nolint:nilerr,nilnil // who may read nothing is shown nothing; the list itself is another permission
	}
	var heads []*Head
	if err := s.retry(ctx, func() (err error) {
		heads, err = s.States.HeadsOf(ctx, p.Workspace, ids)
		return err
	}); err != nil {
		return nil, err
	}
	list, err := parallel(ctx, heads, func(ctx context.Context, h *Head) (Summary, error) {
		if !p.reaches(h, scope) {
			return Summary{}, nil
		}
		return s.summary(ctx, h)
	})
	out := make(map[ConversationID]Summary, len(list))
	for _, found := range list {
		if found.Head != nil {
			out[found.Head.Conversation] = found
		}
	}
	return out, err
}

func (s *Service) summary(ctx context.Context, h *Head) (Summary, error) {
	out := Summary{Head: h, Customer: h.Customer()}
	edited, withdrawn, seen := map[uint64]string{}, map[uint64]bool{}, 0
	err := s.backwards(ctx, h, func(e Event) bool {
		seen++
		switch e.Type {
		case EventEdited:
			if _, newer := edited[e.Target]; !newer {
				edited[e.Target] = e.Text
			}
		case EventDeleted:
			withdrawn[e.Target] = true
		case EventMessage:
			if withdrawn[e.Seq] {
				break
			}
			if text, changed := edited[e.Seq]; changed {
				e.Text = text
			}
			out.Last = &Excerpt{e.Seq, e.At, e.Sender, e.Role, excerpt(e.Text)}
		default:
		}
		return out.Last == nil && seen < summarySought
	})
	return out, err
}

// excerpt cuts between characters.
func excerpt(text string) string {
	if len(text) <= MaxExcerpt {
		return text
	}
	end := MaxExcerpt
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
