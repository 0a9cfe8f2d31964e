package workspace

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of help articles.
const (
	// MaxArticle is the longest text of an article, in bytes of Markdown.
	MaxArticle = 64 << 10
	// MaxArticles is how many a workspace has: their cards, of 1.5 KB at most, are read as a whole.
	MaxArticles = 2000
	// ArticlePrefix begins their ids.
	ArticlePrefix = "h_"
	// excerptRunes is the length of the plain text that a list shows.
	excerptRunes = 200
	// wordBytes bounds the words of a card that are searched for.
	wordBytes      = 1000
	MaxArticleTags = 20
	MaxTitle       = 200
	MaxSlug        = 80
	maxSearch      = 200 // bytes of a query
	maxQuestions   = 8   // words of a query that count
)

// ArticleStatus says who reads an article.
type ArticleStatus string

// The statuses.
const (
	ArticleDraft     ArticleStatus = "draft" // staff
	ArticlePublished ArticleStatus = "published"
)

// ArticleStatuses lists them.
func ArticleStatuses() []ArticleStatus { return []ArticleStatus{ArticleDraft, ArticlePublished} }

// Card is what lists and the search have of an article.
type Card struct {
	// ID is made by the server.
	ID string `json:"id,omitempty"`
	// Version counts the changes; the ETag is made of it.
	Version uint64 `json:"version,omitempty"`
	// ChangedAt is when it was changed last, Unix milliseconds.
	ChangedAt int64 `json:"changedAt,omitempty"`
	// ChangedBy is by whom; for staff.
	ChangedBy chat.UserID `json:"changedBy,omitempty"`
	// Title is 1 to 200 bytes.
	Title string `json:"title"`
	// Slug names it in addresses: 1 to 80 lower-case letters, digits and single "-"; no two of a locale have the same.
	Slug string `json:"slug"`
	// Tags are at most 20 of 50 bytes.
	Tags []string `json:"tags,omitempty"`
	// Status is draft or published.
	Status ArticleStatus `json:"status"`
	// Locale such as "de" or "pt-BR"; none for any.
	Locale string `json:"locale,omitempty"`
	// Excerpt is the beginning of its text without markup, made by the server.
	Excerpt string `json:"excerpt,omitempty"`
	// Words that a search finds it by, beside those of title and tags.
	Words []string `json:"-"`
}

// Article is a help article.
type Article struct {
	Card
	// Markdown is stored and returned as it was given: 1 byte to 64 KB of CommonMark. Whoever renders it renders no HTML
	// in it, and no address but http, https and mailto.
	Markdown string `json:"markdown"`
}

// Check returns CodeInvalid, naming the field, unless the article is well-formed.
func (a *Article) Check() error {
	switch {
	case strings.TrimSpace(a.Title) == "" || len(a.Title) > MaxTitle:
		return chat.Errorf(chat.CodeInvalid, "title: 1 to %d bytes", MaxTitle)
	case !slug(a.Slug):
		return chat.Errorf(chat.CodeInvalid, "slug: 1 to %d lower-case letters, digits and single -", MaxSlug)
	case len(a.Tags) > MaxArticleTags || slices.ContainsFunc(a.Tags, func(t string) bool { return t == "" || len(t) > 50 }):
		return chat.Errorf(chat.CodeInvalid, "tags: at most %d, 1 to 50 bytes each", MaxArticleTags)
	case a.Status != ArticleDraft && a.Status != ArticlePublished:
		return chat.Errorf(chat.CodeInvalid, "status: draft or published")
	case a.Locale != "" && !locale(a.Locale):
		return chat.Errorf(chat.CodeInvalid, "locale: such as de or pt-BR")
	case a.Markdown == "" || len(a.Markdown) > MaxArticle || !utf8.ValidString(a.Markdown):
		return chat.Errorf(chat.CodeInvalid, "markdown: 1 to %d bytes of UTF-8", MaxArticle)
	}
	return nil
}

func slug(s string) bool {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-"
	return s != "" && len(s) <= MaxSlug && strings.Trim(s, alphabet) == "" && s[0] != '-' && s[len(s)-1] != '-' && !strings.Contains(s, "--")
}

// ArticleStore keeps articles. Times have millisecond precision.
type ArticleStore interface {
	// Cards lists the cards of a workspace, by id. They may be some moments behind unless fresh.
	Cards(ctx context.Context, w chat.WorkspaceID, fresh bool) ([]Card, error)
	// Article reads one, consistently; nil when there is none.
	Article(ctx context.Context, w chat.WorkspaceID, id string) (*Article, error)
	// PutArticle writes the article and its card if the stored version is one less, with the act. False when it is not.
	PutArticle(ctx context.Context, w chat.WorkspaceID, a Article, act Act) (bool, error)
	// DropArticle removes both if they have the version, with the act. False when they have not.
	DropArticle(ctx context.Context, w chat.WorkspaceID, id string, version uint64, act Act) (bool, error)
}

// Articles reads, writes and searches help articles. Customers and bots see published ones.
type Articles struct {
	Store ArticleStore
	// Now is the clock, time.Now if nil.
	Now func() time.Time

	cards Memory[[]Card]
}

