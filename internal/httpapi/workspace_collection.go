package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

// collection is the routes of one kind of entity.
type collection struct {
	kind workspace.Kind
	own  bool
	path string
	// one and many name the operations: "department", "departments"; a and all are how summaries call them.
	one, many, a, all string
	model
	// fits narrows the list by a query, whose parameters are params.
	fits   func(q *query) func(workspace.Entity) bool
	params []Parameter
}

// model is what the routes have to know of an entity's type. They are not generic: each instance of them would be
// 20 KB of the function.
type model struct {
	zero any
	// fresh makes an empty one, list what answers with some.
	fresh func() workspace.Entity
	list  func(list []workspace.Entity, next string) any
}

// modelOf is the model of T, *T being an entity, whose lists are made by list.
func modelOf[T any](list func(list []*T, next string) any) model {
	var zero T
	return model{
		zero: zero, fresh: func() workspace.Entity { return any(new(T)).(workspace.Entity) },
		list: func(all []workspace.Entity, next string) any {
			out := make([]*T, len(all))
			for i, e := range all {
				out[i] = any(e).(*T)
			}
			return list(out, next)
		},
	}
}

// read is what reading stands for, write what changing does.
func (k collection) read() chat.Command {
	if k.own {
		return chat.CommandOwnLibrary
	}
	return k.kind.Reads()
}

func (k collection) write() chat.Command {
	if k.own {
		return chat.CommandOwnLibrary
	}
	return k.kind.Writes()
}

func (k collection) routes() []route {
	segments := []Segment{{Name: "id", Summary: "The " + k.one + ".", Prefix: k.kind.Prefix()}}
	one := k.path + "/{id}"
	name := strings.ToUpper(k.one[:1]) + k.one[1:]
	return []route{
		{pattern: "GET " + k.path, command: k.read(), polled: true, serve: k.page, says: says{
			name: "list" + strings.ToUpper(k.many[:1]) + k.many[1:], summary: "List " + k.all + ".", answers: map[int]any{http.StatusOK: k.list(nil, "")},
			query: append(slices.Clone(k.params),
				Parameter{Name: "after", Summary: "The next of the page before."},
				Parameter{Name: "limit", Summary: "How many, default 100.", Number: true, Min: 1, Max: maxEntities}),
			codes: []chat.Code{chat.CodeInvalid}}},
		{pattern: "POST " + k.path, command: k.write(), idempotent: true, serve: k.create, says: says{
			name: "create" + name, summary: "Make " + k.a + ".", request: k.zero, answers: map[int]any{http.StatusCreated: k.zero}, codes: []chat.Code{chat.CodeConflict}}},
		{pattern: "GET " + one, command: k.read(), serve: k.get, says: says{
			name: k.one, summary: "Read " + k.a + ".", segments: segments, answers: map[int]any{http.StatusOK: k.zero}, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}}},
		{pattern: "PUT " + one, command: k.write(), serve: k.replace, says: says{
			name: "replace" + name, summary: "Write " + k.a + " anew. If-Match is needed: the ETag of what was read, or *.", segments: segments,
			request: k.zero, answers: map[int]any{http.StatusOK: k.zero}, codes: []chat.Code{chat.CodeNotFound}, demands: true}},
		{pattern: "DELETE " + one, command: k.write(), serve: k.remove, says: says{
			name: "remove" + name, summary: "Remove " + k.a + ".", segments: segments, answers: map[int]any{http.StatusNoContent: nil},
			codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}, versioned: true}},
	}
}

func (k collection) page(a *API, c *call) (int, any, error) {
	names := []string{"after", "limit"}
	for _, p := range k.params {
		names = append(names, p.Name)
	}
	q := queryOf(c.Request, names...)
	limit, after := q.limit(maxEntities, maxEntities), c.after(q, 1)
	if q.err != nil {
		return 0, nil, q.err
	}
	all, err := k.everything(a, c)
	if err != nil {
		return 0, nil, err
	}
	fits := func(workspace.Entity) bool { return true }
	if k.fits != nil {
		fits = k.fits(q)
	}
	var out []workspace.Entity
	next := ""
	for _, e := range all {
		id := workspace.MetaOf(e).ID
		if (after == nil || id > after[0]) && fits(e) {
			if len(out) == limit {
				next = c.next(workspace.MetaOf(out[limit-1]).ID)
				break
			}
			out = append(out, e)
		}
	}
	return http.StatusOK, k.list(out, next), nil
}

// everything lists everything of the kind; with what is shared, what is the caller's own, by id.
func (k collection) everything(a *API, c *call) ([]workspace.Entity, error) {
	p := c.principal()
	all, err := a.Catalog.List(c.Context(), p, k.kind, k.own)
	if err != nil || k.own || !k.kind.Ownable() {
		return all, err
	}
	if chat.Allowed(p.Role, chat.CommandOwnLibrary) == chat.Denied { // bots and API keys have nothing of their own
		return all, nil
	}
	own, err := a.Catalog.List(c.Context(), p, k.kind, true)
	all = append(all, own...)
	slices.SortFunc(all, func(x, y workspace.Entity) int {
		return strings.Compare(workspace.MetaOf(x).ID, workspace.MetaOf(y).ID)
	})
	return all, err
}

func (k collection) create(a *API, c *call) (int, any, error) {
	body := k.fresh()
	if err := decodeInto(c.Request, false, MaxDocumentBody, body); err != nil {
		return 0, nil, err
	}
	id := a.newID(c, k.kind.Prefix(), "")
	e, err := a.Catalog.Create(c.Context(), c.by(), k.kind, k.own, id, body)
	if err != nil {
		return 0, nil, err
	}
	c.answer.Set("Location", k.path+"/"+id)
	c.setVersion(workspace.MetaOf(e).Version)
	return http.StatusCreated, e, nil
}

func (k collection) get(a *API, c *call) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	e, err := a.Catalog.Get(c.Context(), c.principal(), k.kind, k.own, c.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(workspace.MetaOf(e).Version)
	return http.StatusOK, e, nil
}

func (k collection) replace(a *API, c *call) (int, any, error) {
	body := k.fresh()
	if err := decodeInto(c.Request, false, MaxDocumentBody, body); err != nil {
		return 0, nil, err
	}
	return a.replaceEntity(c, k.kind, k.own, c.PathValue("id"), body)
}

func (a *API) replaceEntity(c *call, k workspace.Kind, own bool, id string, body workspace.Entity) (int, any, error) {
	version, err := c.demanded()
	if err != nil {
		return 0, nil, err
	}
	e, err := a.Catalog.Replace(c.Context(), c.by(), k, own, id, body, version)
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(workspace.MetaOf(e).Version)
	return http.StatusOK, e, nil
}

func (k collection) remove(a *API, c *call) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	version, err := c.expected()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.Catalog.Remove(c.Context(), c.by(), k.kind, k.own, c.PathValue("id"), version)
}
