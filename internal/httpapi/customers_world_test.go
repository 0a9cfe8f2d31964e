package httpapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/contact/contacttest"
	"github.com/parley-chat/parley/internal/identity"
)

// trusting takes the text of a token for the customer's id: how tokens are checked is tested where it is done.
type trusting struct{}

func (trusting) Verify(_ context.Context, _ chat.WorkspaceID, token string) (identity.CustomerClaims, error) {
	if sub, ok := strings.CutPrefix(token, "sub:"); ok {
		return identity.CustomerClaims{External: sub, Name: "Known " + sub}, nil
	}
	return identity.CustomerClaims{}, identity.RefuseToken(identity.ReasonIdentitySignature, "identity: not signed")
}

// still has no conversations.
type still struct{}

func (still) Adopt(context.Context, chat.Principal, chat.Principal) error             { return nil }
func (still) Silence(context.Context, chat.WorkspaceID, chat.UserID, time.Time) error { return nil }

// customers completes the world's API with contacts.
func (w *world) customers(sessions *identity.Sessions) {
	store, clock := &contacttest.Memory{}, sessions.Now
	w.api.Customers.Attempts = &w.store
	w.api.CustomerTokens = &identity.CustomerTokens{Store: store, Audit: w.api.Audit, Now: clock}
	w.api.Contacts = &contact.Service{
		Store: store, Customers: w.api.Customers, Verifier: trusting{}, Accounts: &w.store, Directory: &w.directory, Conversations: still{},
		Audit: w.api.Audit, Log: w.api.Log, Now: clock,
	}
}

const (
	contactOne = contact.ID("ct_01kaw3v4x0fedcba9876543210") // of customerOne
	contactTwo = contact.ID("ct_01kaw3v4x0bbbbbbbbbbbbbbbb")
)

// known stores two contacts.
func (w *world) known() {
	w.t.Helper()
	for id, name := range map[contact.ID]string{contactOne: "Grace <b>", contactTwo: "Barbara"} {
		c := contact.Contact{Workspace: workspaceOne, ID: id, Name: name, FirstSeen: w.now, Users: []chat.UserID{id.User()}}
		if err := w.api.Contacts.Store.Commit(w.t.Context(), contact.Change{New: c}); !errors.Is(err, contact.ErrConflict) { // known already
			w.must(err)
		}
	}
}

func arrangeContact(target, body string) arrangement {
	return func(w *world, _ string) (string, string) {
		w.known()
		return target, body
	}
}

// contactFixtures by the names of operations.
func contactFixtures() map[string]fixture {
	one := "/v1/contacts/" + string(contactOne)
	anyRole := []string{"If-Match", "*"}
	return map[string]fixture{
		"findContacts":         {about: aboutWorkspace, arrange: arrangeContact("/v1/contacts?query=gra", "")},
		"makeContact":          {about: aboutWorkspace, arrange: fixed("/v1/contacts", `{"name":"Ada"}`)},
		"contact":              {about: aboutWorkspace, foreign: 404, arrange: arrangeContact(one, "")},
		"changeContact":        {about: aboutWorkspace, foreign: 404, headers: anyRole, arrange: arrangeContact(one, `{"fields":{"plan":"gold"}}`)},
		"mergeContact":         {about: aboutWorkspace, foreign: 404, arrange: arrangeContact(one+"/merge", `{"into":"`+string(contactTwo)+`"}`)},
		"contactConversations": {about: aboutWorkspace, foreign: 404, arrange: arrangeContact(one+"/conversations", "")},
		"contactEvents":        {about: aboutWorkspace, foreign: 404, arrange: arrangeContact(one+"/events", "")},
		"listBans":             {about: aboutWorkspace, arrange: fixed("/v1/bans", "")},
		"ban":                  {about: aboutWorkspace, foreign: 404, arrange: arrangeContact("/v1/bans", `{"contact":"`+string(contactOne)+`","reason":"spam"}`)},
		"unban":                {about: aboutWorkspace, foreign: 404, arrange: arrangeBan},
		"identify":             {about: aboutSelf, arrange: fixed("/v1/customer-sessions/current/identify", `{"identity":"sub:42"}`)},
		"captureLead":          {about: aboutSelf, arrange: fixed("/v1/leads", `{"name":"Ada","email":"ada@shop.example"}`)},
		"listIdentityKeys":     {about: aboutWorkspace, arrange: fixed("/v1/identity-keys", "")},
		"makeIdentityKey":      {about: aboutWorkspace, arrange: fixed("/v1/identity-keys", `{"algorithm":"HS256"}`)},
		"removeIdentityKey":    {about: aboutWorkspace, foreign: 404, arrange: arrangeIdentityKey},
	}
}

func arrangeBan(w *world, _ string) (string, string) {
	w.known()
	b, err := w.api.Contacts.Ban(w.t.Context(), w.admin(), contact.Banning{ID: chat.NewID(contact.BanPrefix, w.now), Contact: contactTwo})
	w.must(err)
	return "/v1/bans/" + b.ID, ""
}

func arrangeIdentityKey(w *world, _ string) (string, string) {
	k, _, err := w.api.CustomerTokens.Make(w.t.Context(), w.admin(), "", identity.HS256, "")
	w.must(err)
	return "/v1/identity-keys/" + k.ID, ""
}

// askCustomer is askArranged for what only customers may do.
func (w *world) askCustomer(op Operation, f fixture, query string) answer {
	w.t.Helper()
	_, token := w.customer()
	target, body := f.arrange(w, token)
	if query != "" {
		target += "?" + query
	}
	return w.do(op.Method, target, body, "Origin", shop, "Authorization", token)
}
