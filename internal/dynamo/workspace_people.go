package dynamo

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// Who is workspace.Automation's Who: the names that texts may hold, of five reads at most. What does not exist has no name.
func (s *Workspace) Who(ctx context.Context, w chat.WorkspaceID, customer, operator chat.UserID) (map[string]string, error) {
	ids, contacts := Identity{s.Store}, Contacts{s.Store}
	out := map[string]string{}
	settings, _, err := ids.Workspace(ctx, w)
	if err != nil {
		return nil, err
	}
	out["workspace.name"] = settings.Name
	if operator != "" {
		account, _, err := ids.Account(ctx, w, operator)
		if err != nil {
			return nil, err
		}
		out["operator.name"] = account.Name
	}
	id, err := contacts.OfUser(ctx, w, customer)
	if err != nil || id == "" {
		return out, err
	}
	card, err := contacts.Contact(ctx, w, id)
	if card != nil && card.MergedInto != "" {
		card, err = contacts.Contact(ctx, w, card.MergedInto)
	}
	if err != nil || card == nil {
		return out, err
	}
	out["customer.name"] = card.Name
	for name, value := range card.Fields {
		out["customer.field."+name] = value
	}
	for _, a := range card.Addresses {
		if a.Kind == contact.Email {
			out["customer.email"] = a.Value
			break
		}
	}
	return out, nil
}
