package lambda

import (
	"bytes"
	"encoding/json"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// The Runtime API below a process's secret path: GET /runtime/invocation/next waits for an event; POST
// /runtime/invocation/{id}/response and /error answer it; POST /runtime/init/error reports a failed start.
const (
	pathPrefix = "/p/"
	apiPrefix  = "/2018-06-01/runtime/"
)

// runtimeConn is one connection of a process. Requests are read by one goroutine; the event that answers a
// waiting next is written by the goroutine that invokes, which spares a switch. The two never write at once:
// between next and its answer the reader has nothing to answer.
type runtimeConn struct {
	net.Conn
	runner  *Runner
	process *process // of the last request
	status  []byte   // buffer of writeStatus
}

func (r *Runner) serve() {
	conns := &connSet{open: map[net.Conn]struct{}{}}
	defer conns.closeAll()
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		conns.add(conn)
		r.wg.Go(func() {
			defer conns.remove(conn)
			(&runtimeConn{Conn: conn, runner: r}).serve()
		})
	}
}

// connSet closes what is open when the runner stops.
type connSet struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func (s *connSet) add(c net.Conn) {
	s.mu.Lock()
	s.open[c] = struct{}{}
	s.mu.Unlock()
}

func (s *connSet) remove(c net.Conn) {
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	_ = c.Close()
}

func (s *connSet) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		_ = c.Close()
	}
}

// serve answers requests until the process hangs up or breaks the protocol.
func (c *runtimeConn) serve() {
	reader := newRequestReader(c.Conn)
	for {
		request, err := reader.next()
		if err != nil || !c.handle(request) {
			return
		}
	}
}

// handle answers one request; false ends the connection.
func (c *runtimeConn) handle(request *request) bool {
	p, path := c.route(request.path)
	if p == nil {
		return c.writeStatus("403 Forbidden", `{"errorMessage":"unknown process","errorType":"Forbidden"}`)
	}
	c.process = p
	if string(path) == "invocation/next" && request.method == "GET" {
		p.fn.ready(p, c)
		return true
	}
	if request.method == "POST" {
		if string(path) == "init/error" {
			p.failInit(request)
			return c.writeStatus("202 Accepted", statusOK)
		}
		if id, verb, ok := bytes.Cut(bytes.TrimPrefix(path, []byte("invocation/")), []byte("/")); ok {
			switch string(verb) {
			case "response":
				return c.response(p, id, request)
			case "error":
				return c.accept(p.fn.answer(p, id, request.body, functionError(request)))
			}
		}
	}
	return c.writeStatus("404 Not Found", `{"errorMessage":"no such resource","errorType":"NotFound"}`)
}

// route finds the process whose path this is, and the rest of the path.
func (c *runtimeConn) route(path []byte) (*process, []byte) {
	rest, ok := bytes.CutPrefix(path, []byte(pathPrefix))
	if !ok {
		return nil, nil
	}
	token, rest, ok := bytes.Cut(rest, []byte("/"))
	if !ok {
		return nil, nil
	}
	p := c.process
	if p == nil || p.token != string(token) {
		p = c.runner.byToken(token)
	}
	rest, ok = bytes.CutPrefix(rest, []byte(apiPrefix[1:]))
	if p == nil || !ok {
		return nil, nil
	}
	return p, rest
}

func (c *runtimeConn) response(p *process, id []byte, request *request) bool {
	if request.tooLarge {
		failure := &seam.FunctionError{Type: "Function.ResponseSizeTooLarge",
			Message: "Response payload size exceeded maximum allowed payload size (" + strconv.Itoa(maxResponse) + " bytes)."}
		p.fn.answer(p, id, errorResult("", failure.Type, failure.Message).Payload, failure)
		return c.writeStatus("413 Request Entity Too Large", `{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}`)
	}
	var failure *seam.FunctionError
	if request.trailerError != "" { // the handler's reader failed midway
		failure = &seam.FunctionError{Type: request.trailerError}
	}
	return c.accept(p.fn.answer(p, id, request.body, failure))
}

const statusOK = `{"status":"OK"}`

func (c *runtimeConn) accept(known bool) bool {
	if !known {
		return c.writeStatus("400 Bad Request", `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
	}
	return c.writeStatus("202 Accepted", statusOK)
}

func (c *runtimeConn) writeStatus(status, body string) bool {
	out := c.status[:0]
	out = append(out, "HTTP/1.1 "...)
	out = append(out, status...)
	out = append(out, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(body)), 10)
	out = append(out, "\r\n\r\n"...)
	out = append(out, body...)
	c.status = out
	_, err := c.Write(out)
	return err == nil
}

// maxKeptBuffer keeps one large event from pinning its buffer.
const maxKeptBuffer = 64 << 10

// bufferPool holds *[]byte for writeEvent.
type bufferPool struct{ sync.Pool }

func (b *bufferPool) get() *[]byte {
	if buffer, ok := b.Get().(*[]byte); ok {
		return buffer
	}
	return new(make([]byte, 0, 2048))
}

func (b *bufferPool) put(buffer *[]byte, out []byte) {
	if cap(out) <= maxKeptBuffer {
		*buffer = out[:0]
		b.Put(buffer)
	}
}

// writeEvent answers next with an event.
func (c *runtimeConn) writeEvent(inv *invocation, deadline time.Time, arn string) error {
	buffer := c.runner.buffers.get()
	out := append(*buffer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: "...)
	out = append(out, inv.id...)
	out = append(out, "\r\nLambda-Runtime-Deadline-Ms: "...)
	out = strconv.AppendInt(out, deadline.UnixMilli(), 10)
	out = append(out, "\r\nLambda-Runtime-Invoked-Function-Arn: "...)
	out = append(out, arn...)
	out = append(out, "\r\nLambda-Runtime-Trace-Id: "...)
	out = append(out, inv.trace...)
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(inv.event)), 10)
	out = append(out, "\r\n\r\n"...)
	out = append(out, inv.event...)
	_, err := c.Write(out)
	c.runner.buffers.put(buffer, out)
	return err
}

// failInit notes what the process says about its failed start; it exits next.
func (p *process) failInit(request *request) {
	failure := functionError(request)
	p.fn.mu.Lock()
	defer p.fn.mu.Unlock()
	p.initFailure = initFailure{failure.Type, "Error: " + failure.Message}
}

// functionError reads the error document of the Runtime API.
func functionError(request *request) *seam.FunctionError {
	var doc struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(request.body, &doc) != nil || doc.Type == "" {
		doc.Type = request.errorType
	}
	if doc.Type == "" {
		doc.Type = "Runtime.Unknown"
	}
	return &seam.FunctionError{Type: doc.Type, Message: doc.Message}
}
