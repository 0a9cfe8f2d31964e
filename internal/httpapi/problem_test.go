package httpapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// The statuses are part of the contract.
func TestEveryCodeHasItsStatus(t *testing.T) {
	t.Parallel()
	want := map[chat.Code]int{
		chat.CodeInvalid: 400, chat.CodeUnknownAction: 404, chat.CodeNotFound: 404, chat.CodeForbidden: 403,
		chat.CodeUnauthenticated: 401, chat.CodeHelloFirst: 400, chat.CodeClosed: 409, chat.CodeNotClosed: 409,
		chat.CodeAlreadyAssigned: 409, chat.CodeTooFast: 429, chat.CodeStaleEpoch: 409, chat.CodeIDReused: 409,
		chat.CodeOutOfSync: 409, chat.CodeAtCapacity: 409, chat.CodeConflict: 412, chat.CodeRequired: 422,
		chat.CodeBanned: 403, chat.CodeKeyReused: 422, chat.CodeInProgress: 409, chat.CodeAlreadyDone: 409, chat.CodeInUse: 409, chat.CodeUnavailable: 503, chat.CodeInternal: 500,
	}
	for _, code := range chat.Codes() {
		if got := statusOf(code); got != want[code] {
			t.Errorf("%s: %d, want %d", code, got, want[code])
		}
		// Statuses say by themselves what may be sent again, but for 409, which draft-ietf-httpapi-idempotency-key-header
		// demands for a request that is under way.
		if retryable := slices.Contains([]int{429, 500, 503}, statusOf(code)) || code == chat.CodeInProgress; retryable != code.Retryable() {
			t.Errorf("%s: its status and Retryable disagree", code)
		}
	}
}

func TestProblemOf(t *testing.T) {
	t.Parallel()
	secret := errors.New("table arn:aws:dynamodb:… is away")
	for _, c := range []struct {
		err    error
		status int
		code   chat.Code
	}{
		{secret, 500, chat.CodeInternal},
		{fmt.Errorf("%w: %w", chat.ErrUnknownOutcome, secret), 503, chat.CodeUnavailable},
		{fmt.Errorf("reading: %w: %w", chat.Errorf(chat.CodeUnavailable, "try again"), secret), 503, chat.CodeUnavailable},
		{&statusError{413, chat.Errorf(chat.CodeInvalid, "body: large")}, 413, chat.CodeInvalid},
		{&identity.Refusal{Reason: identity.ReasonSessionExpired, Err: chat.Errorf(chat.CodeUnauthenticated, "sign in")}, 401, chat.CodeUnauthenticated},
		{&chat.Error{Code: chat.CodeTooFast, Message: "slow", RetryAfter: 1500 * time.Millisecond}, 429, chat.CodeTooFast},
	} {
		p := problemOf(c.err)
		if p.Status != c.status || p.Code != c.code || strings.Contains(p.Detail, "arn:") || p.Detail == "" {
			t.Errorf("%v: %+v", c.err, p)
		}
		var w recorder
		writeProblem(&w, p)
		if w.status != c.status {
			t.Errorf("%v: status %d", c.err, w.status)
		}
		if c.status == 429 && w.header.Get("Retry-After") != "2" || c.status == 503 && w.header.Get("Retry-After") != "1" {
			t.Errorf("%v: retry after %q", c.err, w.header.Get("Retry-After"))
		}
	}
}

// Every route but the open ones refuses whoever has no session, before it does anything.
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := []string{"POST /v1/customer-sessions", "POST /v1/staff-sessions", "GET /v1/health",
		"POST /v1/invitations/accept", "POST /v1/password-resets/accept", "POST /v1/staff-sessions/refresh", "GET /v1/oidc/{workspace}/start", "GET /v1/oidc/callback", "POST /v1/oidc/sessions", "GET /v1/widget/config", "GET /v1/sign-in", "GET /v1/openapi.json", "GET /v1/docs", "GET /v1/docs/errors"}
	for _, r := range routes() {
		if slices.Contains(open, r.pattern) != r.open {
			t.Errorf("%s: open is %v", r.pattern, r.open)
		}
		if r.open {
			continue
		}
		w.now = w.now.Add(time.Second) // one address may ask 300 times a minute
		method, path, _ := strings.Cut(strings.ReplaceAll(r.pattern, "{id}", string(talk)), " ")
		w.problem(r.pattern, w.do(method, path, ""), 401, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
		w.problem(r.pattern, w.do(method, path, "", "Authorization", "Basic b25lOnJpZ2h0"), 401, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	}
}

func TestPanicIsAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, token := w.customer()
	w.api.Directory = nil
	w.problem("panic", w.do("GET", "/v1/conversations", "", "Authorization", token), 500, chat.CodeInternal, "")
	if !strings.Contains(w.logged.String(), "panic") || !strings.Contains(w.logged.String(), "conversations.go") {
		t.Error("the stack is not logged")
	}
}
