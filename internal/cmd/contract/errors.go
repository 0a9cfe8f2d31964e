package main

import (
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
)

// remedies says what a client does about each code.
var remedies = map[chat.Code]string{
	chat.CodeInvalid:         "Do not send it again: it is a bug of the client. The message names the field. Of a send with several messages, send them one by one to find the one that is refused.",
	chat.CodeUnknownAction:   "Do not send it again: the client is newer than the server, or wrong.",
	chat.CodeNotFound:        "Drop the conversation from view; hello lists the ones there are.",
	chat.CodeForbidden:       "Do not send it again; do not offer the command to this role.",
	chat.CodeUnauthenticated: "Keep the outbox, sign in again, open a new socket with a new ticket.",
	chat.CodeHelloFirst:      "Say hello, then send the same again.",
	chat.CodeClosed:          "Show the conversation as closed; staff may reopen it.",
	chat.CodeNotClosed:       "Take the state from the log, and offer what it allows.",
	chat.CodeAlreadyAssigned: "Show who has it, and offer the next conversation.",
	chat.CodeTooFast:         "Wait retryAfter milliseconds, then send the same again.",
	chat.CodeStaleEpoch:      "Take the state from the log, and decide again.",
	chat.CodeAtCapacity:      "Close, snooze or transfer a conversation first, or let somebody else take this one.",
	chat.CodeConflict:        "Read it again, apply the change to what is there now, and send that with the new ETag.",
	chat.CodeRequired:        "Set the fields that the message names, then close.",
	chat.CodeBanned:          "Do not retry: the business does not want to hear from this customer for now.",
	chat.CodeKeyReused:       "It is a bug of the client: make a fresh Idempotency-Key for each thing that is to be done.",
	chat.CodeInProgress:      "Wait retryAfter milliseconds, then send the same again.",
	chat.CodeInUse:           "Change or remove what fields lists, then remove the thing.",
	chat.CodeAlreadyDone:     "Look for what was made. If its secret was lost on the way, make another one and revoke this one.",
	chat.CodeIDReused:        "It is a bug of the client: make a fresh id for each event, and never change what was sent under one.",
	chat.CodeOutOfSync:       "Reload the conversation: say hello without its cursor. Then lower \"after\" to the new head and send again.",
	chat.CodeUnavailable:     "Send the same again, unchanged, after a pause with jitter.",
	chat.CodeInternal:        "Send the same again, unchanged, after a pause with jitter. Report it if it stays.",
}

// CodeEntry documents a code.
type CodeEntry struct {
	Code    chat.Code `json:"code"`
	Meaning string    `json:"meaning"`
	// Retryable says that the same frame may be sent again unchanged.
	Retryable bool `json:"retryable"`
	// Outcome is "refused" (nothing was done) or "unknown".
	Outcome string `json:"outcome"`
	Client  string `json:"client"`
	HTTP    int    `json:"http"`
}

// ReasonEntry documents a reason.
type ReasonEntry struct {
	Reason  identity.Reason `json:"reason"`
	Meaning string          `json:"meaning"`
}

// ErrorList is events/errors.json.
type ErrorList struct {
	Codes   []CodeEntry   `json:"codes"`
	Reasons []ReasonEntry `json:"reasons"`
}

func errorList(c *comments) ErrorList {
	var out ErrorList
	for _, code := range chat.Codes() {
		outcome := "refused"
		if code == chat.CodeUnavailable || code == chat.CodeInternal {
			outcome = "unknown"
		}
		out.Codes = append(out.Codes, CodeEntry{
			Code: code, Meaning: c.meaning("chat.Code", string(code)), Retryable: code.Retryable(), Outcome: outcome,
			Client: remedies[code], HTTP: httpapi.StatusOf(code),
		})
	}
	for _, r := range identity.Reasons() {
		out.Reasons = append(out.Reasons, ReasonEntry{Reason: r, Meaning: c.meaning("identity.Reason", string(r))})
	}
	return out
}

// meaning returns the comment of a string constant, as a sentence.
func (c *comments) meaning(typ, value string) string {
	doc := c.values[typ+"."+value]
	if doc == "" {
		return ""
	}
	doc = strings.ReplaceAll(doc, "RetryAfter", "retryAfter")
	return strings.ToUpper(doc[:1]) + doc[1:]
}
