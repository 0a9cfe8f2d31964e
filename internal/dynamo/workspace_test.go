package dynamo

import (
	"errors"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/internal/workspace/workspacetest"
)

func TestWorkspaceConforms(t *testing.T) {
	t.Parallel()
	ids, _ := newIdentity(t)
	workspacetest.Conform(t, &Workspace{Store: ids.Store})
}

// A change of what is shared is in the audit log, one of somebody's own is not, and one that was refused is not.
func TestChangesAreAudited(t *testing.T) {
	t.Parallel()
	ids, _ := newIdentity(t)
	store := &Workspace{Store: ids.Store}
	ctx := t.Context()
	by := workspace.By{Principal: chat.Principal{Workspace: goldenWorkspace, User: goldenUser, Role: chat.RoleAdmin}, Source: "192.0.2.7"}
	put := func(e workspace.Entry, want bool) {
		t.Helper()
		done, err := store.PutEntry(ctx, e, workspace.Act{By: by, Name: "canned.made", Subject: e.ID, After: map[string]string{"title": "hi"}})
		if err != nil || done != want {
			t.Fatal(done, err)
		}
	}
	e := workspace.Entry{Place: workspace.Place{Workspace: goldenWorkspace, Kind: workspace.KindCanned}, ID: "n_1", Version: 1, Document: []byte("{}"), By: goldenUser}
	put(e, true)
	put(e, false)
	e.Owner = goldenUser
	put(e, true)
	list, _, err := ids.AuditEntries(ctx, goldenWorkspace, identity.AuditQuery{Until: store.Audit.Entry(identity.By{}, "", "", nil, nil).At.Add(1e9), Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Act != "canned.made" || list[0].Subject != "n_1" || list[0].Actor != goldenUser || list[0].Source != "192.0.2.7" || list[0].After["title"] != "hi" {
		t.Errorf("%+v", list)
	}
}

// Failures tell those that a repetition may help from those it cannot.
func TestWorkspaceFailures(t *testing.T) {
	t.Parallel()
	ids, transport := newIdentity(t)
	store := &Workspace{Store: ids.Store}
	ctx := t.Context()
	place := workspace.Place{Workspace: goldenWorkspace, Kind: workspace.KindTag}
	calls := map[string]func() error{
		"Entry":   func() error { _, err := store.Entry(ctx, place, "t_1"); return err },
		"Entries": func() error { _, err := store.Entries(ctx, place); return err },
		"Config":  func() error { _, err := store.Config(ctx, goldenWorkspace); return err },
		"PutEntry": func() error {
			_, err := store.PutEntry(ctx, workspace.Entry{Place: place, ID: "t_1", Version: 1}, workspace.Act{})
			return err
		},
		"DropEntry": func() error { _, err := store.DropEntry(ctx, place, "t_1", 1, workspace.Act{}); return err },
		"Cards":     func() error { _, err := store.Cards(ctx, goldenWorkspace, true); return err },
		"Article":   func() error { _, err := store.Article(ctx, goldenWorkspace, "h_1"); return err },
		"PutArticle": func() error {
			_, err := store.PutArticle(ctx, goldenWorkspace, workspace.Article{}, workspace.Act{})
			return err
		},
		"DropArticle": func() error { _, err := store.DropArticle(ctx, goldenWorkspace, "h_1", 1, workspace.Act{}); return err },
		"PutRun":      func() error { return store.PutRun(ctx, goldenWorkspace, workspace.Run{Rule: "r_1"}) },
		"Runs":        func() error { _, err := store.Runs(ctx, goldenWorkspace, "r_1", 1); return err },
	}
	for errorType, unknown := range map[string]bool{"ProvisionedThroughputExceededException": true, "AccessDeniedException": false} {
		transport.refuse.Store(&errorType)
		for name, call := range calls {
			if err := call(); err == nil || errors.Is(err, chat.ErrUnknownOutcome) != unknown {
				t.Errorf("%s answered %s: %v", name, errorType, err)
			}
		}
	}
}
