package contact_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/contact/contacttest"
	"github.com/parley-chat/parley/internal/customertoken"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/identity/identitytest"
)

const (
	shop   = "https://shop.example"
	office = "203.0.113.9"
)

// sockets records whose were ended.
type sockets struct{ ended []chat.UserID }

func (s *sockets) EndSession(_ context.Context, p chat.Principal, _ chat.Code) error {
	s.ended = append(s.ended, p.User)
	return nil
}

// world is a workspace with a widget, staff and an identity key, on the doubles.
type world struct {
	*testing.T
	now       time.Time
	people    identitytest.Memory
	store     contacttest.Memory
	log       *chattest.Memory
	talk      *chat.Service
	sockets   sockets
	service   *contact.Service
	tokens    *identity.CustomerTokens
	sessions  *identity.Sessions
	workspace chat.WorkspaceID
	kid       string
	secret    string
	serial    int

	operator, supervisor, admin, api identity.By
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 11, 2, 9, 31, 0, 0, time.UTC), log: chattest.NewMemory()}
	clock := func() time.Time { return w.now }
	w.log.Now = clock
	w.workspace = chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, w.now))
	w.sessions = &identity.Sessions{Store: &w.people, Sockets: &w.sockets, Now: clock}
	w.talk = &chat.Service{
		Log: w.log, Reader: w.log, Subs: w.log, Dir: w.log, Sockets: w.log, States: w.log, Now: clock,
		Sleep: func(context.Context, time.Duration) {},
	}
	audit := &identity.Audit{Store: &w.people, Now: clock}
	w.tokens = &identity.CustomerTokens{Store: &w.store, Checker: customertoken.Checker{}, Audit: audit, Now: clock}
	w.service = &contact.Service{
		Store: &w.store, Customers: &identity.Customers{Workspaces: &w.people, Sessions: w.sessions, Attempts: &w.people}, Verifier: w.tokens,
		Accounts: &w.people, Directory: w.log, Conversations: w.talk, Audit: audit, Now: clock,
	}
	w.must(w.people.PutWorkspace(t.Context(), identity.Workspace{ID: w.workspace, Name: "Shop"}))
	w.must(w.people.PutWidget(t.Context(), identity.Widget{Key: "wk_shop", Workspace: w.workspace, Origins: []string{shop}}))
	by := func(r chat.Role) identity.By {
		p := chat.Principal{Workspace: w.workspace, User: chat.UserID(chat.NewID(chat.UserPrefix, w.now)), Role: r}
		if r == chat.RoleAPIKey {
			p.Grants = chat.JoinGrants(chat.Grants()...)
		}
		return identity.By{Principal: p, Source: "192.0.2.1"}
	}
	w.operator, w.supervisor, w.admin, w.api = by(chat.RoleOperator), by(chat.RoleSupervisor), by(chat.RoleAdmin), by(chat.RoleAPIKey)
	w.must(w.people.PutStaff(t.Context(), identity.Account{
		Workspace: w.workspace, User: w.operator.User, Address: "op@shop.example", Name: "Op", Role: chat.RoleOperator,
	}, "hash"))
	key, secret, err := w.tokens.Make(t.Context(), w.admin, "", identity.HS256, "")
	w.must(err)
	w.kid, w.secret = key.ID, secret
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) same(what string, got, want any) {
	w.Helper()
	if d := cmp.Diff(want, got); d != "" {
		w.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func (w *world) refused(what string, err error, code chat.Code, reason identity.Reason) {
	w.Helper()
	var refusal *identity.Refusal
	errors.As(err, &refusal)
	if chat.CodeOf(err) != code || reason != "" && (refusal == nil || refusal.Reason != reason) {
		w.Errorf("%s: %v; want %s (%s)", what, err, code, reason)
	}
}

type object = map[string]any

// claims are what the shop's server says of a customer; more replaces or adds some, nil takes one off.
func (w *world) claims(sub string, more object) object {
	w.serial++
	out := object{
		"sub": sub, "aud": string(w.workspace), "iat": w.now.Unix(), "exp": w.now.Add(5 * time.Minute).Unix(), "jti": fmt.Sprint("j", w.serial),
	}
	for name, v := range more {
		if out[name] = v; v == nil {
			delete(out, name)
		}
	}
	return out
}

func (w *world) sign(claims object) string { return w.signAs(w.kid, claims) }

// signAs signs with the workspace's secret and says that the key is another.
func (w *world) signAs(kid string, claims object) string {
	part := func(v any) string {
		b, err := json.Marshal(v)
		w.must(err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(object{"alg": "HS256", "kid": kid}) + "." + part(claims)
	m := hmac.New(sha256.New, []byte(w.secret))
	m.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (w *world) token(sub string, more object) string { return w.sign(w.claims(sub, more)) }

// visit starts an anonymous customer, or the one of a token or of an identity.
func (w *world) visit(token, id string) (identity.Opened, bool, error) {
	return w.service.Start(w.Context(), contact.Arrival{WidgetKey: "wk_shop", Origin: shop, Token: token, Identity: id, Source: office})
}

func (w *world) anonymous() identity.Opened {
	w.Helper()
	o, fresh, err := w.visit("", "")
	w.must(err)
	if !fresh {
		w.Fatal("an old session for a new visitor")
	}
	return o
}

func (w *world) identified(sub string, more object) identity.Opened {
	w.Helper()
	o, _, err := w.visit("", w.token(sub, more))
	w.must(err)
	return o
}

func (w *world) identify(o identity.Opened, sub string, more object) identity.Opened {
	w.Helper()
	next, err := w.service.Identify(w.Context(), o, w.token(sub, more))
	w.must(err)
	return next
}

// says starts a conversation.
func (w *world) says(o identity.Opened, text string) chat.ConversationID {
	w.Helper()
	id := chat.ConversationID(chat.NewID(chat.ConversationPrefix, w.now))
	_, err := w.talk.Start(w.Context(), o.Session.Principal(), chat.NewConversation{
		ID: id, Page: shop, Messages: []chat.NewMessage{{ID: chat.EventID(chat.NewID(chat.EventPrefix, w.now)), Text: text}},
	})
	w.must(err)
	return id
}

// reads says whether the session's user may read the conversation.
func (w *world) reads(o identity.Opened, id chat.ConversationID) bool {
	w.Helper()
	_, err := w.talk.Page(w.Context(), o.Session.Principal(), chat.PageQuery{Conversation: id, Track: chat.Public, Limit: 10})
	if err != nil && chat.CodeOf(err) != chat.CodeNotFound {
		w.Fatal(err)
	}
	return err == nil
}

func (w *world) card(id string) contact.Contact {
	w.Helper()
	c, err := w.service.Get(w.Context(), w.operator.Principal, id)
	w.must(err)
	return c
}

func (w *world) cardOf(o identity.Opened) contact.Contact {
	w.Helper()
	return w.card(string(o.Session.User))
}

func text(s string) *string { return &s }

func (w *world) lead(o identity.Opened, email string) contact.Contact {
	w.Helper()
	c, err := w.service.Capture(w.Context(), o.Session.Principal(), contact.Edit{
		Name: text("Eve"), Addresses: &[]contact.Address{{Kind: contact.Email, Value: email, Verified: true}},
	})
	w.must(err)
	return c
}

func (w *world) events(id contact.ID) (out []contact.EventType) {
	w.Helper()
	list, err := w.store.Events(w.Context(), w.workspace, id, 0, 99)
	w.must(err)
	for _, e := range list {
		out = append(out, e.Type)
	}
	return out
}
