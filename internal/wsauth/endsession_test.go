package wsauth

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

type finder struct {
	sockets []chat.ConnectionID
	failure error
}

func (f finder) SocketsOfSession(context.Context, chat.Principal) ([]chat.ConnectionID, error) {
	return f.sockets, f.failure
}

// pusher records what it did; connection "stuck" cannot be closed, and nobody can be posted to.
type pusher struct{ did []string }

func (p *pusher) Post(_ context.Context, c chat.ConnectionID, frame []byte) error {
	p.did = append(p.did, "post "+string(c)+" "+string(frame))
	return chat.ErrGone
}

func (p *pusher) Disconnect(_ context.Context, c chat.ConnectionID) error {
	p.did = append(p.did, "disconnect "+string(c))
	if c == "stuck" {
		return errors.New("no answer")
	}
	return nil
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	var push pusher
	var forget forgetter
	s := SessionSockets{Find: finder{sockets: []chat.ConnectionID{"stuck", "b="}}, Push: &push, Forget: &forget}
	err := s.EndSession(t.Context(), chat.Principal{User: sampleCustomer, Role: chat.RoleCustomer}, chat.CodeUnauthenticated)
	if err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("error %v", err)
	}
	const bye = `{"type":"bye","reason":"unauthenticated","reconnect":false}`
	want := []string{"post stuck " + bye, "disconnect stuck", "post b= " + bye, "disconnect b="}
	if diff := cmp.Diff(want, push.did); diff != "" {
		t.Errorf("did (-want +got):\n%s", diff)
	}
	if len(forget.closed) != 2 || forget.closed[1].Connection != "b=" || forget.closed[1].User != sampleCustomer {
		t.Errorf("forgot %+v", forget.closed)
	}
	s.Find = finder{failure: errors.New("away")}
	if err := s.EndSession(t.Context(), chat.Principal{}, chat.CodeUnauthenticated); err == nil {
		t.Error("sockets not found, no error")
	}
}
