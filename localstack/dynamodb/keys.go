package dynamodb

import (
	"encoding/binary"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/template"
)

// Storage keys. Every tree of a table is ordered by a string of this form:
//
//	table         hash(P) P S
//	local index   hash(P) P L S
//	global index  hash(G) G R P S
//
// P and S are the table's partition and sort key, L the local index's sort key, G and R the global index's
// keys, each encoded by attr.AppendKey, which is its own length; a key that the schema lacks is left out. hash
// is 8 bytes: it spreads partitions over the stripes, gives Scan the arbitrary order of partitions that it
// has on AWS, and leaves each partition contiguous and sorted.

// Limits of keys, in bytes: "Constraints in Amazon DynamoDB" in the developer guide.
const (
	maxPartitionKey = 2048
	maxSortKey      = 1024
)

// hashBytes is the length of the hash in front of a storage key.
const hashBytes = 8

// schema is the key of a table or an index.
type schema struct {
	hash template.Key
	sort *template.Key
	all  []template.Key // hash, then sort if there is one
}

func newSchema(hash template.Key, sort *template.Key) schema {
	s := schema{hash: hash, sort: sort, all: []template.Key{hash}}
	if sort != nil {
		s.all = append(s.all, *sort)
	}
	return s
}

// appendPartition appends hash(p) and p.
func appendPartition(dst []byte, p attr.Value) []byte {
	from := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = attr.AppendKey(dst, p)
	binary.BigEndian.PutUint64(dst[from:], spread(dst[from+hashBytes:]))
	return dst
}

// spread is FNV-1a with the finaliser of MurmurHash3, so that the top bits, which choose the stripe, depend
// on all of the key. It is the same in every run: positions of a Scan survive a restart.
func spread(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range key {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// stripeOf returns the stripe in which a storage key lies.
func stripeOf(key string) int { return int(key[0]) >> (8 - stripeBits) }

// storageKey returns the key of the table's tree for an item, or for the key of one, that was checked.
func (t *table) storageKey(it attr.Item) string {
	var buf [96]byte
	out := appendPartition(buf[:0], it[t.key.hash.Name])
	if t.key.sort != nil {
		out = attr.AppendKey(out, it[t.key.sort.Name])
	}
	return string(out)
}

// indexKey returns the key of the index's tree for an item, and false when the index does not hold it
// because it lacks one of the index's keys.
func (t *table) indexKey(x *index, it attr.Item) (string, bool) {
	var buf [160]byte
	hash, ok := it[x.key.hash.Name]
	if !ok {
		return "", false
	}
	out := appendPartition(buf[:0], hash)
	if x.key.sort != nil {
		sort, ok := it[x.key.sort.Name]
		if !ok {
			return "", false
		}
		out = attr.AppendKey(out, sort)
	}
	if !x.local {
		out = attr.AppendKey(out, it[t.key.hash.Name])
	}
	if t.key.sort != nil {
		out = attr.AppendKey(out, it[t.key.sort.Name])
	}
	return string(out), true
}

// checkKey validates the Key of a request: exactly the table's key attributes, of their types.
func (t *table) checkKey(key attr.Item) *apiError {
	if len(key) != len(t.key.all) || !t.hasKey(key) {
		return invalid("The provided key element does not match the schema")
	}
	return t.checkKeyValues(key)
}

// hasKey reports whether an item has the key attributes, of their types.
func (t *table) hasKey(it attr.Item) bool {
	for _, k := range t.key.all {
		if it[k.Name].Kind().String() != k.Type {
			return false
		}
	}
	return true
}

// checkKeyValues validates emptiness and length.
func (t *table) checkKeyValues(it attr.Item) *apiError {
	for i, k := range t.key.all {
		v := it[k.Name]
		if v.Kind() == attr.N {
			continue
		}
		switch n := len(v.Str()); {
		case n == 0:
			kind := "string"
			if v.Kind() == attr.B {
				kind = "binary"
			}
			return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", kind, k.Name)
		case i == 0 && n > maxPartitionKey:
			return invalidValue("Size of hashkey has exceeded the maximum size limit of%d bytes", maxPartitionKey)
		case i == 1 && n > maxSortKey:
			return invalidValue("Aggregated size of all range keys has exceeded the size limit of %d bytes", maxSortKey)
		}
	}
	return nil
}

// checkItem validates the keys of an item to be stored, of the table and of its indexes, and its size.
func (t *table) checkItem(it attr.Item) *apiError {
	for _, k := range t.key.all {
		v, ok := it[k.Name]
		if !ok {
			return invalidValue("Missing the key %s in the item", k.Name)
		}
		if v.Kind().String() != k.Type {
			return invalidValue("Type mismatch for key %s expected: %s actual: %s", k.Name, k.Type, v.Kind())
		}
	}
	if err := t.checkKeyValues(it); err != nil {
		return err
	}
	return t.checkIndexKeys(it)
}

// checkIndexKeys refuses an attribute that is a key of an index and of the wrong type, empty or too long. An
// item that lacks it is merely not in the index.
func (t *table) checkIndexKeys(it attr.Item) *apiError {
	for _, x := range t.indexes {
		for i, k := range x.key.all {
			v, ok := it[k.Name]
			if !ok {
				continue
			}
			if v.Kind().String() != k.Type {
				return invalidValue("Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", k.Name, k.Type, v.Kind(), x.name)
			}
			if err := x.checkKeyLength(i, k, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *index) checkKeyLength(position int, k template.Key, v attr.Value) *apiError {
	if v.Kind() == attr.N {
		return nil
	}
	switch n := len(v.Str()); {
	case n == 0:
		kind := "string"
		if v.Kind() == attr.B {
			kind = "binary"
		}
		return invalid("One or more parameter values are not valid. A value specified for a secondary index key is not supported. "+
			"The AttributeValue for a key attribute cannot contain an empty %s value. IndexName: %s, IndexKey: %s", kind, x.name, k.Name)
	case position == 0 && n > maxPartitionKey:
		return invalidValue("Size of hashkey has exceeded the maximum size limit of%d bytes", maxPartitionKey)
	case position == 1 && n > maxSortKey:
		return invalidValue("Aggregated size of all range keys has exceeded the size limit of %d bytes", maxSortKey)
	}
	return nil
}
