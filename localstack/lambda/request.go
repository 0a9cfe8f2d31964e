package lambda

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// request is one HTTP/1.1 request of the Runtime API. path is valid until the next request.
type request struct {
	method    string
	path      []byte
	errorType string // Lambda-Runtime-Function-Error-Type header
	// trailerError is the same as a trailer: the response ended in an error.
	trailerError string
	body         []byte // nil for none; belongs to the receiver
	tooLarge     bool   // the body exceeded maxResponse and was dropped

	length  int64
	chunked bool
}

// Limits of what the reader takes from a process. aws-lambda-go sends up to 1 MB of X-Ray cause in a header.
const (
	maxHeaderLine = 2 << 20
	maxHeaders    = 100
)

var errProtocol = errors.New("lambda: malformed HTTP request to the Runtime API")

// requestReader reads requests as RFC 9112 frames them: a length or chunks with trailers. It exists because
// net/http costs more than the rest of an invocation together.
type requestReader struct {
	in   *bufio.Reader
	path []byte
	req  request
}

func newRequestReader(r io.Reader) *requestReader {
	return &requestReader{in: bufio.NewReaderSize(r, 4096)}
}

// next reads one request. io.EOF is the orderly end.
func (r *requestReader) next() (*request, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	r.req = request{}
	method, rest, ok := bytes.Cut(line, []byte(" "))
	path, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 || string(version) != "HTTP/1.1" {
		return nil, errProtocol
	}
	switch string(method) {
	case "GET":
		r.req.method = "GET"
	case "POST":
		r.req.method = "POST"
	default:
		return nil, errProtocol
	}
	r.path = append(r.path[:0], path...)
	r.req.path = r.path
	if err := r.headers(false); err != nil {
		return nil, err
	}
	if err := r.body(); err != nil {
		return nil, err
	}
	return &r.req, nil
}

// headers reads header or trailer lines up to the empty one.
func (r *requestReader) headers(trailer bool) error {
	for range maxHeaders {
		line, err := r.line()
		if err != nil {
			return unexpected(err)
		}
		if len(line) == 0 {
			return nil
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return errProtocol
		}
		if err := r.header(name, bytes.TrimSpace(value), trailer); err != nil {
			return err
		}
	}
	return errProtocol
}

func (r *requestReader) header(name, value []byte, trailer bool) error {
	switch {
	case bytes.EqualFold(name, []byte("Lambda-Runtime-Function-Error-Type")):
		if trailer {
			r.req.trailerError = string(value)
		} else {
			r.req.errorType = string(value)
		}
	case trailer:
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < 0 {
			return errProtocol
		}
		r.req.length = n
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if !bytes.EqualFold(value, []byte("chunked")) {
			return errProtocol
		}
		r.req.chunked = true
	}
	return nil
}

func (r *requestReader) body() error {
	if !r.req.chunked {
		return r.part(r.req.length)
	}
	for {
		line, err := r.line()
		if err != nil {
			return unexpected(err)
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseInt(string(bytes.TrimSpace(size)), 16, 64)
		if err != nil || n < 0 {
			return errProtocol
		}
		if n == 0 {
			return r.headers(true)
		}
		if err := r.part(n); err != nil {
			return err
		}
		if line, err = r.line(); err != nil || len(line) != 0 {
			return errProtocol
		}
	}
}

// part appends n bytes to the body, or drops them when the body gets too large.
func (r *requestReader) part(n int64) error {
	if n == 0 {
		return nil
	}
	if r.req.tooLarge || n > maxResponse-int64(len(r.req.body)) {
		r.req.tooLarge, r.req.body = true, nil
		_, err := io.CopyN(io.Discard, r.in, n)
		return unexpected(err)
	}
	start := len(r.req.body)
	if r.req.body == nil {
		r.req.body = make([]byte, n)
	} else {
		r.req.body = append(r.req.body, make([]byte, n)...)
	}
	_, err := io.ReadFull(r.in, r.req.body[start:])
	return unexpected(err)
}

// line reads up to CRLF, without it. The result is valid until the next read.
func (r *requestReader) line() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) && len(long) < maxHeaderLine {
			line, err = r.in.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
