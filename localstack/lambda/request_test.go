package lambda

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100<<10)
	stream := "GET /p/t/next HTTP/1.1\r\nHost: a\r\n\r\n" +
		"POST /p/t/1/response HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nTrailer: X\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" +
		"POST /p/t/2/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nLambda-Runtime-Function-Error-Type: Broken\r\n\r\n" +
		"POST /p/t/3/error HTTP/1.1\r\nContent-Length: 4\r\nLambda-Runtime-Function-Error-Type: Kind\r\nLambda-Runtime-Function-Xray-Error-Cause: " + long + "\r\n\r\nbody"
	want := []request{
		{method: "GET", path: []byte("/p/t/next")},
		{method: "POST", path: []byte("/p/t/1/response"), body: []byte("abcde")},
		{method: "POST", path: []byte("/p/t/2/response"), body: []byte("x"), trailerError: "Broken"},
		{method: "POST", path: []byte("/p/t/3/error"), body: []byte("body"), errorType: "Kind"},
	}
	reader := newRequestReader(iotest{strings.NewReader(stream)})
	for i, w := range want {
		got, err := reader.next()
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if got.method != w.method || !bytes.Equal(got.path, w.path) || !bytes.Equal(got.body, w.body) || got.errorType != w.errorType || got.trailerError != w.trailerError {
			t.Errorf("request %d: %+v", i, got)
		}
	}
	if _, err := reader.next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// iotest hands out few bytes at a time, as a network may.
type iotest struct{ io.Reader }

func (r iotest) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 7)]) }

func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"GET /x\r\n\r\n", "PUT /x HTTP/1.1\r\n\r\n", "GET /x HTTP/1.0\r\n\r\n", "GET /x HTTP/1.1\r\nno colon\r\n\r\n",
		"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST /x HTTP/1.1\r\nContent-Length: x\r\n\r\n", "POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc",
		"POST /x HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "GET /x HTTP/1.1\r\nA: b", "G",
		"GET /x HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", maxHeaders+1) + "\r\n",
	} {
		if got, err := newRequestReader(strings.NewReader(text)).next(); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// FuzzRequest compares with net/http: what both accept, both read the same.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("POST /p/t/1/response HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("POST /p/t/1/error HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET"))
	f.Fuzz(func(t *testing.T, text []byte) {
		ours, err := newRequestReader(bytes.NewReader(text)).next()
		if err != nil {
			return
		}
		theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return // we are laxer: a process is no attacker
		}
		body, err := io.ReadAll(theirs.Body)
		if err != nil {
			return
		}
		if ours.method != theirs.Method || string(ours.path) != theirs.RequestURI {
			t.Errorf("%s %s, net/http read %s %s", ours.method, ours.path, theirs.Method, theirs.RequestURI)
		}
		if !ours.tooLarge && !bytes.Equal(ours.body, body) {
			t.Errorf("body %q, net/http read %q", ours.body, body)
		}
	})
}
