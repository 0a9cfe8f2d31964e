package front

import (
	"context"
	"net/http"
	"net/url"

	"github.com/parley-chat/parley/localstack/seam"
)

// fixed is a service with one answer and no lock.
type fixed struct{ answer seam.Answer }

func (f *fixed) Do(context.Context, seam.Call) seam.Answer { return f.answer }

// discard is a ResponseWriter that keeps only the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

var mustURL = &url.URL{Path: "/"}
