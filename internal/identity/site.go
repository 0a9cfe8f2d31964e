package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// MaxWidgets is how many widget keys a workspace may have.
	MaxWidgets = 50
	// MaxOrigins is how many origins a workspace, or a widget key, may allow.
	MaxOrigins = 50
	// WidgetPrefix begins widget keys.
	WidgetPrefix = "wk_"
)

// SiteStore changes what Workspaces reads.
type SiteStore interface {
	// ChangeWorkspace replaces a workspace whose version is before.Version, with the entry, in one transaction.
	// ErrConflict.
	ChangeWorkspace(ctx context.Context, before, after Workspace, entry AuditEntry) error
	// Widgets lists a workspace's widget keys, consistently, by key.
	Widgets(context.Context, chat.WorkspaceID) ([]Widget, error)
	// ChangeWidget stores a widget key in place of one of the version before, 0 for none, with the entry, in one
	// transaction. ErrConflict; chat.CodeForbidden when another workspace has the key.
	ChangeWidget(ctx context.Context, w Widget, before uint64, entry AuditEntry) error
	// DropWidget removes a widget key with the entry, in one transaction. ErrConflict when it is gone.
	DropWidget(ctx context.Context, w Widget, entry AuditEntry) error
}

// Sites keeps what a workspace is called, and on which pages its desk and its widgets run.
type Sites struct {
	Workspaces Workspaces
	Store      SiteStore
	Audit      *Audit
}

// SiteChange is what to change of a workspace or a widget key; nil fields stay.
type SiteChange struct {
	Name    *string
	Origins *[]string
}

func (s *Sites) authorize(by By, c chat.Command) error {
	_, err := chat.Authorize(by.Principal, c)
	return err
}

// Workspace returns the caller's workspace.
func (s *Sites) Workspace(ctx context.Context, by By) (Workspace, error) {
	if err := s.authorize(by, chat.CommandSettings); err != nil {
		return Workspace{}, err
	}
	w, ok, err := s.Workspaces.Workspace(ctx, by.Workspace)
	if err != nil {
		return Workspace{}, fmt.Errorf("reading a workspace: %w", err)
	}
	if !ok {
		return Workspace{}, chat.Errorf(chat.CodeNotFound, "there is no such workspace")
	}
	return w, nil
}

// ChangeWorkspace changes the workspace if it still has the version; nil for any. from is the page that asks, "" for
// none: it must stay allowed, since else nobody could take the change back from there. Errors: chat.CodeInvalid,
// CodeForbidden, CodeConflict, or the store's.
func (s *Sites) ChangeWorkspace(ctx context.Context, by By, version *uint64, from string, change SiteChange) (Workspace, error) {
	if err := s.authorize(by, chat.CommandKeys); err != nil {
		return Workspace{}, err
	}
	before, err := s.Workspace(ctx, by)
	if err != nil {
		return Workspace{}, err
	}
	after := before
	if after.Name, after.Origins, err = change.apply(before.Name, before.Origins); err != nil {
		return Workspace{}, err
	}
	if from != "" && !AllowsOrigin(after.Origins, from) {
		return Workspace{}, chat.Errorf(chat.CodeInvalid, "origins: %.200q, which this comes from, would be shut out", from)
	}
	if version != nil && *version != before.Version {
		return Workspace{}, conflict()
	}
	after.Version++
	was, is := changed(site(before.Name, before.Origins), site(after.Name, after.Origins))
	if len(is) == 0 {
		return before, nil
	}
	err = s.Store.ChangeWorkspace(ctx, before, after, s.Audit.Entry(by, ActWorkspaceChanged, string(by.Workspace), was, is))
	if errors.Is(err, ErrConflict) {
		return Workspace{}, conflict()
	}
	return after, err
}

// Widgets lists the widget keys.
func (s *Sites) Widgets(ctx context.Context, by By) ([]Widget, error) {
	if err := s.authorize(by, chat.CommandSettings); err != nil {
		return nil, err
	}
	list, err := s.Store.Widgets(ctx, by.Workspace)
	if err != nil {
		return nil, fmt.Errorf("listing widget keys: %w", err)
	}
	return list, nil
}

