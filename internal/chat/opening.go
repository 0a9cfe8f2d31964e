package chat

import (
	"context"
	"errors"
)

// moveOpen names what ends the wait for the business to open.
const moveOpen = "open"

// opened puts a message that was left while the business was closed into the queue, at the time of its start. Hours that have changed since put it
// off again. A repetition tells again what the first try may not have told.
func (k *Timekeeper) opened(ctx context.Context, t Timer) error {
	if k.Hours != nil {
		hours, err := k.Hours(ctx, t.Workspace, t.Department)
		if err != nil {
			return err
		}
		if now := k.now(); hours != nil && !hours.Open(now) {
			opens, ok := hours.NextOpen(now)
			if !ok {
				return nil
			}
			t.Due, t.Round = opens, t.Round+1
			return k.Timers.Arm(ctx, t)
		}
	}
	if nobody, err := k.Chat.unstaffed(ctx, t.Workspace, t.Department); err != nil || nobody {
		if err == nil {
			t.Due, t.Round = k.now().Add(StaffCheck), t.Round+1
			err = k.Timers.Arm(ctx, t)
		}
		return err
	}
	out, err := k.Chat.move(ctx, t.Ref, t.Version, moveOpen, Public, func(h *Head) ([]Event, *Change, error) {
		if h.Status != StatusOffline {
			return nil, nil, errStale
		}
		change, err := k.Chat.requeueAtFirst(ctx, h)
		return []Event{systemEvent(moveOpen, h, EventQueued, StatusQueued, ReasonOpened)}, change, err
	})
	if errors.Is(err, errStale) {
		return nil
	}
	if err != nil {
		return err
	}
	return k.Chat.Delivery.Committed(ctx, system(t.Workspace), out)
}
