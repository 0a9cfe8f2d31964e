package attr

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
)

// Messages for values that DynamoDB refuses; the double blanks are AWS's.
const (
	messageEmptyValue   = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
	messageManyTags     = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
	messageEmptySS      = "One or more parameter values were invalid: An string set  may not be empty"
	messageEmptyNS      = "One or more parameter values were invalid: An number set  may not be empty"
	messageEmptyBS      = "One or more parameter values were invalid: Binary sets should not be empty"
	messageEmptyInSS    = "One or more parameter values were invalid: An string set may not have a empty string as a member"
	messageEmptyInBS    = "One or more parameter values were invalid: Binary sets may not contain null or empty values"
	messageDuplicateNS  = "One or more parameter values were invalid: Input collection contains duplicates."
	messageDuplicates   = "One or more parameter values were invalid: Input collection [%s] contains duplicates."
	messageDuplicatesBS = "One or more parameter values were invalid: Input collection [%s]of type BS contains duplicates."
)

const attributeMap = "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>"
const attributeStruct = "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue"

// ParseItem reads an item from its wire form. The error is an *Error.
func ParseItem(document []byte) (Item, error) {
	d := NewDecoder(document)
	it, invalid := d.Item()
	if err := d.Finish(); err != nil {
		return nil, err
	}
	return it, invalid
}

// ParseValue reads a value from its wire form. The error is an *Error.
func ParseValue(document []byte) (Value, error) {
	d := NewDecoder(document)
	v, invalid := d.Value()
	if err := d.Finish(); err != nil {
		return Value{}, err
	}
	if invalid != nil {
		return Value{}, invalid
	}
	return v, nil
}

// Item consumes an item in its wire form. The error is the ValidationException for the first value in
// it that DynamoDB refuses; errors of shape stay in Err, and come before all validation on AWS.
func (d *Decoder) Item() (Item, error) {
	it := d.item(0)
	return it, d.takeInvalid()
}

// Value consumes one value in its wire form; errors as with Item.
func (d *Decoder) Value() (Value, error) {
	v := d.value(0)
	return v, d.takeInvalid()
}

func (d *Decoder) takeInvalid() error {
	err := d.invalid
	d.invalid = nil
	if err == nil {
		return nil
	}
	return err
}

// refuse notes a value that DynamoDB does not take. Reading goes on, since errors of shape further on
// come first.
func (d *Decoder) refuse(err *Error) {
	if d.invalid == nil {
		d.invalid = err
	}
}

func (d *Decoder) item(depth int) Item {
	it := make(Item)
	if !d.enter('{', "Unexpected field type", attributeMap) {
		return nil
	}
	for first := true; d.more('}', first); first = false {
		name := string(d.member())
		it[name] = d.value(depth)
	}
	return it
}

// value consumes a value that lies in depth lists and maps.
func (d *Decoder) value(depth int) Value {
	if depth >= MaxDepth {
		d.refuse(tooDeep())
		d.Skip()
		return Value{}
	}
	if d.Null() {
		d.refuse(Invalid(messageEmptyValue))
		return Value{}
	}
	if !d.enter('{', "Unexpected value type in payload", attributeStruct) {
		return Value{}
	}
	var v Value
	tags := 0
	for first := true; d.more('}', first); first = false {
		kind := kindOfTag(d.member())
		switch {
		case d.Null():
		case kind == None:
			d.Skip() // AWS's reader ignores members that it does not know
		default:
			tags++
			v = d.tagged(kind, depth)
		}
	}
	switch {
	case tags == 0:
		d.refuse(Invalid(messageEmptyValue))
	case tags > 1:
		d.refuse(Invalid(messageManyTags))
	}
	return v
}

func kindOfTag(tag []byte) Kind {
	switch string(tag) {
	case "S":
		return S
	case "N":
		return N
	case "B":
		return B
	case "BOOL":
		return BOOL
	case "NULL":
		return NULL
	case "M":
		return M
	case "L":
		return L
	case "SS":
		return SS
	case "NS":
		return NS
	case "BS":
		return BS
	}
	return None
}

// tagged consumes what stands behind a tag.
func (d *Decoder) tagged(kind Kind, depth int) Value {
	switch kind {
	case S:
		return String(d.Text())
	case N:
		return Num(d.decimal())
	case B:
		return Binary(d.blob())
	case BOOL:
		return Bool(d.Bool())
	case NULL:
		d.Bool() // false is taken, and comes back as true
		return Null()
	case M:
		return Map(d.item(depth + 1))
	case L:
		return List(d.list(depth + 1))
	case NS:
		return d.numberSet()
	default:
		return d.textSet(kind)
	}
}

func (d *Decoder) decimal() Number {
	text := d.Bytes()
	if d.err != nil {
		return Number{}
	}
	n, err := parseNumber(text)
	if err != nil {
		d.refuse(err)
	}
	return n
}

// blob consumes base64 text and returns the bytes that it stands for.
func (d *Decoder) blob() string {
	switch d.next() {
	case '"':
	case '[':
		d.fail("Unrecognized collection type class java.nio.ByteBuffer")
	case '{':
		d.fail("Start of structure or map found where not expected")
	default:
		d.fail("only base-64-encoded strings are convertible to bytes")
	}
	if d.err != nil {
		return ""
	}
	text := d.text()
	if len(text)%4 != 0 {
		d.fail("Base64 encoded length is expected a multiple of 4 bytes but found: " + IntNumber(int64(len(text))).String())
		return ""
	}
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(raw, text)
	if err != nil || bytes.ContainsAny(text, "\r\n") { // line ends, which the package skips
		d.fail("Invalid last non-pad Base64 character dectected") // AWS's spelling
		return ""
	}
	return string(raw[:n])
}

func (d *Decoder) list(depth int) []Value {
	var elems []Value
	for range d.Elements() {
		elems = append(elems, d.value(depth))
	}
	return elems
}

func (d *Decoder) numberSet() Value {
	var elems []Number
	for range d.Elements() {
		elems = append(elems, d.decimal())
	}
	set := NumberSet(elems...)
	switch {
	case len(elems) == 0:
		d.refuse(Invalid(messageEmptyNS))
	case set.Len() < len(elems):
		d.refuse(Invalid(messageDuplicateNS))
	}
	return set
}

func (d *Decoder) textSet(kind Kind) Value {
	var elems []string
	for range d.Elements() {
		if kind == SS {
			elems = append(elems, d.Text())
		} else {
			elems = append(elems, d.blob())
		}
	}
	set := textSet(kind, elems)
	if err := checkTextSet(kind, elems, set); err != nil {
		d.refuse(err)
	}
	return set
}

func checkTextSet(kind Kind, elems []string, set Value) *Error {
	empty := slices.Contains(elems, "")
	duplicates := set.Len() < len(elems)
	if kind == SS {
		switch {
		case len(elems) == 0:
			return Invalid(messageEmptySS)
		case empty:
			return Invalid(messageEmptyInSS)
		case duplicates:
			return Invalid(messageDuplicates, quotedSorted(elems, ", "))
		}
		return nil
	}
	switch {
	case len(elems) == 0:
		return Invalid(messageEmptyBS)
	case empty:
		return Invalid(messageEmptyInBS)
	case duplicates:
		for i, e := range elems {
			elems[i] = base64.StdEncoding.EncodeToString([]byte(e))
		}
		return Invalid(messageDuplicatesBS, quotedSorted(elems, ","))
	}
	return nil
}

func quotedSorted(elems []string, separator string) string {
	slices.Sort(elems)
	return `"` + strings.Join(elems, `"`+separator+`"`) + `"`
}
