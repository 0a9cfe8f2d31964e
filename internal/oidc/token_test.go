package oidc_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/oidc"
)

// forger is an issuer that gives out whatever ID token a test asks for.
type forger struct {
	*httptest.Server
	key   *rsa.PrivateKey
	token string
	// now is what the clock says: a slow machine does not make a token older.
	now time.Time
}

func newForger(t *testing.T) *forger {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{key: key, now: time.Unix(1_790_000_000, 0)}
	mux := http.NewServeMux()
	answer := func(path string, body func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(body()); err != nil {
				t.Error(err)
			}
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		return map[string]any{
			"issuer": f.URL, "authorization_endpoint": f.URL + "/auth", "token_endpoint": f.URL + "/token", "jwks_uri": f.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		}
	})
	answer("/keys", func() any {
		return map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "kid": "known", "use": "sig", "alg": "RS256", "n": segment(f.key.N.Bytes()), "e": segment(big.NewInt(int64(f.key.E)).Bytes()),
		}}}
	})
	answer("/token", func() any {
		return map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": f.token}
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func segment(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a token with a header and claims; how signs what is to be signed.
func sign(t *testing.T, header, claims map[string]any, how func([]byte) []byte) string {
	t.Helper()
	var parts []string
	for _, part := range []map[string]any{header, claims} {
		raw, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, segment(raw))
	}
	text := strings.Join(parts, ".")
	return text + "." + segment(how([]byte(text)))
}

func (f *forger) rs256(text []byte) []byte {
	sum := sha256.Sum256(text)
	signature, _ := rsa.SignPKCS1v15(rand.Reader, f.key, crypto.SHA256, sum[:]) // of a key of this process
	return signature
}

// finish has the token come back for a code.
func (f *forger) finish(ctx context.Context, token string) (identity.Claims, error) {
	f.token = token
	issuers := &oidc.Issuers{HTTP: oidc.Client(true), Now: func() time.Time { return f.now }}
	p := identity.Provider{Issuer: f.URL, ClientID: "parley"}
	claims, _, err := issuers.Finish(ctx, p, identity.Flow{Nonce: "n", Verifier: strings.Repeat("v", 43)}, "code")
	return claims, err
}

// TestForgedTokens: each of the ways in which an ID token can be wrong is refused.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	seconds := func(d time.Duration) int64 { return now.Add(d).Unix() }
	good := func(f *forger) map[string]any {
		return map[string]any{
			"iss": f.URL, "aud": "parley", "sub": "grace", "exp": seconds(time.Hour), "iat": seconds(0), "nonce": "n",
			"email": "grace@idp.example", "email_verified": true, "groups": []string{"desk"},
		}
	}
	with := func(claim string, v any) func(*testing.T, *forger) string {
		return func(t *testing.T, f *forger) string {
			claims := good(f)
			claims[claim] = v
			if v == nil {
				delete(claims, claim)
			}
			return sign(t, map[string]any{"alg": "RS256", "kid": "known"}, claims, f.rs256)
		}
	}
	headed := func(header map[string]any, how func(*forger) func([]byte) []byte) func(*testing.T, *forger) string {
		return func(t *testing.T, f *forger) string { return sign(t, header, good(f), how(f)) }
	}
	rs := func(f *forger) func([]byte) []byte { return f.rs256 }
	none := func(*forger) func([]byte) []byte { return func([]byte) []byte { return nil } }
	confused := func(f *forger) func([]byte) []byte { // HMAC under the public key, which everybody knows
		der, _ := x509.MarshalPKIXPublicKey(&f.key.PublicKey) // of a key of this process
		return func(text []byte) []byte {
			mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
			mac.Write(text)
			return mac.Sum(nil)
		}
	}
	stranger := func(*forger) func([]byte) []byte { return newForger(t).rs256 }
	own := newForger(t) // the attacker's own issuer
	for name, c := range map[string]struct {
		token func(*testing.T, *forger) string
		holds bool
	}{
		"as it should be":            {with("x", 1), true},
		"expired within the skew":    {with("exp", seconds(-50*time.Second)), true},
		"from the future, within it": {with("iat", seconds(50*time.Second)), true},
		"for two, made for us": {func(t *testing.T, f *forger) string {
			c := good(f)
			c["aud"], c["azp"] = []string{"parley", "b"}, "parley"
			return sign(t, map[string]any{"alg": "RS256", "kid": "known"}, c, f.rs256)
		}, true},
		"alg none":                    {headed(map[string]any{"alg": "none"}, none), false},
		"alg None, signed":            {headed(map[string]any{"alg": "None", "kid": "known"}, rs), false},
		"no alg":                      {headed(map[string]any{"kid": "known"}, rs), false},
		"alg nOnE":                    {headed(map[string]any{"alg": "nOnE", "kid": "known"}, none), false},
		"what is critical is unknown": {headed(map[string]any{"alg": "RS256", "kid": "known", "crit": []string{"x"}, "x": 1}, rs), false},
		"its key comes with it": {headed(map[string]any{"alg": "RS256", "kid": "known", "jwk": map[string]string{
			"kty": "RSA", "n": segment(own.key.N.Bytes()), "e": "AQAB"}}, func(*forger) func([]byte) []byte { return own.rs256 }), false},
		"its key is elsewhere": {headed(map[string]any{"alg": "RS256", "kid": "own", "jku": own.URL + "/keys", "x5u": own.URL + "/keys"},
			func(*forger) func([]byte) []byte { return own.rs256 }), false},
		"a kid that is a path":       {headed(map[string]any{"alg": "RS256", "kid": "../../known"}, stranger), false},
		"HS256 under the public key": {headed(map[string]any{"alg": "HS256", "kid": "known"}, confused), false},
		"RS256 in name only":         {headed(map[string]any{"alg": "RS256", "kid": "known"}, confused), false},
		"another's key":              {headed(map[string]any{"alg": "RS256", "kid": "known"}, stranger), false},
		"an unknown kid":             {headed(map[string]any{"alg": "RS256", "kid": "unknown"}, stranger), false},
		"another issuer":             {with("iss", "https://other.example"), false},
		"another audience":           {with("aud", "other"), false},
		"for two, made for whom?":    {with("aud", []string{"parley", "other"}), false},
		"made for another":           {with("azp", "other"), false},
		"expired":                    {with("exp", seconds(-70*time.Second)), false},
		"no end":                     {with("exp", nil), false},
		"no beginning":               {with("iat", nil), false},
		"from the future":            {with("iat", seconds(70*time.Second)), false},
		"not yet":                    {with("nbf", seconds(70*time.Second)), false},
		"another nonce":              {with("nonce", "m"), false},
		"no nonce":                   {with("nonce", nil), false},
		"no token at all":            {func(*testing.T, *forger) string { return "x" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForger(t)
			claims, err := f.finish(t.Context(), c.token(t, f))
			var r *identity.Refusal
			switch {
			case c.holds && (err != nil || claims.Subject != "grace" || !claims.Verified):
				t.Errorf("refused: %v %+v", err, claims)
			case !c.holds && (!errors.As(err, &r) || r.Reason != identity.ReasonProviderRefused):
				t.Errorf("let in, or not refused: %v", err)
			}
		})
	}
}

// TestInsideIsNotReached: an issuer's address may not make the function call what is not on the Internet.
func TestInsideIsNotReached(t *testing.T) {
	t.Parallel()
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	t.Cleanup(inside.Close)
	client := oidc.Client(false)
	port := inside.Listener.Addr().String()[strings.LastIndexByte(inside.Listener.Addr().String(), ':'):]
	for _, address := range []string{
		inside.URL, "https://localhost" + port, "https://[::1]" + port, "https://[::ffff:127.0.0.1]" + port, "https://0.0.0.0" + port,
		"http://idp.example", "http://127.0.0.1" + port, "https://169.254.169.254", "https://10.0.0.1", "https://192.168.0.1", "https://[fd00::1]", "https://100.64.0.1", "https://[64:ff9b::7f00:1]",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err == nil {
			_ = res.Body.Close()
			t.Errorf("%s answers", address)
		} else if !strings.Contains(err.Error(), "public Internet") && !strings.Contains(err.Error(), "https only") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestRedirectsAreNotFollowed: where an issuer sends its caller is nobody's business.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			t.Error("followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	issuers := &oidc.Issuers{HTTP: oidc.Client(true)}
	if _, err := issuers.Begin(t.Context(), identity.Provider{Issuer: server.URL, ClientID: "c"}, identity.Flow{}, "s"); err == nil {
		t.Error("an issuer that redirects is taken")
	}
}
