// Package oidc talks to OpenID Connect issuers, by github.com/coreos/go-oidc: discovery, the authorization code flow with
// PKCE, ID tokens and their keys, and asking again. It implements identity.Issuer.
package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

const (
	// Skew is how far an issuer's clock may be off.
	Skew = 60 * time.Second
	// discoveryLife is how long an issuer's discovery document is remembered. Keys are remembered apart from it: an
	// unknown kid has them fetched again at once.
	discoveryLife = time.Hour
	// maxIssuers bounds the memory of issuers.
	maxIssuers = 1000
	// maxGroups bounds what is taken of a groups claim.
	maxGroups = 1000
)

// algorithms that ID tokens may be signed with: asymmetric ones only, whatever the token or the discovery document
// says. So neither "none" nor a key that everybody knows (HS256 under the public key) passes.
var algorithms = []string{oidc.RS256, oidc.ES256, oidc.EdDSA}

// Issuers implements identity.Issuer.
type Issuers struct {
	// HTTP makes all requests, such as Client's.
	HTTP *http.Client
	// Secrets holds the clients' secrets by the names that providers' configurations use.
	Secrets map[string]string
	// Now is the clock, time.Now if nil.
	Now func() time.Time

	mu    sync.Mutex // guards known
	known map[string]discovered
}

type discovered struct {
	provider *oidc.Provider
	at       time.Time
}

var _ identity.Issuer = (*Issuers)(nil)

func (i *Issuers) now() time.Time {
	if i.Now != nil {
		return i.Now()
	}
	return time.Now()
}