// Find returns a page of the articles that fit, best first; more says that there are others. It is as of up to
// Staleness ago.
func (l *Articles) Find(ctx context.Context, p chat.Principal, q ArticleQuery) (page []Card, more bool, err error) {
	if _, err := chat.Authorize(p, chat.CommandArticles); err != nil {
		return nil, false, err
	}
	if len(q.Words) > maxSearch {
		return nil, false, chat.Errorf(chat.CodeInvalid, "q: at most %d bytes", maxSearch)
	}
	if !seesDrafts(p) {
		if q.Status == ArticleDraft {
			return nil, false, chat.Errorf(chat.CodeForbidden, "status: a %s reads what is published", p.Role)
		}
		q.Status = ArticlePublished
	}
	cards, err := l.cards.Get(p.Workspace, clock(l.Now), func() ([]Card, error) { return l.Store.Cards(ctx, p.Workspace, false) })
	if err != nil {
		return nil, false, unavailable(err)
	}
	found := Search(cards, q)
	found = found[min(max(q.After, 0), len(found)):]
	if len(found) > q.Limit {
		return found[:q.Limit], true, nil
	}
	return found, false, nil
}

// seesDrafts: who may read the library.
func seesDrafts(p chat.Principal) bool {
	_, err := chat.Authorize(p, chat.CommandLibrary)
	return err == nil && p.Role != chat.RoleBot
}

// Get returns an article, or CodeNotFound: for customers and bots also when it is a draft.
func (l *Articles) Get(ctx context.Context, p chat.Principal, id string) (*Article, error) {
	if _, err := chat.Authorize(p, chat.CommandArticles); err != nil {
		return nil, err
	}
	a, err := l.read(ctx, p.Workspace, id)
	if err == nil && a.Status != ArticlePublished && !seesDrafts(p) {
		return nil, noArticle()
	}
	return a, err
}

func noArticle() error { return chat.Errorf(chat.CodeNotFound, "no such article") }

func (l *Articles) read(ctx context.Context, w chat.WorkspaceID, id string) (*Article, error) {
	if _, ok := chat.IDBytes(ArticlePrefix, id); !ok {
		return nil, noArticle()
	}
	a, err := l.Store.Article(ctx, w, id)
	if err != nil {
		return nil, unavailable(err)
	}
	if a == nil {
		return nil, noArticle()
	}
	return a, nil
}

// Create stores a new article; the same id with the same article again is the same request.
func (l *Articles) Create(ctx context.Context, by By, id string, a Article) (*Article, error) {
	if err := l.mayWrite(ctx, by, id, &a); err != nil {
		return nil, err
	}
	next := l.next(by, id, 0, a)
	done, err := l.Store.PutArticle(ctx, by.Workspace, next, l.act(by, "made", &next, nil))
	if err != nil {
		return nil, unavailable(err)
	}
	if done {
		l.cards.Forget(by.Workspace)
		return &next, nil
	}
	known, err := l.read(ctx, by.Workspace, id)
	if err != nil {
		return nil, err
	}
	if known.ChangedBy != by.User || known.Version != 1 || known.Markdown != a.Markdown || known.Title != a.Title {
		return nil, chat.Errorf(chat.CodeConflict, "it was made before, and has changed since; read it")
	}
	return known, nil
}

func (l *Articles) mayWrite(ctx context.Context, by By, id string, a *Article) error {
	if _, err := chat.Authorize(by.Principal, chat.CommandEditLibrary); err != nil {
		return err
	}
	if err := a.Check(); err != nil {
		return err
	}
	cards, err := l.Store.Cards(ctx, by.Workspace, true)
	if err != nil {
		return unavailable(err)
	}
	isNew := !slices.ContainsFunc(cards, func(c Card) bool { return c.ID == id })
	if isNew && len(cards) >= MaxArticles {
		return chat.Errorf(chat.CodeInvalid, "at most %d articles; remove one first", MaxArticles)
	}
	for _, c := range cards {
		if c.ID != id && c.Slug == a.Slug && c.Locale == a.Locale {
			return chat.Errorf(chat.CodeInvalid, "slug: %q is taken already, by %s", a.Slug, c.ID)
		}
	}
	return nil
}

func (l *Articles) next(by By, id string, version uint64, a Article) Article {
	a.ID, a.Version, a.ChangedAt, a.ChangedBy = id, version+1, clock(l.Now).UnixMilli(), by.User
	a.prepare()
	return a
}

func (l *Articles) act(by By, done string, after, before *Article) Act {
	sum := func(a *Article) map[string]string {
		if a == nil {
			return nil
		}
		return map[string]string{"title": a.Title, "slug": a.Slug, "status": string(a.Status)}
	}
	subject := after
	if subject == nil {
		subject = before
	}
	return Act{By: by, Name: "article." + done, Subject: subject.ID, Before: sum(before), After: sum(after)}
}

// Replace stores another article in place of the version; nil for whatever version there is.
func (l *Articles) Replace(ctx context.Context, by By, id string, a Article, version *uint64) (*Article, error) {
	if err := l.mayWrite(ctx, by, id, &a); err != nil {
		return nil, err
	}
	var next Article
	err := l.change(ctx, by, id, version, func(was *Article) (bool, error) {
		next = l.next(by, id, was.Version, a)
		return l.Store.PutArticle(ctx, by.Workspace, next, l.act(by, "changed", &next, was))
	})
	return &next, err
}

// Remove removes the version of an article; nil for whatever version there is.
func (l *Articles) Remove(ctx context.Context, by By, id string, version *uint64) error {
	if _, err := chat.Authorize(by.Principal, chat.CommandEditLibrary); err != nil {
		return err
	}
	return l.change(ctx, by, id, version, func(was *Article) (bool, error) {
		return l.Store.DropArticle(ctx, by.Workspace, id, was.Version, l.act(by, "removed", nil, was))
	})
}

func (l *Articles) change(ctx context.Context, by By, id string, version *uint64, make func(*Article) (bool, error)) error {
	read := func() (*Article, error) { return l.read(ctx, by.Workspace, id) }
	err := change(read, func(a *Article) uint64 { return a.Version }, version, make)
	if err == nil {
		l.cards.Forget(by.Workspace)
	}
	return err
}
