package chat_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// TestAMessageLeftAtNight: it stays one, whatever is added to it, until the business opens; then it waits like any other.
func TestAMessageLeftAtNight(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	hours := func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.Hours, error) {
		return nineToFive{}, nil
	}
	c.arming.Hours, c.keeper.Hours = hours, hours
	c.svc.Availability = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.Status, error) {
		return chat.StatusOffline, nil
	}
	evening := c.clock.Now().UTC().Truncate(24 * time.Hour).Add(42 * time.Hour) // 18:00 of the next day
	c.advanceTo(evening)
	c.swept = evening
	c.start("hello")
	c.stream()
	if _, err := c.svc.Send(t.Context(), c.customer, c.ref().Conversation, chat.Public, c.head().Public.Last, c.messages("and my address is …")); err != nil {
		t.Fatal(err)
	}
	c.stream()
	c.run(15*time.Hour - time.Minute)
	if h := c.head(); h.Status != chat.StatusOffline {
		t.Fatalf("%s before the business opened", h.Status)
	}
	c.run(2 * time.Minute)
	h := c.head()
	if h.Status != chat.StatusQueued || !h.QueuedAt.Equal(evening) {
		t.Fatalf("%s since %s when the business opened", h.Status, h.QueuedAt)
	}
	log := c.log(chat.Public)
	if i := slices.IndexFunc(log, func(e chat.Event) bool { return e.Type == chat.EventQueued }); i < 0 || log[i].Sender != chat.SystemUser || log[i].To != chat.StatusQueued {
		t.Errorf("%+v", log)
	}
	waiting, err := c.store.Waiting(t.Context(), c.customer.Workspace, "", 10)
	c.must(err)
	if len(waiting) != 1 {
		t.Errorf("%d wait", len(waiting))
	}
	before := c.store.Dump()
	c.must(c.keeper.Fire(t.Context(), chat.Timer{Ref: c.ref(), Kind: chat.TimerHours, Version: 1, Due: c.clock.Now()}))
	c.same(c.store.Dump(), before)
}

// TestOpeningIsPutOff: hours that have changed since the timer was armed hold.
func TestOpeningIsPutOff(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	c.keeper.Hours = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.Hours, error) {
		return nineToFive{}, nil
	}
	c.svc.Availability = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.Status, error) {
		return chat.StatusOffline, nil
	}
	night := c.clock.Now().UTC().Truncate(24 * time.Hour).Add(44 * time.Hour) // 20:00 of the next day
	c.advanceTo(night)
	c.swept = night
	c.start("hello")
	c.must(c.keeper.Fire(t.Context(), chat.Timer{Ref: c.ref(), Kind: chat.TimerHours, Version: 1, Due: c.clock.Now()}))
	if h := c.head(); h.Status != chat.StatusOffline {
		t.Fatalf("%s at night", h.Status)
	}
	c.run(14 * time.Hour)
	if h := c.head(); h.Status != chat.StatusQueued {
		t.Errorf("%s in the morning", h.Status)
	}
}
