package chat

import (
	"context"
	"errors"
	"time"
)

// moveSilent names what takes a conversation from a silent bot.
const moveSilent = "silent"

// BotSilent hands a conversation to people whose bot has not said a word for the policy's BotReply since the customer
// wrote, or since it was given the conversation: its program may be down, and it may be disabled. It does nothing if the
// conversation has moved on since the version, or the bot has answered; an answer that comes in between refuses it. It
// may be repeated.
func (s *Service) BotSilent(ctx context.Context, ref Ref, version uint64) error {
	out, err := s.systemStep(ctx, ref, version, func(h *Head) (*systemStep, error) {
		due, err := s.botDue(ctx, h)
		switch {
		case err != nil:
			return nil, err
		case h.Status != StatusBot || due.After(s.now()):
			return nil, errStale
		}
		change := s.requeue(h)
		if change.Department, err = s.moved(ctx, h); err != nil {
			return nil, err
		}
		handed := systemEvent(moveSilent, h, EventHandedOff, StatusQueued, ReasonBotSilent)
		return &systemStep{Public, []Event{handed}, change}, nil
	}, moveSilent)
	if errors.Is(err, errStale) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Delivery.Committed(ctx, system(ref.Workspace), out)
}

// botDue is when the bot that leads is to be looked at: when the customer will have waited for too long or, if nobody
// waits, after as long as nobody wrote, within BotReply and MaxDelay.
func (s *Service) botDue(ctx context.Context, h *Head) (time.Time, error) {
	policy, err := s.Policy(ctx, h.Workspace, h.Department)
	if err != nil {
		return time.Time{}, err
	}
	var newest, waits time.Time
	err = s.backwards(ctx, h, func(e Event) bool {
		if newest.IsZero() {
			newest = e.At
		}
		switch {
		case e.To == StatusBot: // it was given the conversation
			waits = e.At
			return false
		case e.Type != EventMessage:
		case e.Role == RoleCustomer:
			waits = e.At
		default:
			return false
		}
		return true
	})
	if err != nil || !waits.IsZero() {
		return waits.Add(policy.BotReply), err
	}
	now := s.now()
	return now.Add(min(max(now.Sub(newest), policy.BotReply), MaxDelay)), nil
}
