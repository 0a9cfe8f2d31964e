package httpapi

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Provider is a workspace's OpenID Connect issuer: the body of PUT /v1/oidc, and the answer of GET. Register
// <address of this API>/v1/oidc/callback there as a redirect URI.
type Provider struct {
	// Issuer is an https URL, exactly as the issuer's tokens name it.
	Issuer   string `json:"issuer"`
	ClientID string `json:"clientId"`
	// Secret names the client's secret among those of the deployment (parameter OidcSecrets); absent for a public client.
	Secret string `json:"secret,omitempty"`
	// Scopes are asked for besides openid, profile and email, such as offline_access and groups.
	Scopes []string `json:"scopes,omitempty"`
	// GroupsClaim holds the person's groups; default groups.
	GroupsClaim string         `json:"groupsClaim,omitempty"`
	Mappings    []GroupMapping `json:"mappings"`
	// Domains are the only ones that addresses may have; absent for any whose address the issuer has verified.
	Domains []string `json:"domains,omitempty"`
}

// GroupMapping gives the members of a group a role. Of several the highest counts, and the departments of all.
type GroupMapping struct {
	Group string    `json:"group"`
	Role  chat.Role `json:"role"`
	// Departments to work in; absent for everywhere.
	Departments []chat.DepartmentID `json:"departments,omitempty"`
}

// OIDCSessionRequest is the body of POST /v1/oidc/sessions (201): what the page got in its fragment, and the secret
// whose SHA-256 it began with. Both work once, within a minute.
type OIDCSessionRequest struct {
	Code     string `json:"code"`
	Verifier string `json:"verifier"`
}

func oidcRoutes() []route {
	ok, found := http.StatusOK, http.StatusFound
	return []route{
		{pattern: "GET /v1/oidc", command: chat.CommandEditStaff, serve: (*API).provider,
			says: says{name: "identityProvider", summary: "Read the workspace's identity provider.", answers: map[int]any{ok: Provider{}}, codes: []chat.Code{chat.CodeNotFound}}},
		{pattern: "PUT /v1/oidc", command: chat.CommandEditStaff, serve: (*API).setProvider,
			says: says{name: "setIdentityProvider", summary: "Set the workspace's identity provider; If-Match * for the first.", request: Provider{}, answers: map[int]any{ok: Provider{}}, demands: true}},
		{pattern: "DELETE /v1/oidc", command: chat.CommandEditStaff, serve: (*API).dropProvider,
			says: says{name: "removeIdentityProvider", summary: "Remove the workspace's identity provider; its people are signed out within 15 minutes.",
				answers: map[int]any{http.StatusNoContent: nil}, demands: true, codes: []chat.Code{chat.CodeNotFound}}},
		{pattern: "GET /v1/oidc/{workspace}/start", open: true, serve: (*API).startSignOn, says: says{
			name: "startSignOn", summary: "Send the browser to the workspace's identity provider.", answers: map[int]any{found: nil},
			segments: []Segment{{Name: "workspace", Summary: "The workspace.", Prefix: chat.WorkspacePrefix}},
			query: []Parameter{
				{Name: "return", Summary: "The page to come back to, on an origin of the workspace; it finds code, or error, in its fragment."},
				{Name: "challenge", Summary: "The base64url of the SHA-256 of a secret that the page keeps."},
			}, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound, chat.CodeForbidden}}},
		{pattern: "GET /v1/oidc/callback", open: true, serve: (*API).finishSignOn, says: says{
			name: "finishSignOn", summary: "Take the browser back from the identity provider, and send it to the page that began.", answers: map[int]any{found: nil},
			query: []Parameter{
				{Name: "state", Summary: "What the provider was given."}, {Name: "code", Summary: "The provider's code."},
				{Name: "error", Summary: "Why the provider gives none."}, {Name: "error_description", Summary: "The same in words."},
				{Name: "error_uri", Summary: "A page about it."}, {Name: "iss", Summary: "The provider (RFC 9207)."},
				{Name: "session_state", Summary: "The provider's own."}, {Name: "scope", Summary: "What the provider granted."},
			}, codes: []chat.Code{chat.CodeInvalid, chat.CodeUnauthenticated}}},
		{pattern: "POST /v1/oidc/sessions", open: true, serve: (*API).redeemSignOn,
			says: says{name: "redeemSignOn", summary: "Get the session of a sign-in at the identity provider.", request: OIDCSessionRequest{},
				answers: map[int]any{http.StatusCreated: Session{}}, codes: []chat.Code{chat.CodeUnauthenticated}}},
	}
}

