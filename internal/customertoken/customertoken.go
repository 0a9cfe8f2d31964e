// Package customertoken checks the form and the signature of the tokens by which a business says who its customer is:
// JSON Web Tokens in the compact form (RFC 7519), signed by one of the workspace's keys. What a token may say, for how
// long and how often, is package identity's affair.
package customertoken

import (
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-chat/parley/internal/identity"
)

// Checker implements identity.TokenChecker.
type Checker struct{}

// claims are what is read of a token; the rest is left alone.
type claims struct {
	Subject  string           `json:"sub"`
	Audience jwt.ClaimStrings `json:"aud"`
	Expires  *jwt.NumericDate `json:"exp"`
	Issued   *jwt.NumericDate `json:"iat"`
	Before   *jwt.NumericDate `json:"nbf"`
	ID       string           `json:"jti"`

	Name          string            `json:"name"`
	Email         string            `json:"email"`
	EmailVerified flag              `json:"email_verified"`
	Phone         string            `json:"phone_number"`
	Locale        string            `json:"locale"`
	Zone          string            `json:"zoneinfo"`
	Fields        map[string]scalar `json:"fields"`
}

// The rules for times and audience are identity's: the library is not asked.
func (c claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.Expires, nil }
func (c claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.Issued, nil }
func (c claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.Before, nil }
func (c claims) GetIssuer() (string, error)                   { return "", nil }
func (c claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error)       { return c.Audience, nil }

// flag is a boolean, or a text that spells one, as some issuers write it.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(raw []byte) error {
	switch string(raw) {
	case "true", `"true"`:
		*f = true
	case "false", `"false"`, "null":
		*f = false
	default:
		return errors.New("neither true nor false")
	}
	return nil
}

// scalar is a text, a number or a boolean, kept as it is spelt.
type scalar string

// UnmarshalJSON implements json.Unmarshaler.
func (s *scalar) UnmarshalJSON(raw []byte) error {
	var text string
	switch raw[0] {
	case '"':
		err := json.Unmarshal(raw, &text)
		*s = scalar(text)
		return err
	case '{', '[':
		return errors.New("not a text, a number or a boolean")
	case 'n':
		*s = ""
	default:
		*s = scalar(raw)
	}
	return nil
}

// Check implements identity.TokenChecker. The key that the kid names decides on the algorithm, and the token must agree:
// a token cannot choose how it is checked, so neither "none" nor a public key taken for a secret gets through.
func (Checker) Check(token string, key func(kid string) (identity.IdentityKey, error)) (identity.CheckedToken, error) {
	var (
		said    claims
		refused error // what our own function said: the library wraps it, and may hide it
	)
	parser := jwt.NewParser(jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(token, &said, func(t *jwt.Token) (any, error) {
		var public any
		public, refused = keyOf(t, key)
		return public, refused
	})
	switch {
	case refused != nil:
		return identity.CheckedToken{}, refused
	case err != nil:
		return identity.CheckedToken{}, refusalOf(err)
	}
	return said.checked()
}

func keyOf(t *jwt.Token, key func(kid string) (identity.IdentityKey, error)) (any, error) {
	if _, critical := t.Header["crit"]; critical { // RFC 7515 section 4.1.11: what is not understood is refused
		return nil, identity.RefuseToken(identity.ReasonIdentityMalformed, "identity: crit names what is not supported")
	}
	switch identity.Algorithm(t.Method.Alg()) {
	case identity.HS256, identity.RS256, identity.ES256, identity.EdDSA:
	default:
		return nil, badAlgorithm()
	}
	kid, _ := t.Header["kid"].(string)
	found, err := key(kid)
	if err != nil {
		return nil, err
	}
	if t.Method.Alg() != string(found.Algorithm) {
		return nil, identity.RefuseToken(identity.ReasonIdentityAlgorithm, "identity: this key is for %s", found.Algorithm)
	}
	return found.Public()
}

// refusalOf tells the library's errors apart.
func refusalOf(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return badAlgorithm()
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return identity.RefuseToken(identity.ReasonIdentitySignature, "identity: the signature is not this key's")
	case errors.As(err, &kind):
		return identity.RefuseToken(identity.ReasonIdentityClaims, "identity: claim %q has the wrong type", kind.Field)
	}
	return identity.RefuseToken(identity.ReasonIdentityMalformed, "identity: not a token in the compact form, with the claims that are documented")
}

func badAlgorithm() error {
	return identity.RefuseToken(identity.ReasonIdentityAlgorithm, "identity: alg must be ES256, EdDSA, RS256 or HS256")
}

func (c claims) checked() (identity.CheckedToken, error) {
	out := identity.CheckedToken{ID: c.ID, Audience: c.Audience, CustomerClaims: identity.CustomerClaims{
		External: c.Subject, Name: c.Name, Email: c.Email, EmailVerified: bool(c.EmailVerified), Phone: c.Phone, Locale: c.Locale, Zone: c.Zone,
	}}
	for _, at := range []struct {
		date *jwt.NumericDate
		into *time.Time
	}{{c.Expires, &out.Expires}, {c.Issued, &out.IssuedAt}, {c.Before, &out.NotBefore}} {
		if at.date == nil {
			continue
		}
		if s := at.date.Unix(); s <= 0 || s > math.MaxInt32*2 {
			return identity.CheckedToken{}, identity.RefuseToken(identity.ReasonIdentityClaims, "identity: times are seconds since 1970")
		}
		*at.into = at.date.Time
	}
	for name, value := range c.Fields {
		if out.Fields == nil {
			out.Fields = map[string]string{}
		}
		out.Fields[name] = string(value)
	}
	return out, nil
}
