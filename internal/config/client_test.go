package config

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// closing is a body as the SDK's: it is closed as soon as the answer is there, and fails from then on.
type closing struct {
	io.Reader
	closed atomic.Bool
}

func (c *closing) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, io.EOF
	}
	return c.Reader.Read(p)
}

func (c *closing) WriteTo(w io.Writer) (int64, error) {
	if c.closed.Load() {
		return 0, io.EOF
	}
	return io.Copy(w, c.Reader)
}

func (c *closing) Close() error {
	c.closed.Store(true)
	return nil
}

// writes counts the writes of all connections that it dials.
type writes struct {
	net.Conn
	n *atomic.Int32
}

func (w writes) Write(b []byte) (int, error) {
	w.n.Add(1)
	return w.Conn.Write(b)
}

// TestWholeRequests: header and body leave together, and connections stay.
func TestWholeRequests(t *testing.T) {
	t.Parallel()
	var dials, sent atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer server.Close()
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return writes{conn, &sent}, err
	}
	transport := &http.Transport{DialContext: dial}
	defer transport.CloseIdleConnections()
	c := wholeRequests{&http.Client{Transport: transport}}
	const n = 50
	for range n {
		body := &closing{Reader: strings.NewReader(`{"TableName":"chat"}`)}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = int64(len(`{"TableName":"chat"}`))
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		got, err := io.ReadAll(res.Body)
		if err != nil || res.Body.Close() != nil || string(got) != `{"TableName":"chat"}` {
			t.Fatalf("%q %v", got, err)
		}
		if !body.closed.Load() {
			t.Fatal("the body was left open")
		}
	}
	if dials.Load() != 1 || sent.Load() != n {
		t.Errorf("%d connections and %d packets for %d calls", dials.Load(), sent.Load(), n)
	}
}

// TestOtherBodiesPassAsTheyAre: none, one of unknown length, one that ends too early.
func TestOtherBodiesPassAsTheyAre(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer server.Close()
	c := wholeRequests{server.Client()}
	for _, tt := range []struct {
		body   io.Reader
		length int64
		want   string
		fails  bool
	}{
		{nil, 0, "", false},
		{io.MultiReader(strings.NewReader("of any length")), -1, "of any length", false},
		{io.MultiReader(strings.NewReader("short")), 10, "", true},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, tt.body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = tt.length
		res, err := c.Do(r)
		if (err != nil) != tt.fails {
			t.Fatalf("%+v: %v", tt, err)
		}
		if err != nil {
			continue
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || res.Body.Close() != nil || string(got) != tt.want {
			t.Errorf("%q, want %q: %v", got, tt.want, err)
		}
	}
}

// TestWithin: a client with a limit leaves the one without alone.
func TestWithin(t *testing.T) {
	t.Parallel()
	c := wholeRequests{&http.Client{Transport: http.DefaultTransport}}
	limited := c.within(2 * time.Second)
	if limited.Timeout != 2*time.Second || c.Timeout != 0 || limited.Transport != c.Transport {
		t.Errorf("%v and %v", limited.Timeout, c.Timeout)
	}
}
