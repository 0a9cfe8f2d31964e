package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Limits of message attributes (Developer Guide, "Message metadata").
const (
	maxAttributes         = 10
	maxAttributeNameBytes = 256
	maxAttributeTypeBytes = 256
)

// attributeValue is MessageAttributeValue of the API.
type attributeValue struct {
	DataType    string
	StringValue *string `json:",omitempty"`
	BinaryValue []byte  `json:",omitempty"`
	// The list values are in the model but were never implemented by AWS.
	StringListValues []string `json:",omitempty"`
	BinaryListValues [][]byte `json:",omitempty"`
}

// attribute is one attribute of a message, checked.
type attribute struct {
	name   string
	kind   string // DataType
	binary bool
	value  string // bytes when binary
}

// attributes are sorted by name.
type attributes []attribute

func (as attributes) bytes() int {
	n := 0
	for _, a := range as {
		n += len(a.name) + len(a.kind) + len(a.value)
	}
	return n
}

// md5 is the checksum that SDKs verify: name, type and value of each attribute, each with its length in front
// (Developer Guide, "Calculating the MD5 message digest for message attributes").
func (as attributes) md5() string {
	if len(as) == 0 {
		return ""
	}
	var buffer []byte
	field := func(s string) {
		buffer = binary.BigEndian.AppendUint32(buffer, uint32(len(s)))
		buffer = append(buffer, s...)
	}
	for _, a := range as {
		field(a.name)
		field(a.kind)
		transport := byte(1)
		if a.binary {
			transport = 2
		}
		buffer = append(buffer, transport)
		field(a.value)
	}
	return hexMD5(buffer)
}

func hexMD5[T string | []byte](text T) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// selected returns the attributes that ReceiveMessage's MessageAttributeNames ask for: All or .* for every
// one, prefix.* for those that begin with prefix, else the exact name.
func (as attributes) selected(names []string) attributes {
	if len(names) == 0 || len(as) == 0 {
		return nil
	}
	var out attributes
	for _, a := range as {
		if slices.ContainsFunc(names, func(pattern string) bool { return matches(a.name, pattern) }) {
			out = append(out, a)
		}
	}
	return out
}

func matches(name, pattern string) bool {
	prefix, wild := strings.CutSuffix(pattern, ".*")
	if wild {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == "All" || pattern == name
}

func (as attributes) wire() map[string]attributeValue {
	if len(as) == 0 {
		return nil
	}
	out := make(map[string]attributeValue, len(as))
	for _, a := range as {
		v := attributeValue{DataType: a.kind}
		if a.binary {
			v.BinaryValue = []byte(a.value)
		} else {
			v.StringValue = &a.value
		}
		out[a.name] = v
	}
	return out
}

// checkAttributes turns the attributes of a send into their stored form.
func checkAttributes(given map[string]attributeValue) (attributes, *apiError) {
	if len(given) == 0 {
		return nil, nil
	}
	if len(given) > maxAttributes {
		return nil, errParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(given), maxAttributes)
	}
	out := make(attributes, 0, len(given))
	for name, value := range given {
		if err := checkAttributeName(name); err != nil {
			return nil, err
		}
		a, err := checkAttribute(name, value)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b attribute) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

var attributeName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

func checkAttributeName(name string) *apiError {
	lower := strings.ToLower(name)
	switch {
	case name == "":
		return errParameter("Message (user) attribute name can not be empty.")
	case len(name) > maxAttributeNameBytes:
		return errParameter("Message (user) attribute name can not be longer than %d characters.", maxAttributeNameBytes)
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return errParameter("You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use.")
	case !attributeName.MatchString(name) || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return errParameter("Message (user) attribute name '%s' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.) characters.", name)
	}
	return nil
}

func checkAttribute(name string, v attributeValue) (attribute, *apiError) {
	if v.StringListValues != nil || v.BinaryListValues != nil {
		return attribute{}, serviceError("UnsupportedOperation", "Message (user) attribute list values in SendMessage operation are not supported.")
	}
	base, _, _ := strings.Cut(v.DataType, ".")
	a := attribute{name: name, kind: v.DataType, binary: base == "Binary"}
	switch {
	case v.DataType == "":
		return a, errParameter("The message attribute '%s' must contain a non-empty message attribute type.", name)
	case len(v.DataType) > maxAttributeTypeBytes:
		return a, errParameter("Message (user) attribute '%s' has a type longer than %d bytes.", name, maxAttributeTypeBytes)
	case base != "String" && base != "Number" && base != "Binary":
		return a, errParameter("The type of message (user) attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", name)
	case a.binary:
		a.value = string(v.BinaryValue)
	case v.StringValue != nil:
		a.value = *v.StringValue
	}
	if a.value == "" || a.binary == (v.StringValue != nil) {
		return a, errParameter("Message (user) attribute '%s' must contain a non-empty value of type '%s'.", name, base)
	}
	if !a.binary {
		if err := checkCharacters(a.value); err != nil {
			return a, err
		}
	}
	if base == "Number" && !decimal.MatchString(a.value) {
		return a, errParameter("Can't cast the value of message (user) attribute '%s' to a number.", name)
	}
	return a, nil
}

var decimal = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$`)

// checkSystemAttributes takes the AWSTraceHeader, the only system attribute that can be sent.
func checkSystemAttributes(given map[string]attributeValue) (trace, checksum string, problem *apiError) {
	for name, value := range given {
		if name != "AWSTraceHeader" {
			return "", "", errParameter("Message system attribute name '%s' is invalid.", name)
		}
		a, err := checkAttribute(name, value)
		if err != nil {
			return "", "", err
		}
		if a.kind != "String" {
			return "", "", errParameter("The message system attribute 'AWSTraceHeader' must be of type String.")
		}
		return a.value, attributes{a}.md5(), nil
	}
	return "", "", nil
}

// checkCharacters allows the characters of XML 1.0 (API Reference, SendMessage).
func checkCharacters(text string) *apiError {
	for _, r := range text {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return serviceError("InvalidMessageContents",
				"Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
		}
	}
	return nil
}

// checkToken checks a MessageGroupId or MessageDeduplicationId: 1 to 128 letters, digits and punctuation.
func checkToken(parameter, value string) *apiError {
	ok := len(value) >= 1 && len(value) <= 128
	for i := 0; ok && i < len(value); i++ {
		ok = value[i] > ' ' && value[i] < 0x7f
	}
	if ok {
		return nil
	}
	return errValue(value, parameter, fmt.Sprintf("%s can only include alphanumeric and punctuation characters. 1 to 128 in length.", parameter))
}
