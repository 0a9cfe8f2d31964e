package contact

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

const (
	// BanPrefix begins the ids of bans.
	BanPrefix = "b_"
	// MaxBan is how far ahead the end of a ban may lie; for longer, it has none.
	MaxBan = 365 * 24 * time.Hour
	// silence is for how long a banned customer may not write in their open conversations: as long as a socket lives
	// that could not be closed (Amazon API Gateway quotas, WebSocket: connection duration 2 hours), and some slack.
	silence = 2*time.Hour + 10*time.Minute
)

// Ban keeps a person, or everybody at a network address, out.
type Ban struct {
	ID string
	// Contact who is banned, with all their users; "" for a network address.
	Contact ID
	// Address is the hash of a network address, as HashNetwork makes it.
	Address string
	// Until is when the ban ends; zero for never.
	Until  time.Time
	Reason string
	By     chat.UserID
	At     time.Time
}

// Holds says whether there is a ban that has not ended.
func (b *Ban) Holds(now time.Time) bool {
	return b != nil && (b.Until.IsZero() || now.Before(b.Until))
}

// banned is told to who is kept out: neither why, which is the business's own affair, nor until when.
func banned() error {
	return &identity.Refusal{Reason: identity.ReasonBanned, Err: chat.Errorf(chat.CodeBanned, "this visitor is kept out by the business")}
}

// HashNetwork hashes the part of a network address that stands for one line, so that the table holds no addresses. It
// hides them from whoever reads a row, not from whoever tries all four billion of IPv4.
func HashNetwork(w chat.WorkspaceID, source string) string {
	if source == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("network\x00" + string(w) + "\x00" + identity.Network(source)))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// Welcome refuses a banned user, and everybody from a banned network address: chat.CodeBanned. Either may be "". One
// read; it is asked when sessions and tickets are made, and never for a message.
func (s *Service) Welcome(ctx context.Context, w chat.WorkspaceID, u chat.UserID, source string) error {
	address := HashNetwork(w, source)
	if u == "" && address == "" {
		return nil
	}
	bans, err := s.Store.Banned(ctx, w, u, address)
	if err != nil {
		return fmt.Errorf("looking for bans: %w", err)
	}
	now := s.now()
	for _, b := range bans {
		if b.Holds(now) {
			return banned()
		}
	}
	return nil
}

// Explain turns the refusal of a session that was revoked into that of a banned user, where it is: only the holder of
// its secret comes so far. Any other error stays as it is.
func (s *Service) Explain(ctx context.Context, token string, refused error) error {
	if !identity.IsRevoked(refused) {
		return refused
	}
	parsed, err := identity.ParseToken(token)
	if err != nil {
		return refused
	}
	if err := s.Welcome(ctx, parsed.Workspace, parsed.User, ""); chat.CodeOf(err) == chat.CodeBanned {
		return err
	}
	return refused
}

// Banning asks that somebody is kept out: exactly one of User, Contact and Address.
type Banning struct {
	ID      string
	User    chat.UserID
	Contact ID
	// Address is a network address.
	Address string
	// Until is when the ban ends, at most MaxBan ahead; zero for never.
	Until  time.Time
	Reason string
}

// Ban keeps a customer or a network address out. A customer is banned with all the devices and identities that their
// contact has, and with those that it gets: their sessions are revoked, their sockets closed and their open
// conversations muted before this returns. Who comes from a banned network address is refused at the next session or
// ticket; sockets that are open stay. Banning again replaces the ban.
// Errors: chat.CodeInvalid, CodeForbidden, CodeNotFound.
func (s *Service) Ban(ctx context.Context, by identity.By, b Banning) (Ban, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandBan); err != nil {
		return Ban{}, err
	}
	ban, err := s.banOf(by, b)
	if err != nil {
		return Ban{}, err
	}
	if b.Address != "" {
		if err := s.Store.PutAddressBan(ctx, by.Workspace, ban); err != nil {
			return Ban{}, fmt.Errorf("storing a ban: %w", err)
		}
	} else if ban, err = s.banContact(ctx, by, b, ban); err != nil {
		return Ban{}, err
	}
	s.record(ctx, by, ActBanned, subjectOf(ban), nil, map[string]string{"ban": ban.ID, "until": timeText(ban.Until), "reason": ban.Reason})
	return ban, nil
}

