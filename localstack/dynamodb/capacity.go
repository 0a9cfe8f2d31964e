package dynamodb

import (
	"strconv"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/seam"
)

// Capacity units: "DynamoDB on-demand and provisioned capacity" in the developer guide. A write unit is a
// started KB of the larger of the item before and after, a read unit 4 KB read consistently; an eventually
// consistent read costs half, a transaction double, and every request at least one.
const (
	writeUnit = 1024
	readUnit  = 4096
)

func writeUnits(bytes int) float64 { return float64(max(1, (bytes+writeUnit-1)/writeUnit)) }

func readUnits(bytes int, consistent bool) float64 {
	units := float64(max(1, (bytes+readUnit-1)/readUnit))
	if !consistent {
		units /= 2
	}
	return units
}

// Values of ReturnConsumedCapacity.
const (
	capacityNone    = "NONE"
	capacityTotal   = "TOTAL"
	capacityIndexes = "INDEXES"
)

// bill is what a request consumed on one table.
type bill struct {
	table *table
	// writes says which kind of unit it is; a request has only one.
	writes bool
	// detailed adds ReadCapacityUnits or WriteCapacityUnits to each figure, as transactions do.
	detailed bool
	base     float64
	indexes  []indexBill
}

type indexBill struct {
	index *index
	units float64
}

func (b *bill) addIndex(x *index, units float64) {
	if units == 0 {
		return
	}
	for i := range b.indexes {
		if b.indexes[i].index == x {
			b.indexes[i].units += units
			return
		}
	}
	b.indexes = append(b.indexes, indexBill{x, units})
}

// addWrite charges a write that turned old into next, times factor.
func (b *bill) addWrite(old, next *record, factor float64) {
	b.base += factor * writeUnits(max(old.bytes(), next.bytes()))
	for _, x := range b.table.indexes {
		b.addIndex(x, factor*b.table.indexWrite(x, old, next))
	}
}

// indexWrite returns the units of keeping an index in step: "Write capacity units" in "Using Global Secondary
// Indexes". A changed index key is a deletion and a put; nothing is charged where nothing projected changed.
func (t *table) indexWrite(x *index, old, next *record) float64 {
	from, was := t.entryKey(x, old)
	to, is := t.entryKey(x, next)
	switch {
	case !was && !is:
		return 0
	case was && !is:
		return writeUnits(x.size(old.item))
	case !was:
		return writeUnits(x.size(next.item))
	case from != to:
		return writeUnits(x.size(old.item)) + writeUnits(x.size(next.item))
	case x.sameProjection(old.item, next.item):
		return 0
	}
	return writeUnits(max(x.size(old.item), x.size(next.item)))
}

// sameProjection reports whether two items look the same in the index.
func (x *index) sameProjection(a, b attr.Item) bool {
	if x.projected == nil {
		return attr.EqualItems(a, b)
	}
	for name := range x.projected {
		v, inA := a[name]
		w, inB := b[name]
		if inA != inB || inA && !attr.Equal(v, w) {
			return false
		}
	}
	return true
}

func (b *bill) total() float64 {
	sum := b.base
	for _, x := range b.indexes {
		sum += x.units
	}
	return sum
}

// charge meters a bill. It must be called once per bill, whether or not the request succeeds.
func (x *exchange) charge(b *bill) {
	u := seam.Usage{Resource: b.table.spec.Name}
	if b.writes {
		u.WriteUnits = b.total()
	} else {
		u.ReadUnits = b.total()
	}
	x.usage = append(x.usage, u)
}

// append writes a ConsumedCapacity.
func (b *bill) append(out []byte, mode string) []byte {
	out = attr.AppendString(attr.AppendMember(append(out, '{'), "TableName"), b.table.spec.Name)
	out = b.figures(out, b.total())
	if mode == capacityIndexes {
		out = append(b.figures(append(attr.AppendMember(out, "Table"), '{'), b.base), '}')
		out = b.appendIndexes(out, "GlobalSecondaryIndexes", false)
		out = b.appendIndexes(out, "LocalSecondaryIndexes", true)
	}
	return append(out, '}')
}

func (b *bill) appendIndexes(out []byte, member string, local bool) []byte {
	open := false
	for _, x := range b.indexes {
		if x.index.local != local {
			continue
		}
		if !open {
			out = append(attr.AppendMember(out, member), '{')
			open = true
		}
		out = append(attr.AppendMember(out, x.index.name), '{')
		out = append(b.figures(out, x.units), '}')
	}
	if open {
		out = append(out, '}')
	}
	return out
}

func (b *bill) figures(out []byte, units float64) []byte {
	out = appendUnits(attr.AppendMember(out, "CapacityUnits"), units)
	switch {
	case b.detailed && b.writes:
		out = appendUnits(attr.AppendMember(out, "WriteCapacityUnits"), units)
	case b.detailed:
		out = appendUnits(attr.AppendMember(out, "ReadCapacityUnits"), units)
	}
	return out
}

// appendCapacity adds the member ConsumedCapacity of an answer about one table, if it was asked for.
func appendCapacity(out []byte, b *bill, mode string) []byte {
	if mode == "" || mode == capacityNone {
		return out
	}
	return b.append(attr.AppendMember(out, "ConsumedCapacity"), mode)
}

// appendCapacities is appendCapacity for answers about several tables.
func appendCapacities(out []byte, bills []*bill, mode string) []byte {
	if mode == "" || mode == capacityNone {
		return out
	}
	return attr.AppendArray(attr.AppendMember(out, "ConsumedCapacity"), bills,
		func(out []byte, b *bill) []byte { return b.append(out, mode) })
}

// appendUnits writes a number without an exponent.
func appendUnits(out []byte, units float64) []byte {
	return strconv.AppendFloat(out, units, 'f', -1, 64)
}

// billFor returns the bill of a table, which it adds if need be: a request has one per table.
func billFor(bills *[]*bill, t *table, writes, detailed bool) *bill {
	for _, b := range *bills {
		if b.table == t {
			return b
		}
	}
	b := &bill{table: t, writes: writes, detailed: detailed}
	*bills = append(*bills, b)
	return b
}
