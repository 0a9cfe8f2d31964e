package identity

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// StartsPerSource is how many new customers may begin at one network address in a StartWindow. It is generous, since a
// whole office comes from one address: what it stops is a program that fills the table.
const (
	StartsPerSource = 60
	StartWindow     = time.Minute
)

// Customers lets visitors of a web page in.
type Customers struct {
	Workspaces Workspaces
	Sessions   *Sessions
	// Attempts counts new customers by their network address; nil: nobody counts.
	Attempts Attempts
}

// Start returns the session of the token, if one is presented, else makes a new anonymous customer.
// origin is the Origin header; the widget must allow it. A presented token that does not hold, or that belongs
// to another workspace or to staff, is refused rather than replaced: only the client knows whether it wants to
// be somebody new. Errors: *Refusal, chat.CodeInvalid for a malformed key, or the store's.
func (c *Customers) Start(ctx context.Context, widgetKey, origin, token string) (Opened, error) {
	widget, err := c.Admit(ctx, widgetKey, origin)
	if err != nil {
		return Opened{}, err
	}
	if token != "" {
		return c.Resume(ctx, widget, token)
	}
	return c.Open(ctx, widget.Workspace, widget.Key, "")
}

// Admit returns the widget of a key for a page that it allows. Errors as of Start.
func (c *Customers) Admit(ctx context.Context, widgetKey, origin string) (Widget, error) {
	widget, err := c.widget(ctx, widgetKey)
	if err != nil {
		return Widget{}, err
	}
	if !AllowsOrigin(widget.Origins, origin) {
		return Widget{}, originNotAllowed(origin)
	}
	return widget, nil
}

// Open starts a session: for the user, or for a new anonymous customer where there is none.
func (c *Customers) Open(ctx context.Context, w chat.WorkspaceID, widget string, u chat.UserID) (Opened, error) {
	if u == "" {
		u = chat.UserID(chat.NewID(chat.UserPrefix, c.Sessions.now()))
	}
	return c.Sessions.open(ctx, Session{Workspace: w, User: u, Role: chat.RoleCustomer, Widget: widget}, CustomerLife)
}

// Count counts a new customer from the network address; "" is nobody's and is not counted. It is a *Refusal
// (ReasonThrottled) when there are too many. Of an IPv6 address the network counts, /64: a line has one of its own.
func (c *Customers) Count(ctx context.Context, source string) error {
	if source == "" || c.Attempts == nil {
		return nil
	}
	now := c.Sessions.now()
	start := now.Truncate(StartWindow)
	end := start.Add(StartWindow)
	n, err := c.Attempts.AddAttempts(ctx, counterName("start", start, Network(source)), 1, end.Add(StartWindow))
	if err != nil {
		return fmt.Errorf("counting a customer: %w", err)
	}
	if n > StartsPerSource {
		return &Refusal{ReasonThrottled, &chat.Error{
			Code: chat.CodeTooFast, RetryAfter: end.Sub(now), Message: "too many new visitors from this network address; try again later",
		}}
	}
	return nil
}

// Network is the part of a network address that stands for one line: all of IPv4, the first 64 bits of IPv6. What is
// no address stays as it is.
func Network(source string) string {
	address, err := netip.ParseAddr(source)
	if err != nil {
		return source
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(64)
	if err != nil {
		return source
	}
	return prefix.String()
}

func (c *Customers) widget(ctx context.Context, key string) (Widget, error) {
	if !ValidWidgetKey(key) {
		return Widget{}, chat.Errorf(chat.CodeInvalid, "widgetKey: not a widget key")
	}
	widget, ok, err := c.Workspaces.Widget(ctx, key)
	if err != nil {
		return Widget{}, fmt.Errorf("reading a widget: %w", err)
	}
	if !ok {
		return Widget{}, refuse(chat.CodeNotFound, ReasonWidgetUnknown, "there is no such widget key")
	}
	return widget, nil
}

// Resume returns the session of a token that holds, of a customer of the widget's workspace.
func (c *Customers) Resume(ctx context.Context, widget Widget, token string) (Opened, error) {
	opened, err := c.Sessions.Authenticate(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	if opened.Session.Workspace != widget.Workspace || opened.Session.Role != chat.RoleCustomer {
		return Opened{}, sessionUnknown()
	}
	return opened, nil
}
