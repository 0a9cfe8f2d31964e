package workspace_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/internal/workspace/workspacetest"
)

func newArticles() (*workspace.Articles, *workspacetest.Memory, *time.Time) {
	store, now := &workspacetest.Memory{}, time.UnixMilli(1_790_000_000_123)
	return &workspace.Articles{Store: store, Now: func() time.Time { return now }}, store, &now
}

func help(title, slug, markdown string) workspace.Article {
	return workspace.Article{Card: workspace.Card{Title: title, Slug: slug, Status: workspace.ArticlePublished}, Markdown: markdown}
}

func articleID(n int) string { return fmt.Sprintf("h_01kaw3v4x0%016d", n) }

// A search finds by the beginnings of all its words, the title before the text, and only what the reader may read.
func TestArticlesAreSearched(t *testing.T) {
	t.Parallel()
	l, store, now := newArticles()
	ctx := t.Context()
	draft := help("Sizes in preparation", "draft", "sizes")
	draft.Status = workspace.ArticleDraft
	german := help("Größen", "sizes", "Alle Größen im Überblick")
	german.Locale = "de"
	tagged := help("Returns", "returns", "Send it back.")
	tagged.Tags = []string{"sizes"}
	for n, a := range []workspace.Article{
		help("Sizes and fit", "sizes", "Measure your **waist**."), help("Shipping", "shipping", "We ship all sizes, waist or not."), draft, german, tagged,
	} {
		_, err := l.Create(ctx, boss(), articleID(n), a)
		code(t, err, "", "")
	}
	visitor, staff := by(chat.RoleCustomer, customer), by(chat.RoleOperator, admin)
	find := func(p chat.Principal, q workspace.ArticleQuery, want ...string) {
		t.Helper()
		q.Limit = 10
		cards, _, err := l.Find(ctx, p, q)
		code(t, err, "", "")
		var got []string
		for _, c := range cards {
			got = append(got, c.Title)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
	find(visitor, workspace.ArticleQuery{Words: "sizes"}, "Sizes and fit", "Returns", "Shipping")
	find(visitor, workspace.ArticleQuery{Words: "WAI siz"}, "Sizes and fit", "Shipping")
	find(visitor, workspace.ArticleQuery{Words: "sizes nothing"})
	find(visitor, workspace.ArticleQuery{Words: "größen", Locale: "de-AT"}, "Größen")
	find(visitor, workspace.ArticleQuery{Words: "größen", Locale: "fr"})
	find(visitor, workspace.ArticleQuery{Tag: "sizes"}, "Returns")
	find(staff, workspace.ArticleQuery{Words: "sizes", Status: workspace.ArticleDraft}, "Sizes in preparation")
	find(staff, workspace.ArticleQuery{}, "Größen", "Returns", "Shipping", "Sizes and fit", "Sizes in preparation")
	if n := store.Calls("Cards"); n > 7 { // five for the creations' own checks
		t.Errorf("%d reads for 8 searches", n)
	}
	_, _, err := l.Find(ctx, visitor, workspace.ArticleQuery{Status: workspace.ArticleDraft, Limit: 1})
	code(t, err, chat.CodeForbidden, "status")
	_, err = l.Get(ctx, visitor, articleID(2))
	code(t, err, chat.CodeNotFound, "")
	_, err = l.Get(ctx, staff, articleID(2))
	code(t, err, "", "")
	*now = now.Add(time.Hour)
	cards, more, err := l.Find(ctx, staff, workspace.ArticleQuery{After: 3, Limit: 1})
	if err != nil || !more || len(cards) != 1 || cards[0].Title != "Sizes and fit" {
		t.Errorf("%v %v %v", cards, more, err)
	}
}

func TestArticlesAreKept(t *testing.T) {
	t.Parallel()
	l, store, _ := newArticles()
	ctx, id := t.Context(), articleID(1)
	a := help("Sizes", "sizes", "<script>alert(1)</script> **bold** [link](https://x.example)")
	made, err := l.Create(ctx, boss(), id, a)
	code(t, err, "", "")
	if made.Markdown != a.Markdown || made.Excerpt != "alert(1) bold link" {
		t.Errorf("%+v", made)
	}
	_, err = l.Create(ctx, boss(), id, a) // the same request again
	code(t, err, "", "")
	_, err = l.Create(ctx, boss(), articleID(2), a)
	code(t, err, chat.CodeInvalid, "slug")
	one := uint64(1)
	a.Title = "All sizes"
	changed, err := l.Replace(ctx, boss(), id, a, &one)
	code(t, err, "", "")
	if changed.Version != 2 {
		t.Errorf("%+v", changed)
	}
	_, err = l.Replace(ctx, boss(), id, a, &one)
	code(t, err, chat.CodeConflict, "")
	_, err = l.Replace(ctx, workspace.By{Principal: by(chat.RoleOperator, admin)}, id, a, nil)
	code(t, err, chat.CodeForbidden, "")
	code(t, l.Remove(ctx, boss(), id, nil), "", "")
	_, err = l.Get(ctx, boss().Principal, id)
	code(t, err, chat.CodeNotFound, "")
	if n := len(store.Acts()); n != 3 {
		t.Errorf("%d acts", n)
	}
	for field, bad := range map[string]workspace.Article{
		"title": help("", "a", "x"), "slug": help("a", "-A", "x"), "markdown": help("a", "a", strings.Repeat("x", workspace.MaxArticle+1)),
		"status": {Card: workspace.Card{Title: "a", Slug: "a", Status: "x"}, Markdown: "x"},
		"tags":   {Card: workspace.Card{Title: "a", Slug: "a", Status: workspace.ArticleDraft, Tags: []string{""}}, Markdown: "x"},
		"locale": {Card: workspace.Card{Title: "a", Slug: "a", Status: workspace.ArticleDraft, Locale: "-"}, Markdown: "x"},
	} {
		_, err := l.Create(ctx, boss(), articleID(9), bad)
		code(t, err, chat.CodeInvalid, field)
	}
}

// Plain text holds no markup that a page would take for its own, whatever the Markdown.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"# a\n* b [c](d) ![e](f)", "<b>x</b> <", "```\ncode\n```", "](", "[a](b", "1 < 2 > 0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, markdown string) {
		out := workspace.Plain(markdown)
		if len(out) > len(markdown) || utf8.ValidString(markdown) && !utf8.ValidString(out) {
			t.Errorf("%q became %q", markdown, out)
		}
	})
}
