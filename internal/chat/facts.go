package chat

import (
	"context"
	"slices"
	"strings"
)

// Limits of what is known of a conversation.
const (
	// MaxTags is how many tags a conversation has.
	MaxTags = 30
	// MaxTag is the longest tag in bytes.
	MaxTag = 50
	// MaxFields is how many fields it has.
	MaxFields = 50
	// MaxFieldName is the longest name of a field in bytes.
	MaxFieldName = 40
	// MaxFieldValue is the longest value of one in bytes.
	MaxFieldValue = 1000
	// maxFieldBytes bounds what one command sets: an event fits into a frame.
	maxFieldBytes = 2 * MaxText
)

// Tag puts tags on a conversation and takes others off. Those that are there already, or are not, do not matter.
func (s *Service) Tag(ctx context.Context, p Principal, st Step, add, off []string) (*Outcome, error) {
	if len(add)+len(off) == 0 || len(add) > MaxTags || len(off) > MaxTags {
		return nil, Errorf(CodeInvalid, "tags, untagged: 1 to %d in each, one at least", MaxTags)
	}
	for _, tag := range slices.Concat(add, off) {
		if err := checkName("tags", tag, MaxTag); err != nil || tag == "" {
			return nil, Errorf(CodeInvalid, "tags: 1 to %d bytes each, of valid UTF-8 without control characters", MaxTag)
		}
	}
	a := act{command: CommandTag, track: Desk, draft: Event{Type: EventTagged, Detail: &Detail{Tags: add, Untagged: off}}}
	return s.edit(ctx, p, st, a, func(_ *Head, state *State) error {
		state.Tags = slices.DeleteFunc(state.Tags, func(tag string) bool { return slices.Contains(off, tag) })
		for _, tag := range add {
			if !slices.Contains(state.Tags, tag) {
				state.Tags = append(state.Tags, tag)
			}
		}
		if len(state.Tags) > MaxTags {
			return Errorf(CodeInvalid, "tags: at most %d on a conversation", MaxTags)
		}
		return nil
	})
}

// SetFields sets fields of a conversation; an empty value takes one off. What the workspace has defined must be of its
// kind; other names are free.
//
// Errors: CodeInvalid, with Fields, when a value does not fit its field.
func (s *Service) SetFields(ctx context.Context, p Principal, st Step, fields map[string]string) (*Outcome, error) {
	if err := checkFields(fields); err != nil {
		return nil, err
	}
	if err := checkLead(fields); err != nil {
		return nil, err
	}
	a := act{command: CommandFields, track: Desk, draft: Event{Type: EventFields, Detail: &Detail{Fields: fields}}}
	return s.edit(ctx, p, st, a, func(_ *Head, state *State) error {
		if s.Fields != nil { // of a retry it does not matter any more
			if err := s.Fields(ctx, p.Workspace, fields); err != nil {
				return err
			}
		}
		return state.set(fields)
	})
}

// checkLead checks the fields whose names the product has taken.
func checkLead(fields map[string]string) error {
	wrong := map[string]string{}
	for name, value := range fields {
		switch {
		case name == LeadMail && (value == "" || ValidMail(value)), name == LeadPhone && (value == "" || ValidPhone(value)):
		case name == LeadMail:
			wrong[name] = "must be an e-mail address"
		case name == LeadPhone:
			wrong[name] = "must be a telephone number"
		case strings.HasPrefix(name, leadPrefix):
			wrong[name] = "of the names that begin so there are " + LeadMail + " and " + LeadPhone
		}
	}
	if len(wrong) > 0 {
		return WrongAnswers(wrong)
	}
	return nil
}

func (st *State) set(fields map[string]string) error {
	if st.Fields == nil {
		st.Fields = map[string]string{}
	}
	for name, value := range fields {
		if st.Fields[name] = value; value == "" {
			delete(st.Fields, name)
		}
	}
	if len(st.Fields) > MaxFields {
		return Errorf(CodeInvalid, "fields: at most %d on a conversation", MaxFields)
	}
	return nil
}

func checkFields(fields map[string]string) error {
	if len(fields) == 0 || len(fields) > MaxFields {
		return Errorf(CodeInvalid, "fields: 1 to %d", MaxFields)
	}
	total := 0
	for name, value := range fields {
		if name == "" {
			return Errorf(CodeInvalid, "fields: a name must not be empty")
		}
		if err := checkName("the name of a field", name, MaxFieldName); err != nil {
			return err
		}
		if err := checkName("the value of a field", value, MaxFieldValue); err != nil {
			return err
		}
		total += len(name) + len(value)
	}
	if total > maxFieldBytes {
		return Errorf(CodeInvalid, "fields: at most %d bytes at once", maxFieldBytes)
	}
	return nil
}

// edit is a command that changes facts only.
func (s *Service) edit(ctx context.Context, p Principal, st Step, a act, edit func(*Head, *State) error) (*Outcome, error) {
	return s.perform(ctx, p, st, a, func(h *Head, e *Event, _ UserID) (*Change, error) {
		e.aside()
		facts, err := s.facts(ctx, h.Ref, func(state *State) error { return edit(h, state) })
		return &Change{Aside: true, Facts: facts}, err
	})
}

// SetPriority orders the queue: a conversation that waits moves to its new place with the same write.
func (s *Service) SetPriority(ctx context.Context, p Principal, st Step, priority int) (*Outcome, error) {
	if priority < MinPriority || priority > MaxPriority {
		return nil, Errorf(CodeInvalid, "priority: %d to %d", MinPriority, MaxPriority)
	}
	a := act{command: CommandPriority, track: Desk, draft: Event{Type: EventPriority, Detail: &Detail{Priority: priority}}}
	return s.perform(ctx, p, st, a, func(h *Head, e *Event, _ UserID) (*Change, error) {
		e.aside()
		if h.Priority == priority {
			return nil, errNothing
		}
		change := &Change{Aside: true, Priority: &priority}
		if !h.Status.Waits() {
			return change, nil
		}
		entry, err := s.States.Entry(ctx, h)
		if entry != nil {
			change.Entry = *entry
		}
		return change, err
	})
}
