package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/gateway"
)

// service answers @connections as told.
type service struct {
	status   int
	header   string // X-Amzn-Errortype
	body     string
	mu       sync.Mutex
	requests []string
	bodies   []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.EscapedPath())
	s.bodies = append(s.bodies, string(body))
	s.mu.Unlock()
	if s.header != "" {
		w.Header().Set("X-Amzn-Errortype", s.header)
	}
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, s.body)
}

// newPusher returns a pusher with the functions' own client, configured from the environment as they are.
func newPusher(t *testing.T, h http.Handler) gateway.Pusher {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	for name, v := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "WS_ENDPOINT": server.URL + "/prod",
	} {
		t.Setenv(name, v)
	}
	env := config.FromEnvironment()
	api := apigatewaymanagementapi.NewFromConfig(env.AWS().Connections())
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	return gateway.Pusher{API: api}
}

const connection = chat.ConnectionID("TXzPWdnOjoECGjA=")

func TestPost(t *testing.T) {
	s := &service{status: http.StatusOK}
	p := newPusher(t, s)
	if err := p.Post(t.Context(), connection, []byte(`{"type":"done"}`)); err != nil {
		t.Fatal(err)
	}
	if err := p.Disconnect(t.Context(), connection); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.requests, ", "); got != "POST /prod/@connections/TXzPWdnOjoECGjA%3D, DELETE /prod/@connections/TXzPWdnOjoECGjA%3D" && got != "POST /prod/%40connections/TXzPWdnOjoECGjA%3D, DELETE /prod/%40connections/TXzPWdnOjoECGjA%3D" {
		t.Error(got)
	}
	if s.bodies[0] != `{"type":"done"}` {
		t.Error(s.bodies)
	}
}

// A push that fails goes to the queue at once: the client may not try again by itself, and only what says that
// the connection is gone may remove it.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name, header, body string
		status             int
		gone               bool
	}{
		{"410 by its type", "GoneException", "", http.StatusGone, true},
		{"410 by its type in the body", "", `{"__type":"GoneException","message":"gone"}`, http.StatusGone, true},
		{"410 by its status alone", "", "", http.StatusGone, true},
		{"a malformed id", "BadRequestException", `{"message":"Invalid connectionId: x"}`, http.StatusBadRequest, true},
		{"forbidden", "ForbiddenException", "", http.StatusForbidden, false},
		{"too large", "PayloadTooLargeException", "", http.StatusRequestEntityTooLarge, false},
		{"throttled", "LimitExceededException", "", http.StatusTooManyRequests, false},
		{"throttled without a type", "", "", http.StatusTooManyRequests, false},
		{"internal", "InternalServerError", "", http.StatusInternalServerError, false},
		{"bad gateway", "", "<html>", http.StatusBadGateway, false},
		{"unavailable", "ServiceUnavailable", "", http.StatusServiceUnavailable, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &service{status: c.status, header: c.header, body: c.body}
			p := newPusher(t, s)
			err := p.Post(t.Context(), connection, []byte("x"))
			if errors.Is(err, chat.ErrGone) != c.gone || err == nil {
				t.Errorf("post: %v", err)
			}
			if err := p.Disconnect(t.Context(), connection); (err == nil) != c.gone {
				t.Errorf("disconnect: %v", err)
			}
			if len(s.requests) != 2 {
				t.Errorf("%d requests for 2 calls", len(s.requests))
			}
		})
	}
}

func TestNoAnswerIsNotGone(t *testing.T) {
	var requests atomic.Int32
	release := make(chan struct{})
	p := newPusher(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		requests.Add(1)
		<-release
	}))
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.Post(ctx, connection, []byte("x")); err == nil || errors.Is(err, chat.ErrGone) {
		t.Error(err)
	}
	if requests.Load() > 1 {
		t.Errorf("%d requests", requests.Load())
	}
}
