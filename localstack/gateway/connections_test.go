package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"

	"github.com/parley-chat/parley/localstack/template"
)

const strangerID = "WDGT8fY4joECJrQ="

// Statuses, headers and bodies as recorded from AWS.
func TestConnectionsAPI(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.dial()
	id := s.only()
	cases := []struct {
		name, method, id string
		body             []byte
		status           int
		errorType        string
		contentType      string
		want             string
	}{
		{"post", "POST", id, []byte("hi"), 200, "", "application/json", ""},
		{"empty post", "POST", id, nil, 200, "", "application/json", ""},
		{"unknown", "POST", strangerID, []byte("hi"), 410, "GoneException", "", ""},
		{"unknown", "GET", strangerID, nil, 410, "GoneException", "", ""},
		{"unknown", "DELETE", strangerID, nil, 410, "GoneException", "", ""},
		{"malformed", "POST", strangerID + "test", []byte("hi"), 400, "BadRequestException", "application/json", `{"message":"Invalid connectionId: WDGT8fY4joECJrQ=test"}`},
		{"malformed", "GET", "short", nil, 400, "BadRequestException", "application/json", `{"message":"Invalid connectionId: short"}`},
		{"malformed", "DELETE", "WDGT8fY4joECJr*=", nil, 400, "BadRequestException", "application/json", `{"message":"Invalid connectionId: WDGT8fY4joECJr*="}`},
		{"128 KB", "POST", id, bytes.Repeat([]byte("x"), maxMessage), 200, "", "application/json", ""},
		{"too large", "POST", id, bytes.Repeat([]byte("x"), maxMessage+1), 413, "PayloadTooLargeException", "application/json", `{"message":"Message too long"}`},
		{"not UTF-8", "POST", id, []byte("\xff"), 400, "BadRequestException", "application/json", `{"message":"The message is not valid UTF-8"}`},
		{"other method", "PUT", id, nil, 403, "MissingAuthenticationTokenException", "application/json", `{"message":"Missing Authentication Token"}`},
		{"delete", "DELETE", id, nil, 204, "", "", ""},
		{"deleted", "POST", id, []byte("hi"), 410, "GoneException", "", ""},
		{"deleted", "DELETE", id, nil, 410, "GoneException", "", ""},
	}
	for _, tc := range cases {
		resp, body := s.rest(tc.method, tc.id, tc.body)
		h := resp.Header
		if resp.StatusCode != tc.status || body != tc.want || h.Get("x-amzn-errortype") != tc.errorType || h.Get("Content-Type") != tc.contentType {
			t.Errorf("%s %s: got %d %q type %q content %q", tc.method, tc.name, resp.StatusCode, body, h.Get("x-amzn-errortype"), h.Get("Content-Type"))
		}
		if h.Get("x-amzn-requestid") == "" {
			t.Errorf("%s %s: no request id", tc.method, tc.name)
		}
		if tc.status == 410 && resp.ContentLength != 0 {
			t.Errorf("%s %s: content length %d", tc.method, tc.name, resp.ContentLength)
		}
	}
	resp, _ := s.rest("GET", "x", nil)
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("got %d", resp.StatusCode)
	}
	other, err := http.Get(s.conns.URL + "/test/@connections/" + strangerID)
	if err != nil || other.StatusCode != http.StatusForbidden {
		t.Errorf("other stage: %v %v", other, err)
	}
}

func TestConnectionsGet(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) { s.options.Now = fixedClock })
	s.dial("User-Agent: Mozilla/5.0 \"quoted\"")
	_, body := s.rest("GET", s.only(), nil)
	want := "{\n  \"identity\" : {\n    \"sourceIp\" : \"127.0.0.1\",\n    \"userAgent\" : \"Mozilla/5.0 \\\"quoted\\\"\"\n  },\n" +
		"  \"connectedAt\" : \"2024-02-19T07:11:42.790Z\",\n  \"lastActiveAt\" : \"2024-02-19T07:11:42.790Z\"\n}"
	if body != want {
		t.Errorf("got %s\nwant %s", body, want)
	}
}

