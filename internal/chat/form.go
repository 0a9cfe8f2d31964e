package chat

import (
	"context"
	"maps"
	"strings"
)

// Names of the fields that hold a lead: how the customer can be reached.
const (
	LeadMail  = "lead.mail"
	LeadPhone = "lead.phone"
	// leadPrefix begins the names that only leads have.
	leadPrefix = "lead."
)

// Limits of a lead.
const (
	// MaxMail is the longest address without angle brackets in bytes (RFC 5321 section 4.5.3.1.3).
	MaxMail = 254
	// MaxPhone is the longest number in characters.
	MaxPhone = 32
)

// Form is what a customer fills in: the form before a chat, or an address to be answered at.
type Form struct {
	Fields map[string]string
	// Mail and Phone make a lead: they are stored as the fields LeadMail and LeadPhone.
	Mail, Phone string
}

// fields returns the answers with the lead among them.
func (f Form) fields() (map[string]string, error) {
	all := maps.Clone(f.Fields)
	if all == nil {
		all = map[string]string{}
	}
	for name := range all {
		if strings.HasPrefix(name, leadPrefix) {
			return nil, Errorf(CodeInvalid, "fields: names do not begin with %q; use mail and phone", leadPrefix)
		}
	}
	if f.Mail != "" {
		// Whether it exists, only mail can tell.
		local, domain, ok := strings.Cut(f.Mail, "@")
		if !ok || local == "" || domain == "" || len(f.Mail) > MaxMail || strings.ContainsAny(f.Mail, " \t\r\n<>,;") {
			return nil, Errorf(CodeInvalid, "mail: an address, at most %d bytes", MaxMail)
		}
		all[LeadMail] = f.Mail
	}
	if f.Phone != "" {
		if len(f.Phone) > MaxPhone || strings.Trim(f.Phone, "+0123456789 ()-./") != "" || !strings.ContainsAny(f.Phone, "0123456789") {
			return nil, Errorf(CodeInvalid, "phone: a number, at most %d characters", MaxPhone)
		}
		all[LeadPhone] = f.Phone
	}
	return all, checkFields(all)
}

// SubmitForm stores a customer's answers as fields of the conversation, with an event that everybody in it sees.
func (s *Service) SubmitForm(ctx context.Context, p Principal, st Step, f Form) (*Outcome, error) {
	fields, err := f.fields()
	if err != nil {
		return nil, err
	}
	a := act{command: CommandForm, track: Public, draft: Event{Type: EventForm, Detail: &Detail{Fields: fields}}}
	return s.edit(ctx, p, st, a, func(h *Head, state *State) error {
		if h.Status.Over() {
			return errStatus(h)
		}
		return state.set(fields)
	})
}
