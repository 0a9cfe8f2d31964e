package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// statusOf is the one table from codes to HTTP statuses.
func statusOf(code chat.Code) int {
	switch code {
	case chat.CodeInvalid, chat.CodeHelloFirst:
		return http.StatusBadRequest
	case chat.CodeUnauthenticated:
		return http.StatusUnauthorized
	case chat.CodeForbidden:
		return http.StatusForbidden
	case chat.CodeNotFound, chat.CodeUnknownAction:
		return http.StatusNotFound
	case chat.CodeClosed, chat.CodeNotClosed, chat.CodeAlreadyAssigned, chat.CodeStaleEpoch, chat.CodeIDReused, chat.CodeOutOfSync, chat.CodeAtCapacity:
		return http.StatusConflict
	case chat.CodeTooFast:
		return http.StatusTooManyRequests
	case chat.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// statusError is an error of HTTP itself, whose status says more than its code.
type statusError struct {
	status int
	err    *chat.Error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// problemOf turns any error into its document. What nobody named is internal: its text stays here.
func problemOf(err error) Problem {
	p := Problem{Code: chat.CodeOf(err), Detail: "something went wrong on our side; try again"}
	var named *chat.Error
	if errors.As(err, &named) {
		p.Detail = named.Message
		p.RetryAfter = named.RetryAfter.Milliseconds()
	} else if errors.Is(err, chat.ErrUnknownOutcome) { // a read that storage did not answer
		p.Code = chat.CodeUnavailable
	}
	p.Status = statusOf(p.Code)
	var status *statusError
	if errors.As(err, &status) {
		p.Status = status.status
	}
	var refusal *identity.Refusal
	if errors.As(err, &refusal) {
		p.Reason = refusal.Reason
	}
	p.Title = http.StatusText(p.Status)
	p.Retryable = p.Code.Retryable()
	return p
}

func writeProblem(w http.ResponseWriter, p Problem) {
	h := w.Header()
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		// Retry-After is in whole seconds (RFC 9110 section 10.2.3), rounded up, 1 at least.
		seconds := (time.Duration(p.RetryAfter)*time.Millisecond + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(max(seconds, 1)), 10))
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	encode(w, p)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encode(w, body)
}

// encode writes JSON. Its errors can only be the connection's; there is nobody left to tell.
func encode(w http.ResponseWriter, body any) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body)
}
