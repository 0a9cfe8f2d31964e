package httpapi

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

// ArticleList answers GET /v1/articles: best first with q, else by title.
type ArticleList struct {
	// Articles of the page, without their texts.
	Articles []workspace.Card `json:"articles"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// RenderRequest is the body of POST /v1/canned/{id}/render.
type RenderRequest struct {
	// Conversation whose values the variables get.
	Conversation chat.ConversationID `json:"conversation"`
}

// Rendered is a canned response with its variables filled in. It is plain text: nothing in it is markup.
type Rendered struct {
	// Text to send.
	Text string `json:"text"`
	// Missing lists the variables that have neither a value nor an alternative: they are empty in the text.
	Missing []string `json:"missing"`
}

func articleSegments() []Segment {
	return []Segment{{Name: "id", Summary: "The article.", Prefix: workspace.ArticlePrefix}}
}

// libraryRoutes are help articles, and what is done with canned responses.
func libraryRoutes() []route {
	ok, article := http.StatusOK, workspace.Article{}
	return []route{
		{pattern: "GET /v1/articles", command: chat.CommandArticles, polled: true, serve: (*API).findArticles, says: says{
			name: "findArticles", summary: "Search help articles by words, or list them. Customers and bots find what is published. A change shows within 30 seconds.",
			answers: map[int]any{ok: ArticleList{}}, query: []Parameter{
				{Name: "q", Summary: "Words that must all be found, each as the beginning of a word of title, tags or text; at most 200 bytes, of which 8 words count."},
				{Name: "tag", Summary: "Only those with the tag."},
				{Name: "locale", Summary: "Only those for readers of the language, such as de: also de-AT, and those of no language."},
				{Name: "status", Summary: "Only these; for staff.", Values: []string{string(workspace.ArticleDraft), string(workspace.ArticlePublished)}},
				{Name: "after", Summary: "The next of the page before."},
				{Name: "limit", Summary: "How many, default 25.", Number: true, Min: 1, Max: maxList}},
			codes: []chat.Code{chat.CodeInvalid}}},
		{pattern: "POST /v1/articles", command: chat.CommandEditLibrary, idempotent: true, serve: (*API).createArticle, says: says{
			name: "createArticle", summary: "Make a help article.", request: article, answers: map[int]any{http.StatusCreated: article}, codes: []chat.Code{chat.CodeConflict}}},
		{pattern: "GET /v1/articles/{id}", command: chat.CommandArticles, serve: (*API).article, says: says{
			name: "article", summary: "Read a help article. Its Markdown is as it was written: render no HTML in it.", segments: articleSegments(),
			answers: map[int]any{ok: article}, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}}},
		{pattern: "PUT /v1/articles/{id}", command: chat.CommandEditLibrary, serve: (*API).replaceArticle, says: says{
			name: "replaceArticle", summary: "Write a help article anew. If-Match is needed: the ETag of what was read, or *.", segments: articleSegments(),
			request: article, answers: map[int]any{ok: article}, codes: []chat.Code{chat.CodeNotFound}, demands: true}},
		{pattern: "DELETE /v1/articles/{id}", command: chat.CommandEditLibrary, serve: (*API).removeArticle, says: says{
			name: "removeArticle", summary: "Remove a help article.", segments: articleSegments(), answers: map[int]any{http.StatusNoContent: nil},
			codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}, versioned: true}},
		{pattern: "POST /v1/canned/{id}/render", command: chat.CommandLibrary, serve: (*API).renderCanned, says: says{
			name: "renderCanned", summary: "Fill in the variables of a canned response, shared or one's own, for a conversation. Nothing is sent.",
			segments: []Segment{{Name: "id", Summary: "The canned response.", Prefix: workspace.KindCanned.Prefix()}},
			request:  RenderRequest{}, answers: map[int]any{ok: Rendered{}}, codes: []chat.Code{chat.CodeNotFound}}},
	}
}

func (a *API) findArticles(c *call) (int, any, error) {
	q := queryOf(c.Request, "q", "tag", "locale", "status", "after", "limit")
	ask := workspace.ArticleQuery{
		Words: q.text("q"), Tag: q.text("tag"), Locale: q.text("locale"), Status: workspace.ArticleStatus(q.text("status")), Limit: q.limit(listLimit, maxList),
	}
	if after := c.after(q, 1); after != nil {
		n, err := strconv.Atoi(after[0])
		if ask.After = n; err != nil || n < 0 {
			q.err = badCursor()
		}
	}
	if ask.Status != "" && ask.Status != workspace.ArticleDraft && ask.Status != workspace.ArticlePublished {
		q.err = chat.Errorf(chat.CodeInvalid, "status: draft or published")
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	cards, more, err := a.Articles.Find(c.Context(), c.principal(), ask)
	if err != nil {
		return 0, nil, err
	}
	out := ArticleList{Articles: append([]workspace.Card{}, cards...)}
	if more {
		out.Next = c.next(strconv.Itoa(ask.After + len(cards)))
	}
	for i := range out.Articles { // who edits is the staff's own affair
		out.Articles[i] = shownTo(c.principal(), out.Articles[i])
	}
	return http.StatusOK, out, nil
}

// shownTo leaves out who changed it for those who are no staff.
func shownTo(p chat.Principal, card workspace.Card) workspace.Card {
	if !p.Role.Staff() {
		card.ChangedBy = ""
	}
	return card
}

func (a *API) createArticle(c *call) (int, any, error) {
	body, err := decodeUpTo[workspace.Article](c.Request, false, MaxArticleBody)
	if err != nil {
		return 0, nil, err
	}
	made, err := a.Articles.Create(c.Context(), c.by(), a.newID(c, workspace.ArticlePrefix, ""), body)
	if err != nil {
		return 0, nil, err
	}
	c.answer.Set("Location", "/v1/articles/"+made.ID)
	c.setVersion(made.Version)
	return http.StatusCreated, made, nil
}

func (a *API) article(c *call) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	found, err := a.Articles.Get(c.Context(), c.principal(), c.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	found.Card = shownTo(c.principal(), found.Card)
	c.setVersion(found.Version)
	return http.StatusOK, found, nil
}

func (a *API) replaceArticle(c *call) (int, any, error) {
	body, err := decodeUpTo[workspace.Article](c.Request, false, MaxArticleBody)
	if err != nil {
		return 0, nil, err
	}
	version, err := c.demanded()
	if err != nil {
		return 0, nil, err
	}
	changed, err := a.Articles.Replace(c.Context(), c.by(), c.PathValue("id"), body, version)
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(changed.Version)
	return http.StatusOK, changed, nil
}

func (a *API) removeArticle(c *call) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	version, err := c.expected()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.Articles.Remove(c.Context(), c.by(), c.PathValue("id"), version)
}

func (a *API) renderCanned(c *call) (int, any, error) {
	body, err := decode[RenderRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	found, err := a.canned(c, c.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	text, missing, err := a.Automation.Render(c.Context(), c.principal(), body.Conversation, found.Text)
	if err != nil {
		return 0, nil, err
	}
	slices.Sort(missing)
	return http.StatusOK, Rendered{Text: text, Missing: append([]string{}, slices.Compact(missing)...)}, nil
}

// canned returns a response of the caller's own, else a shared one.
func (a *API) canned(c *call, id string) (*workspace.Canned, error) {
	p := c.principal()
	if _, err := chat.Authorize(p, chat.CommandOwnLibrary); err == nil {
		own, err := a.Catalog.Get(c.Context(), p, workspace.KindCanned, true, id)
		if err == nil {
			return own.(*workspace.Canned), nil
		}
		if chat.CodeOf(err) != chat.CodeNotFound {
			return nil, err
		}
	}
	shared, err := a.Catalog.Get(c.Context(), p, workspace.KindCanned, false, id)
	if err != nil {
		return nil, err
	}
	return shared.(*workspace.Canned), nil
}
