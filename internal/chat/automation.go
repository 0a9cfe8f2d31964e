package chat

import "context"

// ByRule is the principal of an automation rule: nobody, in the workspace. chain lists the rules that led here, the one
// that acts last, separated by commas.
func ByRule(w WorkspaceID, chain string) Principal {
	p := system(w)
	p.Rule = chain
	return p
}

// by notes which rule or macro has brought an event about; "" leaves the detail as it is.
func (d *Detail) by(rule string) *Detail {
	if rule == "" {
		return d
	}
	var out Detail
	if d != nil {
		out = *d
	}
	out.Rule = rule
	return &out
}

// Automated tells the desk that the principal's rule or macro has acted; with a reason, that it could not. The id makes it
// told once, after is as in Step.
func (s *Service) Automated(ctx context.Context, p Principal, conversation ConversationID, id EventID, after uint64, failure string) (*Outcome, error) {
	cmd := CommandMacro
	if p.Role == RoleSystem {
		cmd = CommandNote
	}
	scope, err := authorize(p, cmd)
	if err != nil {
		return nil, err
	}
	e := Event{ID: id, Type: EventAutomated, Sender: p.User, Role: p.Role}
	if failure != "" {
		e.Type, e.Reason = EventAutoFailed, cutText(failure, MaxReason)
	}
	return s.append(ctx, &command{
		drafts: []Event{e}, loose: true, rule: p.Rule,
		Append: Append{Ref: Ref{p.Workspace, conversation}, Track: Desk, After: after, Rule: Rule{}.reach(p, scope)},
	})
}

// cutText returns at most n bytes of a text, and no half a character.
func cutText(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}
