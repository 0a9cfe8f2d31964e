package identity

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of the token by which a business says who its customer is.
const (
	// MaxCustomerToken is the longest token in bytes.
	MaxCustomerToken = 8 << 10
	// MaxCustomerTokenLife is how far ahead a token's exp may lie: it is made for one page load.
	MaxCustomerTokenLife = 10 * time.Minute
	// CustomerTokenSkew is by how much the business's clock may be off.
	CustomerTokenSkew = time.Minute
	// MaxTokenID is the longest jti in bytes.
	MaxTokenID = 128
	// MaxIdentityKeys is how many keys a workspace may have at once: enough to rotate.
	MaxIdentityKeys = 10
	// MaxPublicKey is the longest PEM text in bytes: an RSA key of 4096 bits takes 800.
	MaxPublicKey = 4 << 10
)

// The reasons why a customer's token is refused.
const (
	// ReasonIdentityMalformed: not a token in the compact form, or too long.
	ReasonIdentityMalformed Reason = "identity_malformed"
	// ReasonIdentityAlgorithm: signed by another algorithm than the key is for; "none" is nobody's.
	ReasonIdentityAlgorithm Reason = "identity_algorithm"
	// ReasonIdentityKey: the header's kid is absent, or names no key of the workspace.
	ReasonIdentityKey Reason = "identity_key_unknown"
	// ReasonIdentitySignature: the signature is not the key's.
	ReasonIdentitySignature Reason = "identity_signature"
	// ReasonIdentityAudience: made for another workspace.
	ReasonIdentityAudience Reason = "identity_audience"
	// ReasonIdentityExpired: its time has passed.
	ReasonIdentityExpired Reason = "identity_expired"
	// ReasonIdentityLife: it would hold for too long, or only later: see the clock that made it.
	ReasonIdentityLife Reason = "identity_life"
	// ReasonIdentityReplayed: it was used before; every one is good for once.
	ReasonIdentityReplayed Reason = "identity_replayed"
	// ReasonIdentityClaims: a claim that is needed is absent, or one has the wrong type or is too long.
	ReasonIdentityClaims Reason = "identity_claims"
	// ReasonBanned: the business keeps this visitor out.
	ReasonBanned Reason = "banned"
)

// customerReasons lists them.
func customerReasons() []Reason {
	return []Reason{ReasonIdentityMalformed, ReasonIdentityAlgorithm, ReasonIdentityKey, ReasonIdentitySignature, ReasonIdentityAudience,
		ReasonIdentityExpired, ReasonIdentityLife, ReasonIdentityReplayed, ReasonIdentityClaims, ReasonBanned}
}

// Algorithm is how a business signs; the names are those of RFC 7518 section 3.1.
type Algorithm string

// The algorithms. There is no "none".
const (
	HS256 Algorithm = "HS256"
	RS256 Algorithm = "RS256"
	ES256 Algorithm = "ES256"
	EdDSA Algorithm = "EdDSA" // with Ed25519 (RFC 8037 section 3.1)
)

// Algorithms lists every algorithm.
func Algorithms() []Algorithm { return []Algorithm{HS256, RS256, ES256, EdDSA} }

// IdentityKey checks the tokens by which a business says who its customers are.
type IdentityKey struct { //nolint:revive // a Key is an API key
	Workspace chat.WorkspaceID
	// ID is the kid of its tokens.
	ID        string
	Algorithm Algorithm
	// Material is the secret of HS256, byte by byte as it was shown, or the DER of a public key (PKIX). A secret must be
	// there to be checked against: it lies in the table as it is, under the table's encryption at rest, and nowhere else.
	// Of the functions, the API's alone may read it (template.yaml, KeepOutOfSecrets).
	Material []byte
	By       chat.UserID
	Created  time.Time
}

// Format implements fmt.Formatter so that no verb prints the secret.
func (k IdentityKey) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "identity key %s", k.ID) }

