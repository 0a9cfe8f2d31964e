package contact

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Arrival is a visitor who comes to a page with the widget.
type Arrival struct {
	WidgetKey string
	// Origin is the Origin header.
	Origin string
	// Token of the session that the device has; "" for a new one.
	Token string
	// Identity is the business's token that says who this is; "" for an anonymous visitor.
	Identity string
	// Source is the network address as the gateway saw it; "" where it says nothing about anybody.
	Source string
}

// Start returns the session of the device, or a new one. With an Identity it is the session of the user that stands
// for it, as Identify makes it. fresh says that the session is a new one: the token before, if there was one, holds no
// more.
// Errors: those of identity.Customers.Start; *identity.Refusal with chat.CodeUnauthenticated for an Identity that does
// not hold, CodeBanned, and CodeTooFast when too many new visitors come from one address.
func (s *Service) Start(ctx context.Context, a Arrival) (opened identity.Opened, fresh bool, err error) {
	widget, err := s.Customers.Admit(ctx, a.WidgetKey, a.Origin)
	if err != nil {
		return identity.Opened{}, false, err
	}
	if err := s.Welcome(ctx, widget.Workspace, "", a.Source); err != nil {
		return identity.Opened{}, false, err
	}
	if a.Token != "" {
		if opened, err = s.resume(ctx, widget, a); err != nil || a.Identity == "" {
			return opened, false, err
		}
		next, err := s.Identify(ctx, opened, a.Identity)
		return next, next.Session.ID != opened.Session.ID, err
	}
	if err := s.Customers.Count(ctx, a.Source); err != nil {
		return identity.Opened{}, false, err
	}
	if a.Identity == "" {
		opened, err = s.Customers.Open(ctx, widget.Workspace, widget.Key, "")
		return opened, true, err
	}
	opened, err = s.identify(ctx, identity.Session{Workspace: widget.Workspace, Widget: widget.Key}, a.Identity)
	return opened, true, err
}

// resume takes up the device's session. One that was revoked since its user was banned says so: else the device would
// forget its token and be somebody new.
func (s *Service) resume(ctx context.Context, widget identity.Widget, a Arrival) (identity.Opened, error) {
	opened, err := s.Customers.Resume(ctx, widget, a.Token)
	if err != nil {
		return identity.Opened{}, s.Explain(ctx, a.Token, err)
	}
	return opened, s.Welcome(ctx, opened.Session.Workspace, opened.Session.User, "")
}

// Identify makes a running session of a customer that of the user who stands for the business's token: always a new
// session, so that a token that somebody else may have planted or read before is worth nothing after. The session
// before is revoked, and its sockets end. A session that is that user's already stays, and the card learns what the
// token says.
//
// What the device said while it was anonymous becomes the contact's: its open conversations, and the newest closed
// ones, pass to the identified user; its own contact is merged. A device whose session is of another verified
// contact brings nothing along.
func (s *Service) Identify(ctx context.Context, opened identity.Opened, token string) (identity.Opened, error) {
	if _, err := chat.Authorize(opened.Session.Principal(), chat.CommandIdentify); err != nil {
		return identity.Opened{}, err
	}
	next, err := s.identify(ctx, opened.Session, token)
	if err != nil {
		return identity.Opened{}, err
	}
	if next.Session.ID == "" { // it was this user's already
		return opened, nil
	}
	if err := s.Customers.Sessions.Revoke(ctx, opened.Session); errors.Is(err, identity.ErrSocketsLeft) {
		s.warn(ctx, "sockets of the session before", err)
	} else if err != nil {
		return identity.Opened{}, err
	}
	return next, nil
}

