package identity

import (
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
)

// Reason says more exactly than a chat.Code why somebody was refused. Reasons are part of the HTTP contract:
// they are added, never renamed.
type Reason string

// The reasons.
const (
	// ReasonSessionUnknown: the token is malformed, its session is gone or its secret is wrong; not told apart.
	ReasonSessionUnknown Reason = "session_unknown"
	// ReasonSessionExpired: the session has ended by itself.
	ReasonSessionExpired Reason = "session_expired"
	// ReasonSessionRevoked: somebody signed the session out.
	ReasonSessionRevoked Reason = "session_revoked"
	// ReasonOriginNotAllowed: the page's origin is none of those that the workspace allows.
	ReasonOriginNotAllowed Reason = "origin_not_allowed"
	// ReasonWidgetUnknown: there is no such widget key.
	ReasonWidgetUnknown Reason = "widget_unknown"
	// ReasonWrongCredentials: no member of staff has this address with this password; not told apart.
	ReasonWrongCredentials Reason = "wrong_credentials"
	// ReasonThrottled: too many attempts to sign in failed.
	ReasonThrottled Reason = "throttled"
	// ReasonTicketInvalid: the ticket is malformed, was never issued, or has been used.
	ReasonTicketInvalid Reason = "ticket_invalid"
	// ReasonTicketExpired: the ticket was presented too late.
	ReasonTicketExpired Reason = "ticket_expired"
	// ReasonTokenExpired: the access token has had its time; the refresh token gets the next one.
	ReasonTokenExpired Reason = "token_expired"
	// ReasonRefreshReused: a refresh token came again after its successor was used. Somebody else has it: the session
	// is signed out for both.
	ReasonRefreshReused Reason = "refresh_reused"
	// ReasonRecheckNeeded: the identity provider must be asked again; refreshing the session does it.
	ReasonRecheckNeeded Reason = "recheck_needed"
	// ReasonProviderRefused: the identity provider does not vouch for this person any more, or never did.
	ReasonProviderRefused Reason = "provider_refused"
	// ReasonNoRole: none of the person's groups at the identity provider has a role here.
	ReasonNoRole Reason = "no_role"
	// ReasonLastAdmin: the change would leave the workspace without an admin.
	ReasonLastAdmin Reason = "last_admin"
	// ReasonAddressTaken: somebody has an account with this address.
	ReasonAddressTaken Reason = "address_taken"
	// ReasonLinkInvalid: the link of an invitation or a password reset is malformed, was used, was withdrawn or is too
	// old; not told apart.
	ReasonLinkInvalid Reason = "link_invalid"
	// ReasonWeakPassword: the password is one of those that are guessed first.
	ReasonWeakPassword Reason = "weak_password"
	// ReasonKeyUnknown: the key is malformed, revoked or wrong; not told apart.
	ReasonKeyUnknown Reason = "key_unknown"
	// ReasonKeyExpired: the key has had its time.
	ReasonKeyExpired Reason = "key_expired"
)

// Reasons lists every reason, for documentation and tests.
func Reasons() []Reason {
	return append(customerReasons(), ReasonSessionUnknown, ReasonSessionExpired, ReasonSessionRevoked, ReasonOriginNotAllowed,
		ReasonWidgetUnknown, ReasonWrongCredentials, ReasonThrottled, ReasonTicketInvalid, ReasonTicketExpired,
		ReasonTokenExpired, ReasonRefreshReused, ReasonRecheckNeeded, ReasonProviderRefused, ReasonNoRole, ReasonLastAdmin,
		ReasonAddressTaken, ReasonLinkInvalid, ReasonWeakPassword, ReasonKeyUnknown, ReasonKeyExpired)
}

// Refusal is a chat.Error with its reason. chat.CodeOf and errors.As see the chat.Error inside.
type Refusal struct {
	Reason Reason
	Err    *chat.Error
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Err.Error() }

// Unwrap returns the chat.Error.
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(code chat.Code, reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Err: &chat.Error{Code: code, Message: fmt.Sprintf(format, args...)}}
}

func sessionUnknown() *Refusal {
	return refuse(chat.CodeUnauthenticated, ReasonSessionUnknown, "the session token is not valid; sign in again")
}

func originNotAllowed(origin string) *Refusal {
	if origin == "" {
		return refuse(chat.CodeForbidden, ReasonOriginNotAllowed, "the request has no Origin header")
	}
	return refuse(chat.CodeForbidden, ReasonOriginNotAllowed, "the workspace does not allow the origin %.200q", origin)
}
