package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/wsapi"
)

var update = flag.Bool("update", false, "write docs/costs.md anew")

// growth is how many times larger the large workspace is.
const growth = 100

// spent is what one request consumed, by what the engine's answers say.
type spent struct {
	calls         int
	reads, writes float64
}

// measured is a route in the small workspace and in the large one.
type measured struct {
	name         string
	small, large spent
}

// allowance is by how much a request may cost more in a workspace that is 100 times larger: a full page in place of a
// handful of rows. Everything else is an exception with a reason.
var allowance = spent{calls: 2, reads: 14, writes: 1}

// whole lists what is read as a whole by design, with the documented limit that bounds it.
var whole = map[string]struct {
	spent
	why string
}{
	"GET /v1/contacts/{id}/conversations": {spent{2, 32, 0}, "a page of 25 reads one image of each, however many there are"},
	"GET /v1/audit":                       {spent{2, 64, 0}, "a call looks at a bounded number of entries, however few it returns"},
	"GET /v1/invitations":                 {spent{2, 32, 0}, "a workspace has at most 500 invitations and password links, and they are read as a whole"},
	"POST /v1/invitations":                {spent{2, 32, 1}, "a workspace has at most 500 invitations and password links, and they are read as a whole"},
	"POST /v1/staff/{id}/password-reset":  {spent{2, 32, 1}, "a workspace has at most 500 invitations and password links, and they are read as a whole"},
	"POST /v1/articles":                   {spent{2, 32, 1}, "a slug is compared with those of all articles, by their cards, of which a workspace has a bounded number"},
	"PUT /v1/articles/{id}":               {spent{2, 32, 1}, "a slug is compared with those of all articles, by their cards, of which a workspace has a bounded number"},
	"GET /v1/canned":                      {spent{2, 64, 0}, "a workspace has at most 1,000 canned responses, and the composer wants them all"},
	"POST /v1/canned":                     {spent{2, 64, 1}, "a new shortcut is compared with all the others, at most 1,000"},
	"DELETE /v1/departments/{id}":         {spent{4, 128, 1}, "what refers to a department is looked for in the staff, the invitations, the queue and all that the workspace has set, which has limits"},
	"PUT /v1/canned/{id}":                 {spent{2, 64, 1}, "a shortcut is compared with all the others, at most 1,000"},
}

// TestCosts makes every HTTP request and every action of the socket against the real adapter, in a workspace and in one
// 100 times larger, counts calls and units, and keeps docs/costs.md (-update writes it).
func TestCosts(t *testing.T) {
	small, large := newShop(t, 1), newShop(t, growth)
	var rows []measured
	for _, op := range httpapi.Operations() {
		c, ok := requests()[op.Name]
		if !ok {
			t.Errorf("%s %s (%s) has no request in costs_requests_test.go", op.Method, op.Path, op.Name)
			continue
		}
		rows = append(rows, measured{op.Method + " " + op.Path, small.ask(op, c), large.ask(op, c)})
	}
	actions := wsapi.Actions()
	slices.Sort(actions)
	for _, a := range actions {
		c, ok := frames()[a]
		if !ok {
			t.Errorf("the action %s has no frame in costs_requests_test.go", a)
			continue
		}
		rows = append(rows, measured{"socket " + a, small.frame(a, c), large.frame(a, c)})
	}
	for _, r := range rows {
		bound, reason := allowance, "a page"
		if w, is := whole[r.name]; is {
			bound, reason = w.spent, w.why
		}
		if r.large.calls > r.small.calls+bound.calls || r.large.reads > r.small.reads+bound.reads || r.large.writes > r.small.writes+bound.writes {
			t.Errorf("%s grows with the workspace: %+v, %d times larger %+v; allowed is %+v more (%s)", r.name, r.small, growth, r.large, bound, reason)
		}
	}
	for operation, n := range large.operations {
		if strings.HasPrefix(operation, "Scan") || strings.Contains(operation, "PartiQL") || strings.Contains(operation, "ExecuteStatement") {
			t.Errorf("%d calls of %s", n, operation)
		}
	}
	if len(rows) < 150 {
		t.Errorf("only %d routes and actions", len(rows))
	}
	small.pages("/v1/bans", "bans")
	large.pages("/v1/bans", "bans")
	keep(t, rows)
}

