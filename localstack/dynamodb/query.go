package dynamodb

import (
	"slices"
	"strings"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/dynamodb/expr"
)

const (
	readParams = takesTable | takesFilter | takesProjection | takesConsistent | takesPage | takesCapacity

	selectAll       = "ALL_ATTRIBUTES"
	selectProjected = "ALL_PROJECTED_ATTRIBUTES"
	selectSpecific  = "SPECIFIC_ATTRIBUTES"
	selectCount     = "COUNT"
)

// reading is a checked Query or Scan.
type reading struct {
	table *table
	index *index // nil: the table itself
	walk
	filter     *expr.BoundCondition
	projection *expr.BoundProjection
	count      bool
	// fetches says that the table's items are read for what a local index does not hold.
	fetches    bool
	consistent bool
}

// expressionsOf binds the expressions of a Query or Scan.
func (x *exchange) expressionsOf(r *request, q *reading) (*expr.BoundKeyCondition, *apiError) {
	known := &x.engine.expressions
	filter, err := known.filters.get(r.filter, expr.ParseFilter)
	if err != nil {
		return nil, err
	}
	projection, err := known.projections.get(r.projection, expr.ParseProjection)
	if err != nil {
		return nil, err
	}
	keys, err := known.keyConditions.get(r.keyCondition, expr.ParseKeyCondition)
	if err != nil {
		return nil, err
	}
	b, err := r.bindings()
	if err != nil {
		return nil, err
	}
	var bad error
	if q.filter, bad = filter.Bind(b); bad != nil {
		return nil, refusal(bad)
	}
	if q.projection, bad = projection.Bind(b); bad != nil {
		return nil, refusal(bad)
	}
	var bound *expr.BoundKeyCondition
	if keys != nil {
		if bound, bad = keys.Bind(b); bad != nil {
			return nil, refusal(bad)
		}
	}
	return bound, refusal(b.CheckUsed(filter, projection, keys))
}

// bindReading checks what Query and Scan have in common.
func (x *exchange) bindReading(r *request) (*reading, *expr.BoundKeyCondition, *apiError) {
	q := &reading{consistent: r.consistent, walk: walk{limit: int(r.limit), backward: r.backward}}
	keys, err := x.expressionsOf(r, q)
	if err != nil {
		return nil, nil, err
	}
	if q.table, err = x.engine.table(r.tableName); err != nil {
		return nil, nil, err
	}
	if r.index.given {
		if q.index, err = q.table.index(r.index.text); err != nil {
			return nil, nil, err
		}
		if !q.index.local && r.consistent {
			return nil, nil, invalid("Consistent reads are not supported on global secondary indexes")
		}
	}
	if err := q.bindSelect(r); err != nil {
		return nil, nil, err
	}
	return q, keys, q.bindStart(r.startKey)
}

