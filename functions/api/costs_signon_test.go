package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/oidc/issuertest"
)

// signOn is a sign-in at an issuer of the shop's own: where it starts, and the secret that the page keeps.
type signOn struct {
	start, verifier string
	issuer          *issuertest.Issuer
}

func (s *shop) signOn() signOn {
	s.Helper()
	person := issuertest.Person{ID: "grace", Email: strings.ToLower(rand.Text()) + "@idp.example", Name: "Grace", Verified: true, Groups: []string{"desk"}}
	issuer, err := issuertest.New(s.vars["PUBLIC_URL"]+"/v1/oidc/callback", person)
	s.must(err)
	s.Cleanup(issuer.Close)
	s.provider(fmt.Sprintf(`{"issuer":%q,"clientId":%q,"secret":"test","scopes":["offline_access"],"mappings":[{"group":"desk","role":"operator"}]}`, issuer.URL, issuertest.ClientID))
	on := signOn{verifier: rand.Text(), issuer: issuer}
	sum := sha256.Sum256([]byte(on.verifier))
	q := url.Values{"return": {shopOrigin + "/in"}, "challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}
	on.start = "/v1/oidc/" + string(shopWorkspace) + "/start?" + q.Encode()
	return on
}

// to is where the API sends the browser.
func (s *shop) to(target string) *url.URL {
	s.Helper()
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, target, nil))
	to, err := url.Parse(recorder.Header().Get("Location"))
	if err != nil || to.String() == "" {
		s.Fatalf("%s: %d %s %v", target, recorder.Code, recorder.Body, err)
	}
	return to
}

// back is the address at which the issuer sends the browser back.
func (on signOn) back(s *shop) string {
	s.Helper()
	back, err := on.issuer.SignIn(s.Context(), s.to(on.start).String(), "grace")
	s.must(err)
	return back.RequestURI()
}

// code is what the page exchanges for a session.
func (on signOn) code(s *shop) string {
	s.Helper()
	fragment, err := url.ParseQuery(s.to(on.back(s)).Fragment)
	s.must(err)
	return fragment.Get("code")
}

// vouch is the business's token for a customer of its own.
func (s *shop) vouch() string {
	s.Helper()
	key, secret, err := s.api.CustomerTokens.Make(s.Context(), identity.By{Principal: s.admin}, "", identity.HS256, "")
	s.must(err)
	part := func(v any) string {
		b, err := json.Marshal(v)
		s.must(err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now()
	text := part(map[string]any{"alg": "HS256", "kid": key.ID}) + "." + part(map[string]any{
		"sub": rand.Text(), "aud": shopWorkspace, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": rand.Text(), "name": "Ada", "email": "ada@shop.example",
	})
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
