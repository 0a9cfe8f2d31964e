package sqs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/parley-chat/parley/localstack/seam"
)

const (
	sqsNamespace   = "com.amazonaws.sqs#"
	coralNamespace = "com.amazon.coral.service#"
	// legacyPrefix begins most codes of the older query protocol.
	legacyPrefix = "AWS.SimpleQueueService."
)

// apiError is an error as AWS answers it.
type apiError struct {
	kind    string // error type with its namespace, as in __type
	message string
}

func (e *apiError) Error() string { return e.kind + ": " + e.message }

func serviceError(name, format string, args ...any) *apiError {
	return &apiError{kind: sqsNamespace + name, message: fmt.Sprintf(format, args...)}
}

func coralError(name, format string, args ...any) *apiError {
	return &apiError{kind: coralNamespace + name, message: fmt.Sprintf(format, args...)}
}

func errQueueDoesNotExist() *apiError {
	return serviceError("QueueDoesNotExist", "The specified queue does not exist.")
}

func errMissing(parameter string) *apiError {
	return coralError("MissingRequiredParameterException", "The request must contain the parameter %s.", parameter)
}

func errParameter(format string, args ...any) *apiError {
	return coralError("InvalidParameterValueException", format, args...)
}

func errValue(value any, parameter, reason string) *apiError {
	return errParameter("Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

func errUnsupported(what string) *apiError {
	return serviceError("UnsupportedOperation", "%s is not supported by the local stack.", what)
}

// queryErrors holds the codes of the query protocol and the HTTP status where they are not the rule, from
// the service model (awsQueryError and httpError traits) and recordings of the coral errors.
var queryErrors = map[string]struct {
	code   string
	status int
}{
	sqsNamespace + "QueueDoesNotExist":                   {legacyPrefix + "NonExistentQueue", http.StatusBadRequest},
	sqsNamespace + "QueueNameExists":                     {"QueueAlreadyExists", http.StatusBadRequest},
	sqsNamespace + "QueueDeletedRecently":                {legacyPrefix + "QueueDeletedRecently", http.StatusBadRequest},
	sqsNamespace + "PurgeQueueInProgress":                {legacyPrefix + "PurgeQueueInProgress", http.StatusForbidden},
	sqsNamespace + "OverLimit":                           {"OverLimit", http.StatusForbidden},
	sqsNamespace + "ReceiptHandleIsInvalid":              {"ReceiptHandleIsInvalid", http.StatusNotFound},
	sqsNamespace + "ResourceNotFoundException":           {"ResourceNotFoundException", http.StatusNotFound},
	sqsNamespace + "InvalidAttributeName":                {"InvalidAttributeName", http.StatusBadRequest},
	sqsNamespace + "InvalidAttributeValue":               {"InvalidAttributeValue", http.StatusBadRequest},
	sqsNamespace + "InvalidMessageContents":              {"InvalidMessageContents", http.StatusBadRequest},
	sqsNamespace + "EmptyBatchRequest":                   {legacyPrefix + "EmptyBatchRequest", http.StatusBadRequest},
	sqsNamespace + "TooManyEntriesInBatchRequest":        {legacyPrefix + "TooManyEntriesInBatchRequest", http.StatusBadRequest},
	sqsNamespace + "BatchEntryIdsNotDistinct":            {legacyPrefix + "BatchEntryIdsNotDistinct", http.StatusBadRequest},
	sqsNamespace + "InvalidBatchEntryId":                 {legacyPrefix + "InvalidBatchEntryId", http.StatusBadRequest},
	sqsNamespace + "BatchRequestTooLong":                 {legacyPrefix + "BatchRequestTooLong", http.StatusBadRequest},
	sqsNamespace + "UnsupportedOperation":                {legacyPrefix + "UnsupportedOperation", http.StatusBadRequest},
	coralNamespace + "InvalidParameterValueException":    {"InvalidParameterValue", http.StatusBadRequest},
	coralNamespace + "MissingRequiredParameterException": {"MissingParameter", http.StatusBadRequest},
	coralNamespace + "SerializationException":            {"MalformedInput", http.StatusBadRequest},
	coralNamespace + "UnknownOperationException":         {"InvalidAction", http.StatusBadRequest},
	coralNamespace + "InternalFailure":                   {"InternalFailure", http.StatusInternalServerError},
}

// QueryError returns the value of the header x-amzn-query-error for Answer.ErrorType, or "" for a type that
// is not SQS's own. SQS sends the header with every error; SDKs take the error's code from it and its Go type
// from the body: without it errors.As works, but ErrorCode() says "QueueDoesNotExist" where AWS has
// "AWS.SimpleQueueService.NonExistentQueue".
func QueryError(errorType string) string {
	known, ok := queryErrors[errorType]
	switch {
	case !ok:
		return ""
	case known.status >= http.StatusInternalServerError:
		return known.code + ";Receiver"
	}
	return known.code + ";Sender"
}

// batchCode is the code of a failed batch entry: the query code without its prefix.
func (e *apiError) batchCode() string {
	return strings.TrimPrefix(queryErrors[e.kind].code, legacyPrefix)
}

func (e *apiError) answer() seam.Answer {
	body, err := json.Marshal(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{e.kind, e.message})
	if err != nil {
		body = []byte(`{}`) // two strings always encode
	}
	return seam.Answer{Status: queryErrors[e.kind].status, ErrorType: e.kind, Body: body}
}
