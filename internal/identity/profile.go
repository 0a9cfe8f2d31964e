package identity

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of what somebody says about themselves.
const (
	// MaxAvatar is the longest address of a picture in bytes.
	MaxAvatar = 500
	// MaxLocale and MaxTimeZone are the longest of each in bytes: RFC 5646 section 4.4.1, and what the tz database has twice.
	MaxLocale   = 35
	MaxTimeZone = 64
	// MaxPreferences is how many preferences a member of staff may have, MaxPreferenceName and MaxPreference the longest
	// name and value in bytes.
	MaxPreferences    = 100
	MaxPreferenceName = 64
	MaxPreference     = 1024
	// MaxPeople is how many users can be asked for at once.
	MaxPeople = 100
)

// Person is how others see somebody who answers customers.
type Person struct {
	User chat.UserID
	// Role is that of a member of staff, of a bot or of an API key.
	Role             chat.Role
	Name, PublicName string
	Avatar           string
	Disabled         bool
}

// Preferences are what somebody's desk remembers for them: the server does not look at them.
type Preferences struct {
	Values  map[string]string
	Version uint64
}

// ProfileStore keeps what people say about themselves.
type ProfileStore interface {
	// People returns those of the users who are staff, bots or API keys of the workspace, in no order; it may be some
	// milliseconds behind.
	People(context.Context, chat.WorkspaceID, []chat.UserID) ([]Person, error)
	// Preferences reads consistently; those of version 0 for nobody's.
	Preferences(context.Context, chat.WorkspaceID, chat.UserID) (Preferences, error)
	// PutPreferences stores the values in place of those of the version. ErrConflict.
	PutPreferences(ctx context.Context, w chat.WorkspaceID, u chat.UserID, before uint64, values map[string]string) error
}

// ProfileChange is what to change of one's own account; nil fields stay, "" takes off what is not the name.
type ProfileChange struct {
	Name, PublicName, Avatar, Locale, TimeZone *string
}

// Profile returns one's own account.
func (p *People) Profile(ctx context.Context, by By) (Account, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandProfile); err != nil {
		return Account{}, err
	}
	return p.account(ctx, by.Workspace, by.User)
}

// ChangeProfile changes one's own account if it still has the version; nil for any. Errors: chat.CodeInvalid,
// CodeConflict, or the store's.
func (p *People) ChangeProfile(ctx context.Context, by By, version *uint64, change ProfileChange) (Account, error) {
	before, err := p.Profile(ctx, by)
	if err != nil {
		return Account{}, err
	}
	if version != nil && *version != before.Version {
		return Account{}, conflict()
	}
	after, err := change.apply(before)
	if err != nil || after == before {
		return before, err
	}
	after.Version++
	was, is := changed(before.summary(), after.summary())
	if err := p.store(ctx, before, after, p.Audit.Entry(by, ActStaffChanged, string(by.User), was, is)); err != nil {
		return Account{}, err
	}
	return after, p.Sessions.Follow(ctx, by.Principal, after, "")
}

func (c ProfileChange) apply(a Account) (Account, error) {
	for _, f := range []struct {
		to    *string
		given *string
		clean func(string) (string, error)
	}{
		{&a.Name, c.Name, cleanName}, {&a.PublicName, c.PublicName, optional(cleanName)}, {&a.Avatar, c.Avatar, optional(cleanAvatar)},
		{&a.Locale, c.Locale, optional(cleanLocale)}, {&a.TimeZone, c.TimeZone, optional(cleanTimeZone)},
	} {
		if f.given == nil {
			continue
		}
		text, err := f.clean(*f.given)
		if err != nil {
			return a, err
		}
		*f.to = text
	}
	return a, nil
}

// optional lets "" stand for nothing.
func optional(clean func(string) (string, error)) func(string) (string, error) {
	return func(text string) (string, error) {
		if text == "" {
			return "", nil
		}
		return clean(text)
	}
}

// cleanAvatar admits pictures that any page can show, and no other scheme: browsers run some of them.
func cleanAvatar(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(text) > MaxAvatar || strings.ContainsFunc(text, unfitForURL) {
		return "", chat.Errorf(chat.CodeInvalid, "avatar: an https address of at most %d bytes", MaxAvatar)
	}
	return text, nil
}