// pages reads a list to its end, and demands that each page, the last as the first, costs what a page does: a list that
// read everything, or from its beginning each time, would show here and not in its first page.
func (s *shop) pages(path, member string) {
	s.Helper()
	const limit = 25
	seen, pages := 0, 0
	for next := ""; ; pages++ {
		target := fmt.Sprintf("%s?limit=%d", path, limit)
		if next != "" {
			target += "&after=" + url.QueryEscape(next)
		}
		s.cold()
		var status int
		var answer []byte
		n := s.during(func() { status, answer = s.do("GET", target, "", s.tokens[chat.RoleAdmin]) })
		var page map[string]json.RawMessage
		var list []json.RawMessage
		if status != 200 || json.Unmarshal(answer, &page) != nil || json.Unmarshal(page[member], &list) != nil || len(list) > limit {
			s.Fatalf("%s: %d %s", target, status, answer)
		}
		if n.calls > 4 || n.reads > 6 || n.writes > 0 {
			s.Errorf("page %d of %s, with %d entries, costs %+v", pages, path, len(list), n)
		}
		seen += len(list)
		next = ""
		_ = json.Unmarshal(page["next"], &next) // absent at the end
		if next == "" {
			break
		}
	}
	if least := 10 * s.size; seen < least || pages < least/limit {
		s.Errorf("%s: %d entries on %d pages, of %d that there are", path, seen, pages+1, least)
	}
}

// keep compares the table with docs/costs.md: the same routes, and figures within a quarter and a unit, so that an id
// that takes a byte more turns nothing red; -update writes it.
func keep(t *testing.T, rows []measured) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", "costs.md")
	if *update {
		if err := os.WriteFile(path, render(rows), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]float64{}
	for _, line := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)\\|$").FindAllStringSubmatch(string(text), -1) {
		for _, cell := range strings.Split(line[2], "|") {
			n, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
			if err != nil {
				t.Fatalf("%s: %v", line[0], err)
			}
			known[line[1]] = append(known[line[1]], n)
		}
	}
	const hint = "run: go test ./functions/api -run TestCosts -update"
	for _, r := range rows {
		want := known[r.name]
		delete(known, r.name)
		got := r.cells()
		if len(want) != len(got) {
			t.Errorf("%s is not in docs/costs.md; %s", r.name, hint)
			continue
		}
		for i := range got {
			if got[i] > want[i]*1.25+1 || got[i] < want[i]*0.75-1 {
				t.Errorf("%s: %v, docs/costs.md says %v; %s", r.name, got, want, hint)
				break
			}
		}
	}
	for name := range known {
		t.Errorf("docs/costs.md has %s, which is no route; %s", name, hint)
	}
}

func (r measured) cells() []float64 {
	return []float64{float64(r.small.calls), r.small.reads, r.small.writes, float64(r.large.calls), r.large.reads, r.large.writes}
}

func render(rows []measured) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# What each route costs DynamoDB

Generated by `+"`go test ./functions/api -run TestCosts -update`"+`, and checked by the same test: every HTTP request and every
action of the socket, made once against the real adapter, as the functions are wired. First in a workspace with a handful of
everything (%[2]s), then in one that is %[1]d times larger. Session and permission checks are included; what the relay, routing
and timers do afterwards is not (docs/performance.md has a whole conversation). Caches are cold.

A request may cost at most %[3]d calls and %[4]g read units more in the large workspace: a full page in place of a short one.
What is read as a whole, by design and with a limit:

`, growth, shopText, allowance.calls, allowance.reads)
	for _, r := range rows {
		if w, is := whole[r.name]; is {
			fmt.Fprintf(&b, "- `%s`: %s\n", r.name, w.why)
		}
	}
	fmt.Fprintf(&b, "\nNo request path scans: this test sees every call, and TestNothingScans the source.\n\n| route | calls | read units | write units | calls, ×%[1]d | read units, ×%[1]d | write units, ×%[1]d |\n|---|---|---|---|---|---|---|\n", growth)
	for _, r := range rows {
		c := r.cells()
		fmt.Fprintf(&b, "| `%s` | %g | %g | %g | %g | %g | %g |\n", r.name, c[0], c[1], c[2], c[3], c[4], c[5])
	}
	return b.Bytes()
}

// TestNothingScans looks at the source of everything that is deployed.
func TestNothingScans(t *testing.T) {
	t.Parallel()
	looked := 0
	scan := regexp.MustCompile(`\.Scan\(|ScanInput|NewScanPaginator|ExecuteStatement|"Scan"|dynamodb:Scan`)
	for _, root := range []string{"../../functions", "../../internal", "../../template.yaml"} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir():
				if strings.HasSuffix(path, "internal/cmd") { // tools, which serve nobody
					return filepath.SkipDir
				}
				return nil
			case strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".yaml"):
				return nil
			}
			text, err := os.ReadFile(path)
			looked++
			if found := scan.Find(text); found != nil {
				t.Errorf("%s: %s", path, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 150 {
		t.Errorf("only %d files", looked)
	}
}
