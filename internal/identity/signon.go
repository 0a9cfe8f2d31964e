package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// SignOn signs staff in at their workspace's identity provider: by the authorization code flow with PKCE, a state that
// is good once, and a nonce. Accounts are made when somebody first comes.
type SignOn struct {
	Providers  ProviderStore
	Issuer     Issuer
	Accounts   Accounts
	Roster     Roster
	Workspaces Workspaces
	Sessions   *Sessions
	Audit      *Audit
	// Departments lists those of a workspace, consistently; nil takes any.
	Departments Departments
	// Local admits issuers on this machine without TLS, for development.
	Local bool
}

// Configuration returns the workspace's provider; chat.CodeNotFound when there is none.
func (s *SignOn) Configuration(ctx context.Context, by By) (Provider, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandEditStaff); err != nil {
		return Provider{}, err
	}
	return s.provider(ctx, by.Workspace)
}

func (s *SignOn) provider(ctx context.Context, w chat.WorkspaceID) (Provider, error) {
	p, ok, err := s.Providers.Provider(ctx, w)
	if err != nil {
		return Provider{}, fmt.Errorf("reading a provider: %w", err)
	}
	if !ok {
		return Provider{}, chat.Errorf(chat.CodeNotFound, "the workspace has no identity provider")
	}
	return p, nil
}

// Configured says whether the workspace has an identity provider.
func (s *SignOn) Configured(ctx context.Context, w chat.WorkspaceID) (bool, error) {
	_, ok, err := s.Providers.Provider(ctx, w)
	if err != nil {
		return false, fmt.Errorf("reading a provider: %w", err)
	}
	return ok, nil
}

// Configure sets the workspace's provider in place of the one of the version, 0 for none.
func (s *SignOn) Configure(ctx context.Context, by By, version uint64, p Provider) (Provider, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandEditStaff); err != nil {
		return Provider{}, err
	}
	if err := p.check(s.Local); err != nil {
		return Provider{}, err
	}
	if err := s.checkMappings(ctx, by.Workspace, p.Mappings); err != nil {
		return Provider{}, err
	}
	before, _, err := s.Providers.Provider(ctx, by.Workspace)
	if err != nil {
		return Provider{}, fmt.Errorf("reading a provider: %w", err)
	}
	if before.Version != version {
		return Provider{}, conflict()
	}
	p.Workspace, p.Version = by.Workspace, version+1
	was, is := changed(before.summary(), p.summary())
	err = s.Providers.PutProvider(ctx, p, version, s.Audit.Entry(by, ActProviderChanged, p.Issuer, was, is))
	if errors.Is(err, ErrConflict) {
		return Provider{}, conflict()
	}
	return p, err
}

// checkMappings demands that the workspace has the departments that groups are given.
func (s *SignOn) checkMappings(ctx context.Context, w chat.WorkspaceID, mappings []GroupMapping) error {
	if s.Departments == nil || !slices.ContainsFunc(mappings, func(m GroupMapping) bool { return m.Departments != "" }) {
		return nil
	}
	all, err := s.Departments(ctx, w)
	if err != nil {
		return fmt.Errorf("listing departments: %w", err)
	}
	for i, m := range mappings {
		if err := chat.CheckDepartments(fmt.Sprintf("mappings[%d].departments", i), m.Departments.All(), all); err != nil {
			return err
		}
	}
	return nil
}

func (p Provider) summary() map[string]string {
	return map[string]string{
		"issuer": p.Issuer, "clientId": p.ClientID, "secret": p.Secret, "scopes": fmt.Sprint(p.Scopes), "groupsClaim": p.GroupsClaim,
		"mappings": fmt.Sprint(p.Mappings), "domains": fmt.Sprint(p.Domains),
	}
}

// Remove takes the provider away. Its people's sessions end at their next refresh.
func (s *SignOn) Remove(ctx context.Context, by By, version uint64) error {
	p, err := s.Configuration(ctx, by)
	if err != nil {
		return err
	}
	err = ErrConflict
	if p.Version == version {
		err = s.Providers.DropProvider(ctx, p, s.Audit.Entry(by, ActProviderRemoved, p.Issuer, p.summary(), nil))
	}
	if errors.Is(err, ErrConflict) {
		return conflict()
	}
	return err
}

