package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	apiKeyPrefix = "pak_" // recognisable to scanners that look for leaked secrets
	botKeyPrefix = "pbk_"
	keyBytes     = 2*idSize + secretSize
	// MaxKeys is how many API keys, and how many bots, a workspace may have.
	MaxKeys = 200
	// MaxKeyLife is how far ahead an expiry may lie.
	MaxKeyLife = 10 * 365 * 24 * time.Hour
	// keyUseDay is how exactly the last use of a key is known.
	keyUseDay = 24 * time.Hour
)

// Key is an API key, or a bot with the key that it signs in with. Its id is that of a user, so that what it does has
// an author.
type Key struct {
	Workspace chat.WorkspaceID
	ID        chat.UserID
	// Role is chat.RoleAPIKey or chat.RoleBot.
	Role   chat.Role
	Name   string
	Grants chat.GrantList
	Digest Digest
	// Disabled bots cannot do anything.
	Disabled bool
	By       chat.UserID
	Created  time.Time
	// Expires is when the key ends; zero for never.
	Expires time.Time
	// Used is the day of the last use; zero for none.
	Used    time.Time
	Version uint64
}

// KeyStore keeps keys and bots. Reads are consistent.
type KeyStore interface {
	// PutKey stores a key in place of one of the version before, 0 for none, with the entry, in one transaction.
	// ErrConflict.
	PutKey(ctx context.Context, k Key, before uint64, entry AuditEntry) error
	// DropKey removes a key with the entry, in one transaction. ErrConflict when it is gone.
	DropKey(ctx context.Context, k Key, entry AuditEntry) error
	// Key returns false when there is none.
	Key(ctx context.Context, w chat.WorkspaceID, role chat.Role, id chat.UserID) (Key, bool, error)
	// Keys lists those of the role, oldest first.
	Keys(ctx context.Context, w chat.WorkspaceID, role chat.Role) ([]Key, error)
	// UseKey sets Used of a key that is still there and was not used since.
	UseKey(ctx context.Context, k Key, day time.Time) error
}

// Keys makes API keys and bots, and checks them.
type Keys struct {
	Store    KeyStore
	Attempts Attempts
	Audit    *Audit
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// summary of a key for the audit log.
func (k Key) summary() map[string]string {
	out := map[string]string{"name": k.Name, "grants": string(k.Grants), "disabled": fmt.Sprint(k.Disabled)}
	if !k.Expires.IsZero() {
		out["expires"] = k.Expires.UTC().Format(time.RFC3339)
	}
	return out
}

// KeyOrder says what key is to be made.
type KeyOrder struct {
	// ID of the key: a second order of the same id gives it another secret, for whoever made it and did not hear of it.
	// "" makes one.
	ID chat.UserID
	// Role is that of API keys or of bots.
	Role   chat.Role
	Name   string
	Grants []chat.Grant
	// Expires is zero for never.
	Expires time.Time
}

// Make makes a key or a bot and returns its secret, which is not stored and cannot be had again.
func (k *Keys) Make(ctx context.Context, by By, order KeyOrder) (Key, string, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandKeys); err != nil {
		return Key{}, "", err
	}
	now := clock(k.Now).Truncate(time.Millisecond)
	key, err := newKey(by, order, now)
	if err != nil {
		return Key{}, "", err
	}
	list, err := k.Store.Keys(ctx, by.Workspace, order.Role)
	if err != nil {
		return Key{}, "", fmt.Errorf("listing keys: %w", err)
	}
	before := uint64(0)
	if i := slices.IndexFunc(list, func(other Key) bool { return other.ID == key.ID }); i >= 0 {
		before = list[i].Version
		key.Version = before + 1
	} else if len(list) >= MaxKeys {
		return Key{}, "", chat.Errorf(chat.CodeInvalid, "a workspace has at most %d of them: revoke one that is not used", MaxKeys)
	}
	secret := key.renew()
	if err := k.Store.PutKey(ctx, key, before, k.Audit.Entry(by, ActKeyMade, string(key.ID), nil, key.summary())); err != nil {
		return Key{}, "", fmt.Errorf("storing a key: %w", err)
	}
	return key, secret, nil
}

