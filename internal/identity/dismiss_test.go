package identity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// deskNotes notes what it is told, and how many sockets were ended by then.
type deskNotes struct {
	sockets *sockets
	told    []string
	failure error
}

func (d *deskNotes) FollowAccount(_ context.Context, by chat.Principal, p chat.Posting) error {
	d.told = append(d.told, fmt.Sprintf("%s by %s: %s %s in %q", p.User, by.User, p.Name, p.Role, p.Departments))
	return d.failure
}

func (d *deskNotes) Dismiss(_ context.Context, by chat.Principal, u chat.UserID, reason string) error {
	d.told = append(d.told, fmt.Sprintf("%s by %s: %s, %d sockets ended", u, by.User, reason, len(d.sockets.ended)))
	return d.failure
}

// TestTheDeskFollowsTheStaff: each change of an account reaches routing; whoever is disabled is signed out first, since an
// open socket could go on duty again. Where it fails, the same change can be sent again.
func TestTheDeskFollowsTheStaff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	d := &deskNotes{sockets: &w.sockets}
	w.sessions.Desk = d
	session := w.operator().Session
	a, err := people.Account(t.Context(), boss, session.User)
	w.must(err)
	role, off := chat.RoleSupervisor, true
	a, err = people.Change(t.Context(), boss, a.User, a.Version, identity.StaffChange{Role: &role})
	w.must(err)
	d.failure = errors.New("no storage")
	if _, err = people.Change(t.Context(), boss, a.User, a.Version, identity.StaffChange{Disabled: &off}); !errors.Is(err, d.failure) {
		t.Fatalf("the desk was not told, and: %v", err)
	}
	d.failure = nil
	_, err = people.Change(t.Context(), boss, a.User, a.Version+1, identity.StaffChange{Disabled: &off})
	w.must(err)
	dismissed := fmt.Sprintf("%s by %s: the account is disabled, 2 sockets ended", a.User, boss.User)
	want := []string{fmt.Sprintf("%s by %s: ONE supervisor in %q", a.User, boss.User, ""), dismissed, dismissed}
	if !slices.Equal(d.told, want) {
		t.Errorf("told %q; want %q", d.told, want)
	}
}
