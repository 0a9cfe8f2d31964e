package front

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/localstack/seam"
)

// namespaces come before the names of error types in __type.
var namespaces = map[string]string{
	seam.DynamoDB: "com.amazonaws.dynamodb.v20120810#", seam.DynamoDBStreams: "com.amazonaws.dynamodb.v20120810#", seam.SQS: "com.amazonaws.sqs#",
}

// failure makes an error answer.
func failure(status int, kind, message string) seam.Answer {
	body, err := json.Marshal(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{kind, message})
	if err != nil {
		body = []byte(`{}`) // two strings always encode
	}
	return seam.Answer{Status: status, ErrorType: kind, Body: body}
}

// unauthenticated is the answer to an unknown key or a missing signature. DynamoDB says 400 ("Error handling with
// DynamoDB"), SQS 403 ("Common errors").
func unauthenticated(service string, signed bool) seam.Answer {
	status := http.StatusForbidden
	if service != seam.SQS {
		status = http.StatusBadRequest
	}
	if !signed {
		return failure(status, "com.amazon.coral.service#MissingAuthenticationTokenException", "Request is missing Authentication Token")
	}
	return failure(status, "com.amazon.coral.service#UnrecognizedClientException", "The security token included in the request is invalid.")
}

// faultAnswer is the answer that an error rule describes.
func faultAnswer(service string, f seam.Fault) seam.Answer {
	kind, message, status := f.ErrorType, f.Message, f.Status
	if !strings.Contains(kind, "#") {
		kind = namespaces[service] + kind
	}
	if message == "" {
		message = "Injected by a fault rule of the local stack"
	}
	if status == 0 {
		status = http.StatusBadRequest
	}
	return failure(status, kind, message)
}

// crcTable is for X-Amz-Crc32, without which the SDK warns on every answer of DynamoDB.
var crcTable = crc32.IEEETable

// write sends an answer with the headers of its service.
func (d *Door) write(w http.ResponseWriter, service string, a seam.Answer) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["X-Amzn-Requestid"] = []string{requestID()}
	h["Content-Length"] = []string{strconv.Itoa(len(a.Body))}
	if service == seam.SQS {
		if code := d.queryError(a); code != "" {
			h["X-Amzn-Query-Error"] = []string{code}
		}
	} else {
		h["X-Amz-Crc32"] = []string{strconv.FormatUint(uint64(crc32.Checksum(a.Body, crcTable)), 10)}
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // the caller may be gone: it was its answer
}

func (d *Door) queryError(a seam.Answer) string {
	if a.ErrorType == "" {
		return ""
	}
	return d.opts.QueryError(a.ErrorType)
}

var jsonType = []string{"application/x-amz-json-1.0"}

// requestID makes an id in DynamoDB's form: 52 capitals and digits.
func requestID() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var b [52]byte
	for i := 0; i < len(b); {
		bits := rand.Uint64()
		for range 12 { // of 5 bits each
			if i == len(b) {
				break
			}
			b[i] = letters[bits&31]
			bits >>= 5
			i++
		}
	}
	return string(b[:])
}

// errTooLarge is the answer to a body beyond the service's limit.
var errTooLarge = errors.New("request entity too large")

// read takes a request's body in one piece.
func read(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = errTooLarge
	}
	return body, err
}
