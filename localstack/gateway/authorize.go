package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/template"
)

// maxAuthorizerResult is the quota "Lambda authorizer result size" of WebSocket APIs.
const maxAuthorizerResult = 8 << 10

// authorize runs the REQUEST authorizer of $connect and keeps its context. It is asked once per connection:
// WebSocket APIs cache no result and never ask again.
func (h *handshake) authorize(m *moment) *refusal {
	g, auth := h.g, h.g.socket.authorizer
	if !h.hasIdentity(auth) {
		return unauthorized()
	}
	start := time.Now()
	res, how := g.invoke(auth.Function, g.socket.authorizerEvent(h, m), h.trace, socketTimeout)
	switch {
	case how == failed && res.Error.Message == "Unauthorized":
		return unauthorized()
	case how != answered:
		return h.broken(http.StatusInternalServerError, "Internal server error")
	}
	verdict, err := parseVerdict(res.Payload)
	if err != "" {
		g.Logger.Warn("authorizer result refused", "function", auth.Function, "why", err)
		return h.broken(http.StatusInternalServerError, "Internal server error")
	}
	if !verdict.policy.allows("execute-api:Invoke", g.socket.connectARN) {
		return &refusal{http.StatusForbidden, "AccessDeniedException", `{"Message":"User is not authorized to access this resource"}`}
	}
	h.authorizer = verdict.context
	if g.sw.IntegrationLatency {
		h.authorizer = withLatency(h.authorizer, time.Since(start))
	}
	return nil
}

func unauthorized() *refusal {
	return &refusal{http.StatusUnauthorized, "UnauthorizedException", `{"message":"Unauthorized"}`}
}

// hasIdentity reports whether every identity source is there and not empty; only then is the authorizer
// asked. Sources of other kinds than header and querystring are not checked.
func (h *handshake) hasIdentity(auth *template.Authorizer) bool {
	for _, source := range auth.Identity {
		if name, ok := strings.CutPrefix(source, "route.request.header."); ok && !h.hasHeader(name) {
			return false
		}
		if name, ok := strings.CutPrefix(source, "route.request.querystring."); ok && h.r.URL.Query().Get(name) == "" {
			return false
		}
	}
	return true
}

func (h *handshake) hasHeader(name string) bool {
	return slices.ContainsFunc(h.authorizerHeaders(), func(f field) bool {
		return strings.EqualFold(f.name, name) && f.values[0] != ""
	})
}

// verdict is an authorizer's answer.
type verdict struct {
	policy  policy
	context []byte // principalId and the stringified context, a JSON object
}

// parseVerdict reads an authorizer's answer; why says what makes it unusable.
func parseVerdict(payload []byte) (v verdict, why string) {
	if len(payload) > maxAuthorizerResult {
		return v, "longer than 8 KB"
	}
	var doc struct {
		PrincipalID    json.RawMessage            `json:"principalId"`
		PolicyDocument *policy                    `json:"policyDocument"`
		Context        map[string]json.RawMessage `json:"context"`
	}
	if err := json.Unmarshal(payload, &doc); err != nil {
		return v, err.Error()
	}
	if doc.PolicyDocument == nil || len(doc.PrincipalID) == 0 {
		return v, "no policyDocument or no principalId"
	}
	principal, ok := scalarText(doc.PrincipalID)
	if !ok {
		return v, "principalId is not a string"
	}
	v.policy = *doc.PolicyDocument
	if err := v.policy.check(); err != "" {
		return v, err
	}
	v.context, ok = appendContext(nil, principal, doc.Context)
	if !ok {
		return v, "context holds something else than strings, numbers and booleans"
	}
	return v, ""
}

// appendContext appends {"principalId":...,...}: numbers and booleans become strings (developer guide,
// apigateway-mapping-template-reference: "The stringified value").
func appendContext(b []byte, principal string, context map[string]json.RawMessage) ([]byte, bool) {
	b = append(b, `{"principalId":`...)
	b = appendText(b, principal)
	names := make([]string, 0, len(context))
	for name := range context {
		if name != "principalId" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		value, ok := scalarText(context[name])
		if !ok {
			return nil, false
		}
		b = append(b, ',')
		b = appendText(b, name)
		b = append(b, ':')
		b = appendText(b, value)
	}
	return append(b, '}'), true
}

func withLatency(context []byte, took time.Duration) []byte {
	b := bytes.Clone(context[:len(context)-1]) // without the closing brace
	b = append(b, `,"integrationLatency":`...)
	b = strconv.AppendInt(b, took.Milliseconds(), 10)
	return append(b, '}')
}
