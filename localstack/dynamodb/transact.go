package dynamodb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// Limits of transactions: the API reference of TransactWriteItems and TransactGetItems.
const (
	maxTransactItems = 100
	maxTransactBytes = 4 << 20
	maxTokenLength   = 36
	// transactionFactor is what a transaction costs more: every item is prepared and committed.
	transactionFactor = 2
)

// transaction is a TransactWriteItems on its way.
type transaction struct {
	requests []transactRequest
	writes   []*write
	places   []place
	// reasons says for each write why the transaction is cancelled: nil for no reason.
	reasons  []*apiError
	changes  []change
	token    string
	document []byte // TransactItems as sent
	capacity string
	bills    []*bill
}

// transactRequest is one element of TransactItems.
type transactRequest struct {
	request
	verbs []verb // exactly one is right
}

// place is a stripe that a transaction locks.
type place struct {
	table *table
	index int
}

func (p place) stripe() *stripe { return &p.table.stripes[p.index] }

// placesOf returns the stripes of some items in lock order, each once.
func placesOf(all []place) []place {
	slices.SortFunc(all, func(a, b place) int {
		if c := strings.Compare(a.table.spec.Name, b.table.spec.Name); c != 0 {
			return c
		}
		return a.index - b.index
	})
	return slices.Compact(all)
}

func lockPlaces(places []place) (unlock func()) {
	for _, p := range places {
		p.stripe().mu.Lock()
	}
	return func() {
		for _, p := range places {
			p.stripe().mu.Unlock()
		}
	}
}

func (x *exchange) transactWriteItems(body []byte) ([]byte, *apiError) {
	tx := &transaction{}
	if err := tx.parse(body); err != nil {
		return nil, err
	}
	if err := tx.bind(x.engine); err != nil {
		return nil, err
	}
	var claimed *token
	if tx.token != "" {
		earlier, mine, err := x.engine.tokens.claim(tx.token, fingerprint(tx.document), x.engine.now())
		if err != nil {
			return nil, err
		}
		if earlier != nil {
			return x.repeated(tx, earlier), nil
		}
		claimed = mine
	}
	position, err := x.run(tx, claimed)
	x.engine.tokens.settle(claimed, err == nil, position)
	for _, b := range tx.bills {
		x.charge(b)
	}
	if err != nil {
		return nil, err
	}
	return append(appendCapacities([]byte{'{'}, tx.bills, tx.capacity), '}'), nil
}

// repeated answers a transaction that was made before under the same token: it changes nothing, and costs
// the reads that tell so.
func (x *exchange) repeated(tx *transaction, earlier *token) []byte {
	x.saw(earlier.position)
	var bills []*bill
	for _, w := range tx.writes {
		size := max(x.load(w.table, w.storage).bytes(), w.put.bytes())
		billFor(&bills, w.table, false, true).base += transactionFactor * readUnits(size, true)
	}
	for _, b := range bills {
		x.charge(b)
	}
	return append(appendCapacities([]byte{'{'}, bills, tx.capacity), '}')
}

func (tx *transaction) parse(body []byte) *apiError {
	d := attr.NewDecoder(body)
	top := request{takes: takesCapacity}
	for name := range d.Members() {
		switch string(name) {
		case "TransactItems":
			tx.document = d.Raw()
			tx.readItems(attr.NewDecoder(tx.document), &top)
		case "ClientRequestToken":
			tx.token = d.Text()
		case "ReturnItemCollectionMetrics":
			if d.Text() != "NONE" {
				top.refuse("ReturnItemCollectionMetrics")
			}
		default:
			top.member(d, name)
		}
	}
	if bad := d.Finish(); bad != nil {
		return refusal(bad)
	}
	tx.capacity = top.capacity
	if err := top.check(); err != nil {
		return err
	}
	switch n := len(tx.requests); {
	case n == 0:
		return constraint("'[]'", "transactItems", "Member must have length greater than or equal to 1")
	case n > maxTransactItems:
		return constraint(fmt.Sprintf("'[%d items]'", n), "transactItems", fmt.Sprintf("Member must have length less than or equal to %d", maxTransactItems))
	case len(tx.token) > maxTokenLength:
		return constraint("'"+tx.token+"'", "clientRequestToken", fmt.Sprintf("Member must have length less than or equal to %d", maxTokenLength))
	}
	return nil
}

// readItems reads TransactItems. An error of shape is noted in top.
func (tx *transaction) readItems(d *attr.Decoder, top *request) {
	if tx.document == nil {
		return
	}
	for range d.Elements() {
		var r transactRequest
		for kind := range d.Members() {
			const common = takesTable | takesCondition | takesOldOnFailure
			switch string(kind) {
			case "Put":
				r.add(verbPut, common|takesItem, d)
			case "Update":
				r.add(verbUpdate, common|takesKey|takesUpdate, d)
			case "Delete":
				r.add(verbDelete, common|takesKey, d)
			case "ConditionCheck":
				r.add(verbCheck, common|takesKey, d)
			default:
				r.refuse(string(kind))
				d.Skip()
			}
		}
		tx.requests = append(tx.requests, r)
	}
	if err := d.Finish(); err != nil {
		top.note(err)
	}
}

func (r *transactRequest) add(v verb, takes params, d *attr.Decoder) {
	r.verbs, r.takes = append(r.verbs, v), takes
	r.read(d)
}