// Public returns what a token's signature is checked with, for the algorithm of this key and no other.
func (k IdentityKey) Public() (any, error) {
	if k.Algorithm == HS256 {
		return k.Material, nil
	}
	return x509.ParsePKIXPublicKey(k.Material)
}

const (
	// IdentityKeyPrefix begins the ids of identity keys.
	IdentityKeyPrefix = "ik_"
	identitySecret    = "pis_" // recognisable to scanners that look for leaked secrets
)

// CustomerClaims are what a business says of its customer.
type CustomerClaims struct {
	// External is the business's own id of the customer.
	External string
	Name     string
	Email    string
	// EmailVerified says that the business has verified the address.
	EmailVerified bool
	Phone         string
	Locale, Zone  string
	Fields        map[string]string
}

// TokenSeal is what of a token must not come twice.
type TokenSeal struct {
	Workspace chat.WorkspaceID
	// Hash of the jti: two signers of one workspace must not make the same.
	Hash string
	// Forget is when the token would be refused anyway.
	Forget time.Time
}

// CustomerTokenStore keeps identity keys, and which tokens were used. Reads are consistent.
type CustomerTokenStore interface {
	// PutIdentityKey stores a new key.
	PutIdentityKey(context.Context, IdentityKey) error
	// IdentityKey returns false when there is none.
	IdentityKey(ctx context.Context, w chat.WorkspaceID, id string) (IdentityKey, bool, error)
	// IdentityKeys lists them, oldest first.
	IdentityKeys(context.Context, chat.WorkspaceID) ([]IdentityKey, error)
	// DropIdentityKey removes one; false when there was none.
	DropIdentityKey(ctx context.Context, w chat.WorkspaceID, id string) (bool, error)
	// UseToken notes that the token was used: of any number of calls one gets true.
	UseToken(context.Context, TokenSeal) (bool, error)
}

// CheckedToken is a token whose signature holds, with the claims that were not looked at yet.
type CheckedToken struct {
	ID                string
	Audience          []string
	Expires, IssuedAt time.Time
	NotBefore         time.Time // zero if it does not say
	CustomerClaims
}

// TokenChecker checks a token's form and signature. key returns the one key that the token's kid names; the token's
// own alg must be that key's. Errors: *Refusal, or key's.
type TokenChecker interface {
	Check(token string, key func(kid string) (IdentityKey, error)) (CheckedToken, error)
}

// Acts of identity keys.
const (
	ActIdentityKeyMade    Act = "identity_key.made"
	ActIdentityKeyRemoved Act = "identity_key.removed"
)

