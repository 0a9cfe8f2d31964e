package httpapi

import (
	"context"
	"net/url"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// people completes the world's API with staff, keys, the audit log and an identity provider that knows everybody.
func (w *world) people(sessions *identity.Sessions) {
	clock := sessions.Now
	audit := &identity.Audit{Store: &w.store, Now: clock}
	sessions.Accounts, sessions.Audit = &w.store, audit
	w.api.Staff.Audit = audit
	w.api.Audit = audit
	w.api.People = &identity.People{Accounts: &w.store, Roster: &w.store, Passwords: plain{}, Attempts: &w.store, Sessions: sessions, Audit: audit, Profiles: &w.store}
	w.api.Sites = &identity.Sites{Workspaces: &w.store, Store: &w.store, Audit: audit}
	w.api.Keys = &identity.Keys{Store: &w.store, Attempts: &w.store, Audit: audit, Now: clock}
	w.api.SignOn = &identity.SignOn{
		Providers: &w.store, Issuer: agreeable{}, Accounts: &w.store, Roster: &w.store, Workspaces: &w.store, Sessions: sessions, Audit: audit,
	}
	sessions.Providers = w.api.SignOn
}

// agreeable is an issuer that vouches for whoever comes: for Grace, of the group desk.
type agreeable struct{}

func (agreeable) Begin(_ context.Context, p identity.Provider, _ identity.Flow, state string) (string, error) {
	return p.Issuer + "/authorize?state=" + url.QueryEscape(state), nil
}

func (agreeable) Finish(context.Context, identity.Provider, identity.Flow, string) (identity.Claims, []byte, error) {
	return identity.Claims{Subject: "grace", Address: "grace@idp.example", Verified: true, Name: "Grace", Groups: []string{"desk"}}, []byte("keepsake"), nil
}

func (a agreeable) Recheck(ctx context.Context, p identity.Provider, _ []byte) (identity.Claims, []byte, error) {
	return a.Finish(ctx, p, identity.Flow{}, "")
}

// admin is somebody who may do everything, without a session.
func (w *world) admin() identity.By {
	w.t.Helper()
	a := identity.Account{Workspace: workspaceOne, User: "u_01kaw3v4x0admnadmnadmnadmn", Address: "root@example.com", Name: "Root", Role: chat.RoleAdmin}
	w.must(w.store.PutStaff(w.t.Context(), a, "hash:right"))
	return identity.By{Principal: chat.Principal{Workspace: workspaceOne, User: a.User, Role: a.Role}}
}
