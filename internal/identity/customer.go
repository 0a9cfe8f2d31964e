package identity

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
)

// Customers lets visitors of a web page in.
type Customers struct {
	Workspaces Workspaces
	Sessions   *Sessions
}

// Start returns the session of the token, if one is presented, else makes a new anonymous customer.
// origin is the Origin header; the widget must allow it. A presented token that does not hold, or that belongs
// to another workspace or to staff, is refused rather than replaced: only the client knows whether it wants to
// be somebody new. Errors: *Refusal, chat.CodeInvalid for a malformed key, or the store's.
func (c *Customers) Start(ctx context.Context, widgetKey, origin, token string) (Opened, error) {
	widget, err := c.widget(ctx, widgetKey)
	if err != nil {
		return Opened{}, err
	}
	if !AllowsOrigin(widget.Origins, origin) {
		return Opened{}, originNotAllowed(origin)
	}
	if token != "" {
		return c.resume(ctx, widget, token)
	}
	user := chat.UserID(chat.NewID(chat.UserPrefix, c.Sessions.now()))
	return c.Sessions.open(ctx, Session{
		Workspace: widget.Workspace, User: user, Role: chat.RoleCustomer, Widget: widget.Key,
	}, CustomerLife)
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

func (c *Customers) resume(ctx context.Context, widget Widget, token string) (Opened, error) {
	opened, err := c.Sessions.Authenticate(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	if opened.Session.Workspace != widget.Workspace || opened.Session.Role != chat.RoleCustomer {
		return Opened{}, sessionUnknown()
	}
	return opened, nil
}
