package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serveCalls starts a server and returns its address.
func serveCalls(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newCallServer(handler)
	s.wg.Go(func() { s.Serve(l) })
	t.Cleanup(func() {
		_ = l.Close()
		s.Close()
	})
	return l.Addr().String()
}

func dialCalls(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn, bufio.NewReader(conn)
}

// echo answers with what it was asked; it leaves the body of /unread where it is.
func echo(w http.ResponseWriter, r *http.Request) {
	var body []byte
	if r.URL.Path != "/unread" {
		body, _ = io.ReadAll(r.Body)
	}
	w.Header()["x-amzn-Lower"] = []string{"a", "b"}
	switch r.URL.Path {
	case "/gone":
		w.WriteHeader(http.StatusGone)
		return
	case "/none":
		w.WriteHeader(http.StatusNoContent)
		return
	case "/cut":
		panic(http.ErrAbortHandler)
	}
	_, _ = fmt.Fprintf(w, "%s %s ", r.Method, r.URL.Path)
	_, _ = w.Write(body)
}

// TestCallServerSpeaksHTTP: one connection, every form of request in turn.
func TestCallServerSpeaksHTTP(t *testing.T) {
	t.Parallel()
	conn, in := dialCalls(t, serveCalls(t, echo))
	for _, tt := range []struct {
		request string
		status  int
		body    string
	}{
		{"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200, "POST /a abc"},
		{"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200, "POST /b abc"},
		{"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /", 200, "POST /unread "},
		{"POST /gone HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 410, ""},
		{"DELETE /none HTTP/1.1\r\nHost: x\r\n\r\n", 204, ""},
		{"POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nz", 200, "POST /c z"},
		{"HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n", 200, ""},
		{"GET /d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "GET /d "},
	} {
		if _, err := io.WriteString(conn, tt.request); err != nil {
			t.Fatal(err)
		}
		method, _, _ := strings.Cut(tt.request, " ")
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		if err == nil && res.StatusCode == http.StatusContinue {
			res, err = http.ReadResponse(in, &http.Request{Method: method})
		}
		if err != nil {
			t.Fatalf("%q: %v", tt.request, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != tt.status || string(body) != tt.body || len(res.Header.Values("X-Amzn-Lower")) != 2 {
			t.Errorf("%q: %d %q %v %v", tt.request, res.StatusCode, body, res.Header, err)
		}
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after Connection: close: %v", err)
	}
}

// TestCallServerCuts: a lost answer is a cut connection, and what is no HTTP gets no second chance.
func TestCallServerCuts(t *testing.T) {
	t.Parallel()
	address := serveCalls(t, echo)
	for request, want := range map[string]string{
		"POST /cut HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n": "",
		"NONSENSE\r\n\r\n": "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
	} {
		conn, in := dialCalls(t, address)
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(in); string(got) != want || err != nil {
			t.Errorf("%q: %q %v", request, got, err)
		}
	}
}

// TestLongCallHearsThatItsClientLeft, and one whose client waits is not disturbed; both go on with the next request.
func TestLongCallHearsThatItsClientLeft(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 2)
	address := serveCalls(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/patient" {
			select {
			case <-time.After(3 * longCall):
				_, _ = io.WriteString(w, "done")
			case <-r.Context().Done():
			}
			return
		}
		<-r.Context().Done()
		ended <- context.Cause(r.Context())
	})
	conn, in := dialCalls(t, address)
	for range 2 {
		if _, err := io.WriteString(conn, "GET /patient HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); string(body) != "done" || err != nil {
			t.Fatalf("%q %v", body, err)
		}
	}
	gone, _ := dialCalls(t, address)
	if _, err := io.WriteString(gone, "GET /forever HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*longCall, func() { _ = gone.Close() })
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the call goes on without its client")
	}
	// One that is under way when the server closes ends with it: the cleanup would hang.
	if _, err := io.WriteString(conn, "GET /forever HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}
