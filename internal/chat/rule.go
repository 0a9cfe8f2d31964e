package chat

import "slices"

// Check says why the rule does not hold for the image; nil when it does. The adapters turn the same rule into
// a condition of the write; the conformance suite holds the two together.
func (r Rule) Check(h *Head) error {
	p, takesPart := h.Participants[r.Actor]
	switch {
	case r.Participant && !takesPart:
		return errNotFound()
	case !takesPart && r.Departments != "" && !r.Departments.Has(h.Department):
		return errNotFound()
	case r.Customer != "" && h.Participants[r.Customer].Role != RoleCustomer:
		return Errorf(CodeInvalid, "user: no customer of this conversation")
	case r.Epoch != nil && *r.Epoch != h.Epoch:
		return Errorf(CodeStaleEpoch, "control of the conversation has changed hands; its epoch is %d", h.Epoch)
	case r.Unassigned && h.Assignee != "":
		return Errorf(CodeAlreadyAssigned, "another operator has taken this conversation")
	case len(r.Statuses) > 0 && !slices.Contains(r.Statuses, h.Status):
		if h.Status.Over() {
			return Errorf(CodeClosed, "the conversation is closed")
		}
		if slices.Equal(r.Statuses, botLeads) {
			return Errorf(CodeStaleEpoch, "a person leads the conversation by now, or is asked for; its epoch is %d", h.Epoch)
		}
		if h.Status == StatusOffered && slices.Equal(r.Statuses, unoffered) {
			return Errorf(CodeNotClosed, "the conversation is offered; whom it is offered to writes once they have accepted it")
		}
		return Errorf(CodeNotClosed, "the conversation is %s", h.Status)
	case !r.UnmutedAt.IsZero() && takesPart && p.MutedUntil.After(r.UnmutedAt):
		err := Errorf(CodeTooFast, "too many messages; wait until the pause is over")
		err.RetryAfter = p.MutedUntil.Sub(r.UnmutedAt)
		return err
	case r.Version != nil && *r.Version != h.Version:
		return Errorf(CodeUnavailable, "the conversation has just changed; try again")
	}
	return nil
}

// reach demands what the scope leaves to the write.
func (r Rule) reach(p Principal, scope Scope) Rule {
	r.Actor = p.User
	r.Participant = scope == Own
	if scope == Department {
		r.Departments = p.Departments
	}
	return r
}

func errNotFound() *Error {
	return Errorf(CodeNotFound, "no such conversation, or you take no part in it")
}

func errBadConversation() *Error {
	return Errorf(CodeInvalid, "conversation: must be a well-formed id")
}
