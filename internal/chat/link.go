package chat

import (
	"context"
	"slices"
)

// MaxLinked is how many conversations may be merged into one.
const MaxLinked = 100

// Link merges a conversation into another by link: it closes with the reason "merged", and each shows the other. The two
// have logs of their own, so that nothing that was said changes its place.
//
// Two conversations take two transactions. The second is tried again with every retry of the command, and by a
// timer that the relay arms (FinishLink), until it is done.
func (s *Service) Link(ctx context.Context, p Principal, st Step, into ConversationID) (*Outcome, error) {
	scope, err := authorize(p, CommandLink)
	if err != nil {
		return nil, err
	}
	if into == st.Conversation {
		return nil, Errorf(CodeInvalid, "into: a conversation is not merged into itself")
	}
	a := act{command: CommandLink, track: Desk, draft: Event{Type: EventLinked, Detail: &Detail{Link: into}}}
	out, err := s.perform(ctx, p, st, a, func(h *Head, e *Event, _ UserID) (*Change, error) {
		if _, err := s.visible(ctx, p, Ref{p.Workspace, into}, scope); err != nil {
			return nil, err
		}
		if err := s.mayLinkInto(ctx, Ref{p.Workspace, into}); err != nil {
			return nil, err
		}
		facts, err := s.facts(ctx, h.Ref, func(state *State) error {
			if state.Link != "" {
				return Errorf(CodeConflict, "the conversation is merged into %s already", state.Link)
			}
			state.Link = into
			return nil
		})
		if err != nil {
			return nil, err
		}
		if h.Status.Over() {
			e.aside()
			return &Change{Aside: true, Facts: facts}, nil
		}
		e.To = StatusClosed
		closed := e.beside(closedBeside, EventClosed)
		closed.Reason = ReasonMerged
		e.aside()
		return &Change{
			Status: StatusClosed, Places: h.freed(s.now()), Remove: h.unasked(""), Facts: facts, Other: []Event{closed},
		}, nil
	})
	if err != nil || len(out.Acks) == 0 {
		return out, err
	}
	out.Beside, err = s.FinishLink(ctx, out.Head.Ref, out.Acks[0].Event)
	return out, err
}

// mayLinkInto demands a conversation that is not merged into another itself: no chains, no circles.
func (s *Service) mayLinkInto(ctx context.Context, into Ref) error {
	_, err := s.facts(ctx, into, func(state *State) error {
		if state.Link != "" {
			return Errorf(CodeConflict, "into: that conversation is merged into %s itself; choose that one", state.Link)
		}
		if len(state.Linked) >= MaxLinked {
			return Errorf(CodeInvalid, "into: at most %d conversations are merged into one", MaxLinked)
		}
		return nil
	})
	return err
}

// ReasonMerged is that of the close of a conversation that was merged into another.
const ReasonMerged = "merged"

// FinishLink tells the conversation that another was merged into of it: e is the EventLinked of the merged one. It may be
// called any number of times. The event that it appends has the seq of e as its Target, by which the two are told apart.
// The outcome is nil when there is nothing to do.
func (s *Service) FinishLink(ctx context.Context, merged Ref, e Event) (*Outcome, error) {
	if e.Type != EventLinked || e.Detail == nil || e.Target != 0 {
		return nil, nil
	}
	ref := Ref{merged.Workspace, e.Detail.Link}
	told := Event{ID: derivedID(linkedBeside, e.ID), Type: EventLinked, Sender: e.Sender, Role: e.Role, Target: e.Seq, Detail: &Detail{Link: merged.Conversation}}
	c := &command{drafts: []Event{told}, Append: Append{Ref: ref, Track: Desk, Rule: Rule{Actor: e.Sender}}}
	p := Principal{Workspace: merged.Workspace, User: e.Sender, Role: e.Role}
	return s.transit(ctx, p, c, Workspace, func(h *Head) (*Change, []Event, error) {
		facts, err := s.facts(ctx, ref, func(state *State) error {
			if !slices.Contains(state.Linked, merged.Conversation) {
				state.Linked = append(state.Linked, merged.Conversation)
			}
			return nil
		})
		return &Change{Aside: true, Facts: facts}, nil, err
	})
}
