package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/template"
)

// httpTimeout is the longest integration timeout of an HTTP API (quotas for HTTP APIs), and the default.
const httpTimeout = 30 * time.Second

// httpAPI is template.HTTPAPI compiled.
type httpAPI struct {
	id, stage string
	routes    []httpRoute // most specific first
	fallback  *httpRoute  // $default
	cors      *template.CORS
}

// httpRoute is one route: a method (or ANY) and a path.
type httpRoute struct {
	key      string // "GET /v1/conversations/{id}", as events show it
	method   string
	segments []segment
	function string
	timeout  time.Duration
}

// segment is one part of a path between slashes.
type segment struct {
	kind segmentKind
	text string // of a literal, or the name of a variable
}

type segmentKind int

// Ordered from most to least specific.
const (
	literal  segmentKind = iota
	variable             // {id}
	greedy               // {proxy+}, always last
)

func newHTTPAPI(t *template.HTTPAPI) (*httpAPI, error) {
	a := &httpAPI{id: t.APIID, stage: orDefault(t.Stage, routeDefault), cors: t.CORS}
	for _, r := range t.Routes {
		route, err := compileRoute(r)
		if err != nil {
			return nil, fmt.Errorf("gateway: %s: %w", t.LogicalID, err)
		}
		if r.Path == routeDefault {
			a.fallback = &route
			continue
		}
		a.routes = append(a.routes, route)
	}
	slices.SortStableFunc(a.routes, moreSpecific)
	return a, nil
}

func compileRoute(r template.HTTPRoute) (httpRoute, error) {
	route := httpRoute{
		method:   orDefault(strings.ToUpper(r.Method), "ANY"),
		function: r.Function,
		timeout:  orDefault(r.Timeout, httpTimeout),
	}
	if r.Function == "" {
		return route, fmt.Errorf("route %s %s has no function", r.Method, r.Path)
	}
	if r.Path == routeDefault {
		route.key = routeDefault
		return route, nil
	}
	route.key = route.method + " " + r.Path
	path, ok := strings.CutPrefix(r.Path, "/")
	if !ok {
		return route, fmt.Errorf("route path %q does not begin with a slash", r.Path)
	}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		seg := parseSegment(part)
		if seg.kind == greedy && i != len(parts)-1 {
			return route, fmt.Errorf("route path %q: a greedy variable must be last", r.Path)
		}
		route.segments = append(route.segments, seg)
	}
	return route, nil
}

func parseSegment(part string) segment {
	name, ok := strings.CutPrefix(part, "{")
	if !ok || !strings.HasSuffix(name, "}") {
		return segment{literal, part}
	}
	name = name[:len(name)-1]
	if name, ok := strings.CutSuffix(name, "+"); ok {
		return segment{greedy, name}
	}
	return segment{variable, name}
}

// moreSpecific orders routes as the service chooses among them (developer guide, http-api-develop-routes):
// full matches before greedy ones, $default last; the literal wins at the first segment that differs, and a
// method over ANY.
func moreSpecific(a, b httpRoute) int {
	for i := range min(len(a.segments), len(b.segments)) {
		if d := a.segments[i].kind - b.segments[i].kind; d != 0 {
			return int(d)
		}
	}
	if d := len(b.segments) - len(a.segments); d != 0 {
		return d
	}
	return boolInt(a.method == "ANY") - boolInt(b.method == "ANY")
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// find returns the route for a request and its path parameters, or nil.
func (a *httpAPI) find(method, path string) (*httpRoute, []field) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range a.routes {
		r := &a.routes[i]
		if r.method != method && r.method != "ANY" {
			continue
		}
		if params, ok := r.match(parts); ok {
			return r, params
		}
	}
	return a.fallback, nil
}

// match compares a path, cut at its slashes. A greedy variable takes one segment or more.
func (r *httpRoute) match(parts []string) (params []field, ok bool) {
	for i, seg := range r.segments {
		if i >= len(parts) {
			return nil, false
		}
		switch seg.kind {
		case literal:
			if parts[i] != seg.text {
				return nil, false
			}
		case variable:
			if parts[i] == "" {
				return nil, false
			}
			params = append(params, field{seg.text, []string{parts[i]}})
		case greedy:
			rest := strings.Join(parts[i:], "/")
			return append(params, field{seg.text, []string{rest}}), rest != ""
		}
	}
	return params, len(parts) == len(r.segments)
}

// stagePath strips the stage from the path of a request; only $default has none in its URLs.
func (a *httpAPI) stagePath(path string) (string, bool) {
	if a.stage == routeDefault {
		return path, true
	}
	rest, ok := strings.CutPrefix(path, "/"+a.stage)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return orDefault(rest, "/"), true
}

// preflight reports whether a request is a CORS preflight.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}
