package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// askHTTP makes a request of the HTTP API as somebody, and decodes its answer into out.
func askHTTP(t *testing.T, ws world.Workspace, method, path, token string, body, out any, headers ...string) int {
	t.Helper()
	raw, err := json.Marshal(body)
	must(t, err)
	req, err := http.NewRequestWithContext(within(t), method, suite.HTTP+path, bytes.NewReader(raw))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", ws.Origin)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := suite.Client.Do(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	must(t, err)
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, answer)
		}
	}
	return res.StatusCode
}

// signer is the shop's server, which says who its customers are.
type signer struct {
	workspace   chat.WorkspaceID
	kid, secret string
}

func newSigner(t *testing.T, ws world.Workspace, admin string) signer {
	t.Helper()
	var key struct{ Key, Secret string }
	if got := askHTTP(t, ws, "POST", "/v1/identity-keys", admin, map[string]string{"algorithm": "HS256"}, &key); got != http.StatusCreated {
		t.Fatalf("identity key: %d", got)
	}
	return signer{ws.ID, key.Key, key.Secret}
}

func (s signer) token(sub, name string) string {
	part := func(v any) string {
		b, _ := json.Marshal(v) // texts and numbers
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now()
	text := part(map[string]any{"alg": "HS256", "kid": s.kid}) + "." + part(map[string]any{
		"sub": sub, "aud": s.workspace, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": rand.Text(), "name": name,
		"email": sub + "@shop.example", "email_verified": true,
	})
	m := hmac.New(sha256.New, []byte(s.secret))
	m.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// staffToken signs somebody in.
func staffToken(t *testing.T, ws world.Workspace, m world.Member) string {
	t.Helper()
	s, err := suite.API(ws).SignIn(within(t), m.Email, m.Password)
	must(t, err)
	return s.Token
}

type refusal struct{ Code, Reason string }

// TestCustomerIdentifies: a visitor in the middle of a conversation signs in at the shop, and goes on where they were,
// on this device and on another; the desk sees one contact; whoever is not this customer sees nothing.
func TestCustomerIdentifies(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	admin, err := suite.AddAdmin(within(t), ws)
	must(t, err)
	shop := newSigner(t, ws, staffToken(t, ws, admin))
	visitor, o := customer(t, ws, client.Options{}), operator(t, ws, 0, fast())
	id, err := visitor.Start(within(t), "hello, I am Ada")
	must(t, err)
	must(t, o.Take(within(t), id))
	var known client.Session
	token := shop.token("42", "Ada <b>")
	if got := askHTTP(t, ws, "POST", "/v1/customer-sessions/current/identify", visitor.Session.Token, map[string]string{"identity": token}, &known); got != http.StatusCreated {
		t.Fatalf("identify: %d", got)
	}
	ada, err := suite.Join(within(t), suite.API(ws), known, fast())
	must(t, err)
	t.Cleanup(ada.Close)
	must(t, ada.Until(within(t), func(m *client.Machine) bool { return m.View(id) != nil }))
	must(t, ada.Say(id, "it is me"))
	must(t, o.Say(id, "welcome"))
	converge(t, id, chat.Public, ada, o)

	var refused refusal
	if got := askHTTP(t, ws, "GET", "/v1/sessions/current", visitor.Session.Token, nil, &refused); got != 401 || refused.Reason != "session_revoked" {
		t.Errorf("the token of before: %d %+v", got, refused)
	}
	if got := askHTTP(t, ws, "POST", "/v1/customer-sessions", "", map[string]string{"widgetKey": ws.WidgetKey, "identity": token}, &refused); got != 401 || refused.Reason != "identity_replayed" {
		t.Errorf("the same token again: %d %+v", got, refused)
	}
	var second client.Session
	if got := askHTTP(t, ws, "POST", "/v1/customer-sessions", "", map[string]string{"widgetKey": ws.WidgetKey, "identity": shop.token("42", "Ada <b>")}, &second); got != 201 || second.User != known.User {
		t.Errorf("another device: %d %+v", got, second)
	}
	if log, err := suite.API(ws).Log(within(t), second.Token, id, chat.Public); err != nil || len(log) < 4 {
		t.Errorf("the other device reads %d events: %v", len(log), err)
	}
	eve := customer(t, ws, fast())
	if got := askHTTP(t, ws, "POST", "/v1/leads", eve.Session.Token, map[string]string{"email": "42@shop.example"}, nil); got != http.StatusNoContent {
		t.Errorf("a lead: %d", got)
	}
	if _, err := eve.Log(within(t), id, chat.Public); chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("who typed the same address reads: %v", err)
	}
	var found struct {
		Contacts []struct {
			Contact, Name string
			Verified      bool
			Users         []chat.UserID
		}
	}
	askHTTP(t, ws, "GET", "/v1/contacts?query=42@shop.example", o.Session.Token, nil, &found)
	if len(found.Contacts) != 1 || found.Contacts[0].Name != "Ada <b>" || !found.Contacts[0].Verified || len(found.Contacts[0].Users) != 2 {
		t.Fatalf("the desk finds %+v", found)
	}
	var talks struct {
		Conversations []struct{ Conversation chat.ConversationID }
	}
	askHTTP(t, ws, "GET", "/v1/contacts/"+found.Contacts[0].Contact+"/conversations", o.Session.Token, nil, &talks)
	if len(talks.Conversations) != 1 || talks.Conversations[0].Conversation != id {
		t.Errorf("the contact's conversations: %+v", talks)
	}
}

// TestBannedCustomerIsOut: the socket ends, the session and a ticket are refused, and so is everybody who comes as the
// same customer; lifted, they come back.
func TestBannedCustomerIsOut(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	admin, err := suite.AddAdmin(within(t), ws)
	must(t, err)
	shop := newSigner(t, ws, staffToken(t, ws, admin))
	var session client.Session
	askHTTP(t, ws, "POST", "/v1/customer-sessions", "", map[string]string{"widgetKey": ws.WidgetKey, "identity": shop.token("66", "Eve")}, &session)
	eve, err := suite.Join(within(t), suite.API(ws), session, fast())
	must(t, err)
	t.Cleanup(eve.Close)
	_, err = eve.Start(within(t), "spam")
	must(t, err)
	supervisor := staffToken(t, ws, ws.Operators[len(ws.Operators)-1])
	var ban struct{ Ban string }
	if got := askHTTP(t, ws, "POST", "/v1/bans", supervisor, map[string]any{"user": session.User, "reason": "spam"}, &ban, "Idempotency-Key", rand.Text()); got != 201 {
		t.Fatalf("ban: %d", got)
	}
	must(t, eve.Until(within(t), func(m *client.Machine) bool { return m.Stopped() != "" }))
	var refused refusal
	for what, ask := range map[string]func() int{
		"ticket": func() int { return askHTTP(t, ws, "POST", "/v1/socket-tickets", session.Token, struct{}{}, &refused) },
		"session": func() int {
			return askHTTP(t, ws, "POST", "/v1/customer-sessions", session.Token, map[string]string{"widgetKey": ws.WidgetKey}, &refused)
		},
		"another device": func() int {
			return askHTTP(t, ws, "POST", "/v1/customer-sessions", "", map[string]string{"widgetKey": ws.WidgetKey, "identity": shop.token("66", "Eve")}, &refused)
		},
	} {
		if got := ask(); got != 403 || refused.Code != "banned" {
			t.Errorf("%s: %d %+v", what, got, refused)
		}
	}
	if got := askHTTP(t, ws, "DELETE", "/v1/bans/"+ban.Ban, supervisor, nil, nil); got != http.StatusNoContent {
		t.Errorf("unban: %d", got)
	}
	if got := askHTTP(t, ws, "POST", "/v1/customer-sessions", "", map[string]string{"widgetKey": ws.WidgetKey, "identity": shop.token("66", "Eve")}, &session); got != 201 {
		t.Errorf("let in again: %d", got)
	}
}
