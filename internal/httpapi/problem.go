package httpapi

import (
	"bytes"
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
	case chat.CodeForbidden, chat.CodeBanned:
		return http.StatusForbidden
	case chat.CodeNotFound, chat.CodeUnknownAction:
		return http.StatusNotFound
	case chat.CodeClosed, chat.CodeNotClosed, chat.CodeAlreadyAssigned, chat.CodeStaleEpoch, chat.CodeIDReused, chat.CodeOutOfSync, chat.CodeAtCapacity,
		chat.CodeInProgress, chat.CodeAlreadyDone, chat.CodeInUse:
		return http.StatusConflict
	case chat.CodeConflict:
		return http.StatusPreconditionFailed
	case chat.CodeRequired, chat.CodeKeyReused:
		return http.StatusUnprocessableEntity
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
		p.RetryAfter, p.Fields = named.RetryAfter.Milliseconds(), named.Fields
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
	p.Type, p.Title = typeOf(p.Code), http.StatusText(p.Status)
	p.Retryable = p.Code.Retryable()
	return p
}

// typeOf is the code's place in the page of errors: a URI reference (RFC 9457 section 3.1.1), relative to where the API
// is, and stable.
func typeOf(code chat.Code) string { return errorsPage + "#" + string(code) }

func writeProblem(w http.ResponseWriter, p Problem) {
	h := w.Header()
	switch {
	case p.Status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case p.Status == http.StatusTooManyRequests, p.Status == http.StatusServiceUnavailable, p.RetryAfter > 0:
		// In whole seconds (RFC 9110 section 10.2.3).
		h.Set("Retry-After", strconv.FormatInt(seconds(time.Duration(p.RetryAfter)*time.Millisecond), 10))
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	encode(w, p)
}

// document is a body that is bytes already.
type document struct {
	kind    string // its media type
	content []byte
}

// documentOf encodes a body as JSON; a document stays as it is.
func documentOf(body any) (document, error) {
	if d, ok := body.(document); ok {
		return d, nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(body)
	return document{"application/json", b.Bytes()}, err
}

// writeAnswer writes an answer of success; a nil body is none.
func writeAnswer(w http.ResponseWriter, status int, body any) error {
	if body == nil {
		w.WriteHeader(status)
		return nil
	}
	d, err := documentOf(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", d.kind)
	w.WriteHeader(status)
	_, _ = w.Write(d.content) // an error is the connection's; there is nobody left to tell
	return nil
}

// encode writes JSON. Its errors can only be the connection's; there is nobody left to tell.
func encode(w http.ResponseWriter, body any) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body)
}
