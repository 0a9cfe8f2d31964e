package dynamodb

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/seam"
)

// The error types that this engine answers with, as AWS writes them in __type. "Error handling with DynamoDB"
// in the developer guide and the Errors sections of the API reference list them.
const (
	prefix              = "com.amazonaws.dynamodb.v20120810#"
	validation          = attr.ValidationException
	serialization       = attr.SerializationException
	unknownOperation    = "com.amazon.coral.service#UnknownOperationException"
	internalFailure     = prefix + "InternalServerError"
	resourceNotFound    = prefix + "ResourceNotFoundException"
	resourceInUse       = prefix + "ResourceInUseException"
	conditionFailed     = prefix + "ConditionalCheckFailedException"
	transactionCanceled = prefix + "TransactionCanceledException"
	transactionConflict = prefix + "TransactionConflictException"
	transactionRunning  = prefix + "TransactionInProgressException"
	tokenMismatch       = prefix + "IdempotentParameterMismatchException"
	trimmedAccess       = prefix + "TrimmedDataAccessException"
	expiredIterator     = prefix + "ExpiredIteratorException"
)

// apiError is an answer that is not a success. It is the only error that leaves an operation.
type apiError struct {
	kind    string
	message string
	// detail holds further members of the error document, each preceded by a comma: Item,
	// CancellationReasons.
	detail []byte
}

func (e *apiError) Error() string { return e.kind + ": " + e.message }

func invalid(format string, args ...any) *apiError {
	return &apiError{kind: validation, message: fmt.Sprintf(format, args...)}
}

// invalidValue is the common beginning of complaints about values.
func invalidValue(format string, args ...any) *apiError {
	return invalid("One or more parameter values were invalid: "+format, args...)
}

// constraint is how AWS words a member that breaks the constraints of the API model.
func constraint(value, member, rule string) *apiError {
	return invalid("1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", value, member, rule)
}

func missing(member string) *apiError { return constraint("null", member, "Member must not be null") }

// unsupported refuses a parameter that AWS knows and this engine does not implement, or that AWS does not know.
func unsupported(parameter string) *apiError {
	return invalidValue("%s is not supported by this engine", parameter)
}

// refusal converts the error of a value or an expression.
func refusal(err error) *apiError {
	if err == nil {
		return nil
	}
	var refused *attr.Error
	if errors.As(err, &refused) {
		return &apiError{kind: refused.Type, message: refused.Message}
	}
	return &apiError{kind: internalFailure, message: err.Error()}
}

// document writes the error as AWS does. ValidationException and most of DynamoDB's own errors say
// "message", those of the service framework and the cancellation "Message".
func (e *apiError) document() []byte {
	out := append(make([]byte, 0, 160+len(e.message)+len(e.detail)), `{"__type":`...)
	out = attr.AppendString(out, e.kind)
	name := "message"
	switch e.kind {
	case serialization, unknownOperation, transactionCanceled:
		name = "Message"
	}
	if e.message != "" {
		out = attr.AppendString(attr.AppendMember(out, name), e.message)
	}
	return append(append(out, e.detail...), '}')
}

func (e *apiError) answer() seam.Answer {
	status := http.StatusBadRequest
	if e.kind == internalFailure {
		status = http.StatusInternalServerError
	}
	return seam.Answer{Status: status, ErrorType: e.kind, Body: e.document()}
}
