package contact_test

import (
	"context"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/workspace"
)

// Fields of contacts go by their definitions, whoever sets them: who can be told is told, and nothing changes; of what a
// token says the rest is taken over, so that no customer is kept out.
func TestFieldsGoByTheirDefinitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.service.Fields = func(_ context.Context, _ chat.WorkspaceID, values map[string]string) error {
		return workspace.FieldsFit([]workspace.Field{
			{Of: workspace.OfContact, Name: "seats", Kind: workspace.FieldNumber}, {Of: workspace.OfConversation, Name: "free", Kind: workspace.FieldNumber},
		}, workspace.OfContact, values)
	}
	bad, good := map[string]string{"seats": "many", "free": "yes"}, map[string]string{"seats": "7", "free": "yes"}
	id := contact.ID(chat.NewID(contact.Prefix, w.now))
	_, err := w.service.Create(t.Context(), w.admin.Principal, id, contact.Edit{Fields: bad})
	w.refused("a new contact", err, chat.CodeInvalid, "")
	made, err := w.service.Create(t.Context(), w.admin.Principal, id, contact.Edit{Fields: good})
	w.must(err)
	_, err = w.service.Update(t.Context(), w.operator.Principal, string(id), made.Version, false, contact.Edit{Fields: bad})
	w.refused("a change", err, chat.CodeInvalid, "")
	w.same("fields", w.card(string(id)).Fields, good)
	device := w.anonymous()
	_, err = w.service.Capture(t.Context(), device.Session.Principal(), contact.Edit{Fields: bad})
	w.refused("a lead", err, chat.CodeInvalid, "")
	known := w.identify(device, "42", object{"fields": object{"seats": "many", "free": "yes"}})
	w.same("fields of a token", w.cardOf(known).Fields, map[string]string{"free": "yes"})
}
