package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/localstack/template"
)

// allowedOrigin returns the value of access-control-allow-origin for an origin, or "": "*" when every origin
// is allowed, else the origin itself. https://* and http://* stand for every origin of the scheme.
func allowedOrigin(c *template.CORS, origin string) string {
	for _, o := range c.Origins {
		switch {
		case o == "*" && !c.Credentials:
			return "*"
		case o == "*", o == origin:
			return origin
		case strings.HasSuffix(o, "://*") && strings.HasPrefix(origin, o[:len(o)-1]):
			return origin
		}
	}
	return ""
}

// answerPreflight answers in place of any route (developer guide, http-api-cors): 204, with the CORS headers
// only when origin and method are allowed, so that the browser refuses otherwise.
func answerPreflight(w http.ResponseWriter, r *http.Request, c *template.CORS) {
	h := w.Header()
	origin := allowedOrigin(c, r.Header.Get("Origin"))
	if origin != "" && allowsMethod(c, r.Header.Get("Access-Control-Request-Method")) {
		h["access-control-allow-origin"] = []string{origin}
		setList(h, "access-control-allow-methods", c.Methods)
		setList(h, "access-control-allow-headers", c.Headers)
		setCommon(h, c)
		if c.MaxAge > 0 {
			h["access-control-max-age"] = []string{strconv.Itoa(int(c.MaxAge.Seconds()))}
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// setCORS puts the API's CORS headers on an answer in place of the function's own: with CORS configured, the
// service ignores those.
func setCORS(h http.Header, r *http.Request, c *template.CORS) {
	for name := range h {
		if strings.HasPrefix(http.CanonicalHeaderKey(name), "Access-Control-") {
			delete(h, name)
		}
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	if allowed := allowedOrigin(c, origin); allowed != "" {
		h["access-control-allow-origin"] = []string{allowed}
		setCommon(h, c)
	}
}

func setCommon(h http.Header, c *template.CORS) {
	setList(h, "access-control-expose-headers", c.Expose)
	if c.Credentials {
		h["access-control-allow-credentials"] = []string{"true"}
	}
}

func setList(h http.Header, name string, values []string) {
	if len(values) > 0 {
		h[name] = []string{strings.Join(values, ",")}
	}
}

func allowsMethod(c *template.CORS, method string) bool {
	return slices.Contains(c.Methods, "*") || slices.Contains(c.Methods, method)
}
