package wsauth

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Finder finds the sockets of a session.
type Finder interface {
	// SocketsOfSession lists the live sockets of the principal's session, consistently.
	SocketsOfSession(context.Context, chat.Principal) ([]chat.ConnectionID, error)
}

// SessionSockets implements identity.Sockets.
type SessionSockets struct {
	Find   Finder
	Push   chat.Pusher
	Forget Forgetter
}

// EndSession says bye to every socket of the session, closes and forgets it. One that cannot be closed does not
// keep the others open; the errors are joined. The client is told to come back, with a new ticket, unless it has to
// sign in first.
func (s SessionSockets) EndSession(ctx context.Context, p chat.Principal, reason chat.Code) error {
	sockets, err := s.Find.SocketsOfSession(ctx, p)
	if err != nil {
		return err
	}
	bye := protocol.Encode(protocol.Bye{Type: protocol.TypeBye, Reason: reason, Reconnect: reason != chat.CodeUnauthenticated})
	var errs []error
	for _, c := range sockets {
		_ = s.Push.Post(ctx, c, bye) // a courtesy: closing is what counts
		p.Connection = c
		errs = append(errs, s.Push.Disconnect(ctx, c), s.Forget.SocketClosed(ctx, p))
	}
	return errors.Join(errs...)
}
