package identity_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/identity"
)

func TestAllowsOrigin(t *testing.T) {
	t.Parallel()
	list := []string{"https://shop.example", "https://shop.example:8443", "http://localhost:*", "http://127.0.0.1:*"}
	for origin, want := range map[string]bool{
		"https://shop.example": true, "https://shop.example:8443": true, "http://localhost:3000": true, "http://localhost": true,
		"http://127.0.0.1:65535": true, "": false, "null": false, "*": false, "http://localhost:*": false, "http://localhost:": false,
		"https://localhost:3000": false, "http://localhost:3000.evil.example": false, "http://localhost.evil.example": false,
		"http://localhost11": false, "http://127.0.0.11": false, "http://localhost:123456": false, "http://localhost:80/": false, "http://127.0.0.10:80": false, "https://shop.example:443": false,
		"https://shop.example/": false, "https://shop.exampl": false, "https://a.shop.example": false, "http://shop.example": false,
		"https://SHOP.example": false, "https://shop.example\x00": false,
	} {
		if got := identity.AllowsOrigin(list, origin); got != want {
			t.Errorf("%q: %v", origin, got)
		}
	}
	if identity.AllowsOrigin(nil, "https://shop.example") || identity.AllowsOrigin([]string{""}, "") || identity.AllowsOrigin([]string{"null"}, "null") {
		t.Error("an empty list, an absent origin or null is allowed")
	}
}

func TestValidOrigin(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		"https://shop.example": true, "https://shop.example:8443": true, "http://localhost:*": true, "http://127.0.0.1:*": true,
		"http://localhost:3000": true, "https://[2001:db8::1]:8443": true, "*": false, "https://*": false, "https://shop.example:*": false,
		"https://shop.example/": false, "https://shop.example:443": false, "http://shop.example:80": false, "HTTPS://shop.example": false,
		"https://Shop.example": false, "shop.example": false, "null": false, "": false, "ftp://shop.example": false,
		"https://user@shop.example": false, "https://shop.example?x": false, "https://": false,
	} {
		if got := identity.ValidOrigin(pattern); got != want {
			t.Errorf("%q: %v", pattern, got)
		}
	}
}

// Whatever is a valid entry without a wildcard allows itself, and nothing else that differs in a byte.
func FuzzOrigin(f *testing.F) {
	f.Add("https://shop.example", "https://shop.example.evil")
	f.Add("http://localhost:*", "http://localhost:80")
	f.Fuzz(func(t *testing.T, pattern, origin string) {
		if !identity.ValidOrigin(pattern) {
			return
		}
		wild := pattern == "http://localhost:*" || pattern == "http://127.0.0.1:*"
		if got := identity.AllowsOrigin([]string{pattern}, origin); got && !wild && origin != pattern {
			t.Errorf("%q allows %q", pattern, origin)
		}
		if !wild && !identity.AllowsOrigin([]string{pattern}, pattern) {
			t.Errorf("%q does not allow itself", pattern)
		}
	})
}
