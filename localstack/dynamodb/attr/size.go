package attr

// Sizes follow "DynamoDB item sizes and formats" in the developer guide: a string or binary costs its
// bytes, null and bool 1, a list or map 3 plus 1 per element; names cost their UTF-8 bytes. That page
// gives numbers only approximately: see Number.Size.
const (
	containerOverhead = 3
	elementOverhead   = 1
)

// MaxItemSize is the largest item in bytes, names and values ("Constraints" in the developer guide: 400 KB).
const MaxItemSize = 400 * 1024

// Size returns the bytes that DynamoDB counts for v, without its name. Lists, maps and sets know theirs.
func (v Value) Size() int {
	switch v.kind {
	case S, B:
		return len(v.text)
	case N:
		return v.Number().Size()
	case BOOL, NULL:
		return 1
	default:
		return int(v.size)
	}
}

// Size returns the bytes that DynamoDB counts for n: 1, and 1 per two significant digits, before and
// behind the decimal point by themselves, and 1 for a minus sign. So do measurements at the 400 KB limit
// (paritysuite/dynamodb-conformance, "A number's byte cost", 2026) refine the guide's approximation.
func (n Number) Size() int {
	digits, whole := n.Digits(), n.Digits()+int(n.exp)
	size := 1 + (digits+1)/2
	if n.exp < 0 && whole > 0 {
		size = 1 + (whole+1)/2 + (digits-whole+1)/2
	}
	if n.neg {
		size++
	}
	return size
}

// Size returns the bytes that DynamoDB counts for the item: its names and values.
func (it Item) Size() int {
	size := 0
	for name, v := range it {
		size += len(name) + v.Size()
	}
	return size
}

// MaxDepth is the number of levels that an attribute may have ("Constraints": 32); a scalar has one, as
// has an empty list.
const MaxDepth = 32

// CheckDepth refuses an item whose attributes nest too deeply.
func (it Item) CheckDepth() error {
	for _, v := range it {
		if v.levels() > MaxDepth {
			return tooDeep()
		}
	}
	return nil
}

func tooDeep() *Error {
	return Invalid("Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit")
}
