package dynamodb

import (
	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/dynamodb/expr"
)

// Parameters of the single-item writes.
const (
	writeParams = takesTable | takesCondition | takesReturnValues | takesOldOnFailure | takesCapacity

	returnAllOld     = "ALL_OLD"
	returnAllNew     = "ALL_NEW"
	returnUpdatedOld = "UPDATED_OLD"
	returnUpdatedNew = "UPDATED_NEW"
)

// verb is what a write does to its item.
type verb uint8

const (
	verbPut verb = iota
	verbUpdate
	verbDelete
	verbCheck // of TransactWriteItems
)

// write is one checked write of one item.
type write struct {
	verb      verb
	table     *table
	key       attr.Item // the key attributes
	storage   string    // its storage key
	condition *expr.BoundCondition
	update    *expr.BoundUpdate
	put       *record // what a put stores
	// oldOnFailure asks for the old item when the condition fails.
	oldOnFailure bool
}

func (x *exchange) putItem(body []byte) ([]byte, *apiError) {
	return x.writeItem(body, verbPut, takesItem)
}

func (x *exchange) updateItem(body []byte) ([]byte, *apiError) {
	return x.writeItem(body, verbUpdate, takesKey|takesUpdate)
}

func (x *exchange) deleteItem(body []byte) ([]byte, *apiError) {
	return x.writeItem(body, verbDelete, takesKey)
}

// writeItem is PutItem, UpdateItem and DeleteItem.
func (x *exchange) writeItem(body []byte, v verb, more params) ([]byte, *apiError) {
	r := request{takes: writeParams | more}
	if err := r.parse(body); err != nil {
		return nil, err
	}
	if v != verbUpdate && r.returnValues != "" && r.returnValues != "NONE" && r.returnValues != returnAllOld {
		return nil, invalid("ReturnValues can only be ALL_OLD or NONE")
	}
	w, err := x.engine.bindWrite(v, &r)
	if err != nil {
		return nil, err
	}
	if x.engine.conflict(w.table, w.key) {
		return nil, ongoing()
	}
	b := bill{table: w.table, writes: true}
	old, next, err := x.execute(w, &b)
	if b.base > 0 {
		x.charge(&b)
	}
	if err != nil {
		return nil, err
	}
	return w.answer(&r, &b, old, next), nil
}

// execute makes a write under the lock of its stripe.
func (x *exchange) execute(w *write, b *bill) (old, next *record, err *apiError) {
	s := w.table.stripe(w.storage)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ongoing[w.storage] {
		return nil, nil, ongoing()
	}
	x.saw(s.position)
	old = s.get(w.storage)
	if !w.condition.Eval(old.image()) {
		b.base = writeUnits(max(old.bytes(), w.put.bytes()))
		return nil, nil, w.conditionFailed(old)
	}
	if next, err = w.outcome(old); err != nil {
		return nil, nil, err
	}
	b.addWrite(old, next, 1)
	x.saw(x.engine.commit([]change{{table: w.table, stripe: s, old: old, next: next}}, nil))
	return old, next, nil
}

// ongoing is the answer to a write of an item that a transaction holds.
func ongoing() *apiError {
	return &apiError{kind: transactionConflict, message: "Transaction is ongoing for the item"}
}

func (w *write) conditionFailed(old *record) *apiError {
	err := &apiError{kind: conditionFailed, message: "The conditional request failed"}
	if w.oldOnFailure && old != nil {
		err.detail = attr.AppendItem([]byte(`,"Item":`), old.item)
	}
	return err
}

// conflict asks the hook of the tests.
func (e *Engine) conflict(t *table, key attr.Item) bool {
	return e.conflicts != nil && e.conflicts(t.spec.Name, t.keyOf(key))
}

// bindWrite checks everything that needs no stored item, in AWS's order: expressions, table, key, item.
func (e *Engine) bindWrite(v verb, r *request) (*write, *apiError) {
	w, err := e.bindTable(v, r)
	if err != nil {
		return nil, err
	}
	return w, w.bindTarget(r)
}

// bindTable checks the expressions and finds the table.
func (e *Engine) bindTable(v verb, r *request) (*write, *apiError) {
	w := &write{verb: v, oldOnFailure: r.oldOnFailure == returnAllOld}
	if err := e.bindExpressions(w, r); err != nil {
		return nil, err
	}
	var err *apiError
	w.table, err = e.table(r.tableName)
	return w, err
}

// bindTarget checks the key, or the item that is put.
func (w *write) bindTarget(r *request) *apiError {
	if w.verb == verbPut {
		return w.bindItem(r.item)
	}
	if r.key == nil {
		return missing("key")
	}
	if err := w.table.checkKey(r.key); err != nil {
		return err
	}
	for _, k := range w.table.key.all {
		if w.update.Writes(k.Name) {
			return invalidValue("Cannot update attribute %s. This attribute is part of the key", k.Name)
		}
	}
	w.key, w.storage = r.key, w.table.storageKey(r.key)
	return nil
}

func (e *Engine) bindExpressions(w *write, r *request) *apiError {
	condition, err := e.expressions.conditions.get(r.condition, expr.ParseCondition)
	if err != nil {
		return err
	}
	update, err := e.expressions.updates.get(r.update, expr.ParseUpdate)
	if err != nil {
		return err
	}
	b, err := r.bindings()
	if err != nil {
		return err
	}
	var bad error
	if w.condition, bad = condition.Bind(b); bad != nil {
		return refusal(bad)
	}
	if w.update, bad = update.Bind(b); bad != nil {
		return refusal(bad)
	}
	return refusal(b.CheckUsed(condition, update))
}

func (w *write) bindItem(it attr.Item) *apiError {
	if it == nil {
		return missing("item")
	}
	if err := w.table.checkItem(it); err != nil {
		return err
	}
	w.key, w.storage = it, w.table.storageKey(it)
	w.put = newRecord(w.storage, it)
	if w.put.size > attr.MaxItemSize {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return nil
}

// outcome returns what the write turns old into, nil for no item.
func (w *write) outcome(old *record) (*record, *apiError) {
	switch w.verb {
	case verbPut:
		return w.put, nil
	case verbDelete:
		return nil, nil
	case verbCheck:
		return old, nil
	case verbUpdate:
		return w.updated(old)
	}
	panic("dynamodb: a write without a verb")
}

// updated returns the outcome of an update.
func (w *write) updated(old *record) (*record, *apiError) {
	before := w.key
	if old != nil {
		before = old.item
	}
	it, bad := w.update.Apply(before)
	if bad != nil {
		return nil, refusal(bad)
	}
	if err := w.table.checkIndexKeys(it); err != nil {
		return nil, err
	}
	next := newRecord(w.storage, it)
	if next.size > attr.MaxItemSize {
		return nil, invalid("Item size to update has exceeded the maximum allowed size")
	}
	return next, nil
}

// answer writes the success of a single write.
func (w *write) answer(r *request, b *bill, old, next *record) []byte {
	out := append(make([]byte, 0, 256+2*max(old.bytes(), next.bytes())), '{')
	var shown attr.Item
	switch r.returnValues {
	case returnAllOld:
		shown = old.image()
	case returnAllNew:
		shown = next.image()
	case returnUpdatedOld:
		shown = w.update.Touched(old.image())
	case returnUpdatedNew:
		shown = w.update.Touched(next.image())
	}
	if len(shown) > 0 {
		out = attr.AppendItem(attr.AppendMember(out, "Attributes"), shown)
	}
	return append(appendCapacity(out, b, r.capacity), '}')
}
