package dynamodb

import (
	"strings"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/dynamodb/expr"
)

// params says which parameters an operation, or a part of one, takes. A parameter that it does not take is
// refused, whether AWS knows it or not: legacy parameters such as Expected, AttributesToGet and KeyConditions
// are among those.
type params uint32

const (
	takesTable params = 1 << iota
	takesKey
	takesItem
	takesCondition // with names and values
	takesUpdate
	takesFilter
	takesKeyCondition
	takesProjection // with names
	takesReturnValues
	takesOldOnFailure
	takesCapacity
	takesConsistent
	takesPage // Limit, ExclusiveStartKey, IndexName, Select
	takesForward
	takesKeys // of BatchGetItem

	takesNames  = takesCondition | takesUpdate | takesFilter | takesKeyCondition | takesProjection
	takesValues = takesCondition | takesUpdate | takesFilter | takesKeyCondition
)

// optional is a string parameter that may be absent; an empty one is not the same.
type optional struct {
	text  string
	given bool
}

// request holds the parameters of all operations on items.
type request struct {
	takes params

	tableName  string
	key        attr.Item
	keys       []attr.Item
	item       attr.Item
	startKey   attr.Item
	consistent bool
	backward   bool
	limit      int64 // 0: none

	condition, update, filter, keyCondition, projection optional

	names        map[string]string
	values       attr.Item
	index        optional
	selects      string
	returnValues string
	oldOnFailure string
	capacity     string

	// invalid is the first error in a value, unknown the first parameter that is not taken: both come after
	// errors of shape.
	invalid error
	unknown string
}

// read consumes an object of parameters. Errors of shape stay in the decoder.
func (r *request) read(d *attr.Decoder) {
	for name := range d.Members() {
		r.member(d, name)
	}
}

// parse reads a whole request body.
func (r *request) parse(body []byte) *apiError {
	d := attr.NewDecoder(body)
	r.read(d)
	if err := d.Finish(); err != nil {
		return refusal(err)
	}
	return r.check()
}

// check returns the errors that are not of shape.
func (r *request) check() *apiError {
	switch {
	case r.unknown != "":
		return unsupported(r.unknown)
	case r.invalid != nil:
		return refusal(r.invalid)
	}
	return r.checkEnums()
}

func (r *request) member(d *attr.Decoder, name []byte) {
	switch string(name) {
	case "TableName":
		r.text(d, name, takesTable, &r.tableName)
	case "Key":
		r.attributes(d, name, takesKey, &r.key)
	case "Item":
		r.attributes(d, name, takesItem, &r.item)
	case "ExclusiveStartKey":
		r.attributes(d, name, takesPage, &r.startKey)
	case "ExpressionAttributeNames":
		if r.allowed(d, name, takesNames) {
			r.names = d.Names()
		}
	case "ExpressionAttributeValues":
		if r.allowed(d, name, takesValues) {
			r.readValues(d)
		}
	case "ReturnValues":
		r.text(d, name, takesReturnValues, &r.returnValues)
	case "ReturnValuesOnConditionCheckFailure":
		r.text(d, name, takesOldOnFailure, &r.oldOnFailure)
	case "ReturnConsumedCapacity":
		r.text(d, name, takesCapacity, &r.capacity)
	case "Keys":
		r.keyList(d, name)
	default:
		r.expression(d, name)
	}
}

// expression reads the parameters that are expressions or say how to read.
func (r *request) expression(d *attr.Decoder, name []byte) {
	switch string(name) {
	case "ConditionExpression":
		r.optional(d, name, takesCondition, &r.condition)
	case "UpdateExpression":
		r.optional(d, name, takesUpdate, &r.update)
	case "FilterExpression":
		r.optional(d, name, takesFilter, &r.filter)
	case "KeyConditionExpression":
		r.optional(d, name, takesKeyCondition, &r.keyCondition)
	case "ProjectionExpression":
		r.optional(d, name, takesProjection, &r.projection)
	case "ConsistentRead":
		if r.allowed(d, name, takesConsistent) {
			r.consistent = d.Bool()
		}
	case "ScanIndexForward":
		if r.allowed(d, name, takesForward) {
			r.backward = !d.Bool()
		}
	case "IndexName":
		r.optional(d, name, takesPage, &r.index)
	case "Select":
		r.text(d, name, takesPage, &r.selects)
	case "Limit":
		if r.allowed(d, name, takesPage) {
			r.readLimit(d)
		}
	case "ReturnItemCollectionMetrics":
		if r.allowed(d, name, takesReturnValues) && d.Text() != "NONE" {
			r.refuse("ReturnItemCollectionMetrics")
		}
	default:
		r.allowed(d, name, 0)
	}
}

