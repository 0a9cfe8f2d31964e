package contact

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Edit is what to change of a contact; nil fields stay.
type Edit struct {
	Name       *string
	Identities *[]Identity
	Addresses  *[]Address
	// Fields are set one by one, "" takes one off.
	Fields           map[string]string
	Locale, TimeZone *string
	// Consents replace older ones for the same purpose.
	Consents []Consent
}

// trusted are those whose word about who somebody is counts as the business's own. Operators may note an address, but
// not vouch for it: what is verified finds people.
func trusted(r chat.Role) bool {
	return r == chat.RoleSupervisor || r == chat.RoleAdmin || r == chat.RoleAPIKey
}

// Create makes a contact that nobody has written for yet: by the business's own systems, or by hand. id is the new
// one's. A contact that has one of the identities already refuses: chat.CodeConflict, which names it.
func (s *Service) Create(ctx context.Context, p chat.Principal, id ID, e Edit) (Contact, error) {
	if _, err := chat.Authorize(p, chat.CommandEditContact); err != nil {
		return Contact{}, err
	}
	if err := s.fit(ctx, p.Workspace, e.Fields); err != nil {
		return Contact{}, err
	}
	now := s.now()
	next := Contact{Workspace: p.Workspace, ID: id, FirstSeen: now.UTC()}
	changed, err := e.apply(&next, p.Role, now)
	if err != nil {
		return Contact{}, err
	}
	if len(changed) == 0 {
		return Contact{}, chat.Errorf(chat.CodeInvalid, "a name, an address, an identity or a field is needed")
	}
	for _, i := range next.Identities {
		if known, err := s.Store.OfIdentity(ctx, p.Workspace, i); err != nil {
			return Contact{}, err
		} else if known != "" {
			return Contact{}, taken(i, known)
		}
	}
	created := Event{Type: EventUpdated, At: now, Sender: p.User, Role: p.Role, Changed: changed}
	err = s.Store.Commit(ctx, change(Contact{}, next, created))
	if errors.Is(err, ErrConflict) { // a retry finds its own work
		if known, err := s.Store.Contact(ctx, p.Workspace, id); err != nil || known != nil {
			return deref(known), err
		}
		return Contact{}, chat.Errorf(chat.CodeConflict, "identities: another contact got one of them just now; look it up")
	}
	next.Version = 1
	return next, err
}

func taken(i Identity, by ID) error {
	return chat.Errorf(chat.CodeConflict, "identities: %s on %s is contact %s; change or merge that one", i.External, i.Channel, by)
}

// Update changes a contact that still has the version; any says that any version will do. It may be one of whom nothing
// is stored yet, with version 0. Errors: chat.CodeInvalid, CodeForbidden, CodeNotFound, CodeConflict.
func (s *Service) Update(ctx context.Context, p chat.Principal, id string, version uint64, any bool, e Edit) (Contact, error) {
	if _, err := chat.Authorize(p, chat.CommandEditContact); err != nil {
		return Contact{}, err
	}
	if err := s.fit(ctx, p.Workspace, e.Fields); err != nil {
		return Contact{}, err
	}
	var next Contact
	err := again(func() error {
		c, err := s.get(ctx, p.Workspace, id)
		if err != nil {
			return err
		}
		if !any && c.Version != version {
			return chat.Errorf(chat.CodeConflict, "it has changed since you read it: read it again, and send the change with the new ETag")
		}
		next = c.clone()
		changed, err := e.apply(&next, p.Role, s.now())
		if err != nil || len(changed) == 0 {
			return err
		}
		if err := s.free(ctx, c, next); err != nil {
			return err
		}
		err = s.Store.Commit(ctx, change(c, next, Event{Type: EventUpdated, At: s.now(), Sender: p.User, Role: p.Role, Changed: changed}))
		next.Version = c.Version + 1
		return err
	})
	return next, err
}

// free refuses identities that are another contact's.
func (s *Service) free(ctx context.Context, old, next Contact) error {
	for _, i := range next.Identities {
		if slices.Contains(old.Identities, i) {
			continue
		}
		known, err := s.Store.OfIdentity(ctx, next.Workspace, i)
		if err != nil {
			return err
		}
		if known != "" && known != next.ID {
			return taken(i, known)
		}
	}
	return nil
}

