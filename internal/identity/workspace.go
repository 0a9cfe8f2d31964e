package identity

import (
	"context"
	"net/url"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// Workspace is a tenant's settings.
type Workspace struct {
	ID   chat.WorkspaceID
	Name string
	// Origins lists where its staff's desk runs, as in AllowsOrigin.
	Origins []string
	// Version counts the changes.
	Version uint64
}

// Widget is a key that a web page shows to start conversations. It is public: what protects a workspace from
// other people's pages is the list of origins.
type Widget struct {
	Key       string
	Workspace chat.WorkspaceID
	// Name tells keys apart to those who look after them.
	Name    string
	Origins []string
	// Version counts the changes, Created is when the key was made, in Unix milliseconds; 0 if unknown.
	Version uint64
	Created int64
}

// Account is a member of staff.
type Account struct {
	Workspace chat.WorkspaceID
	User      chat.UserID
	Address   string // normalised e-mail address
	Name      string // as colleagues see it, and customers, unless PublicName says otherwise
	// PublicName is what customers see in place of Name; "" for Name.
	PublicName string
	// Avatar is the https address of a picture; "" for none.
	Avatar string
	// Locale and TimeZone are how the desk speaks to them and shows times; "" for the browser's.
	Locale, TimeZone string
	Role             chat.Role
	// Disabled accounts cannot sign in.
	Disabled bool
	// Departments lists where the member of staff works; none means everywhere.
	Departments chat.DepartmentList
	// External links the account to somebody at the workspace's identity provider, who says their role and departments;
	// "" for accounts with a password.
	External string
	// Version counts the changes, and Passwords those of the password: a link to set one ends with the next one.
	Version, Passwords uint64
	// Created is when the account was made, in Unix milliseconds; 0 if unknown.
	Created int64
}

// Credential is what signing in by address needs: one item, so that a known and an unknown address cost the same.
type Credential struct {
	Address      string
	Workspace    chat.WorkspaceID
	User         chat.UserID
	PasswordHash string // as Passwords made it
	// Passwords is the account's, when the hash was stored: an account that has another has another password by now.
	Passwords uint64
}

// Workspaces reads settings. Reads may be some milliseconds behind.
type Workspaces interface {
	// Workspace returns the settings; false when there is no such workspace.
	Workspace(context.Context, chat.WorkspaceID) (Workspace, bool, error)
	// Widget returns the widget of a key; false when there is none.
	Widget(ctx context.Context, key string) (Widget, bool, error)
}

// Accounts reads staff, consistently: whoever was removed is gone at the next call.
type Accounts interface {
	// Credential returns what is stored under a normalised address; false when there is nothing.
	Credential(ctx context.Context, address string) (Credential, bool, error)
	// Account returns a member of staff; false when there is none.
	Account(context.Context, chat.WorkspaceID, chat.UserID) (Account, bool, error)
}

// Registry writes what the two above read. Every method replaces what was there and may be repeated.
type Registry interface {
	PutWorkspace(context.Context, Workspace) error
	// PutWidget fails with chat.CodeForbidden when another workspace has the key.
	PutWidget(context.Context, Widget) error
	// PutStaff writes the account and its credential together, and fails with chat.CodeForbidden when the
	// address belongs to another user.
	PutStaff(ctx context.Context, a Account, passwordHash string) error
}

// MaxWidgetKey is the longest widget key in bytes.
const MaxWidgetKey = 64

// ValidWidgetKey says whether the key is well-formed: "wk_" and 1 to 61 letters, digits, "-" or "_".
func ValidWidgetKey(key string) bool {
	rest, ok := strings.CutPrefix(key, "wk_")
	if !ok || rest == "" || len(key) > MaxWidgetKey {
		return false
	}
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return strings.Trim(rest, alphabet) == ""
}

// developmentOrigins are the only forms with a wildcard: a machine's own pages, at any port.
var developmentOrigins = []string{"http://localhost:*", "http://127.0.0.1:*"}

// ValidOrigin says whether pattern may stand in a list of allowed origins: an exact origin as browsers write it
// (RFC 6454 section 6.1: lower-case scheme and host, no default port, no path), or a development form.
func ValidOrigin(pattern string) bool {
	for _, d := range developmentOrigins {
		if pattern == d {
			return true
		}
	}
	u, err := url.Parse(pattern)
	if err != nil || u.Host == "" || strings.Contains(u.Host, "*") || u.Scheme != "https" && u.Scheme != "http" {
		return false
	}
	defaultPort := u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80"
	return !defaultPort && pattern == strings.ToLower(u.Scheme+"://"+u.Host)
}

// AllowsOrigin says whether origin, the value of an Origin header, is in the list. Entries match exactly, byte
// by byte; "http://localhost:*" and "http://127.0.0.1:*" match any port. An absent origin ("") or "null" matches
// nothing.
func AllowsOrigin(list []string, origin string) bool {
	if origin == "" || origin == "null" {
		return false
	}
	for _, allowed := range list {
		base, wild := strings.CutSuffix(allowed, ":*")
		if wild && anyPort(base, origin) || !wild && allowed == origin {
			return true
		}
	}
	return false
}

// anyPort says whether origin is base, at the default or a numeric port: "http://localhost:80.evil.example" is not.
func anyPort(base, origin string) bool {
	port, ok := strings.CutPrefix(origin, base)
	if !ok || port == "" {
		return ok
	}
	if port[0] != ':' || len(port) < 2 || len(port) > 6 {
		return false
	}
	return strings.Trim(port[1:], "0123456789") == ""
}