// ticketText of a flow or a handover: its workspace and a secret.
const signOnBytes = idSize + secretSize

func newSignOn(prefix string, w chat.WorkspaceID) (text string, secret [secretSize]byte) {
	rand.Read(secret[:]) // never fails: crypto/rand crashes the program instead (Go 1.24)
	return prefix + spelling.EncodeToString(append(appendID(nil, chat.WorkspacePrefix, string(w)), secret[:]...)), secret
}

func parseSignOn(prefix, text string) (w chat.WorkspaceID, secret [secretSize]byte, ok bool) {
	var raw [signOnBytes]byte
	ok = decode(raw[:], prefix, text)
	copy(secret[:], raw[idSize:])
	return chat.WorkspaceID(chat.FormatID(chat.WorkspacePrefix, [idSize]byte(raw[0:]))), secret, ok
}

func hashOf(secret [secretSize]byte) string {
	sum := sha256.Sum256(secret[:])
	return spelling.EncodeToString(sum[:])
}

const (
	statePrefix = "pos_"
	codePrefix  = "poc_"
)

// Start begins a sign-in and returns where to send the browser. ret is the page to come back to, on an origin of the
// workspace; challenge is the base64url of the SHA-256 of a secret that the page keeps.
func (s *SignOn) Start(ctx context.Context, w chat.WorkspaceID, redirect, ret, challenge string) (string, error) {
	var digest [sha256.Size]byte
	if n, err := spelling.Decode(digest[:], []byte(challenge)); err != nil || n != len(digest) || len(challenge) != spelling.EncodedLen(len(digest)) {
		return "", chat.Errorf(chat.CodeInvalid, "challenge: the base64url of a SHA-256, without padding")
	}
	if !w.Valid() {
		return "", chat.Errorf(chat.CodeNotFound, "the workspace has no identity provider")
	}
	p, err := s.provider(ctx, w)
	if err != nil {
		return "", err
	}
	if err := s.checkReturn(ctx, w, ret); err != nil {
		return "", err
	}
	state, secret := newSignOn(statePrefix, w)
	f := Flow{
		Workspace: w, Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(), Redirect: redirect, Return: ret, Challenge: challenge,
		Expires: s.Sessions.now().Add(FlowLife).Truncate(time.Millisecond),
	}
	if err := s.Providers.PutFlow(ctx, hashOf(secret), f); err != nil {
		return "", fmt.Errorf("storing a sign-in: %w", err)
	}
	return s.Issuer.Begin(ctx, p, f, state)
}

// checkReturn keeps this API from sending browsers, and codes, to pages that the workspace does not know.
func (s *SignOn) checkReturn(ctx context.Context, w chat.WorkspaceID, ret string) error {
	origin, ok := pageOrigin(ret)
	if !ok {
		return chat.Errorf(chat.CodeInvalid, "return: the URL of a page, without a fragment")
	}
	workspace, _, err := s.Workspaces.Workspace(ctx, w)
	if err != nil {
		return fmt.Errorf("reading a workspace: %w", err)
	}
	if !AllowsOrigin(workspace.Origins, origin) {
		return originNotAllowed(origin)
	}
	return nil
}

// pageOrigin returns the origin of a page's URL.
func pageOrigin(page string) (string, bool) {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(page, "#") || len(page) > 2000 {
		return "", false
	}
	return u.Scheme + "://" + u.Host, u.Scheme == "https" || u.Scheme == "http"
}