// CustomerTokens makes identity keys, and checks what they sign.
type CustomerTokens struct {
	Store   CustomerTokenStore
	Checker TokenChecker
	// Audit may be nil: then nothing is written down.
	Audit *Audit
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// Verify returns what a token says of its customer, once: the same token again is a replay, whatever became of the
// first one. Errors: *Refusal with CodeUnauthenticated, or the store's.
func (t *CustomerTokens) Verify(ctx context.Context, w chat.WorkspaceID, token string) (CustomerClaims, error) {
	if len(token) > MaxCustomerToken {
		return CustomerClaims{}, RefuseToken(ReasonIdentityMalformed, "identity: at most %d bytes", MaxCustomerToken)
	}
	checked, err := t.Checker.Check(token, func(kid string) (IdentityKey, error) { return t.key(ctx, w, kid) })
	if err != nil {
		return CustomerClaims{}, err
	}
	if err := checked.holds(w, clock(t.Now)); err != nil {
		return CustomerClaims{}, err
	}
	first, err := t.Store.UseToken(ctx, TokenSeal{
		Workspace: w, Hash: counterHash("jti", checked.ID), Forget: checked.Expires.Add(CustomerTokenSkew),
	})
	if err != nil {
		return CustomerClaims{}, fmt.Errorf("noting a token: %w", err)
	}
	if !first {
		return CustomerClaims{}, RefuseToken(ReasonIdentityReplayed, "identity: this token was used; make one for every session, with its own jti")
	}
	return checked.CustomerClaims, nil
}

func (t *CustomerTokens) key(ctx context.Context, w chat.WorkspaceID, kid string) (IdentityKey, error) {
	unknown := RefuseToken(ReasonIdentityKey, "identity: the header's kid names no key of this workspace")
	if _, ok := chat.IDBytes(IdentityKeyPrefix, kid); !ok {
		return IdentityKey{}, unknown
	}
	key, ok, err := t.Store.IdentityKey(ctx, w, kid)
	if err != nil {
		return IdentityKey{}, fmt.Errorf("reading an identity key: %w", err)
	}
	if !ok {
		return IdentityKey{}, unknown
	}
	return key, nil
}

// holds checks what the signature does not say.
func (c CheckedToken) holds(w chat.WorkspaceID, now time.Time) error {
	switch {
	case len(c.Audience) != 1 || c.Audience[0] != string(w):
		return RefuseToken(ReasonIdentityAudience, "identity: aud must be this workspace's id, %s", w)
	case c.Expires.IsZero() || c.IssuedAt.IsZero():
		return RefuseToken(ReasonIdentityClaims, "identity: exp and iat are needed, in seconds")
	case c.ID == "" || len(c.ID) > MaxTokenID:
		return RefuseToken(ReasonIdentityClaims, "identity: jti is needed, 1 to %d bytes", MaxTokenID)
	case c.External == "":
		return RefuseToken(ReasonIdentityClaims, "identity: sub is needed, your id of the customer")
	case !now.Before(c.Expires.Add(CustomerTokenSkew)):
		return RefuseToken(ReasonIdentityExpired, "identity: the token has expired; make a new one")
	case c.Expires.After(now.Add(MaxCustomerTokenLife + CustomerTokenSkew)):
		return RefuseToken(ReasonIdentityLife, "identity: exp lies more than %v ahead", MaxCustomerTokenLife)
	case c.IssuedAt.After(now.Add(CustomerTokenSkew)) || c.NotBefore.After(now.Add(CustomerTokenSkew)) || c.Expires.Before(c.IssuedAt):
		return RefuseToken(ReasonIdentityLife, "identity: made in the future; set the clock of the server that signs")
	}
	return nil
}

// RefuseToken makes the refusal of a customer's token.
func RefuseToken(reason Reason, format string, args ...any) *Refusal {
	return refuse(chat.CodeUnauthenticated, reason, format, args...)
}

// counterHash names something in storage without saying it.
func counterHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Make makes a key: of the public key in PEM, whose kind says what it is for, unless the algorithm is named; or, for HS256
// by name, with a secret of 256 random bits, which is returned and cannot be had again. A second one of the same id takes its place, for whoever made it and did not hear of
// it; "" makes an id.
func (t *CustomerTokens) Make(ctx context.Context, by By, id string, algorithm Algorithm, publicKey string) (IdentityKey, string, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandKeys); err != nil {
		return IdentityKey{}, "", err
	}
	list, err := t.Store.IdentityKeys(ctx, by.Workspace)
	if err != nil {
		return IdentityKey{}, "", fmt.Errorf("listing identity keys: %w", err)
	}
	if len(list) >= MaxIdentityKeys && !slices.ContainsFunc(list, func(k IdentityKey) bool { return k.ID == id }) {
		return IdentityKey{}, "", chat.Errorf(chat.CodeInvalid, "a workspace has at most %d identity keys: remove one that signs nothing any more", MaxIdentityKeys)
	}
	now := clock(t.Now).Truncate(time.Millisecond)
	key := IdentityKey{Workspace: by.Workspace, ID: cmp.Or(id, chat.NewID(IdentityKeyPrefix, now)), Algorithm: algorithm, By: by.User, Created: now}
	secret := ""
	if algorithm == HS256 && publicKey == "" {
		var random [secretSize]byte
		rand.Read(random[:]) // never fails: crypto/rand crashes the program instead (Go 1.24)
		secret = identitySecret + base64.RawURLEncoding.EncodeToString(random[:])
		key.Material = []byte(secret)
	} else if key.Algorithm, key.Material, err = parsePublicKey(algorithm, publicKey); err != nil {
		return IdentityKey{}, "", err
	}
	if err := t.Store.PutIdentityKey(ctx, key); err != nil {
		return IdentityKey{}, "", fmt.Errorf("storing an identity key: %w", err)
	}
	return key, secret, t.record(ctx, by, ActIdentityKeyMade, key.ID, nil, map[string]string{"algorithm": string(key.Algorithm)})
}