func newKey(by By, order KeyOrder, now time.Time) (Key, error) {
	clean, err := cleanName(order.Name)
	if err != nil {
		return Key{}, err
	}
	list, err := grantList(order.Grants)
	if err != nil {
		return Key{}, err
	}
	if expires := order.Expires; !expires.IsZero() && (!expires.After(now) || expires.Sub(now) > MaxKeyLife) {
		return Key{}, chat.Errorf(chat.CodeInvalid, "expiresAt: a time to come, at most 10 years ahead")
	}
	return Key{
		Workspace: by.Workspace, ID: cmp.Or(order.ID, chat.UserID(chat.NewID(chat.UserPrefix, now))), Role: order.Role, Name: clean, Grants: list,
		By: by.User, Created: now, Expires: order.Expires.Truncate(time.Millisecond), Version: 1,
	}, nil
}

func grantList(grants []chat.Grant) (chat.GrantList, error) {
	if len(grants) == 0 {
		return "", chat.Errorf(chat.CodeInvalid, "grants: at least one; without any it could do nothing")
	}
	for i, g := range grants {
		if !slices.Contains(chat.Grants(), g) || slices.Contains(grants[:i], g) {
			return "", chat.Errorf(chat.CodeInvalid, "grants: %.40q is none, or is named twice", g)
		}
	}
	return chat.JoinGrants(grants...), nil
}

// renew gives the key a new secret and returns its text.
func (k *Key) renew() string {
	var secret [secretSize]byte
	rand.Read(secret[:]) // never fails: crypto/rand crashes the program instead (Go 1.24)
	k.Digest = sha256.Sum256(secret[:])
	raw := appendID(nil, chat.WorkspacePrefix, string(k.Workspace))
	raw = appendID(raw, chat.UserPrefix, string(k.ID))
	return keyPrefix(k.Role) + spelling.EncodeToString(append(raw, secret[:]...))
}

func keyPrefix(role chat.Role) string {
	if role == chat.RoleBot {
		return botKeyPrefix
	}
	return apiKeyPrefix
}

// List returns the workspace's keys or bots, oldest first.
func (k *Keys) List(ctx context.Context, by By, role chat.Role) ([]Key, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandKeys); err != nil {
		return nil, err
	}
	list, err := k.Store.Keys(ctx, by.Workspace, role)
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	return list, nil
}

// Get returns one; chat.CodeNotFound.
func (k *Keys) Get(ctx context.Context, by By, role chat.Role, id chat.UserID) (Key, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandKeys); err != nil {
		return Key{}, err
	}
	missing := chat.Errorf(chat.CodeNotFound, "there is none with this id")
	if !id.Valid() {
		return Key{}, missing
	}
	key, ok, err := k.Store.Key(ctx, by.Workspace, role, id)
	if err != nil {
		return Key{}, fmt.Errorf("reading a key: %w", err)
	}
	if !ok {
		return Key{}, missing
	}
	return key, nil
}

// KeyChange is what to change of a bot; nil fields stay.
type KeyChange struct {
	Name     *string
	Grants   *[]chat.Grant
	Disabled *bool
	// Renew makes a new secret; the old one ends at once.
	Renew bool
}

