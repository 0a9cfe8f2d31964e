package chat

import (
	"errors"
	"fmt"
	"time"
)

// Code says what went wrong, for programs. Codes are part of the contract: they are added, never renamed.
type Code string

// The codes. Retryable says which of them are worth sending again unchanged.
const (
	// CodeInvalid: the command is malformed or breaks a limit; the message says which field.
	CodeInvalid Code = "invalid"
	// CodeUnknownAction: the frame's action is none of the documented ones.
	CodeUnknownAction Code = "unknown_action"
	// CodeNotFound: there is no such conversation, or this user has no part in it. The two are not told
	// apart, so that ids of others cannot be probed.
	CodeNotFound Code = "not_found"
	// CodeForbidden: the role may not issue this command.
	CodeForbidden Code = "forbidden"
	// CodeUnauthenticated: the session has expired or was revoked; sign in again.
	CodeUnauthenticated Code = "unauthenticated"
	// CodeHelloFirst: the socket has not said hello.
	CodeHelloFirst Code = "hello_first"
	// CodeClosed: the conversation is closed and this command does not reopen it.
	CodeClosed Code = "closed"
	// CodeNotClosed: the status of the conversation does not allow this: it is not closed, or not yet accepted, or awake.
	CodeNotClosed Code = "not_closed"
	// CodeAlreadyAssigned: another operator was faster, or it is where it was to go.
	CodeAlreadyAssigned Code = "already_assigned"
	// CodeTooFast: this sender is muted until RetryAfter has passed.
	CodeTooFast Code = "too_fast"
	// CodeStaleEpoch: control of the conversation has changed hands since (bots).
	CodeStaleEpoch Code = "stale_epoch"
	// CodeIDReused: an event of this sender with this id exists, with another content.
	CodeIDReused Code = "id_reused"
	// CodeOutOfSync: the client's view is ahead of the log (after a restore); it must reload.
	CodeOutOfSync Code = "out_of_sync"
	// CodeAtCapacity: the operator has no place left for another conversation.
	CodeAtCapacity Code = "at_capacity"
	// CodeConflict: somebody else changed it in between; read it again (HTTP: If-Match did not hold).
	CodeConflict Code = "conflict"
	// CodeRequired: the conversation lacks fields that must be set before it closes; the message names them.
	CodeRequired Code = "fields_required"
	// CodeBanned: this customer may not write.
	CodeBanned Code = "banned"
	// CodeKeyReused: a request with this Idempotency-Key was something else.
	CodeKeyReused Code = "key_reused"
	// CodeInProgress: the first request with this Idempotency-Key is still being carried out.
	CodeInProgress Code = "in_progress"
	// CodeAlreadyDone: the request with this Idempotency-Key was carried out, and its answer, which held a secret, was not
	// kept.
	CodeAlreadyDone Code = "already_done"
	// CodeInUse: something refers to it; fields lists what, by kind.
	CodeInUse Code = "in_use"
	// CodeUnavailable: storage or delivery did not answer in time; the outcome is unknown, resend unchanged.
	CodeUnavailable Code = "unavailable"
	// CodeInternal: an error nobody named. The outcome is unknown, resend unchanged.
	CodeInternal Code = "internal"
)

// Retryable says whether the same command, sent again unchanged after a pause, can succeed.
func (c Code) Retryable() bool {
	return c == CodeTooFast || c == CodeInProgress || c == CodeUnavailable || c == CodeInternal
}

// Codes lists every code, for documentation and for tests that each is documented.
func Codes() []Code {
	return []Code{CodeInvalid, CodeUnknownAction, CodeNotFound, CodeForbidden, CodeUnauthenticated, CodeHelloFirst,
		CodeClosed, CodeNotClosed, CodeAlreadyAssigned, CodeTooFast, CodeStaleEpoch, CodeIDReused, CodeOutOfSync,
		CodeAtCapacity, CodeConflict, CodeRequired, CodeBanned, CodeKeyReused, CodeInProgress, CodeAlreadyDone, CodeInUse, CodeUnavailable, CodeInternal}
}

// Error is the one error type of the domain. Its Message is meant for the caller and holds no secrets.
type Error struct {
	Code    Code
	Message string
	// RetryAfter is set with CodeTooFast and CodeInProgress.
	RetryAfter time.Duration
	// Fields says, with CodeInvalid, what is wrong with each answer of a form, or field of a request, by its name; it never
	// holds an answer. With CodeInUse it lists what refers to the thing, by kind.
	Fields map[string]string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of err: CodeInternal for an error that nobody named, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