// bindSelect checks Select against the index and the projection.
func (q *reading) bindSelect(r *request) *apiError {
	q.count = r.selects == selectCount
	switch {
	case r.selects == selectSpecific && !r.projection.given:
		return invalid("Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case r.projection.given && r.selects != "" && r.selects != selectSpecific:
		wish := r.selects
		if q.count {
			wish = "only the Count"
		}
		return invalid("Cannot specify the ProjectionExpression when choosing to get %s", wish)
	case r.selects == selectProjected && q.index == nil:
		return invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	case q.index == nil || q.index.projected == nil:
		return nil
	case r.selects == selectAll && !q.index.local:
		return invalidValue("Select type ALL_ATTRIBUTES is not supported for global secondary index %s because its projection type is not ALL", q.index.name)
	}
	q.fetches = r.selects == selectAll
	return q.bindProjected()
}

// bindProjected holds the projection against what the index holds.
func (q *reading) bindProjected() *apiError {
	var absent []string
	for _, name := range q.projection.Names() {
		if !q.index.projected[name] && !slices.Contains(absent, name) {
			absent = append(absent, name)
		}
	}
	if len(absent) == 0 {
		return nil
	}
	if !q.index.local {
		return invalidValue("Global secondary index %s does not project [%s]", q.index.name, strings.Join(absent, ", "))
	}
	q.fetches = true
	return nil
}

// bindStart checks ExclusiveStartKey: the key of the table, and of the index, complete and well typed. No item
// need be there.
func (q *reading) bindStart(start attr.Item) *apiError {
	if start == nil {
		return nil
	}
	keys := slices.Clone(q.table.key.all)
	if q.index != nil {
		for _, k := range q.index.key.all {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	if len(start) != len(keys) {
		return invalid("Exclusive Start Key must have same size as table's key schema")
	}
	for _, k := range keys {
		if start[k.Name].Kind().String() != k.Type {
			return invalid("The provided starting key is invalid: The provided key element does not match the schema")
		}
	}
	if err := q.table.checkKeyValues(start); err != nil {
		return err
	}
	if q.index == nil {
		q.after = q.table.storageKey(start)
	} else {
		q.after, _ = q.table.indexKey(q.index, start)
	}
	return nil
}

func (x *exchange) query(body []byte) ([]byte, *apiError) {
	r := request{takes: readParams | takesKeyCondition | takesForward}
	if err := r.parse(body); err != nil {
		return nil, err
	}
	if !r.keyCondition.given {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	q, keys, err := x.bindReading(&r)
	if err != nil {
		return nil, err
	}
	if err := q.bindRange(keys); err != nil {
		return nil, err
	}
	if err := q.checkFilter(&r); err != nil {
		return nil, err
	}
	var p page
	x.walkStripe(q, int(q.low[0])>>(8-stripeBits), &p)
	return x.answerPage(&r, q, &p), nil
}

// bindRange turns the key condition into an interval of storage keys.
func (q *reading) bindRange(keys *expr.BoundKeyCondition) *apiError {
	var attributes [2]expr.KeyAttribute
	for i, k := range q.schema().all {
		kind, _ := attr.KindNamed(k.Type)
		attributes[i] = expr.KeyAttribute{Name: k.Name, Kind: kind}
	}
	wanted, bad := keys.Resolve(attributes[0], attributes[1])
	if bad != nil {
		return refusal(bad)
	}
	low, high := wanted.Interval(appendPartition(nil, wanted.Hash))
	q.low, q.high = string(low), string(high)
	if q.after != "" && (q.after < q.low || q.high != "" && q.after >= q.high) {
		return invalid("The provided starting key is outside query boundaries based on provided conditions")
	}
	return nil
}

// schema returns the key of what is read.
func (q *reading) schema() schema {
	if q.index != nil {
		return q.index.key
	}
	return q.table.key
}

// checkFilter refuses a filter of a Query on the key: that belongs into the key condition.
func (q *reading) checkFilter(r *request) *apiError {
	if !r.filter.given {
		return nil
	}
	mentioned := attributesIn(r.filter.text, r.names)
	for _, k := range q.schema().all {
		if slices.Contains(mentioned, k.Name) {
			return invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", k.Name)
		}
	}
	return nil
}

// attributesIn returns the names with which the document paths of an expression begin, and its keywords. The
// expression has been parsed before, so its words need only be told apart: what follows a dot is nested, what
// precedes a parenthesis is a function.
func attributesIn(text string, names map[string]string) []string {
	var found []string
	for i := 0; i < len(text); {
		from := i
		for i < len(text) && strings.IndexByte(" \t\r\n()[],.<>=+-", text[i]) < 0 {
			i++
		}
		if i == from {
			i++
			continue
		}
		word := text[from:i]
		nested := strings.HasSuffix(strings.TrimSpace(text[:from]), ".")
		function := strings.HasPrefix(strings.TrimSpace(text[i:]), "(")
		if !nested && !function {
			if stands, ok := names[word]; ok {
				word = stands
			}
			found = append(found, word)
		}
	}
	return found
}

// scan reads stripe after stripe: the order of partitions is that of their hashes.
func (x *exchange) scan(body []byte) ([]byte, *apiError) {
	r := request{takes: readParams}
	if err := r.parse(body); err != nil {
		return nil, err
	}
	q, _, err := x.bindReading(&r)
	if err != nil {
		return nil, err
	}
	first := 0
	if q.after != "" {
		first = stripeOf(q.after)
	}
	var p page
	for i := first; i < stripeCount && !p.full; i++ {
		x.walkStripe(q, i, &p)
	}
	return x.answerPage(&r, q, &p), nil
}

// answerPage bills a page and writes it.
func (x *exchange) answerPage(r *request, q *reading, p *page) []byte {
	b := bill{table: q.table}
	if q.index == nil {
		b.base = readUnits(p.bytes, q.consistent)
	} else {
		b.addIndex(q.index, readUnits(p.bytes, q.consistent))
	}
	out := append(make([]byte, 0, 256+2*p.bytes), '{')
	if !q.count {
		out = append(attr.AppendMember(out, "Items"), '[')
		for i, found := range p.found {
			if i > 0 {
				out = append(out, ',')
			}
			out = attr.AppendItem(out, q.projection.Project(q.visible(found)))
		}
		out = append(out, ']')
	}
	if q.fetches {
		for _, found := range p.found {
			b.base += readUnits(found.size, q.consistent)
		}
	}
	x.charge(&b)
	out = appendUnits(attr.AppendMember(out, "Count"), float64(len(p.found)))
	out = appendUnits(attr.AppendMember(out, "ScannedCount"), float64(p.scanned))
	if p.full {
		out = attr.AppendItem(attr.AppendMember(out, "LastEvaluatedKey"), q.table.positionOf(q.index, p.last.item))
	}
	return append(appendCapacity(out, &b, r.capacity), '}')
}

// visible returns the attributes of an item that the reading sees.
func (q *reading) visible(r *record) attr.Item {
	if q.index == nil || q.fetches {
		return r.item
	}
	return q.index.project(r.item)
}
