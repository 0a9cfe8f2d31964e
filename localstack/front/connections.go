package front

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/policy"
	"github.com/parley-chat/parley/localstack/seam"
)

// maxPost is more than the 128 KB that @connections takes, so that the gateway says what is too large.
const maxPost = 256 << 10

// connectionOperations are the operations of the management API, by method.
var connectionOperations = map[string]string{
	http.MethodPost: "PostToConnection", http.MethodGet: "GetConnection", http.MethodDelete: "DeleteConnection",
}

// serveConnection serves /{stage}/@connections/{id}: it does here what it does for other calls, and leaves the rest to
// the gateway.
func (d *Door) serveConnection(w http.ResponseWriter, r *http.Request) {
	operation := connectionOperations[r.Method]
	caller, known, _ := d.opts.Keys.caller(r.Header.Get("Authorization"))
	if !known || operation == "" || d.opts.Connections == nil {
		copyOut(w, forbidden("ForbiddenException", "Forbidden"))
		return
	}
	body, err := read(r, maxPost)
	if err != nil {
		copyOut(w, plain(http.StatusRequestEntityTooLarge, "PayloadTooLargeException", err.Error()))
		return
	}
	call := seam.Call{Caller: caller, Service: seam.ExecuteAPI, Operation: operation, Body: body, Trace: r.Header.Get("X-Amzn-Trace-Id")}
	stage, id, _ := strings.Cut(r.URL.Path, "/@connections/")
	d.manage(w, r, call, strings.Trim(stage, "/"), id)
}

func (d *Door) manage(w http.ResponseWriter, r *http.Request, call seam.Call, stage, id string) {
	start := time.Now()
	var got *recorded
	if got = d.refuseConnection(&call, r.Method, stage); got == nil {
		answer, answered := d.withFaults(r.Context(), call.Caller, point(&call, id), func() seam.Answer {
			got = d.handOver(r, call)
			return seam.Answer{Status: got.status, ErrorType: got.errorType()}
		})
		if !answered {
			if d.opts.Trace != nil {
				d.trace(call, id, answer, false, time.Since(start))
			}
			panic(http.ErrAbortHandler)
		}
		if answer.Body != nil { // of an injected error
			got = injected(answer)
		}
	}
	if d.opts.Trace != nil {
		d.trace(call, id, seam.Answer{Status: got.status, ErrorType: got.errorType(), Body: got.body}, true, time.Since(start))
	}
	copyOut(w, got)
}

// refuseConnection checks execute-api:ManageConnections. Its resource names no single connection: ids are made by the
// gateway, and no policy can know them.
func (d *Door) refuseConnection(call *seam.Call, method, stage string) *recorded {
	if call.Caller.Function == "" {
		return nil
	}
	api, ok := d.apis[stage]
	if !ok && len(d.apis) == 1 { // behind a custom domain the path has no stage
		for _, api = range d.apis {
			ok = stage == ""
		}
	}
	if !ok {
		return forbidden("ForbiddenException", "Forbidden")
	}
	need := access{action: "execute-api:ManageConnections", resource: api + "/" + method + "/@connections/*"}
	verdict := d.policies.Decide(call.Caller.Function, need.action, need.resource, nil)
	if verdict == policy.Allowed {
		return nil
	}
	d.deny(call, &need, verdict)
	return forbidden("AccessDeniedException", d.denialMessage(call.Caller.Function, &need, verdict))
}

// handOver lets the gateway serve the request and records its answer, since a fault after the effect may replace it.
func (d *Door) handOver(r *http.Request, call seam.Call) *recorded {
	inner := *r
	inner.Body = io.NopCloser(bytes.NewReader(call.Body))
	inner.ContentLength = int64(len(call.Body))
	got := &recorded{status: http.StatusOK, header: http.Header{}}
	d.opts.Connections.ServeHTTP(got, &inner)
	if d.opts.Meter != nil {
		d.opts.Meter.AWSCall(call, seam.Answer{Status: got.status, ErrorType: got.errorType(), Body: got.body})
	}
	return got
}

// recorded is an http.ResponseWriter that keeps what is written.
type recorded struct {
	status int
	header http.Header
	body   []byte
}

func (r *recorded) Header() http.Header { return r.header }

func (r *recorded) WriteHeader(status int) { r.status = status }

func (r *recorded) Write(b []byte) (int, error) {
	r.body = append(r.body, b...)
	return len(b), nil
}

// errorType reads the header in whatever case the gateway wrote it.
func (r *recorded) errorType() string {
	for _, name := range []string{"x-amzn-errortype", "X-Amzn-Errortype", "X-Amzn-ErrorType"} {
		if v := r.header[name]; len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

// plain is an error of the management API: its type is in a header, and GoneException has an empty body.
func plain(status int, kind, message string) *recorded {
	r := &recorded{status: status, header: http.Header{"X-Amzn-Errortype": {kind}, "Content-Type": {"application/json"}, "X-Amzn-Requestid": {requestID()}}}
	if status != http.StatusGone {
		body, err := json.Marshal(struct {
			Message string `json:"message"`
		}{message})
		if err != nil {
			body = []byte(`{}`) // a string always encodes
		}
		r.body = body
	}
	return r
}

func forbidden(kind, message string) *recorded { return plain(http.StatusForbidden, kind, message) }

// injected turns an answer made by faultAnswer into the form of the management API.
func injected(a seam.Answer) *recorded {
	var body struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(a.Body, &body); err != nil {
		body.Message = ""
	}
	return plain(a.Status, a.ErrorType[strings.LastIndex(a.ErrorType, "#")+1:], body.Message)
}

func copyOut(w http.ResponseWriter, r *recorded) {
	h := w.Header()
	for name, values := range r.header {
		h[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the caller may be gone: it was its answer
}

// DeniedPath is where Handler expects to be mounted.
const DeniedPath = "/_local/denied"

// Denied lists the calls that policies did not allow, since the start or ResetDenied.
func (d *Door) Denied() []Denial {
	d.mu.Lock()
	defer d.mu.Unlock()
	made := []Denial{}
	for denial, count := range d.denied {
		denial.Count = count
		made = append(made, denial)
	}
	slices.SortFunc(made, func(a, b Denial) int {
		return strings.Compare(a.Function+" "+a.Action+" "+a.Resource, b.Function+" "+b.Action+" "+b.Resource)
	})
	return made
}

// ResetDenied forgets them.
func (d *Door) ResetDenied() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.denied = map[Denial]int{}
}

// Handler serves GET /_local/denied (a list of Denial) and DELETE /_local/denied.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+DeniedPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(d.Denied()) // the client may be gone: nobody to tell
	})
	mux.HandleFunc("DELETE "+DeniedPath, func(w http.ResponseWriter, _ *http.Request) {
		d.ResetDenied()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}
