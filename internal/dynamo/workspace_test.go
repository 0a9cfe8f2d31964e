package dynamo

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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

// tallied counts the calls by operation. There is no Scan among them: API has none.
type tallied struct {
	API
	calls map[string]int
}

func (c tallied) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	c.calls["GetItem"]++
	return c.API.GetItem(ctx, in, o...)
}

func (c tallied) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	c.calls["Query"]++
	return c.API.Query(ctx, in, o...)
}

func (c tallied) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	c.calls["PutItem"]++
	return c.API.PutItem(ctx, in, o...)
}

func (c tallied) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	c.calls["TransactWriteItems"]++
	return c.API.TransactWriteItems(ctx, in, o...)
}

// TestCallsOfTheWorkspace: what each use costs, for a workspace of ordinary size. Whoever needs one more changes this table.
func TestCallsOfTheWorkspace(t *testing.T) {
	t.Parallel()
	ids, _ := newIdentity(t)
	counted := tallied{ids.Store.API, map[string]int{}}
	ids.Store.API = counted
	store := &Workspace{Store: ids.Store}
	catalog, articles, settings := &workspace.Catalog{Store: store}, &workspace.Articles{Store: store}, &workspace.Cache{Store: store}
	ctx := t.Context()
	p := chat.Principal{Workspace: goldenWorkspace, User: goldenUser, Role: chat.RoleAdmin}
	by := workspace.By{Principal: p}
	const tag, help = "t_01kaw3v4x00000000000000001", "h_01kaw3v4x00000000000000001"
	article := workspace.Article{Card: workspace.Card{Title: "a", Slug: "a", Status: workspace.ArticleDraft}, Markdown: "x"}
	for _, c := range []struct {
		what string
		do   func() error
		want string
	}{
		{"make", func() error {
			_, err := catalog.Create(ctx, by, workspace.KindTag, false, tag, &workspace.Tag{Name: "a"})
			return err
		}, "map[Query:1 TransactWriteItems:1]"},
		{"read", func() error { _, err := catalog.Get(ctx, p, workspace.KindTag, false, tag); return err }, "map[GetItem:1]"},
		{"list", func() error { _, err := catalog.List(ctx, p, workspace.KindTag, false); return err }, "map[Query:1]"},
		{"change", func() error {
			_, err := catalog.Replace(ctx, by, workspace.KindTag, false, tag, &workspace.Tag{Name: "b"}, nil)
			return err
		}, "map[GetItem:1 Query:1 TransactWriteItems:1]"},
		{"remove", func() error { return catalog.Remove(ctx, by, workspace.KindTag, false, tag, nil) }, "map[GetItem:1 TransactWriteItems:1]"},
		{"hook, cold", func() error { _, err := settings.Config(ctx, goldenWorkspace); return err }, "map[Query:1]"},
		{"hook, warm", func() error { _, err := settings.Policy(ctx, goldenWorkspace, ""); return err }, "map[]"},
		{"make an article", func() error { _, err := articles.Create(ctx, by, help, article); return err }, "map[Query:1 TransactWriteItems:1]"},
		{"search, cold", func() error {
			_, _, err := articles.Find(ctx, p, workspace.ArticleQuery{Words: "x", Limit: 1})
			return err
		}, "map[Query:1]"},
		{"search, warm", func() error {
			_, _, err := articles.Find(ctx, p, workspace.ArticleQuery{Words: "y", Limit: 1})
			return err
		}, "map[]"},
		{"read an article", func() error { _, err := articles.Get(ctx, p, help); return err }, "map[GetItem:2]"},
		{"runs", func() error { _, err := store.Runs(ctx, goldenWorkspace, "r_1", workspace.MaxRuns); return err }, "map[Query:1]"},
		{"names in texts", func() error { _, err := store.Who(ctx, goldenWorkspace, goldenUser, goldenUser); return err }, "map[GetItem:3]"},
	} {
		clear(counted.calls)
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if got := fmt.Sprint(counted.calls); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}