// The SDK that functions use sees the errors that it knows.
func TestSDK(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.dial()
	client := apigatewaymanagementapi.New(apigatewaymanagementapi.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.conns.URL + "/prod"), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
	})
	id := aws.String(s.only())
	if _, err := client.PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: id, Data: []byte("from the SDK")}); err != nil {
		t.Fatal(err)
	}
	c.wantText("from the SDK")
	got, err := client.GetConnection(t.Context(), &apigatewaymanagementapi.GetConnectionInput{ConnectionId: id})
	if err != nil || aws.ToString(got.Identity.SourceIp) != "127.0.0.1" || got.ConnectedAt == nil || got.LastActiveAt.Before(*got.ConnectedAt) {
		t.Errorf("GetConnection: %+v %v", got, err)
	}
	_, err = client.PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: id, Data: make([]byte, maxMessage+1)})
	var tooLarge *types.PayloadTooLargeException
	if !errors.As(err, &tooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err = client.DeleteConnection(t.Context(), &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: id}); err != nil {
		t.Fatal(err)
	}
	c.wantClose(1000, "Connection Closed Normally")
	_, err = client.PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: id, Data: []byte("x")})
	var goneErr *types.GoneException
	if !errors.As(err, &goneErr) {
		t.Errorf("after DELETE: %v", err)
	}
}

// A client that does not read fills its buffer: its posts get 429, everyone else's go on, and what was
// accepted arrives whole and in order once it reads.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	slow := s.dial()
	slowID := s.only()
	quick := s.dial()
	// A client may have its 101 a moment before the gateway knows the connection.
	eventually(t, "two connections", func() bool { return len(s.g.Connections()) == 2 })
	var quickID string
	for _, c := range s.g.Connections() {
		if c.ID != slowID {
			quickID = c.ID
		}
	}
	payload := strings.Repeat("z", 20<<10)
	accepted, refused := 0, 0
	for refused == 0 {
		begun := time.Now()
		err := s.g.Post(t.Context(), slowID, []byte(string(rune('a'+accepted%26))+payload))
		if took := time.Since(begun); took > patience/2 {
			t.Fatalf("a post waited %v for a slow reader", took)
		}
		switch status(err) {
		case 200:
			accepted++
		case 429:
			refused++
		default:
			t.Fatal(err)
		}
		if accepted > 5000 {
			t.Fatal("the buffer has no bound")
		}
	}
	if held := accepted * len(payload); held < s.g.sw.SendBuffer {
		t.Errorf("refused after %d bytes, the buffer alone holds %d", held, s.g.sw.SendBuffer)
	}
	if resp, _ := s.rest("POST", slowID, []byte(payload)); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("x-amzn-errortype") != "LimitExceededException" {
		t.Errorf("over HTTP: %d %s", resp.StatusCode, resp.Header.Get("x-amzn-errortype"))
	}
	if err := s.g.Post(t.Context(), quickID, []byte("quick")); err != nil {
		t.Fatal(err)
	}
	quick.wantText("quick")
	for i := range accepted {
		if got := slow.readText(); got[0] != byte('a'+i%26) || got[1:] != payload {
			t.Fatalf("message %d of %d is %c..., %d bytes", i, accepted, got[0], len(got))
		}
	}
	eventually(t, "the buffer is empty", func() bool { return status(s.g.Post(t.Context(), slowID, []byte("again"))) == 200 })
	slow.wantText("again")
}

// A client that never reads at all is given up after WriteStall.
func TestWriteStall(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.options.Switches = switches(func(sw *Switches) { sw.WriteStall = 200 * time.Millisecond; sw.KernelBuffer = 8 << 10 })
	})
	c := s.dial()
	_ = c.nc.(*net.TCPConn).SetReadBuffer(8 << 10)
	id := s.only()
	payload := bytes.Repeat([]byte("z"), maxFrame)
	eventually(t, "the connection is given up", func() bool { return status(s.g.Post(t.Context(), id, payload)) == 410 })
	if code, _ := s.disconnected(); code != 1006 {
		t.Errorf("code %d", code)
	}
}

