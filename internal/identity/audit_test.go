package identity_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// An entry is kept for as long as the workspace keeps those of its day, whatever is set later, and is not shown after
// that; without a time it is kept for good.
func TestAuditEntriesEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	keep := time.Duration(0)
	audit := &identity.Audit{Store: &w.store, Now: func() time.Time { return now }, Keep: func(chat.WorkspaceID) time.Duration { return keep }}
	by := identity.By{Principal: chat.Principal{
		Workspace: chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, now)), User: chat.UserID(chat.NewID(chat.UserPrefix, now)), Role: chat.RoleAdmin,
	}}
	record := func(subject string) {
		t.Helper()
		if err := audit.Record(t.Context(), by, identity.ActKeyMade, subject, nil, nil); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	day := 24 * time.Hour
	record("for good")
	keep = 400 * day
	record("400 days")
	keep = 90 * day
	record("90 days")
	shown := func() (out []string) {
		t.Helper()
		list, _, err := audit.List(t.Context(), by, identity.AuditQuery{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			out = append(out, e.Subject)
		}
		return out
	}
	for _, step := range []struct {
		after time.Duration
		want  []string
	}{
		{0, []string{"90 days", "400 days", "for good"}}, {91 * day, []string{"400 days", "for good"}}, {310 * day, []string{"for good"}},
	} {
		now = now.Add(step.after)
		if got := shown(); !slices.Equal(got, step.want) {
			t.Errorf("after %v more: %q, want %q", step.after, got, step.want)
		}
	}
	if e := (&identity.Audit{}).Entry(by, identity.ActKeyMade, "", nil, nil); !e.Expires.IsZero() {
		t.Errorf("nobody said for how long, and it ends at %v", e.Expires)
	}
}