// Widget returns one of the workspace's; chat.CodeNotFound.
func (s *Sites) Widget(ctx context.Context, by By, key string) (Widget, error) {
	list, err := s.Widgets(ctx, by)
	if err != nil {
		return Widget{}, err
	}
	i := slices.IndexFunc(list, func(w Widget) bool { return w.Key == key })
	if i < 0 {
		return Widget{}, chat.Errorf(chat.CodeNotFound, "there is no such widget key")
	}
	return list[i], nil
}

// MakeWidget makes a widget key; the same key again, by somebody who did not hear of it, is the same.
func (s *Sites) MakeWidget(ctx context.Context, by By, key string, at time.Time, order SiteChange) (Widget, error) {
	if err := s.authorize(by, chat.CommandKeys); err != nil {
		return Widget{}, err
	}
	name, origins, err := order.apply("", nil)
	if err != nil {
		return Widget{}, err
	}
	list, err := s.Widgets(ctx, by)
	if err != nil {
		return Widget{}, err
	}
	if i := slices.IndexFunc(list, func(w Widget) bool { return w.Key == key }); i >= 0 {
		return list[i], nil
	}
	if len(list) >= MaxWidgets {
		return Widget{}, chat.Errorf(chat.CodeInvalid, "a workspace has at most %d widget keys: remove one that is not used", MaxWidgets)
	}
	w := Widget{Key: key, Workspace: by.Workspace, Name: name, Origins: origins, Created: at.UnixMilli(), Version: 1}
	return w, s.Store.ChangeWidget(ctx, w, 0, s.Audit.Entry(by, ActWidgetMade, key, nil, site(name, origins)))
}

// ChangeWidget changes a widget key if it still has the version; nil for any. Errors: chat.CodeInvalid, CodeForbidden,
// CodeNotFound, CodeConflict, or the store's.
func (s *Sites) ChangeWidget(ctx context.Context, by By, key string, version *uint64, change SiteChange) (Widget, error) {
	if err := s.authorize(by, chat.CommandKeys); err != nil {
		return Widget{}, err
	}
	before, err := s.Widget(ctx, by, key)
	if err != nil {
		return Widget{}, err
	}
	after := before
	if after.Name, after.Origins, err = change.apply(before.Name, before.Origins); err != nil {
		return Widget{}, err
	}
	if version != nil && *version != before.Version {
		return Widget{}, conflict()
	}
	after.Version++
	was, is := changed(site(before.Name, before.Origins), site(after.Name, after.Origins))
	err = s.Store.ChangeWidget(ctx, after, before.Version, s.Audit.Entry(by, ActWidgetChanged, key, was, is))
	if errors.Is(err, ErrConflict) {
		return Widget{}, conflict()
	}
	return after, err
}

// RemoveWidget removes a widget key: within a minute no page starts or goes on with it. Conversations stay.
func (s *Sites) RemoveWidget(ctx context.Context, by By, key string) error {
	if err := s.authorize(by, chat.CommandKeys); err != nil {
		return err
	}
	w, err := s.Widget(ctx, by, key)
	if err != nil {
		return err
	}
	err = s.Store.DropWidget(ctx, w, s.Audit.Entry(by, ActWidgetRemoved, key, site(w.Name, w.Origins), nil))
	if errors.Is(err, ErrConflict) {
		return chat.Errorf(chat.CodeNotFound, "there is no such widget key")
	}
	return err
}

// site sums up for the audit log.
func site(name string, origins []string) map[string]string {
	return map[string]string{"name": name, "origins": strings.Join(origins, " ")}
}

func (c SiteChange) apply(name string, origins []string) (string, []string, error) {
	var err error
	if c.Name != nil {
		if name, err = cleanName(*c.Name); err != nil {
			return "", nil, err
		}
	}
	if c.Origins != nil {
		origins, err = originList(*c.Origins)
	}
	return name, origins, err
}

func originList(list []string) ([]string, error) {
	if len(list) > MaxOrigins {
		return nil, chat.Errorf(chat.CodeInvalid, "origins: at most %d", MaxOrigins)
	}
	for i, o := range list {
		if !ValidOrigin(o) || len(o) > MaxAddress || slices.Contains(list[:i], o) {
			return nil, chat.Errorf(chat.CodeInvalid, "origins: %.200q is none such as https://shop.example (no path, no default port), or is named twice", o)
		}
	}
	return slices.Clone(list), nil
}
