package dynamodb

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/template"
)

// Limits of tables: "Quotas in Amazon DynamoDB" in the developer guide.
const (
	maxGlobalIndexes = 20
	maxLocalIndexes  = 5
)

// table is one table with its indexes and its stream.
type table struct {
	spec    template.Table
	id      string
	created time.Time
	key     schema
	indexes []*index
	locals  int // how many of the indexes are local
	stripes [stripeCount]stripe
	stream  *stream // nil without
	// ttl is the attribute that holds the expiry, "" without. It is written under the locks of all stripes.
	ttl string
	// journaled says that the journal knows the table.
	journaled bool
}

// index is a secondary index. A local one keeps its entries in the table's stripes, beside the items; a
// global one has stripes of its own, since its partitions are others.
type index struct {
	name  string
	local bool
	slot  int // of a local index: its place in a stripe's locals
	key   schema
	spec  template.Index
	// projected holds the names of the attributes in the index; nil means all.
	projected map[string]bool
	stripes   []indexStripe // of a global index
}

var (
	tableName     = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)
	attributeName = regexp.MustCompile(`(?s)^.{1,255}$`)
)

// newTable checks the specification as CreateTable does.
func newTable(spec template.Table, now time.Time, retention time.Duration) (*table, *apiError) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	t := &table{spec: spec, id: newID(), created: now, key: newSchema(spec.Hash, spec.Range), ttl: spec.TTL}
	for _, x := range spec.Indexes {
		t.indexes = append(t.indexes, t.newIndex(x))
	}
	for i := range t.stripes {
		t.stripes[i].init(t.locals)
	}
	if spec.StreamView != "" {
		t.stream = &stream{arn: spec.StreamARN, view: spec.StreamView, retention: retention}
	}
	return t, nil
}

func (t *table) newIndex(spec template.Index) *index {
	x := &index{name: spec.Name, local: spec.Local, key: newSchema(spec.Hash, spec.Range), spec: spec}
	if spec.Projection != "ALL" {
		x.projected = make(map[string]bool)
		for _, k := range slices.Concat(t.key.all, x.key.all) {
			x.projected[k.Name] = true
		}
		for _, name := range spec.NonKey {
			x.projected[name] = true
		}
	}
	if x.local {
		x.slot = t.locals
		t.locals++
	} else {
		x.stripes = make([]indexStripe, stripeCount)
	}
	return x
}

func (t *table) index(name string) (*index, *apiError) {
	for _, x := range t.indexes {
		if x.name == name {
			return x, nil
		}
	}
	return nil, invalid("The table does not have the specified index: %s", name)
}

// keyOf cuts an item down to the table's key.
func (t *table) keyOf(it attr.Item) attr.Item {
	key := make(attr.Item, 2)
	for _, k := range t.key.all {
		key[k.Name] = it[k.Name]
	}
	return key
}

// positionOf cuts an item down to the key of an index (nil: the table) and the table's: what
// LastEvaluatedKey holds.
func (t *table) positionOf(x *index, it attr.Item) attr.Item {
	key := t.keyOf(it)
	if x != nil {
		for _, k := range x.key.all {
			key[k.Name] = it[k.Name]
		}
	}
	return key
}

// project cuts an item down to what the index holds of it.
func (x *index) project(it attr.Item) attr.Item {
	if x.projected == nil {
		return it
	}
	out := make(attr.Item, len(x.projected))
	for name := range x.projected {
		if v, ok := it[name]; ok {
			out[name] = v
		}
	}
	return out
}

// size returns the bytes of an item's entry in the index.
func (x *index) size(it attr.Item) int {
	if x.projected == nil {
		return it.Size()
	}
	size := 0
	for name := range x.projected {
		if v, ok := it[name]; ok {
			size += len(name) + v.Size()
		}
	}
	return size
}

