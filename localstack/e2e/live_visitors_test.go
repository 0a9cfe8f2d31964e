package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// visit tells a page and waits for the answer.
func visit(t *testing.T, p *world.Party, v protocol.Visit) chat.Code {
	t.Helper()
	p.Do(func(m *client.Machine) { m.Visit(v) })
	var code chat.Code
	must(t, p.Until(within(t), func(m *client.Machine) bool {
		var settled bool
		code, settled = m.VisitSettled()
		return settled
	}))
	return code
}

// Visitors appear with their page, and without its query; where consent is needed, not before it is given.
func TestLiveVisitors(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	c := customer(t, ws, fast())
	if code := visit(t, c, protocol.Visit{Page: "https://shop.example/"}); code != chat.CodeForbidden {
		t.Fatalf("a workspace that does not want to know: %q", code)
	}
	ws = seed(t, 1)
	newBoss(t, suite, ws).do(http.StatusOK, "PUT", "/v1/settings", `{"widget":{"tellVisits":true,"visitsNeedConsent":true}}`, nil, "If-Match", "*")
	c = customer(t, ws, fast())
	o := operator(t, ws, 0, fast())
	watch(t, o, chat.ViewVisitors)
	if code := visit(t, c, protocol.Visit{Page: "https://shop.example/"}); code != chat.CodeForbidden {
		t.Fatalf("without consent: %q", code)
	}
	if code := visit(t, c, protocol.Visit{Page: "https://shop.example/shoes?token=secret", Title: "Shoes", Consent: true}); code != "" {
		t.Fatal(code)
	}
	on := func(page string) func(protocol.DeskPush) bool {
		return func(d protocol.DeskPush) bool {
			return d.Visitors != nil && slices.ContainsFunc(d.Visitors.Visitors, func(v protocol.Visitor) bool {
				return v.User == c.Session.User && v.Page == page
			})
		}
	}
	deskShows(t, o, "the visitor", on("https://shop.example/shoes"))
	if code := visit(t, c, protocol.Visit{Page: "https://shop.example/cart", Consent: true}); code != "" {
		t.Fatal(code)
	}
	deskShows(t, o, "the next page", on("https://shop.example/cart"))
	var shown protocol.DeskPush
	o.Do(func(m *client.Machine) { shown, _ = m.LiveDesk() })
	raw, err := json.Marshal(shown)
	must(t, err)
	if strings.Contains(string(raw), "secret") {
		t.Errorf("%s", raw)
	}
	o.Do(func(m *client.Machine) { m.Watch(nil) })
}
