// Package issuertest runs a real OpenID Connect issuer, the certified github.com/zitadel/oidc, in a test's process: with
// people in groups who can be disabled, and keys that rotate.
package issuertest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// ClientID and ClientSecret of the only client.
const (
	ClientID     = "parley"
	ClientSecret = "of the client"
)

// Person is somebody at the issuer.
type Person struct {
	ID, Email, Name string
	Verified        bool
	Groups          []string
	Disabled        bool
}

// Issuer is a running issuer.
type Issuer struct {
	// URL is the issuer.
	URL string

	server *httptest.Server
	people *people
	keys   *keys
}

// New starts an issuer on 127.0.0.1 whose client may be sent back to redirect.
func New(redirect string, list ...Person) (*Issuer, error) {
	i := &Issuer{people: &people{byID: map[string]*Person{}}, keys: &keys{}}
	for _, p := range list {
		i.people.byID[p.ID] = &p
	}
	if err := i.Rotate(); err != nil {
		return nil, err
	}
	var handler http.Handler
	i.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	i.URL = i.server.URL
	client := storage.WebClient(ClientID, ClientSecret, redirect)
	store := &store{
		Storage: storage.NewStorageWithClients(i.people, map[string]*storage.Client{ClientID: client}), people: i.people, keys: i.keys,
	}
	provider, err := op.NewProvider(&op.Config{
		CryptoKey: [32]byte{1}, CryptoKeyId: "1", CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true,
	}, store, op.StaticIssuer(i.URL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		i.server.Close()
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", provider)
	login := op.NewIssuerInterceptor(provider.IssuerFromRequest)
	mux.HandleFunc("/login/username", login.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("authRequestID")
		if err := store.CheckUsernamePassword(r.URL.Query().Get("person"), "password", id); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, op.AuthCallbackURL(provider)(r.Context(), id), http.StatusFound)
	}))
	handler = mux
	return i, nil
}

// Close stops the issuer.
func (i *Issuer) Close() { i.server.Close() }

// Change changes a person.
func (i *Issuer) Change(id string, f func(*Person)) {
	i.people.mu.Lock()
	defer i.people.mu.Unlock()
	f(i.people.byID[id])
}

// Rotate signs with a new key from now on; those before stay published.
func (i *Issuer) Rotate() error {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	i.keys.mu.Lock()
	defer i.keys.mu.Unlock()
	i.keys.list = append(i.keys.list, key{rand.Text(), k})
	return nil
}

// SignIn plays a browser in which the person signs in at the address, and returns where the issuer sends it back to.
func (i *Issuer) SignIn(ctx context.Context, authorize, person string) (*url.URL, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at := authorize
	for range 5 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			return nil, err
		}
		res, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		_ = res.Body.Close() // read to its end
		to, err := res.Location()
		if err != nil {
			return nil, errors.New("the issuer says " + res.Status + " " + string(text))
		}
		if !strings.HasPrefix(to.String(), i.URL) {
			return to, nil
		}
		if to.Path == "/login/username" {
			to.RawQuery += "&person=" + url.QueryEscape(person)
		}
		at = to.String()
	}
	return nil, errors.New("the issuer sends around in circles")
}

// people implements storage.UserStore.
type people struct {
	mu   sync.Mutex
	byID map[string]*Person
}

// GetUserByID implements storage.UserStore.
func (p *people) GetUserByID(id string) *storage.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.byID[id]
	if one == nil || one.Disabled {
		return nil
	}
	return &storage.User{ID: one.ID, Username: one.ID, Password: "password", FirstName: one.Name, Email: one.Email, EmailVerified: one.Verified}
}

// GetUserByUsername implements storage.UserStore: names are ids.
func (p *people) GetUserByUsername(name string) *storage.User { return p.GetUserByID(name) }

// ExampleClientID implements storage.UserStore.
func (*people) ExampleClientID() string { return "none" }

// store is the example's storage with groups, disabled people and keys that rotate.
type store struct {
	*storage.Storage
	people *people
	keys   *keys
}

func (s *store) groups(info *oidc.UserInfo) {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	if one := s.people.byID[info.Subject]; one != nil {
		info.AppendClaims("groups", slices.Clone(one.Groups))
	}
}

// SetUserinfoFromRequest implements op.Storage.
func (s *store) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, token op.IDTokenRequest, scopes []string) error {
	err := s.Storage.SetUserinfoFromRequest(ctx, info, token, scopes)
	s.groups(info)
	return err
}

// SetUserinfoFromToken implements op.Storage.
func (s *store) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	err := s.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
	s.groups(info)
	return err
}

// TokenRequestByRefreshToken implements op.Storage: whoever is disabled gets no more tokens.
func (s *store) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	r, err := s.Storage.TokenRequestByRefreshToken(ctx, token)
	if err == nil && s.people.GetUserByID(r.GetSubject()) == nil {
		return nil, errors.New("this person is disabled")
	}
	return r, err
}

// SigningKey implements op.Storage: the newest.
func (s *store) SigningKey(context.Context) (op.SigningKey, error) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	return signing{s.keys.list[len(s.keys.list)-1]}, nil
}

// KeySet implements op.Storage.
func (s *store) KeySet(context.Context) ([]op.Key, error) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	var out []op.Key
	for _, k := range s.keys.list {
		out = append(out, public{k})
	}
	return out, nil
}

type keys struct {
	mu   sync.Mutex
	list []key
}

type key struct {
	id     string
	secret *rsa.PrivateKey
}

// ID implements op.Key and op.SigningKey.
func (k key) ID() string { return k.id }

type signing struct{ key }

// SignatureAlgorithm implements op.SigningKey.
func (signing) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

// Key implements op.SigningKey.
func (k signing) Key() any { return k.secret }

type public struct{ key }

// Algorithm implements op.Key.
func (public) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }

// Use implements op.Key.
func (public) Use() string { return "sig" }

// Key implements op.Key.
func (k public) Key() any { return &k.secret.PublicKey }
