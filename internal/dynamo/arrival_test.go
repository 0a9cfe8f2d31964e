package dynamo

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// arrivals is a user with sessions of many ages and memberships, as Create and Transition write them.
type arrivals struct {
	Identity
	transport *engineTransport
	p         chat.Principal
	open      []chat.ConversationID // newest first
}

func newArrivals(t *testing.T, sessions, open int) *arrivals {
	t.Helper()
	store, transport := newIdentity(t)
	at := time.UnixMilli(1_793_611_800_123)
	id := func(prefix string) string { at = at.Add(time.Second); return chat.NewID(prefix, at) }
	a := &arrivals{Identity: store, transport: transport, p: chat.Principal{
		Workspace: chat.WorkspaceID(id(chat.WorkspacePrefix)), User: chat.UserID(id(chat.UserPrefix)), Role: chat.RoleOperator,
	}}
	for range sessions {
		a.p.Session = chat.SessionID(id(chat.SessionPrefix))
		s := identity.Session{Workspace: a.p.Workspace, User: a.p.User, ID: a.p.Session, Role: a.p.Role, Expires: at.Add(time.Hour)}
		if err := store.PutSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	put := func(k key) {
		if err := store.swap(t.Context(), "row", store.put(k.item(), "attribute_not_exists(pk)", nil)); err != nil {
			t.Fatal(err)
		}
	}
	for range open {
		c := chat.ConversationID(id(chat.ConversationPrefix))
		a.open = append([]chat.ConversationID{c}, a.open...)
		put(openKey(a.p.Workspace, a.p.User, c))
	}
	put(closedKey(a.p.Workspace, a.p.User, chat.ConversationID(id(chat.ConversationPrefix)))) // must not be listed
	put(accountKey(a.p.Workspace, a.p.User))
	return a
}

// One read tells what two told before it: the session as Session reads it, the memberships as Open lists them.
func TestArrival(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sessions, open, limit int }{
		{1, 0, 26}, {1, 3, 26}, {3, 30, 26}, {60, 30, 26}, {60, 0, 26}, {2, 2, 1},
	} {
		a := newArrivals(t, c.sessions, c.open)
		s, found, open, err := a.Arrival(t.Context(), a.p, c.limit)
		want, _, wantErr := a.Session(t.Context(), a.p.Workspace, a.p.User, a.p.Session)
		if err != nil || wantErr != nil || !found || !cmp.Equal(s, want) {
			t.Errorf("%+v: session %+v, %v, %v", c, s, found, err)
		}
		list, err := a.Store.Open(t.Context(), a.p.Workspace, a.p.User, "", c.limit)
		if err != nil || !slices.Equal(open, list) || !slices.Equal(open, a.open[:min(c.open, c.limit)]) {
			t.Errorf("%+v: %v, Open lists %v (%v)", c, open, list, err)
		}
	}
}

// A session that is unknown, of another role, expired or revoked lets nobody arrive, however many newer ones there are.
func TestNobodyArrivesOnASessionThatDoesNotHold(t *testing.T) {
	t.Parallel()
	a := newArrivals(t, 2, 1)
	now := time.UnixMilli(1_793_611_800_123)
	arrive := func(p chat.Principal) chat.Code {
		t.Helper()
		open, err := identity.Arrivals{Store: a, Now: func() time.Time { return now }}.Arrive(t.Context(), p, 26)
		if (err == nil) != (len(open) == 1) {
			t.Errorf("%v, %v", open, err)
		}
		return chat.CodeOf(err)
	}
	if got := arrive(a.p); got != "" {
		t.Fatalf("a good session: %q", got)
	}
	unknown, promoted := a.p, a.p
	unknown.Session = chat.SessionID(chat.NewID(chat.SessionPrefix, now))
	promoted.Role = chat.RoleAdmin
	for _, p := range []chat.Principal{unknown, promoted} {
		if got := arrive(p); got != chat.CodeUnauthenticated {
			t.Errorf("%+v: %q", p, got)
		}
	}
	if err := a.RevokeSession(t.Context(), identity.Session{Workspace: a.p.Workspace, User: a.p.User, ID: a.p.Session}, now); err != nil {
		t.Fatal(err)
	}
	if got := arrive(a.p); got != chat.CodeUnauthenticated {
		t.Errorf("revoked: %q", got)
	}
	now = now.Add(24 * time.Hour)
	if got := arrive(a.p); got != chat.CodeUnauthenticated {
		t.Errorf("expired: %q", got)
	}
	outage := "ThrottlingException"
	a.transport.refuse.Store(&outage)
	if got := arrive(a.p); got == "" || got == chat.CodeUnauthenticated {
		t.Errorf("an outage is taken for a refusal: %q", got)
	}
}

// settings counts what is read of it.
type settings struct {
	widget identity.Widget
	found  bool
	err    error
	reads  int
}

func (s *settings) Workspace(_ context.Context, w chat.WorkspaceID) (identity.Workspace, bool, error) {
	s.reads++
	return identity.Workspace{ID: w, Origins: s.widget.Origins}, s.found, s.err
}

func (s *settings) Widget(context.Context, string) (identity.Widget, bool, error) {
	s.reads++
	return s.widget, s.found, s.err
}

// An origin that was taken off the list gets no ticket after OriginStaleness, and a new widget works at once.
func TestSettingsAreRememberedForAMinute(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_793_611_800_123)
	source := &settings{}
	c := &CachedWorkspaces{Source: source, Now: func() time.Time { return now }}
	read := func(want string, found bool, reads int) {
		t.Helper()
		source.reads = 0
		widget, ok, err := c.Widget(t.Context(), "k")
		workspace, _, err2 := c.Workspace(t.Context(), "w")
		if err != nil || err2 != nil || ok != found || source.reads != reads {
			t.Fatalf("%v, %v, %v; %d reads, want %d", ok, err, err2, source.reads, reads)
		}
		if found && (widget.Origins[0] != want || workspace.Origins[0] != want) {
			t.Fatalf("%v and %v, want %s", widget.Origins, workspace.Origins, want)
		}
	}
	read("", false, 2)
	read("", false, 2)
	source.found, source.widget = true, identity.Widget{Key: "k", Workspace: "w", Origins: []string{"https://a.example"}}
	read("https://a.example", true, 2)
	source.widget.Origins = []string{"https://b.example"}
	now = now.Add(OriginStaleness - 1)
	read("https://a.example", true, 0)
	now = now.Add(1)
	read("https://b.example", true, 2)
	now = now.Add(OriginStaleness)
	source.err = chat.Errorf(chat.CodeUnavailable, "away")
	if _, _, err := c.Widget(t.Context(), "k"); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Fatalf("an outage is answered from memory after its time: %v", err)
	}
}
