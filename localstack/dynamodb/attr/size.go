package attr

// Sizes follow "DynamoDB item sizes and formats" in the developer guide: a string or binary costs its
// bytes, a number 1 byte per two significant digits plus 1 (and 1 for a minus sign, which that page
// leaves out and measurements show), null and bool 1, a list or map 3 plus 1 per element; names cost
// their UTF-8 bytes.
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
	}
	return int(v.size)
}

// Size returns the bytes that DynamoDB counts for n.
func (n Number) Size() int {
	size := (n.Digits()+1)/2 + 1
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

// MaxDepth is how deep lists and maps may lie in one another ("Constraints": 32 levels).
const MaxDepth = 32

// CheckDepth refuses an item whose attributes nest too deeply.
func (it Item) CheckDepth() error {
	for _, v := range it {
		if v.depth() > MaxDepth {
			return tooDeep()
		}
	}
	return nil
}

func tooDeep() *Error {
	return Invalid("Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit")
}
