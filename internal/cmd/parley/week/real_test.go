package week

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/dynamo"
)

// TestPeopleOfTheWeek: whoever has a card came to the site within the week, before they wrote, and has an address that
// people could have.
func TestPeopleOfTheWeek(t *testing.T) {
	t.Parallel()
	w := newTable(t)
	o := options("shop")
	o.Conversations = 120
	w.seed(t, o)
	heads, states := w.heads(t)
	store, cards, urgent := dynamo.Contacts{Store: w.Store}, 0, 0
	for _, h := range heads {
		if h.Priority > 0 && !h.Status.Over() {
			urgent++
		}
		s := states[h.Conversation]
		c, err := store.Contact(t.Context(), workspaceID, contact.OfUser(s.Customer))
		if err != nil {
			t.Fatal(err)
		}
		if c == nil { // a visitor of whom nothing is known
			continue
		}
		cards++
		week := at.Add(-8 * 24 * time.Hour)
		if c.FirstSeen.Before(week) || c.FirstSeen.After(at) || !c.LastSeen.IsZero() && c.LastSeen.Before(c.FirstSeen) || c.LastSeen.After(at) {
			t.Errorf("%s was first seen at %s and last at %s", c.Name, c.FirstSeen, c.LastSeen)
		}
		for _, a := range c.Addresses {
			if strings.ContainsFunc(a.Value, func(r rune) bool { return r > 'z' || r == '\'' || r == ' ' }) {
				t.Errorf("%s writes from %s", c.Name, a.Value)
			}
		}
	}
	if cards < len(heads)/3 || urgent == 0 {
		t.Errorf("%d of %d conversations are of somebody with a card, %d are urgent", cards, len(heads), urgent)
	}
}

// TestEverybodyIsAnsweredInTheirLanguage: no customer meets a dialogue, or the name of a thing, in another one.
func TestEverybodyIsAnsweredInTheirLanguage(t *testing.T) {
	t.Parallel()
	s := &stage{script: newScript(options("shop"))}
	for _, d := range []chat.DepartmentID{s.orders, s.sizes, s.returns, s.invoices} {
		for language := range items {
			list := s.dialoguesOf(d, language)
			if len(list) == 0 || slices.ContainsFunc(list, func(x dialogue) bool { return x.language != language }) {
				t.Errorf("%s speaks no %s", d, language)
			}
		}
	}
}

// TestEveryEdgeIsAnEvent: each version of a conversation is told by an event with from, to and actor; what the system did
// has a reason.
func TestEveryEdgeIsAnEvent(t *testing.T) {
	t.Parallel()
	w := newTable(t)
	o := options("shop")
	o.Conversations = 120
	w.seed(t, o)
	heads, _ := w.heads(t)
	all := 0
	for _, h := range heads {
		edges := 0
		for _, track := range chat.Tracks() {
			for _, e := range w.log(t, h, track) {
				if e.To == "" {
					continue
				}
				edges++
				begins, system := e.Type == chat.EventStarted, e.Role == chat.RoleSystem
				if begins != (e.From == "") || e.Sender == "" || e.Role == "" || system && e.Reason == "" {
					t.Errorf("%s %s %d: %s from %q to %q by %s %q, %q", h.Conversation, track, e.Seq, e.Type, e.From, e.To, e.Role, e.Sender, e.Reason)
				}
			}
		}
		if edges < int(h.Version) {
			t.Errorf("%s is at version %d, but %d edges are told", h.Conversation, h.Version, edges)
		}
		all += edges
	}
	if all < 2*len(heads) {
		t.Errorf("%d edges of %d conversations", all, len(heads))
	}
}
