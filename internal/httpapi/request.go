package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// decode reads the body into a T: one JSON object, no unknown fields, at most MaxBody bytes.
// Where optional, an empty body is the zero T.
func decode[T any](r *http.Request, optional bool) (T, error) {
	return decodeUpTo[T](r, optional, MaxBody)
}

// decodeUpTo is decode for documents that may be longer.
func decodeUpTo[T any](r *http.Request, optional bool, most int) (T, error) {
	var into T
	err := decodeInto(r, optional, most, &into)
	return into, err
}

// decodeInto is one function for all types: each is decoded by reflection anyway.
func decodeInto(r *http.Request, optional bool, most int, into any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	switch {
	case len(body) > most:
		return &statusError{http.StatusRequestEntityTooLarge, chat.Errorf(chat.CodeInvalid, "body: at most %d bytes", most)}
	case err != nil:
		return chat.Errorf(chat.CodeInvalid, "body: could not be read")
	case len(body) == 0 && optional:
		return nil
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return &statusError{http.StatusUnsupportedMediaType, chat.Errorf(chat.CodeInvalid, "content-type: application/json is needed")}
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return chat.Errorf(chat.CodeInvalid, "body: %s", describe(err))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return chat.Errorf(chat.CodeInvalid, "body: something follows the JSON object")
	}
	return nil
}

// describe says what is wrong with JSON without repeating what was sent: it may be a password.
func describe(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return "field " + strconv.Quote(documented(kind.Field)) + " has the wrong type"
	}
	if strings.HasPrefix(err.Error(), "json: unknown field") {
		return "a field that is not documented"
	}
	return "not the JSON object that is documented"
}

// documented drops from a field's path the Go names of embedded structs, which encoding/json has among it: members that
// are documented begin with a small letter.
func documented(path string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(path, "."), func(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }), ".")
}

// bearer returns the token of the Authorization header (RFC 6750 section 2.1); "" when there is none.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// query is the parameters of a request, each at most once and only documented ones.
type query struct {
	values url.Values
	err    error
}

func queryOf(r *http.Request, names ...string) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.err = chat.Errorf(chat.CodeInvalid, "query: malformed")
		return q
	}
	for name, list := range values {
		switch {
		case !slices.Contains(names, name):
			q.err = chat.Errorf(chat.CodeInvalid, "%.40q: no such parameter", name)
		case len(list) > 1:
			q.err = chat.Errorf(chat.CodeInvalid, "%s: given more than once", name)
		}
	}
	return q
}

func (q *query) text(name string) string { return q.values.Get(name) }

// seq returns nil when the parameter is absent.
func (q *query) seq(name string) *uint64 {
	if !q.values.Has(name) {
		return nil
	}
	n, err := strconv.ParseUint(q.text(name), 10, 63)
	if err != nil {
		q.err = chat.Errorf(chat.CodeInvalid, "%s: a seq, 0 or higher", name)
	}
	return &n
}

func (q *query) limit(fallback, most int) int {
	if !q.values.Has("limit") {
		return fallback
	}
	n, err := strconv.Atoi(q.text("limit"))
	if err != nil || n < 1 || n > most {
		q.err = chat.Errorf(chat.CodeInvalid, "limit: 1 to %d", most)
	}
	return n
}
