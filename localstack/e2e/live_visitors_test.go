package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/rig"
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

// TestVisitorsVanish: whoever closes their tab without a word is off the desk when their lease is over, and the desk has
// looked again; whoever stays is not, as long as their client says so.
func TestVisitorsVanish(t *testing.T) {
	t.Parallel()
	const lease = 6 * time.Second
	r := ownRig(t, rig.Options{Args: []string{"-param", "VisitLease=" + strconv.Itoa(int(lease.Seconds()))}})
	ctx := limit(t, 2*time.Minute)
	ws, err := r.Seed(ctx, 1)
	must(t, err)
	newBoss(t, r.World, ws).do(http.StatusOK, "PUT", "/v1/settings", `{"widget":{"tellVisits":true}}`, nil, "If-Match", "*")
	o, err := r.Operator(ctx, ws, ws.Operators[0], fast())
	must(t, err)
	t.Cleanup(o.Close)
	watch(t, o, chat.ViewVisitors)
	var tabs []*world.Party
	for range 2 {
		c, err := r.Customer(ctx, ws, fast())
		must(t, err)
		t.Cleanup(c.Close)
		if code := visit(t, c, protocol.Visit{Page: "https://shop.example/"}); code != "" {
			t.Fatal(code)
		}
		tabs = append(tabs, c)
	}
	sees := func(n int) func(protocol.DeskPush) bool {
		return func(d protocol.DeskPush) bool {
			return d.Visitors != nil && len(d.Visitors.Visitors) == n && d.Visitors.Total == n
		}
	}
	deskShows(t, o, "both", sees(2))
	gone := tabs[1]
	gone.Drop()
	gone.Close()
	left := time.Now()
	until := left.Add(lease + chat.VisitorsEvery + chat.DeskDelay + chat.FrameGap) // and what a busy machine takes
	for one := sees(1); ; {
		var shown protocol.DeskPush
		o.Do(func(m *client.Machine) { shown, _ = m.LiveDesk() })
		if one(shown) {
			if u := shown.Visitors.Visitors[0].User; u != tabs[0].Session.User {
				t.Errorf("%s is left", u)
			}
			break
		}
		if time.Now().After(until.Add(slack * lease)) {
			t.Fatalf("%s after the tab was closed: %+v", time.Since(left), shown.Visitors)
		}
		if code := visit(t, tabs[0], protocol.Visit{}); code != "" {
			t.Fatalf("who stays: %s", code)
		}
		time.Sleep(lease / 6)
	}
	if took := time.Since(left); took > until.Sub(left) {
		t.Logf("off the desk %s after the tab was closed; %s on a machine with time", took, until.Sub(left))
	}
}