// Change changes a bot that still has the version, and returns its new secret, "" unless asked for.
func (k *Keys) Change(ctx context.Context, by By, role chat.Role, id chat.UserID, version uint64, c KeyChange) (key Key, secret string, err error) {
	before, err := k.Get(ctx, by, role, id)
	if err != nil {
		return Key{}, "", err
	}
	if before.Version != version {
		return Key{}, "", conflict()
	}
	key = before
	if c.Name != nil {
		if key.Name, err = cleanName(*c.Name); err != nil {
			return Key{}, "", err
		}
	}
	if c.Grants != nil {
		if key.Grants, err = grantList(*c.Grants); err != nil {
			return Key{}, "", err
		}
	}
	if c.Disabled != nil {
		key.Disabled = *c.Disabled
	}
	was, is := changed(before.summary(), key.summary())
	if c.Renew {
		secret, is["secret"] = key.renew(), "renewed"
	}
	key.Version++
	err = k.Store.PutKey(ctx, key, version, k.Audit.Entry(by, ActKeyChanged, string(id), was, is))
	if errors.Is(err, ErrConflict) {
		return Key{}, "", conflict()
	}
	return key, secret, err
}

// Revoke removes a key or a bot: it is refused from the next request on.
func (k *Keys) Revoke(ctx context.Context, by By, role chat.Role, id chat.UserID) error {
	key, err := k.Get(ctx, by, role, id)
	if err != nil {
		return err
	}
	err = k.Store.DropKey(ctx, key, k.Audit.Entry(by, ActKeyRevoked, string(id), key.summary(), nil))
	if errors.Is(err, ErrConflict) {
		return chat.Errorf(chat.CodeNotFound, "there is none with this id")
	}
	return err
}

// IsKey says whether a bearer token is meant to be a key.
func IsKey(text string) bool {
	return strings.HasPrefix(text, apiKeyPrefix) || strings.HasPrefix(text, botKeyPrefix)
}

// Authenticate returns a session of the key for one request, by one consistent read. Errors: *Refusal with
// CodeUnauthenticated, or the store's.
func (k *Keys) Authenticate(ctx context.Context, text, source string) (Opened, error) {
	role := chat.RoleAPIKey
	if strings.HasPrefix(text, botKeyPrefix) {
		role = chat.RoleBot
	}
	var raw [keyBytes]byte
	if !decode(raw[:], keyPrefix(role), text) {
		return Opened{}, keyUnknown()
	}
	w := chat.WorkspaceID(chat.FormatID(chat.WorkspacePrefix, [idSize]byte(raw[0:])))
	id := chat.UserID(chat.FormatID(chat.UserPrefix, [idSize]byte(raw[idSize:])))
	key, ok, err := k.Store.Key(ctx, w, role, id)
	if err != nil {
		return Opened{}, fmt.Errorf("reading a key: %w", err)
	}
	own := sha256.Sum256(raw[2*idSize:])
	if subtle.ConstantTimeCompare(own[:], key.Digest[:]) != 1 || !ok || key.Disabled {
		return Opened{}, keyUnknown()
	}
	session := Session{Workspace: w, User: id, Role: role, Name: key.Name, Grants: key.Grants}
	now := clock(k.Now)
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		k.Refused(ctx, By{session.Principal(), source}, "expired")
		return Opened{}, refuse(chat.CodeUnauthenticated, ReasonKeyExpired, "the key has expired; make another")
	}
	if day := now.UTC().Truncate(keyUseDay); key.Used.Before(day) {
		_ = k.Store.UseKey(ctx, key, day) // the next use tries again
	}
	return Opened{Session: session}, nil
}

func keyUnknown() *Refusal {
	return refuse(chat.CodeUnauthenticated, ReasonKeyUnknown, "the key is not valid")
}

// Refused writes down that a key was refused: once in an AttemptWindow for each key and reason, so that a program that
// tries for ever does not fill the log.
func (k *Keys) Refused(ctx context.Context, by By, why string) {
	start := clock(k.Now).Truncate(AttemptWindow)
	n, err := k.Attempts.AddAttempts(ctx, counterName("key", start, string(by.Workspace), string(by.User), why), 1, start.Add(AttemptWindow))
	if err != nil || n != 1 {
		return
	}
	_ = k.Audit.Record(ctx, by, ActKeyRefused, string(by.User), nil, map[string]string{"why": why})
}
