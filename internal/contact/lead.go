package contact

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// CheckLead implements chat.Leads.
func (s *Service) CheckLead(l chat.Lead) error {
	_, err := LeadOf(l).apply(&Contact{}, chat.RoleCustomer, s.now())
	return err
}

// CaptureLead implements chat.Leads: whatever form a customer fills in, Capture notes it.
func (s *Service) CaptureLead(ctx context.Context, p chat.Principal, l chat.Lead) error {
	_, err := s.Capture(ctx, p, LeadOf(l))
	return err
}

// LeadOf is the edit that a lead makes.
func LeadOf(l chat.Lead) Edit {
	var e Edit
	if l.Name != "" {
		e.Name = &l.Name
	}
	var addresses []Address
	if l.Mail != "" {
		addresses = append(addresses, Address{Kind: Email, Value: l.Mail})
	}
	if l.Phone != "" {
		addresses = append(addresses, Address{Kind: Phone, Value: l.Phone})
	}
	if addresses != nil {
		e.Addresses = &addresses
	}
	return e
}

// Capture notes what a customer typed about themselves, as an unverified part of the contact of their own device or
// identity: whatever they type, they become nobody else, and find nobody. A name or a field that the business has said
// stays as it is. Errors: chat.CodeInvalid, CodeForbidden.
func (s *Service) Capture(ctx context.Context, p chat.Principal, lead Edit) (Contact, error) {
	if _, err := chat.Authorize(p, chat.CommandForm); err != nil {
		return Contact{}, err
	}
	if lead.Identities != nil {
		return Contact{}, chat.Errorf(chat.CodeForbidden, "identities: the business says who somebody is")
	}
	if err := s.fit(ctx, p.Workspace, lead.Fields); err != nil {
		return Contact{}, err
	}
	var next Contact
	err := again(func() error {
		c, err := s.ofUser(ctx, p.Workspace, p.User)
		if err != nil {
			return err
		}
		next = c.clone()
		changed, err := lead.unverified(c).apply(&next, p.Role, s.now())
		if err != nil || len(changed) == 0 {
			return err
		}
		next.LastSeen = s.now().UTC()
		err = s.Store.Commit(ctx, change(c, next, Event{Type: EventLead, At: s.now(), Sender: p.User, Role: p.Role, User: p.User, Changed: changed}))
		next.Version = c.Version + 1
		return err
	})
	return next, err
}

// unverified is a lead without what would overwrite the business's word: addresses are added, none is vouched for.
func (e Edit) unverified(c Contact) Edit {
	if c.Verified() {
		if c.Name != "" {
			e.Name = nil
		}
		fields := map[string]string{}
		for name, value := range e.Fields {
			if _, said := c.Fields[name]; !said {
				fields[name] = value
			}
		}
		e.Fields = fields
	}
	if e.Addresses != nil {
		all := slices.Clone(c.Addresses)
		for _, a := range *e.Addresses {
			a.Verified = false
			all = append(all, a)
		}
		e.Addresses = &all
	}
	return e
}