func providerOf(p identity.Provider) Provider {
	out := Provider{
		Issuer: p.Issuer, ClientID: p.ClientID, Secret: p.Secret, Scopes: p.Scopes, GroupsClaim: p.GroupsClaim, Domains: p.Domains,
		Mappings: []GroupMapping{},
	}
	for _, m := range p.Mappings {
		out.Mappings = append(out.Mappings, GroupMapping{m.Group, m.Role, m.Departments.All()})
	}
	return out
}

func (a *API) provider(c *call) (int, any, error) {
	p, err := a.SignOn.Configuration(c.Context(), c.actor())
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(p.Version)
	return http.StatusOK, providerOf(p), nil
}

// providerVersion is what If-Match names; for "*" whatever there is, 0 for none.
func (a *API) providerVersion(c *call) (uint64, error) {
	version, found, err := c.needVersion()
	if err != nil || found {
		return version, err
	}
	p, err := a.SignOn.Configuration(c.Context(), c.actor())
	if chat.CodeOf(err) == chat.CodeNotFound {
		return 0, nil
	}
	return p.Version, err
}

func (a *API) setProvider(c *call) (int, any, error) {
	version, err := a.providerVersion(c)
	if err != nil {
		return 0, nil, err
	}
	body, err := decode[Provider](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	p := identity.Provider{
		Issuer: body.Issuer, ClientID: body.ClientID, Secret: body.Secret, Scopes: body.Scopes, GroupsClaim: body.GroupsClaim, Domains: body.Domains,
	}
	for _, m := range body.Mappings {
		p.Mappings = append(p.Mappings, identity.GroupMapping{Group: m.Group, Role: m.Role, Departments: chat.JoinDepartments(m.Departments...)})
	}
	if p, err = a.SignOn.Configure(c.Context(), c.actor(), version, p); err != nil {
		return 0, nil, err
	}
	c.setVersion(p.Version)
	return http.StatusOK, providerOf(p), nil
}

func (a *API) dropProvider(c *call) (int, any, error) {
	version, err := a.providerVersion(c)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.SignOn.Remove(c.Context(), c.actor(), version)
}

func (a *API) startSignOn(c *call) (int, any, error) {
	q := queryOf(c.Request, "return", "challenge")
	if q.err != nil {
		return 0, nil, q.err
	}
	to, err := a.SignOn.Start(c.Context(), chat.WorkspaceID(c.PathValue("workspace")), a.callbackURL(c), q.text("return"), q.text("challenge"))
	if err != nil {
		return 0, nil, err
	}
	c.answer.Set("Location", to)
	return http.StatusFound, nil, nil
}

// callbackURL is where providers send browsers: at the address under which the gateway was asked, which the caller
// cannot choose, or under which PublicURL says that it is to be reached. Without TLS only on this machine.
func (a *API) callbackURL(c *call) string {
	const path = "/v1/oidc/callback"
	if a.PublicURL != "" {
		return strings.TrimSuffix(a.PublicURL, "/") + path
	}
	host := c.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" || host == "127.0.0.1" {
		return "http://" + c.Host + path
	}
	return "https://" + c.Host + path
}

// finishSignOn sends the browser back to the page in any case that the page can be known: a person at a document of
// JSON could do nothing.
func (a *API) finishSignOn(c *call) (int, any, error) {
	q := queryOf(c.Request, "state", "code", "error", "error_description", "error_uri", "iss", "session_state", "scope")
	if q.err != nil {
		return 0, nil, q.err
	}
	page, code, err := a.SignOn.Callback(c.Context(), q.text("state"), q.text("code"), q.text("error"), source(c.Request))
	if page == "" {
		return 0, nil, err
	}
	fragment := url.Values{}
	if err != nil {
		why := string(chat.CodeOf(err))
		var r *identity.Refusal
		if errors.As(err, &r) {
			why = string(r.Reason)
		}
		a.Log.WarnContext(c.Context(), "sign-on refused", "workspace", c.principal().Workspace, "error", err)
		fragment.Set("error", why)
	} else {
		fragment.Set("code", code)
	}
	c.answer.Set("Location", page+"#"+fragment.Encode())
	return http.StatusFound, nil, nil
}

func (a *API) redeemSignOn(c *call) (int, any, error) {
	body, err := decode[OIDCSessionRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	c.session, err = a.SignOn.Redeem(c.Context(), body.Code, body.Verifier, c.device())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, sessionOf(c.session, true), nil
}
