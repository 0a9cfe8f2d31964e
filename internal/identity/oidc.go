package identity

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// How long an identity provider's word holds.
const (
	// VouchLife is how long a provider's word lets somebody in before it must be asked again. Sockets end with it: that
	// is a ping (60 s) before the quarter of an hour in which whoever was disabled there must be out of the desk.
	VouchLife = 13 * time.Minute
	// FlowLife is how long a sign-in at a provider may take.
	FlowLife = 10 * time.Minute
	// HandoverLife is how long the page has to fetch its session after the provider sent the browser back.
	HandoverLife = time.Minute
	// askingLife is how long a refresh keeps others from asking the provider too.
	askingLife = 20 * time.Second
	// DefaultGroupsClaim holds a person's groups unless set otherwise.
	DefaultGroupsClaim = "groups"
)

// Limits of a provider's configuration.
const (
	MaxMappings = 100
	MaxDomains  = 50
	MaxScopes   = 20
	MaxSetting  = 255 // bytes
)

// Provider is a workspace's OpenID Connect issuer and what its groups mean here.
type Provider struct {
	Workspace chat.WorkspaceID
	// Issuer is its URL, as the iss of its tokens says it.
	Issuer   string
	ClientID string
	// Secret names the client's secret among the deployment's; "" for a public client.
	Secret string
	// Scopes are asked for besides openid, profile and email: what the groups and refresh tokens need there.
	Scopes []string
	// GroupsClaim holds the groups, a list of texts; "" for DefaultGroupsClaim.
	GroupsClaim string
	Mappings    []GroupMapping
	// Domains are the only ones that addresses may have; none for any.
	Domains []string
	Version uint64
}

// GroupMapping gives a group a role, and departments to work in; none means everywhere.
type GroupMapping struct {
	Group       string
	Role        chat.Role
	Departments chat.DepartmentList
}

// Claims are what a provider says of somebody.
type Claims struct {
	Subject string
	Address string
	// Verified says that the provider has verified the address, Unverified that it says it has not. It may say neither.
	Verified, Unverified bool
	Name                 string
	Groups               []string
}

// Issuer talks to identity providers.
type Issuer interface {
	// Begin returns where to send the browser.
	Begin(ctx context.Context, p Provider, f Flow, state string) (string, error)
	// Finish exchanges the code that the browser brought back, checks the ID token, and returns what it says and what
	// the provider can be asked with again. A *Refusal (ReasonProviderRefused) when the provider or a check says no; any
	// other error says that it did not answer.
	Finish(ctx context.Context, p Provider, f Flow, code string) (Claims, []byte, error)
	// Recheck asks the provider about the person again. Errors as of Finish.
	Recheck(ctx context.Context, p Provider, keepsake []byte) (Claims, []byte, error)
}

// Flow is a sign-in at a provider that is under way.
type Flow struct {
	Workspace chat.WorkspaceID
	// Nonce is expected in the ID token, Verifier proves to the provider that we began (RFC 7636).
	Nonce, Verifier string
	// Redirect is where the provider sends the browser: this API.
	Redirect string
	// Return is the page to which this API sends it then, Challenge what the page must know to get the session: the
	// base64url of the SHA-256 of its own secret. So nobody is signed in by somebody else's link.
	Return, Challenge string
	Expires           time.Time
}

// Handover is a sign-in at a provider that has succeeded, for the page to fetch.
type Handover struct {
	Workspace chat.WorkspaceID
	User      chat.UserID
	Challenge string
	// Keepsake is sealed under the code.
	Keepsake []byte
	Vouched  time.Time
	Expires  time.Time
}

// ProviderStore keeps what signing in at providers needs. Reads are consistent.
type ProviderStore interface {
	// Provider returns false when the workspace has none.
	Provider(context.Context, chat.WorkspaceID) (Provider, bool, error)
	// PutProvider stores a configuration in place of one of the version before, 0 for none, with the entry, in one
	// transaction. ErrConflict.
	PutProvider(ctx context.Context, p Provider, before uint64, entry AuditEntry) error
	// DropProvider removes it with the entry, in one transaction; ErrConflict when it has another version.
	DropProvider(ctx context.Context, p Provider, entry AuditEntry) error

	PutFlow(ctx context.Context, hash string, f Flow) error
	// TakeFlow deletes and returns a flow: of any number of calls one gets it.
	TakeFlow(ctx context.Context, w chat.WorkspaceID, hash string) (Flow, bool, error)
	PutHandover(ctx context.Context, hash string, h Handover) error
	// TakeHandover likewise.
	TakeHandover(ctx context.Context, w chat.WorkspaceID, hash string) (Handover, bool, error)

	// Linked returns whose account is linked.
	Linked(ctx context.Context, w chat.WorkspaceID, external string) (chat.UserID, bool, error)
	// Provision makes an account with its link and its address, which has no password, with the entry, in one
	// transaction. ErrConflict when it is linked by now; chat.CodeForbidden when the address is somebody else's.
	Provision(ctx context.Context, a Account, entry AuditEntry) error
	// Link replaces an account that has the version before.Version by one with a link, and takes its password away, with
	// the entry, in one transaction. ErrConflict.
	Link(ctx context.Context, before, after Account, entry AuditEntry) error
}

