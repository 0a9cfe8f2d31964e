package identity_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// says is an issuer that says what a test has it say.
type says struct{ identity.Claims }

func (says) Begin(_ context.Context, _ identity.Provider, _ identity.Flow, state string) (string, error) {
	return state, nil
}

func (s says) Finish(context.Context, identity.Provider, identity.Flow, string) (identity.Claims, []byte, error) {
	return s.Claims, nil, nil
}

func (s says) Recheck(context.Context, identity.Provider, []byte) (identity.Claims, []byte, error) {
	return s.Claims, nil, nil
}

// Whom an issuer's word lets in: a new account needs an address that is verified or of a domain that the admin has named;
// an account that has a password is linked only if the issuer has verified the address.
func TestWhomAnIssuersWordLetsIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims  identity.Claims
		domains []string
		reason  identity.Reason
	}{
		"verified":                        {identity.Claims{Address: "new@idp.example", Verified: true}, nil, ""},
		"nothing said, of the domain":     {identity.Claims{Address: "new@idp.example"}, []string{"idp.example"}, ""},
		"nothing said":                    {identity.Claims{Address: "new@idp.example"}, nil, identity.ReasonProviderRefused},
		"not verified, of the domain":     {identity.Claims{Address: "new@idp.example", Unverified: true}, []string{"idp.example"}, identity.ReasonProviderRefused},
		"verified, of another domain":     {identity.Claims{Address: "new@evil.example", Verified: true}, []string{"idp.example"}, identity.ReasonProviderRefused},
		"no address":                      {identity.Claims{Verified: true}, nil, identity.ReasonProviderRefused},
		"an account here, verified":       {identity.Claims{Address: "one@example.com", Verified: true}, nil, ""},
		"an account here, nothing said":   {identity.Claims{Address: "one@example.com"}, []string{"example.com"}, identity.ReasonProviderRefused},
		"an account in another workspace": {identity.Claims{Address: "two@example.com", Verified: true}, nil, identity.ReasonProviderRefused},
		"a disabled account here":         {identity.Claims{Address: "gone@example.com", Verified: true}, nil, identity.ReasonProviderRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, boss := w.staffed()
			gone := w.account(w.one, "gone")
			gone.Disabled = true
			w.must(w.store.PutStaff(t.Context(), gone, "hash:right"))
			c.claims.Subject, c.claims.Groups = "somebody", []string{"desk"}
			s := &identity.SignOn{
				Providers: &w.store, Issuer: says{c.claims}, Accounts: &w.store, Roster: &w.store, Workspaces: &w.store, Sessions: w.sessions, Audit: w.sessions.Audit,
			}
			_, err := s.Configure(t.Context(), boss, 0, identity.Provider{
				Issuer: "https://idp.example", ClientID: "c", Domains: c.domains, Mappings: []identity.GroupMapping{{Group: "desk", Role: chat.RoleOperator}},
			})
			w.must(err)
			sum := sha256.Sum256([]byte("s"))
			state, err := s.Start(t.Context(), w.one, "r", desk+"/in", base64.RawURLEncoding.EncodeToString(sum[:]))
			w.must(err)
			_, _, err = s.Callback(t.Context(), state, "code", "", "x")
			if c.reason != "" {
				w.refused(name, err, chat.CodeUnauthenticated, c.reason)
				return
			}
			w.must(err)
		})
	}
}

// Browsers, and codes, are sent to the workspace's own pages only.
func TestSignOnReturnsToOwnPagesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, boss := w.staffed()
	s := &identity.SignOn{Providers: &w.store, Issuer: says{}, Accounts: &w.store, Roster: &w.store, Workspaces: &w.store, Sessions: w.sessions, Audit: w.sessions.Audit}
	p := identity.Provider{Issuer: "https://idp.example", ClientID: "c", Mappings: []identity.GroupMapping{{Group: "desk", Role: chat.RoleOperator}}}
	for _, issuer := range []string{"http://idp.example", "http://127.0.0.1:9", "https://user@idp.example", "https://idp.example?x", "ftp://idp.example", ""} {
		bad := p
		bad.Issuer = issuer
		if _, err := s.Configure(t.Context(), boss, 0, bad); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("issuer %q: %v", issuer, err)
		}
	}
	_, err := s.Configure(t.Context(), boss, 0, p)
	w.must(err)
	sum := sha256.Sum256([]byte("s"))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	for _, page := range []string{evil + "/in", "https://desk.example.evil.example/", "https://desk.example@evil.example/", "javascript:alert(1)", "//evil.example", desk + "/#x", ""} {
		if _, err := s.Start(t.Context(), w.one, "r", page, challenge); err == nil {
			t.Errorf("sent to %q", page)
		}
	}
	_, err = s.Start(t.Context(), w.one, "r", desk+"/in?a=b", challenge)
	w.must(err)
}
