package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/parley-chat/parley/internal/identity"
)

// times are the claims of an ID token that are checked here, within Skew: the library checks exp without any, and
// knows a nbf only 5 minutes wide.
type times struct {
	Expires   *float64 `json:"exp"`
	Issued    *float64 `json:"iat"`
	NotBefore *float64 `json:"nbf"`
	Party     string   `json:"azp"`
}

// verify checks an ID token (OpenID Connect Core 1.0 section 3.1.3.7): signature by a key of the issuer, algorithm,
// iss, aud, azp, exp, iat, nbf, and the nonce if there is one to expect.
func (i *Issuers) verify(ctx context.Context, provider *oidc.Provider, p identity.Provider, raw string, nonce *string) (identity.Claims, error) {
	if !allowed(raw) {
		return identity.Claims{}, refused("the identity provider's ID token is signed in a way that is not admitted")
	}
	verifier := provider.Verifier(&oidc.Config{
		ClientID: p.ClientID, SupportedSigningAlgs: algorithms, SkipExpiryCheck: true,
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		var fetch interface{ Timeout() bool }
		if errors.As(err, &fetch) || strings.Contains(err.Error(), "fetching keys") {
			return identity.Claims{}, unavailable(err)
		}
		return identity.Claims{}, refused("the identity provider's ID token does not hold: %.200s", err)
	}
	var t times
	if err := token.Claims(&t); err != nil {
		return identity.Claims{}, refused("the identity provider's ID token is malformed")
	}
	if why := t.wrong(token.Audience, p.ClientID, i.now()); why != "" {
		return identity.Claims{}, refused("the identity provider's ID token %s", why)
	}
	if nonce != nil && subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(*nonce)) != 1 {
		return identity.Claims{}, refused("the identity provider's ID token answers another request")
	}
	var all map[string]json.RawMessage
	if err := token.Claims(&all); err != nil {
		return identity.Claims{}, refused("the identity provider's ID token is malformed")
	}
	return claimsOf(token.Subject, all, p), nil
}

// wrong says what the times and the party do not allow; "" when all is well.
func (t times) wrong(audience []string, client string, now time.Time) string {
	switch {
	case t.Expires == nil || t.Issued == nil:
		return "does not say when it was made and ends"
	case !now.Before(moment(*t.Expires).Add(Skew)):
		return "has expired"
	case moment(*t.Issued).After(now.Add(Skew)):
		return "comes from the future"
	case t.NotBefore != nil && moment(*t.NotBefore).After(now.Add(Skew)):
		return "does not hold yet"
	case t.Party != "" && t.Party != client, t.Party == "" && len(audience) > 1:
		return "was made for another program"
	}
	return ""
}

func moment(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)) }

// allowed looks at the header before anything else does.
func allowed(raw string) bool {
	head, _, ok := strings.Cut(raw, ".")
	if !ok {
		return false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	text, err := decodeSegment(head)
	if err != nil || json.Unmarshal(text, &header) != nil {
		return false
	}
	for _, a := range algorithms {
		if header.Algorithm == a {
			return true
		}
	}
	return false
}

// claimsOf reads what is used of claims. What has another type than it should is absent.
func claimsOf(subject string, all map[string]json.RawMessage, p identity.Provider) identity.Claims {
	text := func(name string) (s string) {
		_ = json.Unmarshal(all[name], &s)
		return s
	}
	c := identity.Claims{Subject: subject, Address: text("email"), Name: text("name"), Groups: groups(all[groupsClaim(p)])}
	switch strings.Trim(string(all["email_verified"]), `"`) { // some issuers write it as a text
	case "true":
		c.Verified = true
	case "false":
		c.Unverified = true
	}
	return c
}

func groupsClaim(p identity.Provider) string {
	if p.GroupsClaim != "" {
		return p.GroupsClaim
	}
	return identity.DefaultGroupsClaim
}

// groups reads a list of texts, or a single text.
func groups(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list[:min(len(list), maxGroups)]
	}
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}

// complete asks userinfo for what the ID token did not say. Userinfo is about the token's subject or nobody (OpenID
// Connect Core 1.0 section 5.3.2).
func (i *Issuers) complete(ctx context.Context, provider *oidc.Provider, p identity.Provider, token *oauth2.Token, c *identity.Claims) error {
	if c.Groups != nil && c.Address != "" || provider.UserInfoEndpoint() == "" {
		return nil
	}
	if token.AccessToken == "" || !token.Expiry.IsZero() && !i.now().Before(token.Expiry) {
		return refused("the identity provider's word has expired; ask for the scope offline_access there")
	}
	info, err := provider.UserInfo(oidc.ClientContext(ctx, i.HTTP), oauth2.StaticTokenSource(token))
	if err != nil {
		if strings.HasPrefix(err.Error(), "4") { // the library says the status: 401 for a token that was revoked
			return refused("the identity provider does not know you any more")
		}
		return unavailable(err)
	}
	if info.Subject != c.Subject {
		return refused("the identity provider speaks of somebody else")
	}
	var all map[string]json.RawMessage
	if err := info.Claims(&all); err != nil {
		return refused("the identity provider's userinfo is malformed")
	}
	said := claimsOf(info.Subject, all, p)
	if c.Groups == nil {
		c.Groups = said.Groups
	}
	if c.Address == "" || said.Address != "" {
		c.Address, c.Verified, c.Unverified = said.Address, said.Verified, said.Unverified
	}
	if c.Name == "" {
		c.Name = said.Name
	}
	return nil
}
