package config

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// wholeRequests is the SDK's HTTP client. It hands net/http each body as bytes in memory. net/http does not know the
// SDK's own reader as such, and so sends header and body apart: two packets (two TLS records), and a server that wakes
// twice. Worse, that reader fails once the SDK has closed it, which it does as soon as the answer is there; a writer that
// has not looked for the body's end yet gives up the connection then, and the next call pays for another handshake. On
// one busy core that was two calls of DynamoDB in a hundred.
type wholeRequests struct{ *http.Client }

// maxWhole is the largest body that is copied: SQS takes 1 MiB, and what we send to DynamoDB is smaller.
const maxWhole = 1 << 20

// Do sends the request; see http.Client.
func (c wholeRequests) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.ContentLength <= 0 || r.ContentLength > maxWhole {
		return c.Client.Do(r)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body = io.NopCloser(bytes.NewReader(body))
	return c.Client.Do(r)
}

// within returns a client over the same connections whose calls end after a time.
func (c wholeRequests) within(d time.Duration) wholeRequests {
	limited := *c.Client
	limited.Timeout = d
	return wholeRequests{&limited}
}