// check says what is wrong with a configuration. local admits issuers on this machine without TLS, for development.
func (p Provider) check(local bool) error {
	switch {
	case !validIssuer(p.Issuer, local):
		return chat.Errorf(chat.CodeInvalid, "issuer: an https URL without query or fragment")
	case p.ClientID == "" || len(p.ClientID) > MaxSetting:
		return chat.Errorf(chat.CodeInvalid, "clientId: 1 to %d bytes", MaxSetting)
	case len(p.Secret) > MaxSetting || len(p.GroupsClaim) > MaxSetting || len(p.Scopes) > MaxScopes || slices.ContainsFunc(p.Scopes, badScope):
		return chat.Errorf(chat.CodeInvalid, "secret, groupsClaim: at most %d bytes; scopes: at most %d, without spaces", MaxSetting, MaxScopes)
	case len(p.Domains) > MaxDomains || slices.ContainsFunc(p.Domains, badDomain):
		return chat.Errorf(chat.CodeInvalid, "domains: at most %d, such as example.com, in lower case", MaxDomains)
	case len(p.Mappings) == 0 || len(p.Mappings) > MaxMappings:
		return chat.Errorf(chat.CodeInvalid, "mappings: 1 to %d", MaxMappings)
	}
	for _, m := range p.Mappings {
		if m.Group == "" || len(m.Group) > MaxSetting {
			return chat.Errorf(chat.CodeInvalid, "mappings: a group has 1 to %d bytes", MaxSetting)
		}
		if err := staffRole(m.Role); err != nil {
			return err
		}
		if _, err := departmentList(m.Departments.All()); err != nil {
			return err
		}
	}
	return nil
}

// validIssuer admits https URLs (OpenID Connect Core 1.0 section 2, iss).
func validIssuer(issuer string, local bool) bool {
	u, err := url.Parse(issuer)
	if err != nil || len(issuer) > MaxSetting || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(issuer, "?#") {
		return false
	}
	host := u.Hostname()
	return u.Scheme == "https" || local && u.Scheme == "http" && (host == "localhost" || host == "127.0.0.1")
}

func badScope(s string) bool {
	return s == "" || len(s) > 100 || strings.ContainsAny(s, " \t\r\n\"\\")
}

func badDomain(d string) bool {
	return d == "" || len(d) > 253 || d != strings.ToLower(d) || strings.ContainsAny(d, "@ *") || !strings.Contains(d, ".")
}

// place returns the highest role among the groups, and the departments of all mappings that apply: everywhere as soon
// as one of them says so. "" when none applies.
func (p Provider) place(groups []string) (chat.Role, chat.DepartmentList) {
	rank := []chat.Role{chat.RoleOperator, chat.RoleSupervisor, chat.RoleAdmin}
	best, everywhere := -1, false
	var in []chat.DepartmentID
	for _, m := range p.Mappings {
		if !slices.Contains(groups, m.Group) {
			continue
		}
		best = max(best, slices.Index(rank, m.Role))
		everywhere = everywhere || m.Departments == ""
		in = append(in, m.Departments.All()...)
	}
	if best < 0 {
		return "", ""
	}
	if everywhere {
		return rank[best], ""
	}
	slices.Sort(in)
	return rank[best], chat.JoinDepartments(slices.Compact(in)...)
}

// admits checks the address, and returns it as it is stored.
func (p Provider) admits(c Claims) (string, error) {
	address, ok := NormalizeAddress(c.Address)
	_, domain, _ := strings.Cut(address, "@")
	switch {
	case c.Subject == "" || !ok:
		return "", providerRefused("the identity provider names no e-mail address; ask for the scope email there")
	case c.Unverified || !c.Verified && len(p.Domains) == 0:
		return "", providerRefused("the identity provider has not verified the e-mail address")
	case len(p.Domains) > 0 && !slices.Contains(p.Domains, domain):
		return "", providerRefused("addresses at this domain may not sign in here")
	}
	return address, nil
}

func providerRefused(why string) *Refusal {
	return refuse(chat.CodeUnauthenticated, ReasonProviderRefused, "%s", why)
}