// identify verifies the token and opens the session; none if the one before is of the same user.
func (s *Service) identify(ctx context.Context, before identity.Session, token string) (identity.Opened, error) {
	w := before.Workspace
	claims, err := s.Verifier.Verify(ctx, w, token)
	if err != nil {
		return identity.Opened{}, err
	}
	said, err := clean(claims)
	if err != nil {
		return identity.Opened{}, err
	}
	if said.Fields, err = s.fitting(ctx, w, said.Fields); err != nil {
		return identity.Opened{}, err
	}
	own := Identity{ChannelApp, said.External}
	user := own.User(w)
	if err := s.attach(ctx, before, own, said); err != nil {
		return identity.Opened{}, err
	}
	if before.User == user {
		return identity.Opened{}, nil
	}
	return s.Customers.Open(ctx, w, before.Widget, user)
}

// fitting leaves out what is not of its field's kind: a customer is not kept out because a definition has changed since
// their business's server was written. The log says so.
func (s *Service) fitting(ctx context.Context, w chat.WorkspaceID, fields map[string]string) (map[string]string, error) {
	err := s.fit(ctx, w, fields)
	var named *chat.Error
	if err == nil || !errors.As(err, &named) || named.Code != chat.CodeInvalid {
		return fields, err
	}
	if s.Log != nil {
		s.Log.WarnContext(ctx, "fields of a customer's token do not fit", "workspace", w, "wrong", named.Fields)
	}
	fields = maps.Clone(fields)
	for name := range named.Fields {
		delete(fields, name)
	}
	return fields, nil
}

// clean checks what a token says about somebody, as the business would like it said.
func clean(c identity.CustomerClaims) (identity.CustomerClaims, error) {
	err := cleanIdentity(Identity{ChannelApp, c.External})
	keep := func(text *string, f func(string) (string, error)) {
		if err == nil && *text != "" {
			*text, err = f(*text)
		}
	}
	keep(&c.Name, func(v string) (string, error) { return cleanText("name", v, MaxName) })
	keep(&c.Email, func(v string) (string, error) { return CleanAddress(Email, v) })
	keep(&c.Phone, func(v string) (string, error) { return CleanAddress(Phone, v) })
	keep(&c.Locale, cleanLocale)
	keep(&c.Zone, cleanZone)
	if err == nil {
		c.Fields, err = cleanFields(c.Fields)
	}
	var named *chat.Error
	if errors.As(err, &named) {
		return c, identity.RefuseToken(identity.ReasonIdentityClaims, "identity: %s", named.Message)
	}
	return c, err
}

// attach finds or makes the contact of the identity, tells it what the token says, and brings along what the session
// before has of its own.
func (s *Service) attach(ctx context.Context, before identity.Session, own Identity, said identity.CustomerClaims) error {
	w, user := before.Workspace, own.User(before.Workspace)
	var adopted chat.UserID
	err := again(func() error {
		c, err := s.ofIdentity(ctx, w, own)
		if err != nil {
			return err
		}
		changes, brought, err := s.attachment(ctx, c, before.User, own, said)
		if err != nil {
			return err
		}
		adopted = ""
		if brought {
			adopted = before.User
		}
		if len(changes) == 0 {
			return nil
		}
		return s.Store.Commit(ctx, changes...)
	})
	if err != nil || adopted == "" {
		return err
	}
	from := before.Principal()
	to := chat.Principal{Workspace: w, User: user, Role: chat.RoleCustomer}
	if err := s.Conversations.Adopt(ctx, from, to); err != nil {
		return fmt.Errorf("adopting conversations: %w", err)
	}
	return nil
}

// ofIdentity reads the contact of an identity; version 0 if none is stored.
func (s *Service) ofIdentity(ctx context.Context, w chat.WorkspaceID, i Identity) (Contact, error) {
	id, err := s.Store.OfIdentity(ctx, w, i)
	if err != nil {
		return Contact{}, fmt.Errorf("reading the contact of an identity: %w", err)
	}
	if id == "" {
		id = OfUser(i.User(w))
	}
	c, err := s.find(ctx, w, id)
	if err != nil || c != nil {
		return deref(c), err
	}
	next := fresh(w, id, i.User(w))
	next.FirstSeen = s.now().UTC() // the user's id says nothing of time
	return next, nil
}