func (s *Service) banOf(by identity.By, b Banning) (Ban, error) {
	now := s.now()
	given := 0
	for _, set := range []bool{b.User != "", b.Contact != "", b.Address != ""} {
		if set {
			given++
		}
	}
	reason, err := cleanText("reason", b.Reason, MaxReason)
	switch {
	case err != nil:
		return Ban{}, err
	case given != 1:
		return Ban{}, chat.Errorf(chat.CodeInvalid, "exactly one of user, contact and ip is needed")
	case !b.Until.IsZero() && (!b.Until.After(now) || b.Until.Sub(now) > MaxBan):
		return Ban{}, chat.Errorf(chat.CodeInvalid, "until: a time to come, at most a year ahead; leave it out for a ban without an end")
	}
	ban := Ban{ID: b.ID, Until: b.Until.Truncate(time.Millisecond), Reason: reason, By: by.User, At: now}
	if b.Address != "" {
		if _, err := netip.ParseAddr(b.Address); err != nil {
			return Ban{}, chat.Errorf(chat.CodeInvalid, "ip: an IPv4 or IPv6 address")
		}
		ban.Address = HashNetwork(by.Workspace, b.Address)
	}
	return ban, nil
}

func (s *Service) banContact(ctx context.Context, by identity.By, b Banning, ban Ban) (Ban, error) {
	id := string(b.Contact)
	if b.User != "" {
		id = string(b.User)
	}
	var users []chat.UserID
	err := again(func() error {
		c, err := s.get(ctx, by.Workspace, id)
		if err != nil {
			return err
		}
		ban.Contact, users = c.ID, c.Users
		next := c.clone()
		next.Ban = &ban
		return s.Store.Commit(ctx, change(c, next, Event{
			Type: EventBanned, At: ban.At, Sender: by.User, Role: by.Role, User: b.User, Reason: ban.Reason,
		}))
	})
	if err != nil {
		return Ban{}, err
	}
	for _, u := range users {
		if err := s.end(ctx, by.Workspace, u, ban); err != nil {
			return Ban{}, err
		}
	}
	return ban, nil
}

// end revokes a banned user's sessions, closes their sockets and keeps them from writing on one that does not close.
func (s *Service) end(ctx context.Context, w chat.WorkspaceID, u chat.UserID, ban Ban) error {
	until := ban.At.Add(silence)
	if !ban.Until.IsZero() && ban.Until.Before(until) {
		until = ban.Until
	}
	if err := s.Conversations.Silence(ctx, w, u, until); err != nil {
		return fmt.Errorf("muting a banned customer: %w", err)
	}
	err := s.Customers.Sessions.RevokeAll(ctx, w, u, "")
	if errors.Is(err, identity.ErrSocketsLeft) {
		s.warn(ctx, "sockets of a banned customer", err)
		return nil
	}
	return err
}

// Bans lists bans, newest first.
func (s *Service) Bans(ctx context.Context, p chat.Principal, after string, limit int) ([]Ban, error) {
	if _, err := chat.Authorize(p, chat.CommandBan); err != nil {
		return nil, err
	}
	list, err := s.Store.Bans(ctx, p.Workspace, after, limit)
	if err != nil {
		return nil, fmt.Errorf("listing bans: %w", err)
	}
	return list, nil
}

// Unban lifts a ban. Sessions that it ended stay ended: who was identified identifies again, an anonymous visitor is a
// new one. Errors: chat.CodeNotFound.
func (s *Service) Unban(ctx context.Context, by identity.By, id string) error {
	if _, err := chat.Authorize(by.Principal, chat.CommandBan); err != nil {
		return err
	}
	missing := chat.Errorf(chat.CodeNotFound, "there is no such ban")
	if _, ok := chat.IDBytes(BanPrefix, id); !ok {
		return missing
	}
	ban, err := s.Store.Ban(ctx, by.Workspace, id)
	if err != nil {
		return fmt.Errorf("reading a ban: %w", err)
	}
	if ban == nil {
		return missing
	}
	if ban.Contact == "" {
		err = s.Store.DropAddressBan(ctx, by.Workspace, *ban)
	} else {
		err = s.pardon(ctx, by, *ban)
	}
	if err != nil {
		return err
	}
	s.record(ctx, by, ActUnbanned, subjectOf(*ban), map[string]string{"ban": id}, nil)
	return nil
}

func (s *Service) pardon(ctx context.Context, by identity.By, ban Ban) error {
	return again(func() error {
		c, err := s.find(ctx, by.Workspace, ban.Contact)
		if err != nil || c == nil || c.Ban == nil || c.Ban.ID != ban.ID {
			return err
		}
		next := c.clone()
		next.Ban = nil
		return s.Store.Commit(ctx, change(*c, next, Event{Type: EventUnbanned, At: s.now(), Sender: by.User, Role: by.Role}))
	})
}

func subjectOf(b Ban) string {
	if b.Contact != "" {
		return string(b.Contact)
	}
	return "ip " + b.Address
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