// apply checks an edit, makes it and names what has changed.
func (e Edit) apply(c *Contact, role chat.Role, now time.Time) (changed []string, err error) {
	set := func(name string, value *string, at *string, clean func(string) (string, error)) {
		if value == nil || err != nil {
			return
		}
		var text string
		if text, err = clean(*value); err == nil && text != *at {
			*at = text
			changed = append(changed, name)
		}
	}
	set("name", e.Name, &c.Name, func(v string) (string, error) { return cleanText("name", v, MaxName) })
	set("locale", e.Locale, &c.Locale, cleanLocale)
	set("timeZone", e.TimeZone, &c.TimeZone, cleanZone)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name  string
		apply func(*Contact, chat.Role, time.Time) (bool, error)
	}{{"identities", e.identities}, {"addresses", e.addresses}, {"fields", e.fields}, {"consents", e.consents}} {
		is, err := part.apply(c, role, now)
		if err != nil {
			return nil, err
		}
		if is {
			changed = append(changed, part.name)
		}
	}
	return changed, c.check()
}

func (e Edit) identities(c *Contact, role chat.Role, _ time.Time) (bool, error) {
	if e.Identities == nil || slices.Equal(*e.Identities, c.Identities) {
		return false, nil
	}
	if !trusted(role) {
		return false, chat.Errorf(chat.CodeForbidden, "identities: a supervisor, an admin or an API key says who somebody is")
	}
	for n, i := range *e.Identities {
		if err := cleanIdentity(i); err != nil {
			return false, err
		}
		if slices.Contains((*e.Identities)[:n], i) {
			return false, chat.Errorf(chat.CodeInvalid, "identities: each once")
		}
	}
	if len(*e.Identities) > MaxIdentities {
		return false, chat.Errorf(chat.CodeInvalid, "identities: a contact has at most %d", MaxIdentities)
	}
	for _, i := range c.Identities { // whoever is not this person any more must not see what this person said
		if !slices.Contains(*e.Identities, i) {
			return false, chat.Errorf(chat.CodeInvalid, "identities: one that is known stays; its conversations are this contact's")
		}
	}
	for _, i := range *e.Identities {
		c.identify(i)
	}
	return true, nil
}

func (e Edit) addresses(c *Contact, role chat.Role, _ time.Time) (bool, error) {
	if e.Addresses == nil {
		return false, nil
	}
	old := c.Addresses
	c.Addresses = nil
	for _, a := range *e.Addresses {
		value, err := CleanAddress(a.Kind, a.Value)
		if err != nil {
			return false, err
		}
		a.Value = value
		if a.Verified && !trusted(role) && !slices.Contains(old, a) {
			return false, chat.Errorf(chat.CodeForbidden, "addresses: a supervisor, an admin or an API key vouches for one")
		}
		c.reach(a)
	}
	return !slices.Equal(old, c.Addresses), nil
}

func (e Edit) fields(c *Contact, _ chat.Role, _ time.Time) (bool, error) {
	fields, err := cleanFields(e.Fields)
	if err != nil {
		return false, err
	}
	more := 0
	for name, value := range fields {
		if _, is := c.Fields[name]; !is && value != "" {
			more++
		}
	}
	if len(c.Fields)+more > MaxFields {
		return false, chat.Errorf(chat.CodeInvalid, "fields: a contact has at most %d", MaxFields)
	}
	return c.setFields(fields), nil
}

func (e Edit) consents(c *Contact, role chat.Role, now time.Time) (changed bool, err error) {
	for _, consent := range e.Consents {
		purpose, err := cleanText("consents.purpose", consent.Purpose, MaxField)
		if err != nil || purpose == "" {
			return false, chat.Errorf(chat.CodeInvalid, "consents: a purpose of 1 to %d bytes each", MaxField)
		}
		consent.Purpose, consent.At, consent.Source = purpose, now.UTC(), "staff"
		switch role {
		case chat.RoleAPIKey:
			consent.Source = "api"
		case chat.RoleCustomer:
			consent.Source = "form"
		default:
		}
		if !c.agreed(consent) {
			c.agree(consent)
			changed = true
		}
	}
	return changed, nil
}