// bind checks the requests. Errors of expressions and unknown tables fail the request; keys and items that
// do not fit are reasons to cancel it.
func (tx *transaction) bind(e *Engine) *apiError {
	tx.reasons = make([]*apiError, len(tx.requests))
	for i := range tx.requests {
		w, err := tx.bindOne(e, i)
		if err != nil {
			return err
		}
		tx.reasons[i] = w.bindTarget(&tx.requests[i].request)
		tx.writes = append(tx.writes, w)
	}
	seen := make(map[batchKey]bool, len(tx.writes))
	for i, w := range tx.writes {
		if tx.reasons[i] != nil {
			continue
		}
		k := batchKey{w.table, w.storage}
		if seen[k] {
			return invalid("Transaction request cannot include multiple operations on one item")
		}
		seen[k] = true
		tx.places = append(tx.places, place{w.table, stripeOf(w.storage)})
	}
	tx.places = placesOf(tx.places)
	return nil
}

func (tx *transaction) bindOne(e *Engine, i int) (*write, *apiError) {
	r := &tx.requests[i]
	if err := r.check(); err != nil {
		return nil, err
	}
	if len(r.verbs) != 1 {
		return nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	if r.verbs[0] == verbCheck && !r.condition.given {
		return nil, missing(fmt.Sprintf("transactItems.%d.member.conditionCheck.conditionExpression", i+1))
	}
	if r.verbs[0] == verbUpdate && !r.update.given {
		return nil, missing(fmt.Sprintf("transactItems.%d.member.update.updateExpression", i+1))
	}
	return e.bindTable(r.verbs[0], &r.request)
}

// run makes the transaction, all or nothing.
func (x *exchange) run(tx *transaction, claimed *token) (position uint64, err *apiError) {
	e := x.engine
	for i, w := range tx.writes {
		if tx.reasons[i] == nil && e.conflict(w.table, w.key) {
			tx.reasons[i] = ongoing()
		}
	}
	unlock := lockPlaces(tx.places)
	defer func() { unlock() }()
	for _, p := range tx.places {
		x.saw(p.stripe().position)
	}
	if err := tx.prepare(); err != nil {
		return 0, err
	}
	if e.journal == nil && e.prepared == nil {
		return e.commit(tx.changes, claimed), nil
	}
	tx.hold(true)
	if e.prepared != nil {
		unlock()
		e.prepared(tx.token)
		unlock = lockPlaces(tx.places)
	}
	position = e.commit(tx.changes, claimed)
	x.saw(position)
	if e.journal != nil {
		unlock()
		lost := e.journal.Wait(position)
		unlock = lockPlaces(tx.places)
		if lost != nil {
			err = &apiError{kind: internalFailure, message: lost.Error()}
		}
	}
	tx.hold(false)
	return position, err
}

// prepare evaluates every condition and computes every outcome. All reasons are collected: AWS reports each.
func (tx *transaction) prepare() *apiError {
	size := 0
	for i, w := range tx.writes {
		b := billFor(&tx.bills, w.table, true, true)
		if tx.reasons[i] != nil {
			b.base += transactionFactor
			continue
		}
		s := w.table.stripe(w.storage)
		old := s.get(w.storage)
		next, reason := w.try(s, old)
		if tx.reasons[i] = reason; reason != nil {
			b.base += transactionFactor * writeUnits(max(old.bytes(), w.put.bytes()))
			continue
		}
		b.addWrite(old, next, transactionFactor)
		size += max(old.bytes(), next.bytes())
		tx.changes = append(tx.changes, change{table: w.table, stripe: s, old: old, next: next})
	}
	if len(tx.changes) < len(tx.writes) {
		return tx.canceled()
	}
	if size > maxTransactBytes {
		return invalid("Aggregated size of items in the transaction exceeds the limit of %d bytes", maxTransactBytes)
	}
	return nil
}

// try returns what the write would make of the item, or why it cannot.
func (w *write) try(s *stripe, old *record) (*record, *apiError) {
	if s.ongoing[w.storage] {
		return nil, ongoing()
	}
	if !w.condition.Eval(old.image()) {
		return nil, w.conditionFailed(old)
	}
	return w.outcome(old)
}

// hold marks the items as held by a transaction, or frees them. The stripes are locked.
func (tx *transaction) hold(held bool) {
	for _, w := range tx.writes {
		if s := w.table.stripe(w.storage); held {
			s.ongoing[w.storage] = true
		} else {
			delete(s.ongoing, w.storage)
		}
	}
}

func (tx *transaction) canceled() *apiError { return canceled(tx.reasons) }

// canceled writes the exception with a reason for each item, "None" for those that would have gone through.
func canceled(reasons []*apiError) *apiError {
	codes := make([]string, len(reasons))
	detail := []byte(`,"CancellationReasons":[`)
	for i, r := range reasons {
		codes[i] = reasonCode(r)
		if i > 0 {
			detail = append(detail, ',')
		}
		detail = append(append(detail, `{"Code":"`...), codes[i]+`"`...)
		if r != nil {
			detail = attr.AppendString(attr.AppendMember(detail, "Message"), r.message)
			detail = append(detail, r.detail...)
		}
		detail = append(detail, '}')
	}
	return &apiError{
		kind:    transactionCanceled,
		message: "Transaction cancelled, please refer cancellation reasons for specific reasons [" + strings.Join(codes, ", ") + "]",
		detail:  append(detail, ']'),
	}
}

// reasonCode returns the code of a cancellation reason.
func reasonCode(r *apiError) string {
	switch {
	case r == nil:
		return "None"
	case r.kind == conditionFailed:
		return "ConditionalCheckFailed"
	case r.kind == transactionConflict:
		return "TransactionConflict"
	}
	return "ValidationError"
}
