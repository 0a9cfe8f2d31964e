package gateway

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// busy is a function whose processes are all taken.
func busy(context.Context, []byte) (string, error) {
	return "", fmt.Errorf("lambda: %w", seam.ErrThrottled)
}

// A handshake whose functions are throttled fails with a status that says nothing against the client.
func TestThrottledHandshake(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		connect, authorizer function
		by                  int // ThrottledConnectStatus, 0 for the default
		status              int
	}{
		"$connect":           {busy, answer(allowAll), 0, 500},
		"$connect by switch": {busy, answer(allowAll), 503, 503},
		"authorizer":         {answer(`{"statusCode":200}`), busy, 503, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *stage) {
				if tc.by != 0 {
					s.options.Switches = switches(func(sw *Switches) { sw.ThrottledConnectStatus = tc.by })
				}
				s.options.Socket.Authorizer = &template.Authorizer{Function: "Auth"}
				s.fns.fns["Connect"], s.fns.fns["Auth"] = tc.connect, tc.authorizer
			})
			if c := s.handshake("/prod"); c.resp.StatusCode != tc.status || !strings.Contains(c.body, "Internal server error") {
				t.Errorf("%d %s, want %d", c.resp.StatusCode, c.body, tc.status)
			}
			if len(s.g.Connections()) != 0 {
				t.Error("a refused client is connected")
			}
		})
	}
}

// A throttled frame is answered by the gateway's own, which names no message; the socket stays and works again.
func TestThrottledMessage(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.options.NewID = sequence()
		s.fns.fns["Note"] = busy
	})
	c := s.dial()
	c.text(`{"action":"note"}`)
	c.wantText(`{"message": "Internal server error", "connectionId":"AAAAAAAAAAAA002=", "requestId":"AAAAAAAAAAAA003="}`)
	c.text(`{"action":"send"}`)
	c.wantText("sent")
}

// The HTTP API is unavailable rather than broken.
func TestThrottledRequest(t *testing.T) {
	t.Parallel()
	for by, want := range map[int]string{503: unavailableBody, 429: tooManyBody, 500: serverErrorBody} {
		s := startHTTP(t, func(o *Options, f *fakeInvoker) {
			if by != DefaultSwitches().ThrottledHTTPStatus {
				o.Switches = switches(func(sw *Switches) { sw.ThrottledHTTPStatus = by })
			}
			f.fns["Api"] = busy
		})
		if resp, body := s.do("POST", "/v1/pets", "{}"); resp.StatusCode != by || body != want || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%d %s, want %d %s", resp.StatusCode, body, by, want)
		}
	}
}