// parsePublicKey reads PEM and returns DER, and what the key is for; wanted, if any, must be that. A private key is refused
// by name: whoever sent it must make a new one.
func parsePublicKey(wanted Algorithm, text string) (Algorithm, []byte, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case wanted == HS256 || wanted != "" && !slices.Contains(Algorithms(), wanted):
		return "", nil, chat.Errorf(chat.CodeInvalid, "algorithm: ES256, EdDSA or RS256 with a publicKey, or HS256 without one")
	case block != nil && strings.Contains(block.Type, "PRIVATE"):
		return "", nil, chat.Errorf(chat.CodeInvalid, "publicKey: this is a private key; it has left its place, so make a new pair, and send the public one")
	case len(text) > MaxPublicKey || block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "":
		return "", nil, chat.Errorf(chat.CodeInvalid, "publicKey: one PEM block of type PUBLIC KEY")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", nil, chat.Errorf(chat.CodeInvalid, "publicKey: cannot be read")
	}
	if is := algorithmOf(key); is != "" && (wanted == "" || wanted == is) {
		return is, block.Bytes, nil
	}
	return "", nil, chat.Errorf(chat.CodeInvalid, "publicKey: ES256 wants P-256, EdDSA wants Ed25519, RS256 wants RSA of 2048 to 4096 bits")
}

// algorithmOf is what a public key is for; "" for one that is too weak, or of another kind.
func algorithmOf(key any) Algorithm {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= 4096 {
			return RS256
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return ES256
		}
	case ed25519.PublicKey:
		return EdDSA
	}
	return ""
}

// List returns the workspace's identity keys without their secrets, oldest first.
func (t *CustomerTokens) List(ctx context.Context, by By) ([]IdentityKey, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandKeys); err != nil {
		return nil, err
	}
	list, err := t.Store.IdentityKeys(ctx, by.Workspace)
	if err != nil {
		return nil, fmt.Errorf("listing identity keys: %w", err)
	}
	for i := range list {
		if list[i].Algorithm == HS256 {
			list[i].Material = nil
		}
	}
	return list, nil
}

// Remove removes a key: what it signed is refused from now on. Sessions that began by it go on.
func (t *CustomerTokens) Remove(ctx context.Context, by By, id string) error {
	if _, err := chat.Authorize(by.Principal, chat.CommandKeys); err != nil {
		return err
	}
	found := false
	if _, ok := chat.IDBytes(IdentityKeyPrefix, id); ok {
		var err error
		if found, err = t.Store.DropIdentityKey(ctx, by.Workspace, id); err != nil {
			return fmt.Errorf("removing an identity key: %w", err)
		}
	}
	if !found {
		return chat.Errorf(chat.CodeNotFound, "there is no such identity key")
	}
	return t.record(ctx, by, ActIdentityKeyRemoved, id, nil, nil)
}

func (t *CustomerTokens) record(ctx context.Context, by By, act Act, subject string, before, after map[string]string) error {
	if t.Audit == nil {
		return nil
	}
	return t.Audit.Record(ctx, by, act, subject, before, after)
}

// IsRevoked says whether an error is that of a session that was signed out: only its holder hears that.
func IsRevoked(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && refusal.Reason == ReasonSessionRevoked
}