// While a goroutine writes backlog, a new frame queues behind it even if the kernel has room: writing it at
// once would put it into the middle of another.
func TestNoFrameOvertakesBacklog(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	client := s.dial()
	id := s.only()
	c := s.g.lookup(id)
	c.mu.Lock()
	c.flushing, c.inFlight = true, 1 // as if a flush were between two writes
	c.mu.Unlock()
	if err := s.g.Post(t.Context(), id, []byte("second")); err != nil {
		t.Fatal(err)
	}
	if got := s.g.Connections()[0].Waiting; got != 1+len(appendMessage(nil, []byte("second"))) {
		t.Errorf("%d bytes waiting: the frame went past the backlog", got)
	}
	if _, err := c.nc.Write(appendMessage(nil, []byte("first"))); err != nil {
		t.Fatal(err)
	}
	go c.flush()
	client.wantText("first")
	client.wantText("second")
}

// Posts of several callers to one connection never tear each other's frames.
func TestConcurrentPosts(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.dial()
	id := s.only()
	const posters, each = 8, 100
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for n := range each {
				body := bytes.Repeat([]byte{byte('a' + p)}, 1+n*7)
				for status(s.g.Post(t.Context(), id, body)) == 429 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	next := map[byte]int{}
	for range posters * each {
		got := c.readText()
		if strings.Trim(got, got[:1]) != "" || len(got) != 1+next[got[0]]*7 {
			t.Fatalf("message of %d bytes from %c, want %d", len(got), got[0], 1+next[got[0]]*7)
		}
		next[got[0]]++
	}
	wg.Wait()
}

func TestAccountLimit(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) { s.options.AccountLimit = template.Throttle{Rate: 0.001, Burst: 2} })
	s.dial() // takes one
	id := s.only()
	if st := status(s.g.Post(t.Context(), id, nil)); st != 200 {
		t.Errorf("first post: %d", st)
	}
	if st := status(s.g.Post(t.Context(), id, nil)); st != 429 {
		t.Errorf("second post: %d", st)
	}
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) { s.options.Socket.Authorizer = &template.Authorizer{Function: "Auth"} })
	h := s.g.AdminHandler()
	call := func(method, target string) (int, string) {
		w := httptest.NewRecorder()
		req, err := http.NewRequest(method, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		h.ServeHTTP(w, req)
		return w.Code, w.Body.String()
	}
	c := s.dial("User-Agent: probe")
	c.text(`{"action":"send"}`)
	c.wantText("sent")
	id := s.only()
	code, body := call("GET", "/_local/connections")
	var list []ConnectionState
	if err := json.Unmarshal([]byte(body), &list); code != 200 || err != nil || len(list) != 1 {
		t.Fatalf("%d %s %v", code, body, err)
	}
	got := list[0]
	if got.ID != id || got.UserAgent != "probe" || got.BytesIn != 17 || got.BytesOut != 4 || got.Waiting != 0 ||
		string(got.Authorizer) != `{"principalId":"user-1","b":"true","n":"1","tenant":"t1"}` || got.LastActiveAt.IsZero() {
		t.Errorf("state %s", body)
	}
	for target, want := range map[string]int{"/_local/connections/" + strangerID: 404, "/_local/connections/" + id + "?how=gently": 400} {
		if code, _ := call("DELETE", target); code != want {
			t.Errorf("%s: %d", target, code)
		}
	}
	if code, _ := call("DELETE", "/_local/connections/"+id); code != 204 {
		t.Errorf("reset: %d", code)
	}
	if _, _, _, err := c.read(); err == nil {
		t.Error("not cut")
	}
	if code, _ := s.disconnected(); code != 1006 {
		t.Errorf("code %d", code)
	}
}