// discover reads an issuer's configuration (OpenID Connect Discovery 1.0), which must name the very issuer.
func (i *Issuers) discover(ctx context.Context, issuer string) (*oidc.Provider, error) {
	i.mu.Lock()
	hit, ok := i.known[issuer]
	i.mu.Unlock()
	if ok && i.now().Sub(hit.at) < discoveryLife {
		return hit.provider, nil
	}
	// The provider keeps the context's client for its keys, not the context's end.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), i.HTTP), issuer)
	if err != nil {
		return nil, fmt.Errorf("discovering an issuer: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known == nil || len(i.known) >= maxIssuers {
		i.known = map[string]discovered{}
	}
	i.known[issuer] = discovered{p, i.now()}
	return p, nil
}

func (i *Issuers) config(ctx context.Context, p identity.Provider, redirect string) (*oauth2.Config, *oidc.Provider, error) {
	provider, err := i.discover(ctx, p.Issuer)
	if err != nil {
		return nil, nil, err
	}
	secret, ok := i.Secrets[p.Secret]
	if p.Secret != "" && !ok {
		return nil, nil, fmt.Errorf("the deployment has no secret %q: set the parameter OidcSecrets", p.Secret)
	}
	scopes := []string{oidc.ScopeOpenID, "profile", "email"}
	for _, s := range p.Scopes {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: secret, RedirectURL: redirect, Endpoint: provider.Endpoint(), Scopes: scopes,
	}, provider, nil
}

// Begin implements identity.Issuer.
func (i *Issuers) Begin(ctx context.Context, p identity.Provider, f identity.Flow, state string) (string, error) {
	config, _, err := i.config(ctx, p, f.Redirect)
	if err != nil {
		return "", unavailable(err)
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if slices.Contains(p.Scopes, oidc.ScopeOfflineAccess) {
		// OpenID Connect Core 1.0 section 11: without it offline_access is ignored.
		options = append(options, oauth2.SetAuthURLParam("prompt", "consent"))
	}
	return config.AuthCodeURL(state, options...), nil
}

// keepsake is what an issuer is asked with again.
type keepsake struct {
	Refresh string    `json:"r,omitempty"`
	Access  string    `json:"a,omitempty"`
	Expires time.Time `json:"e,omitzero"`
	Subject string    `json:"s"`
}

// Finish implements identity.Issuer.
func (i *Issuers) Finish(ctx context.Context, p identity.Provider, f identity.Flow, code string) (identity.Claims, []byte, error) {
	config, provider, err := i.config(ctx, p, f.Redirect)
	if err != nil {
		return identity.Claims{}, nil, unavailable(err)
	}
	token, err := config.Exchange(oidc.ClientContext(ctx, i.HTTP), code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return identity.Claims{}, nil, answered(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return identity.Claims{}, nil, refused("the identity provider gave no ID token")
	}
	claims, err := i.verify(ctx, provider, p, raw, &f.Nonce)
	if err != nil {
		return identity.Claims{}, nil, err
	}
	if err := i.complete(ctx, provider, p, token, &claims); err != nil {
		return identity.Claims{}, nil, err
	}
	return claims, keep(claims.Subject, token, ""), nil
}

// Recheck implements identity.Issuer: with the refresh token if there is one, which whoever is disabled loses, else by
// the access token as long as it lasts.
func (i *Issuers) Recheck(ctx context.Context, p identity.Provider, kept []byte) (identity.Claims, []byte, error) {
	var k keepsake
	if err := json.Unmarshal(kept, &k); err != nil {
		return identity.Claims{}, nil, refused("nothing is known to ask the identity provider with")
	}
	config, provider, err := i.config(ctx, p, "")
	if err != nil {
		return identity.Claims{}, nil, unavailable(err)
	}
	token := &oauth2.Token{AccessToken: k.Access, Expiry: k.Expires}
	if k.Refresh != "" {
		old := &oauth2.Token{RefreshToken: k.Refresh}
		if token, err = config.TokenSource(oidc.ClientContext(ctx, i.HTTP), old).Token(); err != nil {
			return identity.Claims{}, nil, answered(err)
		}
	}
	claims := identity.Claims{Subject: k.Subject}
	if raw, ok := token.Extra("id_token").(string); ok {
		if claims, err = i.verify(ctx, provider, p, raw, nil); err != nil {
			return identity.Claims{}, nil, err
		}
	}
	if claims.Subject != k.Subject {
		return identity.Claims{}, nil, refused("the identity provider speaks of somebody else")
	}
	// An ID token of a refresh may repeat what was true at sign-in: what counts is what userinfo says now.
	fresh := claims.Groups
	claims.Groups = nil
	if err := i.complete(ctx, provider, p, token, &claims); err != nil {
		return identity.Claims{}, nil, err
	}
	if claims.Groups == nil { // userinfo has no groups
		claims.Groups = fresh
	}
	return claims, keep(claims.Subject, token, k.Refresh), nil
}

// keep remembers a new refresh token, or else the old one.
func keep(subject string, t *oauth2.Token, old string) []byte {
	k := keepsake{Refresh: t.RefreshToken, Subject: subject}
	if k.Refresh == "" {
		k.Refresh = old
	}
	if k.Refresh == "" {
		k.Access, k.Expires = t.AccessToken, t.Expiry
	}
	raw, _ := json.Marshal(k) // of texts and a time
	return raw
}

func refused(format string, args ...any) error {
	return &identity.Refusal{Reason: identity.ReasonProviderRefused, Err: chat.Errorf(chat.CodeUnauthenticated, format, args...)}
}

func unavailable(err error) error {
	return fmt.Errorf("%w: %w", chat.Errorf(chat.CodeUnavailable, "the identity provider does not answer, or is not set up; try again"), err)
}

// answered tells an issuer that says no (RFC 6749 section 5.2: 400 or 401 with an error) from one that does not answer.
func answered(err error) error {
	var said *oauth2.RetrieveError
	if !errors.As(err, &said) || said.Response == nil {
		return unavailable(err)
	}
	switch said.ErrorCode {
	case "invalid_grant", "access_denied":
		return refused("the identity provider does not let you in any more")
	default: // invalid_client and the like are a matter of the configuration, 5xx of the moment
		return unavailable(err)
	}
}
