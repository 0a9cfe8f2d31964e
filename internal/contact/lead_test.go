package contact_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// TestLeadsOfForms: what a form's answers make of a contact is what POST /v1/leads makes of it; sent again it changes
// nothing, and it attaches to nobody.
func TestLeadsOfForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, eve, bob := w.identified("42", nil), w.anonymous(), w.anonymous()
	for _, o := range []chat.Principal{eve.Session.Principal(), eve.Session.Principal()} {
		w.must(w.service.CaptureLead(t.Context(), o, chat.Lead{Name: "Eve", Mail: "Ada@Shop.Example", Phone: "+49 (30) 12"}))
	}
	card := w.cardOf(eve)
	w.same("addresses", card.Addresses, []contact.Address{{Kind: contact.Email, Value: "ada@shop.example"}, {Kind: contact.Phone, Value: "+493012"}})
	w.same("name, verified, version", []any{card.Name, card.Verified(), card.Version}, []any{"Eve", false, uint64(1)})
	w.same("told once", w.events(card.ID), []contact.EventType{contact.EventLead})
	if card.ID == w.cardOf(ada).ID {
		t.Error("attached to a verified contact")
	}
	consent := contact.Edit{Consents: []contact.Consent{{Purpose: "newsletter", Given: true}}}
	for range 2 {
		_, err := w.service.Capture(t.Context(), bob.Session.Principal(), consent)
		w.must(err)
	}
	w.same("a consent that is sent again", w.events(w.cardOf(bob).ID), []contact.EventType{contact.EventLead})
	consent.Consents[0].Given = false
	_, err := w.service.Capture(t.Context(), bob.Session.Principal(), consent)
	w.must(err)
	w.same("a consent that is withdrawn", w.cardOf(bob).Consents[0].Given, false)
	for _, bad := range []chat.Lead{{Mail: "ada"}, {Phone: "1"}, {Name: string(make([]byte, 2000))}} {
		w.refused("a lead that no contact can hold", w.service.CheckLead(bad), chat.CodeInvalid, "")
	}
	w.must(w.service.CheckLead(chat.Lead{Name: "Eve", Mail: "ada@shop.example", Phone: "110"}))
}
