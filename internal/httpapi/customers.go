package httpapi

import (
	"net/http"
	"net/netip"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/identity"
)

// IdentifyRequest is the body of POST /v1/customer-sessions/current/identify.
type IdentifyRequest struct {
	// Identity is the business's token that says who this is: a JWT, at most 8 KiB, good for once.
	Identity string `json:"identity"`
}

// LeadRequest is the body of POST /v1/leads: what visitors type about themselves. It is noted as not verified, and
// makes nobody somebody else.
type LeadRequest struct {
	// Name has at most 200 bytes.
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
	// Fields are the form's own, at most 50; names have at most 64 letters, digits, -, _ or ., values at most 1024 bytes.
	Fields map[string]string `json:"fields,omitempty"`
	// Locale is a language tag, TimeZone a name of the tz database, as the browser has them.
	Locale   string `json:"locale,omitempty"`
	TimeZone string `json:"timeZone,omitempty"`
	// Consents that were given, or refused, with the form.
	Consents []ContactConsent `json:"consents,omitempty"`
}

// IdentityKeyRequest is the body of POST /v1/identity-keys.
type IdentityKeyRequest struct {
	// Algorithm that the tokens are signed by; without it what the public key is for. HS256, which is only had by its name,
	// makes a secret in place of a public key.
	Algorithm identity.Algorithm `json:"algorithm,omitempty"`
	// PublicKey is one PEM block of type PUBLIC KEY: P-256 for ES256, which is what we advise, Ed25519 for EdDSA, RSA of 2048
	// to 4096 bits for RS256.
	PublicKey string `json:"publicKey,omitempty"`
}

// IdentityKey checks the tokens by which the business says who its customers are.
type IdentityKey struct {
	// Key is the kid that the header of a token names.
	Key       string             `json:"key"`
	Algorithm identity.Algorithm `json:"algorithm"`
	// By is who made it.
	By        chat.UserID `json:"by"`
	CreatedAt int64       `json:"createdAt"`
	// Secret of HS256, "pis_…": all of the text is the key. It cannot be had again.
	Secret string `json:"secret,omitempty"`
}

// IdentityKeyList answers GET /v1/identity-keys, oldest first, at most 10.
type IdentityKeyList struct {
	Keys []IdentityKey `json:"keys"`
}

func customerRoutes() []route {
	ok, made, none := http.StatusOK, http.StatusCreated, http.StatusNoContent
	return []route{
		{pattern: "POST /v1/customer-sessions/current/identify", command: chat.CommandIdentify, serve: (*API).identify, says: says{
			name: "identify", summary: "Become who the business's token says: a new session (201), the one before is revoked; or the same (200), if it was that user's already.",
			request: IdentifyRequest{}, answers: map[int]any{ok: Session{}, made: Session{}}, codes: []chat.Code{chat.CodeBanned}}},
		{pattern: "POST /v1/leads", command: chat.CommandForm, serve: (*API).captureLead, says: says{
			name: "captureLead", summary: "Leave a name, an address or answers.", request: LeadRequest{}, answers: map[int]any{none: nil}}},
		{pattern: "GET /v1/identity-keys", command: chat.CommandKeys, serve: (*API).listIdentityKeys, says: says{
			name: "listIdentityKeys", summary: "List the keys that check customers' tokens.", answers: map[int]any{ok: IdentityKeyList{}}}},
		{pattern: "POST /v1/identity-keys", command: chat.CommandKeys, idempotent: true, secret: true, serve: (*API).makeIdentityKey, says: says{
			name: "makeIdentityKey", summary: "Make a key that checks customers' tokens: a secret, shown this once, or a public key of the business's.",
			request: IdentityKeyRequest{}, answers: map[int]any{made: IdentityKey{}}}},
		{pattern: "DELETE /v1/identity-keys/{id}", command: chat.CommandKeys, serve: (*API).removeIdentityKey, says: says{
			name: "removeIdentityKey", summary: "Remove such a key: tokens that it signed are refused from now on.", answers: map[int]any{none: nil},
			segments: []Segment{{Name: "id", Summary: "The key.", Prefix: identity.IdentityKeyPrefix}}, codes: []chat.Code{chat.CodeNotFound}}},
	}
}

// visitor is the network address by which visitors are counted and banned; "" on the local stack, where everybody
// comes from one.
func visitor(r *http.Request) string {
	text := source(r)
	if addr, err := netip.ParseAddr(text); err == nil && addr.IsLoopback() {
		return ""
	}
	return text
}

func (a *API) startCustomer(c *call) (int, any, error) {
	body, err := decode[CustomerSessionRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	opened, fresh, err := a.Contacts.Start(c.Context(), contact.Arrival{
		WidgetKey: body.WidgetKey, Origin: c.Header.Get("Origin"), Token: bearer(c.Request), Identity: body.Identity, Source: visitor(c.Request),
	})
	if err != nil {
		return 0, nil, err
	}
	c.session = opened
	return statusFor(fresh), sessionOf(opened, true), nil
}

func statusFor(fresh bool) int {
	if fresh {
		return http.StatusCreated
	}
	return http.StatusOK
}

func (a *API) identify(c *call) (int, any, error) {
	body, err := decode[IdentifyRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	opened, err := a.Contacts.Identify(c.Context(), c.session, body.Identity)
	if err != nil {
		return 0, nil, err
	}
	return statusFor(opened.Session.ID != c.session.Session.ID), sessionOf(opened, true), nil
}

// welcome refuses a ticket to a customer who is banned, or comes from where somebody is.
func (a *API) welcome(c *call) error {
	p := c.principal()
	if p.Role != chat.RoleCustomer {
		return nil
	}
	return a.Contacts.Welcome(c.Context(), p.Workspace, p.User, visitor(c.Request))
}

func (a *API) captureLead(c *call) (int, any, error) {
	body, err := decode[LeadRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	lead, more := contact.LeadOf(chat.Lead{Name: body.Name, Mail: body.Email, Phone: body.Phone}), ContactEdit{Fields: body.Fields, Consents: body.Consents}.edit()
	lead.Fields, lead.Consents = more.Fields, more.Consents
	for text, at := range map[*string]**string{&body.Locale: &lead.Locale, &body.TimeZone: &lead.TimeZone} {
		if *text != "" {
			*at = text
		}
	}
	_, err = a.Contacts.Capture(c.Context(), c.principal(), lead)
	return http.StatusNoContent, nil, err
}

func identityKeyOf(k identity.IdentityKey, secret string) IdentityKey {
	return IdentityKey{Key: k.ID, Algorithm: k.Algorithm, By: k.By, CreatedAt: k.Created.UnixMilli(), Secret: secret}
}

func (a *API) listIdentityKeys(c *call) (int, any, error) {
	list, err := a.CustomerTokens.List(c.Context(), c.actor())
	out := IdentityKeyList{Keys: []IdentityKey{}}
	for _, k := range list {
		out.Keys = append(out.Keys, identityKeyOf(k, ""))
	}
	return http.StatusOK, out, err
}

func (a *API) makeIdentityKey(c *call) (int, any, error) {
	body, err := decode[IdentityKeyRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	key, secret, err := a.CustomerTokens.Make(c.Context(), c.actor(), a.newID(c, identity.IdentityKeyPrefix, "key"), body.Algorithm, body.PublicKey)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, identityKeyOf(key, secret), nil
}

func (a *API) removeIdentityKey(c *call) (int, any, error) {
	return http.StatusNoContent, nil, a.CustomerTokens.Remove(c.Context(), c.actor(), c.PathValue("id"))
}
