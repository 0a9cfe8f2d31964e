package chat

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
)

// Names of the fields that hold a lead: how the customer can be reached.
const (
	LeadMail  = "lead.mail"
	LeadPhone = "lead.phone"
	// leadPrefix begins the names that only leads have.
	leadPrefix = "lead."
)

// Answers that tell who the customer is: whatever form asks for them, they make a lead.
const (
	AnswerName  = "name"
	AnswerMail  = "email"
	AnswerPhone = "phone"
)

// Limits of a lead.
const (
	// MaxMail is the longest address without angle brackets in bytes (RFC 5321 section 4.5.3.1.3).
	MaxMail = 254
	// MaxPhone is the longest number in characters.
	MaxPhone = 32
)

// Form is what a customer fills in: the form before a chat, one within it, or an address to be answered at.
type Form struct {
	// ID names the workspace's form; "" stands for the one that is due: before a chat, or when a message is left.
	ID string
	// Fields are the answers by name. Those to email and phone are the same as Mail and Phone.
	Fields map[string]string
	// Mail and Phone make a lead: they are stored as the fields LeadMail and LeadPhone, and noted on the contact.
	Mail, Phone string
}

// Submission is a filled form, as the workspace checks it.
type Submission struct {
	// Form is its id; "" stands for the one that is due.
	Form       string
	Department DepartmentID
	// Offline says that a message is left, Starts that the conversation begins with it: then the form that is due must be
	// filled in, also if nothing was.
	Offline, Starts bool
	// Answers by name. Mail and Phone answer email and phone where a form asks for them, and else stand for themselves.
	Answers     map[string]string
	Mail, Phone string
}

// Lead is what a customer says about themselves. It is nobody's word but theirs.
type Lead struct{ Name, Mail, Phone string }

// Leads notes what customers say about themselves on their contacts.
type Leads interface {
	// CheckLead returns CodeInvalid for a lead that no contact can hold.
	CheckLead(Lead) error
	// CaptureLead adds a lead to the customer's own contact, as not verified; again, it changes nothing. CodeInvalid means
	// that this contact can hold no more.
	CaptureLead(context.Context, Principal, Lead) error
}

// WrongAnswers is the error for answers that do not fit: what is wrong with each, by its name.
func WrongAnswers(wrong map[string]string) *Error {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		all = append(all, "fields."+name+": "+wrong[name])
	}
	return &Error{Code: CodeInvalid, Message: strings.Join(all, "; "), Fields: wrong}
}

// ValidMail says whether the text may be an e-mail address. Whether it exists, only mail can tell.
func ValidMail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && len(s) <= MaxMail && !strings.ContainsAny(s, " \t\r\n<>,;")
}

// ValidPhone says whether the text may be a telephone number.
func ValidPhone(s string) bool {
	return len(s) <= MaxPhone && strings.Trim(s, "+0123456789 ()-./") == "" && strings.ContainsAny(s, "0123456789")
}

// filled is a form that holds together.
type filled struct {
	Submission
	lead Lead
	// fields are those that the conversation gets.
	fields map[string]string
}

func (f Form) empty() bool { return len(f.Fields) == 0 && f.Mail == "" && f.Phone == "" }

// filled tells the lead from the other answers, and checks what holds for every form.
func (f Form) filled() (filled, error) {
	out := filled{
		Submission: Submission{Form: f.ID, Answers: f.Fields, Mail: f.Mail, Phone: f.Phone},
		lead:       Lead{Name: f.Fields[AnswerName], Mail: cmp.Or(f.Mail, f.Fields[AnswerMail]), Phone: cmp.Or(f.Phone, f.Fields[AnswerPhone])},
		fields:     maps.Clone(f.Fields),
	}
	if out.fields == nil {
		out.fields = map[string]string{}
	}
	for name := range out.fields {
		if strings.HasPrefix(name, leadPrefix) {
			return out, Errorf(CodeInvalid, "fields: names do not begin with %q; use mail and phone", leadPrefix)
		}
	}
	for _, part := range []struct {
		answer, field, value, want string
		valid                      func(string) bool
	}{
		{AnswerMail, LeadMail, out.lead.Mail, "an e-mail address", ValidMail}, {AnswerPhone, LeadPhone, out.lead.Phone, "a telephone number", ValidPhone},
	} {
		typed := out.fields[part.answer]
		delete(out.fields, part.answer)
		switch {
		case part.value == "":
		case typed != "" && typed != part.value:
			return out, WrongAnswers(map[string]string{part.answer: "given twice, and not the same"})
		case !part.valid(part.value):
			return out, WrongAnswers(map[string]string{part.answer: part.want})
		default:
			out.fields[part.field] = part.value
		}
	}
	return out, checkFields(out.fields)
}

// fill is filled, for a form whose lead a contact can hold.
func (s *Service) fill(f Form) (filled, error) {
	out, err := f.filled()
	if err == nil && s.Leads != nil {
		err = s.Leads.CheckLead(out.lead)
	}
	return out, err
}

// fits asks the workspace whether the answers fit its form.
func (s *Service) fits(ctx context.Context, w WorkspaceID, sub Submission) error {
	if s.Forms == nil {
		return nil
	}
	return s.Forms(ctx, w, sub)
}

// capture notes a lead, after what it came with was committed: whoever hears of a failure sends the same again. A contact
// that is full is no failure: the conversation's fields hold the lead.
func (s *Service) capture(ctx context.Context, p Principal, lead Lead) error {
	if s.Leads == nil || lead == (Lead{}) {
		return nil
	}
	err := s.Leads.CaptureLead(ctx, p, lead)
	if err == nil || CodeOf(err) == CodeInvalid {
		return nil
	}
	return Errorf(CodeUnavailable, "how you can be reached could not be noted; send the same again")
}

// SubmitForm stores a customer's answers as fields of the conversation, with an event that everybody in it sees, and notes
// how they can be reached on their contact. Mail and Phone alone are no form, and may be handed in at any time.
//
// Errors: CodeInvalid, with Fields, when the answers do not fit the workspace's form.
func (s *Service) SubmitForm(ctx context.Context, p Principal, st Step, f Form) (*Outcome, error) {
	form, err := s.fill(f)
	if err != nil {
		return nil, err
	}
	a := act{command: CommandForm, track: Public, draft: Event{Type: EventForm, Detail: &Detail{Fields: form.fields}}}
	out, err := s.edit(ctx, p, st, a, func(h *Head, state *State) error {
		if h.Status.Over() {
			return errStatus(h)
		}
		sub := form.Submission
		sub.Department, sub.Offline = h.Department, h.Status == StatusOffline
		if err := s.fits(ctx, p.Workspace, sub); err != nil {
			return err
		}
		return state.set(form.fields)
	})
	if err != nil {
		return nil, err
	}
	return out, s.capture(ctx, p, form.lead)
}
