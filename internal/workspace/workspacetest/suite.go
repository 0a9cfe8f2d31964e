package workspacetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

// Storage is what conforms.
type Storage interface {
	workspace.Store
	workspace.ArticleStore
	workspace.RunStore
}

const (
	someWorkspace  = chat.WorkspaceID("w_01kaw3v4x00123456789abcdef")
	otherWorkspace = chat.WorkspaceID("w_01kaw3v4x0aaaaaaaaaaaaaaaa")
	someUser       = chat.UserID("u_01kaw3v4x0fedcba9876543210")
)

// Conform holds a storage, which must be empty, to the promises of the ports.
func Conform(t *testing.T, s Storage) {
	t.Run("entries", func(t *testing.T) { conformEntries(t, s) })
	t.Run("config", func(t *testing.T) { conformConfig(t, s) })
	t.Run("articles", func(t *testing.T) { conformArticles(t, s) })
	t.Run("runs", func(t *testing.T) { conformRuns(t, s) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stored demands that a conditional write was, or was not, made.
func stored(t *testing.T, want bool) func(bool, error) {
	return func(done bool, err error) {
		t.Helper()
		must(t, err)
		if done != want {
			t.Errorf("stored: %v, want %v", done, want)
		}
	}
}

func id(prefix string, n int) string { return fmt.Sprintf("%s01kaw3v4x0%016d", prefix, n) }

func entry(k workspace.Kind, n int, version uint64, document string) workspace.Entry {
	return workspace.Entry{
		Place: workspace.Place{Workspace: someWorkspace, Kind: k}, ID: id(k.Prefix(), n), Version: version, Document: []byte(document),
		Changed: time.UnixMilli(1_790_000_000_123 + int64(version)), By: someUser,
	}
}

func act(name, subject string) workspace.Act {
	return workspace.Act{
		By:   workspace.By{Principal: chat.Principal{Workspace: someWorkspace, User: someUser, Role: chat.RoleAdmin}, Source: "192.0.2.7"},
		Name: name, Subject: subject, After: map[string]string{"title": "x"},
	}
}

func conformEntries(t *testing.T, s Storage) {
	ctx := t.Context()
	put := func(e workspace.Entry, want bool) {
		t.Helper()
		stored(t, want)(s.PutEntry(ctx, e, act("tag.made", e.ID)))
	}
	first := entry(workspace.KindTag, 1, 1, `{"name":"<b>Größe</b>"}`)
	put(entry(workspace.KindTag, 1, 2, `{}`), false) // nothing is there yet
	put(first, true)
	put(first, false)
	same(t, s, first)
	second := entry(workspace.KindTag, 1, 2, `{"name":"b"}`)
	put(second, true)
	put(entry(workspace.KindTag, 1, 4, `{}`), false)
	same(t, s, second)

	own := entry(workspace.KindCanned, 2, 1, `{"shortcut":"x"}`)
	own.Owner = someUser
	put(own, true)
	put(entry(workspace.KindCanned, 3, 1, `{"shortcut":"y"}`), true)
	elsewhere := entry(workspace.KindTag, 9, 1, `{}`)
	elsewhere.Workspace = otherWorkspace
	put(elsewhere, true)
	put(entry(workspace.KindTag, 0, 1, `{}`), true)
	for _, c := range []struct {
		place workspace.Place
		want  []string
	}{
		{workspace.Place{Workspace: someWorkspace, Kind: workspace.KindTag}, []string{id("t_", 0), id("t_", 1)}},
		{workspace.Place{Workspace: someWorkspace, Kind: workspace.KindCanned}, []string{id("n_", 3)}},
		{workspace.Place{Workspace: someWorkspace, Kind: workspace.KindCanned, Owner: someUser}, []string{id("n_", 2)}},
		{workspace.Place{Workspace: someWorkspace, Kind: workspace.KindView, Owner: someUser}, nil},
	} {
		entries, err := s.Entries(ctx, c.place)
		must(t, err)
		var got []string
		for _, e := range entries {
			got = append(got, e.ID)
			if e.Place != c.place {
				t.Errorf("%v is at %v", e.ID, e.Place)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.place, got, c.want)
		}
	}

	drop := func(version uint64, want bool) {
		t.Helper()
		stored(t, want)(s.DropEntry(ctx, first.Place, first.ID, version, act("tag.removed", first.ID)))
	}
	drop(1, false)
	drop(2, true)
	drop(2, false)
	if e, err := s.Entry(ctx, first.Place, first.ID); err != nil || e != nil {
		t.Errorf("after it was removed: %v %v", e, err)
	}
	put(first, true) // from the beginning
}

// same demands that what is stored is the entry.
func same(t *testing.T, s Storage, want workspace.Entry) {
	t.Helper()
	got, err := s.Entry(t.Context(), want.Place, want.ID)
	must(t, err)
	if got == nil || got.Place != want.Place || got.ID != want.ID || got.Version != want.Version || !bytes.Equal(got.Document, want.Document) ||
		!got.Changed.Equal(want.Changed) || got.By != want.By {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func conformConfig(t *testing.T, s Storage) {
	ctx := t.Context()
	settings := entry(workspace.KindSettings, 0, 1, `{}`)
	settings.ID = workspace.SettingsID
	large := `{"about":"` + strings.Repeat("x", 30_000) + `"}`
	want := []string{workspace.SettingsID}
	for _, e := range []workspace.Entry{settings, entry(workspace.KindRule, 1, 1, `{}`), entry(workspace.KindTag, 50, 1, `{}`)} {
		stored(t, true)(s.PutEntry(ctx, e, act("x.made", e.ID)))
	}
	for n := range 40 { // more than a page of 1 MB
		e := entry(workspace.KindDepartment, n, 1, large)
		want = append(want, e.ID)
		stored(t, true)(s.PutEntry(ctx, e, act("x.made", e.ID)))
	}
	want = append(want, id("r_", 1))
	entries, err := s.Config(ctx, someWorkspace)
	must(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.ID)
		if e.Kind == workspace.KindDepartment && string(e.Document) != large {
			t.Errorf("%s has lost its document", e.ID)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d entries, want %d: %v", len(got), len(want), got)
	}
	if entries, err := s.Config(ctx, otherWorkspace); err != nil || len(entries) != 0 {
		t.Errorf("another workspace: %v %v", entries, err)
	}
}

func article(n int, version uint64) workspace.Article {
	return workspace.Article{
		Card: workspace.Card{
			ID: id("h_", n), Version: version, ChangedAt: 1_790_000_000_123, ChangedBy: someUser, Title: "Sizes", Slug: fmt.Sprintf("sizes-%d", n),
			Tags: []string{"a", "b"}, Status: workspace.ArticlePublished, Locale: "de", Excerpt: "All sizes", Words: []string{"sizes", "all"},
		},
		Markdown: "# All sizes <script>",
	}
}

func conformArticles(t *testing.T, s Storage) {
	ctx := t.Context()
	put := func(a workspace.Article, want bool) {
		t.Helper()
		stored(t, want)(s.PutArticle(ctx, someWorkspace, a, act("article.made", a.ID)))
	}
	put(article(1, 2), false)
	put(article(1, 1), true)
	put(article(1, 1), false)
	put(article(0, 1), true)
	changed := article(1, 2)
	changed.Markdown, changed.Tags, changed.Locale = strings.Repeat("x", workspace.MaxArticle), nil, ""
	put(changed, true)
	got, err := s.Article(ctx, someWorkspace, changed.ID)
	must(t, err)
	if got == nil || fmt.Sprint(*got) != fmt.Sprint(changed) {
		t.Errorf("%.300v\nwant %.300v", got, changed)
	}
	cards, err := s.Cards(ctx, someWorkspace, true)
	must(t, err)
	if len(cards) != 2 || fmt.Sprint(cards[0]) != fmt.Sprint(article(0, 1).Card) || fmt.Sprint(cards[1]) != fmt.Sprint(changed.Card) {
		t.Errorf("%v", cards)
	}
	stored(t, false)(s.DropArticle(ctx, someWorkspace, changed.ID, 1, act("article.removed", changed.ID)))
	stored(t, true)(s.DropArticle(ctx, someWorkspace, changed.ID, 2, act("article.removed", changed.ID)))
	if a, err := s.Article(ctx, someWorkspace, changed.ID); err != nil || a != nil {
		t.Errorf("after it was removed: %v %v", a, err)
	}
	if cards, err := s.Cards(ctx, otherWorkspace, true); err != nil || len(cards) != 0 {
		t.Errorf("another workspace: %v %v", cards, err)
	}
}

func conformRuns(t *testing.T, s Storage) {
	ctx := t.Context()
	rule := id("r_", 1)
	for n := range 4 {
		r := workspace.Run{
			ID: id("m_", n), Rule: rule, At: 1_790_000_000_000 + int64(n), Conversation: "c_01kaw3v4x0c0nversat10n0001", Track: chat.Public, Seq: uint64(n + 1),
			Outcome: workspace.RunApplied, Steps: 2,
		}
		must(t, s.PutRun(ctx, someWorkspace, r))
		if n == 2 { // it failed at last: the same run again
			r.Outcome, r.Steps, r.Code, r.Reason = workspace.RunFailed, 1, chat.CodeClosed, "it is closed"
			must(t, s.PutRun(ctx, someWorkspace, r))
		}
	}
	must(t, s.PutRun(ctx, someWorkspace, workspace.Run{ID: id("m_", 9), Rule: id("r_", 2), At: 1_790_000_000_009}))
	runs, err := s.Runs(ctx, someWorkspace, rule, 3)
	must(t, err)
	var got []string
	for _, r := range runs {
		got = append(got, fmt.Sprint(r.Seq, " ", r.Outcome, " ", r.Reason))
	}
	if want := []string{"4 applied ", "3 failed it is closed", "2 applied "}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if len(runs) > 1 && (runs[1].Code != chat.CodeClosed || runs[1].Steps != 1 || runs[1].Conversation != "c_01kaw3v4x0c0nversat10n0001" || runs[1].Rule != rule) {
		t.Errorf("%+v", runs[1])
	}
}
