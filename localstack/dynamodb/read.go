package dynamodb

import (
	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/dynamodb/expr"
)

// bindProjection checks the expressions of a read that has only a projection.
func (e *Engine) bindProjection(r *request) (*expr.BoundProjection, *apiError) {
	projection, err := e.expressions.projections.get(r.projection, expr.ParseProjection)
	if err != nil {
		return nil, err
	}
	b, err := r.bindings()
	if err != nil {
		return nil, err
	}
	bound, bad := projection.Bind(b)
	if bad != nil {
		return nil, refusal(bad)
	}
	return bound, refusal(b.CheckUsed(projection))
}

func (x *exchange) getItem(body []byte) ([]byte, *apiError) {
	r := request{takes: takesTable | takesKey | takesProjection | takesConsistent | takesCapacity}
	if err := r.parse(body); err != nil {
		return nil, err
	}
	projection, err := x.engine.bindProjection(&r)
	if err != nil {
		return nil, err
	}
	t, err := x.engine.table(r.tableName)
	if err != nil {
		return nil, err
	}
	found, err := x.fetch(t, r.key)
	if err != nil {
		return nil, err
	}
	b := bill{table: t, base: readUnits(found.bytes(), r.consistent)}
	x.charge(&b)
	out := append(make([]byte, 0, 128+2*found.bytes()), '{')
	if found != nil {
		out = attr.AppendItem(attr.AppendMember(out, "Item"), projection.Project(found.item))
	}
	return append(appendCapacity(out, &b, r.capacity), '}'), nil
}

// fetch reads one item by its key.
func (x *exchange) fetch(t *table, key attr.Item) (*record, *apiError) {
	if key == nil {
		return nil, missing("key")
	}
	if err := t.checkKey(key); err != nil {
		return nil, err
	}
	return x.load(t, t.storageKey(key)), nil
}

func (x *exchange) load(t *table, storage string) *record {
	s := t.stripe(storage)
	s.mu.RLock()
	defer s.mu.RUnlock()
	x.saw(s.position)
	return s.get(storage)
}
