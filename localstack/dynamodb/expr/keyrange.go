package expr

import "github.com/parley-chat/parley/localstack/dynamodb/attr"

// KeyAttribute is one attribute of a table's or index's key.
type KeyAttribute struct {
	Name string
	Kind attr.Kind // S, N or B
}

// KeyRange is what a query asks for: the items with one partition key whose sort keys lie in a range.
type KeyRange struct {
	Hash attr.Value
	sort keyClause // op is opInvalid for all sort keys
}

// Resolve holds the condition against a key. sort has no name if the key has no sort key.
func (b *BoundKeyCondition) Resolve(hash, sort KeyAttribute) (KeyRange, error) {
	key := []KeyAttribute{hash, sort}
	if sort.Name == "" {
		key = key[:1]
	}
	if len(b.clauses) > len(key) {
		return KeyRange{}, attr.Invalid("The number of query conditions (%d) exceeds the number of key attributes defined in the schema (%d)",
			len(b.clauses), len(key))
	}
	found := make([]keyClause, 2)
	for i, k := range key[:len(b.clauses)] {
		clause, err := b.clauseOn(k)
		if err != nil {
			return KeyRange{}, err
		}
		found[i] = clause
	}
	if found[0].op != opEqual {
		return KeyRange{}, attr.Invalid("Query key condition not supported")
	}
	return KeyRange{Hash: found[0].a, sort: found[1]}, nil
}

// clauseOn returns the clause on a key attribute, checked against its type.
func (b *BoundKeyCondition) clauseOn(key KeyAttribute) (keyClause, error) {
	for _, c := range b.clauses {
		if c.attribute != key.Name {
			continue
		}
		if c.a.Kind() != key.Kind || c.b.Kind() != key.Kind {
			return c, attr.Invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
		}
		if c.op != opBeginsWith && (isEmptyText(c.a) || isEmptyText(c.b)) {
			return c, emptyKey(key)
		}
		return c, nil
	}
	return keyClause{}, attr.Invalid("Query condition missed key schema element: %s", key.Name)
}

func isEmptyText(v attr.Value) bool { return isText(v) && v.Str() == "" }

func emptyKey(key KeyAttribute) *attr.Error {
	kind := "string"
	if key.Kind == attr.B {
		kind = "binary"
	}
	return attr.Invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", kind, key.Name)
}

// Holds reports whether a sort key lies in the range.
func (r KeyRange) Holds(sortKey attr.Value) bool {
	switch r.sort.op {
	case opInvalid:
		return true
	case opBetween:
		low, _ := attr.Compare(r.sort.a, sortKey)
		high, ok := attr.Compare(sortKey, r.sort.b)
		return ok && low <= 0 && high <= 0
	default:
		return holdsBetween(r.sort.op, sortKey, r.sort.a)
	}
}

// Interval returns the range as bytes: of the stored keys that begin with prefix (which ends in the
// partition key) and go on with attr.AppendKey of the sort key, then with anything, exactly those in the
// range satisfy low <= key < high. high is nil if nothing bounds it.
func (r KeyRange) Interval(prefix []byte) (low, high []byte) {
	with := func(v attr.Value) []byte { return attr.AppendKey(prefix[:len(prefix):len(prefix)], v) }
	switch r.sort.op {
	case opEqual:
		return with(r.sort.a), successor(with(r.sort.a))
	case opLess:
		return prefix, with(r.sort.a)
	case opAtMost:
		return prefix, successor(with(r.sort.a))
	case opGreater:
		return successor(with(r.sort.a)), successor(prefix)
	case opAtLeast:
		return with(r.sort.a), successor(prefix)
	case opBetween:
		return with(r.sort.a), successor(with(r.sort.b))
	case opBeginsWith:
		low = attr.AppendKeyPrefix(prefix[:len(prefix):len(prefix)], r.sort.a)
		return low, successor(low)
	default: // all sort keys
		return prefix, successor(prefix)
	}
}

// successor returns the least bytes above all that begin with b, nil if there are none.
func successor(b []byte) []byte {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xFF {
			next := append([]byte(nil), b[:i+1]...)
			next[i]++
			return next
		}
	}
	return nil
}
