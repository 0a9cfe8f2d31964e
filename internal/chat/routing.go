package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// AwayAfterMisses is how many offers and first replies an operator misses in a row before they are set away.
const AwayAfterMisses = 2

// AskAgain is how long whoever has let a conversation pass is left in peace with it: ten times an offer's life.
const AskAgain = 5 * time.Minute

// BotReply is how long a customer waits for a word of the bot that leads, until people take over: programs answer within
// seconds, or are down.
const BotReply = time.Minute

// RoutingPolicy is how a workspace, or a department of it, routes.
type RoutingPolicy struct {
	// ManualAccept offers a conversation to its operator, who accepts or declines; else it is assigned.
	ManualAccept bool
	// OfferLife is how long an offer lives, FirstReply how long an assigned operator has for the first reply, and
	// TypingExtension how much more while they type.
	OfferLife, FirstReply, TypingExtension time.Duration
	// BotReply is how long a customer waits for a word of the bot that leads, until people take over.
	BotReply time.Duration
	// IdleAfter is how long nobody writes before a conversation is idle.
	IdleAfter time.Duration
	// AwayAfterMisses in a row the operator is set away; 0 never.
	AwayAfterMisses int
	// AskAgain is how long after the last decline or miss those who have let a conversation pass are asked about it again,
	// at the earliest. Whoever comes on duty anew is asked at once.
	AskAgain time.Duration
	// PreferredWait is how long a conversation waits for the customer's last operator, if they are connected but full.
	PreferredWait time.Duration
	// PositionEvery is how often those who wait are told how it stands, at most; PromiseAfter when they are told what to
	// expect.
	PositionEvery, PromiseAfter time.Duration
	// OfflineUnstaffed lets conversations that begin while nobody is there start offline; else they wait in the queue,
	// and the customer is told.
	OfflineUnstaffed bool
}

// DefaultRoutingPolicy is that of a workspace that has set nothing.
func DefaultRoutingPolicy() RoutingPolicy {
	return RoutingPolicy{
		OfferLife: OfferLife, FirstReply: FirstReply, TypingExtension: TypingGrace, BotReply: BotReply, IdleAfter: IdleAfter,
		AwayAfterMisses: AwayAfterMisses, AskAgain: AskAgain, PreferredWait: PreferredWait, PositionEvery: PositionEvery,
		PromiseAfter: PromiseAfter,
	}
}

// Policy is how the department routes.
func (s *Service) Policy(ctx context.Context, w WorkspaceID, d DepartmentID) (RoutingPolicy, error) {
	if s.Policies == nil {
		return DefaultRoutingPolicy(), nil
	}
	return s.Policies(ctx, w, d)
}

// system is the principal of what routing does by itself.
func system(w WorkspaceID) Principal {
	return Principal{Workspace: w, User: SystemUser, Role: RoleSystem}
}

// errStale says that a conversation has moved on since the version that somebody wanted to change.
var errStale = errors.New("the conversation has moved on")

// systemEvent is an event of the system's about the transition from a version. Its id is the same for every try.
func systemEvent(what string, h *Head, typ EventType, to Status, reason string) Event {
	return Event{
		ID: transitionID(what, h.Conversation, h.Version), Type: typ, Sender: SystemUser, Role: RoleSystem,
		From: h.Status, To: to, Reason: reason,
	}
}

// transitionID names what the system appends with the transition from a version: that version is left once, so the id
// is unique, and a redelivered job finds what it did.
func transitionID(what string, c ConversationID, version uint64) EventID {
	return derivedID(what+"\x00"+strconv.FormatUint(version, 10), EventID(c))
}

// systemStep is a transition that the system makes: events go to the track, with the change.
type systemStep struct {
	track  Track
	events []Event
	change *Change
}

// move is systemStep for a step of one name on one track.
func (s *Service) move(ctx context.Context, ref Ref, version uint64, name string, t Track, decide func(*Head) ([]Event, *Change, error)) (*Outcome, error) {
	return s.systemStep(ctx, ref, version, func(h *Head) (*systemStep, error) {
		events, change, err := decide(h)
		return &systemStep{t, events, change}, err
	}, name)
}

// systemStep makes the transition that decide describes in one transaction, if the conversation is still at the version.
// errStale: it is not, and not by this; *Refused with NoPlace: an operator had none. A repetition returns what the first
// try did, which bears one of the names.
func (s *Service) systemStep(ctx context.Context, ref Ref, version uint64, decide func(*Head) (*systemStep, error), names ...string) (*Outcome, error) {
	var out *Outcome
	err := s.retry(ctx, func() error {
		head, err := s.Reader.Head(ctx, ref)
		if err != nil {
			return err
		}
		if head == nil || head.Version != version {
			if out = done(head, version, names); out == nil {
				return errStale
			}
			return nil
		}
		step, err := decide(head)
		if err != nil {
			return err
		}
		out, err = s.make(ctx, head, step)
		return err
	})
	return out, err
}

// make tries the step on the image.
func (s *Service) make(ctx context.Context, h *Head, step *systemStep) (*Outcome, error) {
	after := h.Track(step.track).Last
	c := &command{
		drafts: step.events, first: after,
		Append: Append{Ref: h.Ref, Track: step.track, After: after, Rule: Rule{Actor: SystemUser}},
	}
	out, err := s.tryTransit(ctx, c, h, func(*Head) (*Change, []Event, error) { return step.change, nil, nil })
	var refused *Refused
	if errors.As(err, &refused) && refused.NoPlace == "" {
		return nil, fmt.Errorf("%w: the conversation moved on", ErrUnknownOutcome)
	}
	if err != nil {
		return nil, err
	}
	out.Other = step.change.Other
	out.Head.follow(out.Push, out.Other)
	return out, nil
}

// follow gives desk events the public seq that the write stored with them: only the image after it has it.
func (h *Head) follow(lists ...[]Event) {
	for _, list := range lists {
		for i := range list {
			for _, e := range h.Desk.Tail {
				if e.ID == list[i].ID {
					list[i].Follows = e.Follows
				}
			}
		}
	}
}

// done looks in an image for the transition from the version that an earlier try has made; nil when there is no trace.
func done(h *Head, version uint64, names []string) *Outcome {
	if h == nil {
		return nil
	}
	ours := func(e Event) bool {
		return e.Sender == SystemUser && slices.ContainsFunc(names, func(what string) bool { return e.ID == transitionID(what, h.Conversation, version) })
	}
	for _, t := range Tracks() {
		if made := among(h.Track(t).Tail, ours); len(made) > 0 {
			return &Outcome{
				Head: h, Track: t, Push: made, Other: among(h.Track(t.Other()).Tail, ours), Acks: []Acked{{Event: made[0], Duplicate: true}},
			}
		}
	}
	return nil
}

// among lists the events that are meant.
func among(events []Event, meant func(Event) bool) []Event {
	return slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return !meant(e) })
}