// checkSpec refuses what CreateTable refuses.
func checkSpec(spec template.Table) *apiError {
	if !tableName.MatchString(spec.Name) {
		return invalid("Invalid table name %q: 3 to 255 characters of a-z, A-Z, 0-9, '_', '-' and '.'", spec.Name)
	}
	if err := checkKeys(spec.Hash, spec.Range); err != nil {
		return err
	}
	switch spec.StreamView {
	case "", viewKeys, viewNew, viewOld, viewBoth:
	default:
		return constraint("'"+spec.StreamView+"'", "streamSpecification.streamViewType",
			"Member must satisfy enum value set: [NEW_AND_OLD_IMAGES, OLD_IMAGE, NEW_IMAGE, KEYS_ONLY]")
	}
	return checkIndexes(spec)
}

func checkKeys(hash template.Key, sort *template.Key) *apiError {
	keys := newSchema(hash, sort).all
	for _, k := range keys {
		if !attributeName.MatchString(k.Name) {
			return invalidValue("Key attribute names must be 1 to 255 characters long")
		}
		if k.Type != "S" && k.Type != "N" && k.Type != "B" {
			return constraint("'"+k.Type+"'", "attributeDefinitions.1.member.attributeType", "Member must satisfy enum value set: [B, N, S]")
		}
	}
	if len(keys) == 2 && hash.Name == sort.Name {
		return invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	}
	return nil
}

func checkIndexes(spec template.Table) *apiError {
	types := map[string]string{spec.Hash.Name: spec.Hash.Type}
	if spec.Range != nil {
		types[spec.Range.Name] = spec.Range.Type
	}
	names := make(map[string]bool)
	count := map[bool]int{}
	for _, x := range spec.Indexes {
		if names[x.Name] {
			return invalidValue("Duplicate index name: %s", x.Name)
		}
		names[x.Name] = true
		count[x.Local]++
		if err := checkIndex(spec, x); err != nil {
			return err
		}
		for _, k := range newSchema(x.Hash, x.Range).all {
			if was, ok := types[k.Name]; ok && was != k.Type {
				return invalidValue("Attribute %s is defined both as %s and %s", k.Name, was, k.Type)
			}
			types[k.Name] = k.Type
		}
	}
	if count[false] > maxGlobalIndexes {
		return invalidValue("GlobalSecondaryIndex count exceeds the per-table limit of %d", maxGlobalIndexes)
	}
	if count[true] > maxLocalIndexes {
		return invalidValue("Number of LocalSecondaryIndexes exceeds per-table limit of %d", maxLocalIndexes)
	}
	return nil
}

func checkIndex(spec template.Table, x template.Index) *apiError {
	if !tableName.MatchString(x.Name) {
		return invalid("Invalid index name %q: 3 to 255 characters of a-z, A-Z, 0-9, '_', '-' and '.'", x.Name)
	}
	if err := checkKeys(x.Hash, x.Range); err != nil {
		return err
	}
	switch {
	case x.Local && spec.Range == nil:
		return invalidValue("Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
	case x.Local && x.Range == nil:
		return invalidValue("Index KeySchema does not have a range key for index: %s", x.Name)
	case x.Local && x.Hash.Name != spec.Hash.Name:
		return invalidValue("Index KeySchema does not have the same leading hash key as table KeySchema for index: %s. index hash key: %s, table hash key: %s",
			x.Name, x.Hash.Name, spec.Hash.Name)
	}
	switch {
	case x.Projection == "INCLUDE" && len(x.NonKey) == 0:
		return invalidValue("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
	case x.Projection != "INCLUDE" && len(x.NonKey) > 0:
		return invalidValue("ProjectionType is %s, but NonKeyAttributes is specified", x.Projection)
	case x.Projection != "ALL" && x.Projection != "KEYS_ONLY" && x.Projection != "INCLUDE":
		return invalidValue("Unknown ProjectionType: %s", x.Projection)
	}
	return nil
}

// arn returns the ARN of a table that no template gave one.
func arn(region, account, name string) string {
	return fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", region, account, name)
}
