package front

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

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

// BenchmarkDoor measures what the door adds to a call, without net/http.
func BenchmarkDoor(b *testing.B) {
	s := newStand(b, allow("dynamodb:UpdateItem", chatARN))
	s.door.opts.Trace = nil
	bench := &fixed{seam.Answer{Status: 200, Body: []byte(strings.Repeat("x", 700)), Usage: []seam.Usage{{Resource: "chat", WriteUnits: 2}}}}
	s.door.opts.Services[seam.DynamoDB] = bench
	id, _ := s.door.opts.Keys.Issue(seam.Caller{Function: "SocketFn"})
	body := `{"TableName":"chat","Key":{"pk":{"S":"w1#c1"},"sk":{"S":"HEAD"}},"UpdateExpression":"` + strings.Repeat("SET #a = :a, ", 40) + `","ExpressionAttributeValues":{":a":{"B":"` + strings.Repeat("A", 200) + `"}},"ReturnValues":"ALL_NEW"}`
	header := http.Header{"X-Amz-Target": {"DynamoDB_20120810.UpdateItem"}, "Authorization": {"AWS4-HMAC-SHA256 Credential=" + id + "/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"}}
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r := &http.Request{Method: http.MethodPost, URL: mustURL, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
		s.door.ServeHTTP(w, r)
	}
	if w.status != 200 {
		b.Fatal(w.status)
	}
}
