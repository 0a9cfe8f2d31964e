package identity

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// TicketLife is how long a ticket opens a socket: time enough for a handshake on a bad connection.
	TicketLife = 30 * time.Second
	// TicketMemory is how long after its expiry an unused ticket stays in storage, so that within that time a
	// missing one must have been used.
	TicketMemory = time.Hour
)

// Ticket is what a ticket stands for.
type Ticket struct {
	Principal chat.Principal
	// Origin is the only one from which the ticket opens a socket; "" for callers that are not web pages.
	Origin  string
	Expires time.Time
}

// Errors of TicketStore.TakeTicket.
var (
	ErrTicketGone    = errors.New("there is no such ticket")
	ErrTicketExpired = errors.New("the ticket has expired")
)

// TicketStore keeps tickets under their hash, with millisecond precision, until some time after forget.
type TicketStore interface {
	PutTicket(ctx context.Context, w chat.WorkspaceID, hash string, t Ticket, forget time.Time) error
	// Ticket reads consistently; false when there is none.
	Ticket(ctx context.Context, w chat.WorkspaceID, hash string) (Ticket, bool, error)
	// TakeTicket deletes and returns a ticket that has not expired at now. Of any number of concurrent calls
	// at most one gets it; the others get ErrTicketGone. An expired one stays: ErrTicketExpired.
	TakeTicket(ctx context.Context, w chat.WorkspaceID, hash string, now time.Time) (Ticket, error)
}

// Fate is what became of a ticket.
type Fate string

// The fates.
const (
	// FateUsed: it has opened a socket, or been presented from a wrong origin.
	FateUsed Fate = "used"
	// FateExpired: it was not used in time, or is too old (over an hour) for anybody to know.
	FateExpired Fate = "expired"
	// FateInvalid: it was not issued to this session.
	FateInvalid Fate = "invalid"
	// FateUnused: it is still good; whatever failed, the ticket was not it (no connection, an outage).
	FateUnused Fate = "unused"
)

// Tickets issues and redeems one-time socket tickets.
type Tickets struct {
	Store      TicketStore
	Workspaces Workspaces
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

func (t *Tickets) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

// Issued is a fresh ticket.
type Issued struct {
	Text    string
	Expires time.Time
}

// Issue makes a ticket for the session, bound to the origin, which the session's widget (customers) or
// workspace (staff; none is fine too) must allow now. Errors: *Refusal with CodeForbidden, or the store's.
func (t *Tickets) Issue(ctx context.Context, o Opened, origin string) (Issued, error) {
	allowed, err := t.allows(ctx, o.Session, origin)
	if err != nil {
		return Issued{}, err
	}
	if !allowed {
		return Issued{}, originNotAllowed(origin)
	}
	now := t.now().Truncate(time.Millisecond)
	text := newTicket(o.Token, now)
	ticket := Ticket{Principal: o.Session.Principal(), Origin: origin, Expires: now.Add(TicketLife)}
	if err := t.Store.PutTicket(ctx, o.Session.Workspace, text.hash(), ticket, ticket.Expires.Add(TicketMemory)); err != nil {
		return Issued{}, fmt.Errorf("storing a ticket: %w", err)
	}
	return Issued{text.text(), ticket.Expires}, nil
}

func newTicket(token Token, now time.Time) ticketText {
	var text ticketText
	text.workspace, _ = chat.IDBytes(chat.WorkspacePrefix, string(token.Workspace))
	text.id, _ = chat.IDBytes("", chat.NewID("", now))
	text.code = token.ticketCode(text.id)
	return text
}

func (t *Tickets) allows(ctx context.Context, s Session, origin string) (bool, error) {
	if s.Role == chat.RoleCustomer {
		widget, ok, err := t.Workspaces.Widget(ctx, s.Widget)
		if err != nil {
			return false, fmt.Errorf("reading a widget: %w", err)
		}
		return ok && widget.Workspace == s.Workspace && AllowsOrigin(widget.Origins, origin), nil
	}
	if origin == "" {
		return true, nil
	}
	workspace, _, err := t.Workspaces.Workspace(ctx, s.Workspace)
	if err != nil {
		return false, fmt.Errorf("reading a workspace: %w", err)
	}
	return AllowsOrigin(workspace.Origins, origin), nil
}

// Explain says what became of a ticket of this session: browsers cannot read why a handshake failed.
func (t *Tickets) Explain(ctx context.Context, token Token, previous string) (Fate, error) {
	text, ok := parseTicket(previous)
	if !ok {
		return FateInvalid, nil
	}
	code := token.ticketCode(text.id)
	own, _ := chat.IDBytes(chat.WorkspacePrefix, string(token.Workspace))
	if !hmac.Equal(code[:], text.code[:]) || own != text.workspace {
		return FateInvalid, nil
	}
	ticket, there, err := t.Store.Ticket(ctx, token.Workspace, text.hash())
	if err != nil {
		return "", fmt.Errorf("reading a ticket: %w", err)
	}
	now := t.now()
	forgotten := time.UnixMilli(text.issuedMillis()).Add(TicketLife + TicketMemory)
	switch {
	case there && now.Before(ticket.Expires):
		return FateUnused, nil
	case there || !now.Before(forgotten):
		return FateExpired, nil
	default:
		return FateUsed, nil
	}
}

// Redeem consumes a ticket: of any number of handshakes that present it, one gets it. Presenting it from
// another origin consumes it too, since then it has leaked. Errors: *Refusal with CodeUnauthenticated (missing,
// malformed, used, expired) or CodeForbidden (wrong origin), or the store's.
func (t *Tickets) Redeem(ctx context.Context, text, origin string) (Ticket, error) {
	parsed, ok := parseTicket(text)
	if !ok {
		return Ticket{}, refuse(chat.CodeUnauthenticated, ReasonTicketInvalid, "not a socket ticket")
	}
	workspace := chat.WorkspaceID(chat.FormatID(chat.WorkspacePrefix, parsed.workspace))
	ticket, err := t.Store.TakeTicket(ctx, workspace, parsed.hash(), t.now())
	switch {
	case errors.Is(err, ErrTicketGone):
		return Ticket{}, refuse(chat.CodeUnauthenticated, ReasonTicketInvalid, "the ticket was used or never issued")
	case errors.Is(err, ErrTicketExpired):
		return Ticket{}, refuse(chat.CodeUnauthenticated, ReasonTicketExpired, "the ticket has expired")
	case err != nil:
		return Ticket{}, fmt.Errorf("taking a ticket: %w", err)
	case ticket.Origin != origin:
		return Ticket{}, originNotAllowed(origin)
	}
	return ticket, nil
}
