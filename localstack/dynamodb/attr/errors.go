package attr

import "fmt"

// The __type of the errors of this package, as AWS writes them on the wire.
const (
	ValidationException    = "com.amazon.coral.validate#ValidationException"
	SerializationException = "com.amazon.coral.service#SerializationException"
)

// Error is a refusal as AWS words it.
type Error struct {
	Type    string // ValidationException or SerializationException
	Message string
}

func (e *Error) Error() string { return e.Message }

// Invalid returns a ValidationException.
func Invalid(format string, args ...any) *Error {
	return &Error{Type: ValidationException, Message: fmt.Sprintf(format, args...)}
}

// Malformed returns a SerializationException: the request is not of the shape that the operation takes.
func Malformed(message string) *Error {
	return &Error{Type: SerializationException, Message: message}
}