// allowed reports whether the operation takes a parameter, and passes over it otherwise.
func (r *request) allowed(d *attr.Decoder, name []byte, any params) bool {
	if r.takes&any != 0 {
		return true
	}
	r.refuse(string(name))
	d.Skip()
	return false
}

func (r *request) refuse(parameter string) {
	if r.unknown == "" {
		r.unknown = parameter
	}
}

func (r *request) note(err error) {
	if r.invalid == nil {
		r.invalid = err
	}
}

func (r *request) text(d *attr.Decoder, name []byte, needs params, into *string) {
	if r.allowed(d, name, needs) {
		*into = d.Text()
	}
}

func (r *request) optional(d *attr.Decoder, name []byte, needs params, into *optional) {
	if r.allowed(d, name, needs) {
		*into = optional{d.Text(), true}
	}
}

func (r *request) attributes(d *attr.Decoder, name []byte, needs params, into *attr.Item) {
	if r.allowed(d, name, needs) {
		var err error
		*into, err = d.Item()
		r.note(err)
	}
}

func (r *request) keyList(d *attr.Decoder, name []byte) {
	if !r.allowed(d, name, takesKeys) {
		return
	}
	for range d.Elements() {
		key, err := d.Item()
		r.note(err)
		r.keys = append(r.keys, key)
	}
}

// readValues reads ExpressionAttributeValues, whose errors name the placeholder.
func (r *request) readValues(d *attr.Decoder) {
	r.values = make(attr.Item)
	for name := range d.Members() {
		placeholder := string(name)
		v, err := d.Value()
		if err != nil {
			r.note(attr.Invalid("ExpressionAttributeValues contains invalid value: %s for key %s", err, placeholder))
		}
		r.values[placeholder] = v
	}
}

func (r *request) readLimit(d *attr.Decoder) {
	r.limit = d.Int()
	if r.limit < 1 {
		r.note(attr.Invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", r.limit))
	}
}

func oneOf(member, value string, allowed ...string) *apiError {
	if value == "" {
		return nil
	}
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return constraint("'"+value+"'", member, "Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
}

func (r *request) checkEnums() *apiError {
	if err := oneOf("returnConsumedCapacity", r.capacity, capacityIndexes, capacityTotal, capacityNone); err != nil {
		return err
	}
	if err := oneOf("returnValues", r.returnValues, "ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"); err != nil {
		return err
	}
	if err := oneOf("returnValuesOnConditionCheckFailure", r.oldOnFailure, "ALL_OLD", "NONE"); err != nil {
		return err
	}
	return oneOf("select", r.selects, "SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES")
}

// bindings returns the names and values after the checks that come before any expression.
func (r *request) bindings() (expr.Bindings, *apiError) {
	b := expr.Bindings{Names: r.names, Values: r.values}
	if b.Names == nil && b.Values == nil {
		return b, nil
	}
	expressions := r.condition.given || r.update.given || r.filter.given || r.keyCondition.given
	switch {
	case b.Names != nil && !expressions && !r.projection.given:
		return b, invalid("ExpressionAttributeNames can only be specified when using expressions")
	case b.Values != nil && !expressions:
		return b, invalid("ExpressionAttributeValues can only be specified when using expressions: %s is null", r.missingExpression())
	}
	return b, refusal(b.Check())
}

// missingExpression names the expression that AWS expects when values come without one.
func (r *request) missingExpression() string {
	switch {
	case r.takes&takesUpdate != 0:
		return "UpdateExpression"
	case r.takes&takesCondition != 0:
		return "ConditionExpression"
	}
	return "FilterExpression"
}