// Callback ends a sign-in when the provider has sent the browser back, and returns the page to send it to, and the
// code with which that page can fetch the session. When the provider or we refuse, page says where to tell it: "" when
// the state is none of ours, or was used.
func (s *SignOn) Callback(ctx context.Context, state, code, failure, source string) (page, handover string, err error) {
	w, secret, ok := parseSignOn(statePrefix, state)
	if !ok {
		return "", "", linkInvalid()
	}
	f, ok, err := s.Providers.TakeFlow(ctx, w, hashOf(secret))
	if err != nil {
		return "", "", fmt.Errorf("taking a sign-in: %w", err)
	}
	if !ok || !s.Sessions.now().Before(f.Expires) {
		return "", "", linkInvalid()
	}
	if failure != "" || code == "" {
		return f.Return, "", providerRefused("the identity provider did not let you in")
	}
	p, err := s.provider(ctx, w)
	if err != nil {
		return f.Return, "", err
	}
	claims, keepsake, err := s.Issuer.Finish(ctx, p, f, code)
	if err != nil {
		return f.Return, "", s.noted(ctx, w, source, err)
	}
	a, err := s.arrive(ctx, p, claims, source)
	if err != nil {
		return f.Return, "", s.noted(ctx, w, source, err)
	}
	text, own := newSignOn(codePrefix, w)
	now := s.Sessions.now().Truncate(time.Millisecond)
	h := Handover{
		Workspace: w, User: a.User, Challenge: f.Challenge, Keepsake: seal(own, keepsake),
		Vouched: now.Add(VouchLife), Expires: now.Add(HandoverLife),
	}
	if err := s.Providers.PutHandover(ctx, hashOf(own), h); err != nil {
		return f.Return, "", fmt.Errorf("storing a sign-in: %w", err)
	}
	return f.Return, text, nil
}

// noted writes a refusal of the provider, or of ours, into the audit log.
func (s *SignOn) noted(ctx context.Context, w chat.WorkspaceID, source string, err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		by := By{chat.Principal{Workspace: w}, source}
		if audit := s.Audit.Record(ctx, by, ActProviderRefused, string(r.Reason), nil, map[string]string{"why": r.Err.Message}); audit != nil {
			return audit
		}
	}
	return err
}

// Redeem opens the session of a sign-in that has succeeded, for whoever has the code and the page's secret. Both work
// once. Errors: *Refusal with CodeUnauthenticated (link_invalid), or the store's.
func (s *SignOn) Redeem(ctx context.Context, code, verifier string, d Device) (Opened, error) {
	w, secret, ok := parseSignOn(codePrefix, code)
	if !ok {
		return Opened{}, linkInvalid()
	}
	h, ok, err := s.Providers.TakeHandover(ctx, w, hashOf(secret))
	if err != nil {
		return Opened{}, fmt.Errorf("taking a sign-in: %w", err)
	}
	sum := sha256.Sum256([]byte(verifier))
	proof := spelling.EncodeToString(sum[:])
	if !ok || !s.Sessions.now().Before(h.Expires) || subtle.ConstantTimeCompare([]byte(proof), []byte(h.Challenge)) != 1 {
		return Opened{}, linkInvalid()
	}
	a, found, err := s.Accounts.Account(ctx, w, h.User)
	if err != nil {
		return Opened{}, fmt.Errorf("reading an account: %w", err)
	}
	keepsake, opened := unseal(secret, h.Keepsake)
	if !found || a.Disabled || !opened {
		return Opened{}, linkInvalid()
	}
	session := Session{
		Workspace: a.Workspace, User: a.User, Role: a.Role, Name: a.Name, Departments: a.Departments,
		Agent: d.agent(), Source: d.Source, Vouched: h.Vouched, Keepsake: keepsake,
	}
	o, err := s.Sessions.openRefreshed(ctx, session, true)
	if err != nil {
		return Opened{}, err
	}
	return o, s.Sessions.confirm(ctx, o.Session, a)
}

// link names somebody at an issuer.
func link(issuer, subject string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(issuer), issuer, subject))
	return spelling.EncodeToString(sum[:])
}

// seal encrypts and authenticates what only the holder of a secret is to read (AES-256-GCM). A secret seals once.
func seal(secret [secretSize]byte, plain []byte) []byte {
	nonce := make([]byte, 12)
	rand.Read(nonce)
	return append(nonce, sealer(secret).Seal(nil, nonce, plain, nil)...)
}

func unseal(secret [secretSize]byte, sealed []byte) ([]byte, bool) {
	if len(sealed) < 12 {
		return nil, false
	}
	plain, err := sealer(secret).Open(nil, sealed[:12], sealed[12:], nil)
	return plain, err == nil
}

func sealer(secret [secretSize]byte) cipher.AEAD {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte("parley keepsake"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		panic(err) // of a key of another size
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // of a block of another size
	}
	return gcm
}