func unfitForURL(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'<>\`, r) }

// cleanLocale checks the shape of a language tag (RFC 5646), not whether there is such a language.
func cleanLocale(tag string) (string, error) {
	if len(tag) > MaxLocale || strings.ContainsFunc(tag, func(r rune) bool {
		return r > unicode.MaxASCII || r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return "", chat.Errorf(chat.CodeInvalid, "locale: a language tag such as de-CH")
	}
	return tag, nil
}

func cleanTimeZone(name string) (string, error) {
	if _, err := time.LoadLocation(name); err != nil || len(name) > MaxTimeZone || name == "Local" {
		return "", chat.Errorf(chat.CodeInvalid, "timeZone: a name such as Europe/Zurich")
	}
	return name, nil
}

// Who returns those of the users who are staff, bots or API keys. Customers see people and bots only, under the names
// that are meant for them. Errors: chat.CodeInvalid, CodeForbidden, or the store's.
func (p *People) Who(ctx context.Context, by By, users []chat.UserID) ([]Person, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandPeople); err != nil {
		return nil, err
	}
	if len(users) == 0 || len(users) > MaxPeople {
		return nil, chat.Errorf(chat.CodeInvalid, "users: 1 to %d ids", MaxPeople)
	}
	asked := map[chat.UserID]bool{}
	var list []chat.UserID
	for _, u := range users {
		if !u.Valid() {
			return nil, chat.Errorf(chat.CodeInvalid, "users: %.40q is no id of a user", u)
		}
		if !asked[u] {
			asked[u], list = true, append(list, u)
		}
	}
	people, err := p.Profiles.People(ctx, by.Workspace, list)
	if err != nil {
		return nil, fmt.Errorf("reading people: %w", err)
	}
	if by.Role == chat.RoleCustomer {
		return public(people), nil
	}
	return people, nil
}

// Colleagues lists the staff of the workspace behind after, by id, disabled ones included: for whoever is no customer.
// Errors: chat.CodeInvalid for customers, CodeForbidden, or the store's.
func (p *People) Colleagues(ctx context.Context, by By, after chat.UserID, limit int) ([]Person, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandPeople); err != nil {
		return nil, err
	}
	if by.Role == chat.RoleCustomer {
		return nil, chat.Errorf(chat.CodeInvalid, "users: 1 to %d ids", MaxPeople)
	}
	list, err := p.Roster.StaffList(ctx, by.Workspace, after, limit)
	if err != nil {
		return nil, fmt.Errorf("listing colleagues: %w", err)
	}
	out := make([]Person, len(list))
	for i, a := range list {
		out[i] = Person{User: a.User, Role: a.Role, Name: a.Name, Avatar: a.Avatar, PublicName: a.PublicName, Disabled: a.Disabled}
	}
	return out, nil
}

// public leaves of people what customers may see.
func public(people []Person) []Person {
	var out []Person
	for _, p := range people {
		if p.Role == chat.RoleAPIKey {
			continue
		}
		if p.PublicName != "" {
			p.Name = p.PublicName
		}
		if p.Role != chat.RoleBot {
			p.Role = chat.RoleOperator
		}
		out = append(out, Person{User: p.User, Role: p.Role, Name: p.Name, Avatar: p.Avatar})
	}
	return out
}

// Preferences returns one's own.
func (p *People) Preferences(ctx context.Context, by By) (Preferences, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandProfile); err != nil {
		return Preferences{}, err
	}
	out, err := p.Profiles.Preferences(ctx, by.Workspace, by.User)
	if err != nil {
		return Preferences{}, fmt.Errorf("reading preferences: %w", err)
	}
	return out, nil
}

// SetPreferences replaces one's own if they still have the version; nil for any. Errors: chat.CodeInvalid, CodeConflict,
// or the store's.
func (p *People) SetPreferences(ctx context.Context, by By, version *uint64, values map[string]string) (Preferences, error) {
	if err := checkPreferences(values); err != nil {
		return Preferences{}, err
	}
	for range lostTries {
		before, err := p.Preferences(ctx, by)
		if err != nil {
			return Preferences{}, err
		}
		if version != nil && *version != before.Version {
			break
		}
		err = p.Profiles.PutPreferences(ctx, by.Workspace, by.User, before.Version, values)
		if err == nil {
			return Preferences{values, before.Version + 1}, nil
		}
		if !errors.Is(err, ErrConflict) {
			return Preferences{}, fmt.Errorf("storing preferences: %w", err)
		}
	}
	return Preferences{}, conflict()
}

func checkPreferences(values map[string]string) error {
	if len(values) > MaxPreferences {
		return chat.Errorf(chat.CodeInvalid, "values: at most %d", MaxPreferences)
	}
	total := 0
	for name, value := range values {
		if name == "" || len(name) > MaxPreferenceName || len(value) > MaxPreference || !utf8.ValidString(name) || !utf8.ValidString(value) {
			return chat.Errorf(chat.CodeInvalid, "values: names of 1 to %d bytes, texts of at most %d", MaxPreferenceName, MaxPreference)
		}
		total += len(name) + len(value)
	}
	if total > maxPreferenceBytes {
		return chat.Errorf(chat.CodeInvalid, "values: at most %d bytes in all", maxPreferenceBytes)
	}
	return nil
}

// maxPreferenceBytes bounds names and values together: some write units.
const maxPreferenceBytes = 16 << 10