// attachment decides what identifying changes. brought says that the device was anonymous, and comes along.
func (s *Service) attachment(ctx context.Context, c Contact, device chat.UserID, own Identity, said identity.CustomerClaims) (changes []Change, brought bool, err error) {
	now := s.now()
	if c.Ban.Holds(now) {
		return nil, false, banned()
	}
	next := c.clone()
	next.identify(own)
	changed := next.learn(said, c)
	var others []Change
	if device != "" && device != own.User(c.Workspace) {
		visitor, err := s.ofUser(ctx, c.Workspace, device)
		switch {
		case err != nil:
			return nil, false, err
		case visitor.Ban.Holds(now):
			return nil, false, banned()
		case visitor.ID == c.ID: // attached by an earlier try, whose conversations may be left to bring
			brought = true
		case !visitor.Verified():
			brought = true
			next.link(device)
			if visitor.Version > 0 {
				if next, err = merged(visitor, next); err != nil {
					return nil, false, err
				}
				others = append(others, tombstone(visitor, c.ID, Event{Type: EventMerged, At: now, Sender: own.User(c.Workspace), Role: chat.RoleCustomer, Other: c.ID}))
			}
		}
	}
	first := c.Version == 0 || !slices.Contains(c.Identities, own) || !slices.Equal(next.Users, c.Users)
	if !first && len(changed) == 0 && now.Sub(c.LastSeen) < SeenEvery {
		return nil, brought, nil
	}
	next.LastSeen = now.UTC()
	event := Event{At: now, Sender: own.User(c.Workspace), Role: chat.RoleCustomer, User: own.User(c.Workspace), Changed: changed}
	switch {
	case first:
		event.Type = EventIdentified
	case len(changed) > 0:
		event.Type = EventUpdated
	}
	var events []Event
	if event.Type != "" {
		events = append(events, event)
	}
	return append(others, change(c, next, events...)), brought, nil
}

// learn takes over what a token says, and names what is new in it.
func (c *Contact) learn(said identity.CustomerClaims, old Contact) (changed []string) {
	set := func(name, value string, at *string) {
		if value != "" && value != *at {
			*at = value
			changed = append(changed, name)
		}
	}
	set("name", said.Name, &c.Name)
	set("locale", said.Locale, &c.Locale)
	set("timeZone", said.Zone, &c.TimeZone)
	if said.Email != "" {
		c.make(Address{Email, said.Email, said.EmailVerified})
	}
	if said.Phone != "" {
		c.make(Address{Phone, said.Phone, false})
	}
	if !slices.Equal(c.Addresses, old.Addresses) {
		changed = append(changed, "addresses")
	}
	if c.setFields(said.Fields) {
		changed = append(changed, "fields")
	}
	return changed
}

// make is reach, where the oldest address that is not verified gives way when there are too many.
func (c *Contact) make(a Address) {
	c.reach(a)
	if len(c.Addresses) <= MaxAddresses {
		return
	}
	n := slices.IndexFunc(c.Addresses[:MaxAddresses], func(a Address) bool { return !a.Verified })
	c.Addresses = slices.Delete(c.Addresses, max(n, 0), max(n, 0)+1)
}

// setFields sets some fields, "" takes one off, and says whether that changed any. Those beyond MaxFields are left
// out; callers who can be told are told before.
func (c *Contact) setFields(fields map[string]string) (changed bool) {
	for name, value := range fields {
		old, is := c.Fields[name]
		switch {
		case value == "" && is:
			delete(c.Fields, name)
			changed = true
		case value != "" && value != old && (is || len(c.Fields) < MaxFields):
			if c.Fields == nil {
				c.Fields = map[string]string{}
			}
			c.Fields[name] = value
			changed = true
		}
	}
	return changed
}
