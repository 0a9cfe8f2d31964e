package dynamodb

import (
	"fmt"
	"strings"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/template"
)

// creation is a CreateTable request before names are matched with types.
type creation struct {
	d       *attr.Decoder
	spec    template.Table
	types   map[string]string
	keys    keyNames
	indexes []indexCreation
	billing string
	// provisioned says that ProvisionedThroughput was given.
	provisioned bool
	// refused is the first parameter that this engine does not take.
	refused string
}

type keyNames struct {
	names []string
	kinds []string
}

type indexCreation struct {
	spec template.Index
	keys keyNames
}

// parseCreateTable reads a CreateTable request.
func parseCreateTable(body []byte) (template.Table, *apiError) {
	c := creation{d: attr.NewDecoder(body), types: make(map[string]string)}
	for member := range c.d.Members() {
		c.member(string(member))
	}
	if err := c.d.Finish(); err != nil {
		return template.Table{}, refusal(err)
	}
	if c.refused != "" {
		return template.Table{}, unsupported(c.refused)
	}
	return c.resolve()
}

func (c *creation) member(name string) {
	switch name {
	case "TableName":
		c.spec.Name = c.d.Text()
	case "AttributeDefinitions":
		for range c.d.Elements() {
			c.definition()
		}
	case "KeySchema":
		c.keys = c.keySchema()
	case "GlobalSecondaryIndexes", "LocalSecondaryIndexes":
		for range c.d.Elements() {
			c.index(name == "LocalSecondaryIndexes")
		}
	case "BillingMode":
		c.billing = c.d.Text()
	case "ProvisionedThroughput":
		c.provisioned = true
		c.d.Skip()
	case "StreamSpecification":
		c.stream()
	case "DeletionProtectionEnabled":
		if c.d.Bool() {
			c.refuse(name)
		}
	case "TableClass":
		if c.d.Text() != "STANDARD" {
			c.refuse(name)
		}
	default:
		c.refuse(name)
		c.d.Skip()
	}
}

func (c *creation) refuse(parameter string) {
	if c.refused == "" {
		c.refused = parameter
	}
}

// fields reads an object; visit consumes the members that it knows and returns false for others.
func (c *creation) fields(visit func(name string) bool) {
	for member := range c.d.Members() {
		name := string(member)
		if !visit(name) {
			c.refuse(name)
			c.d.Skip()
		}
	}
}

func (c *creation) definition() {
	var name, kind string
	c.fields(func(member string) bool {
		switch member {
		case "AttributeName":
			name = c.d.Text()
		case "AttributeType":
			kind = c.d.Text()
		default:
			return false
		}
		return true
	})
	c.types[name] = kind
}

func (c *creation) keySchema() (k keyNames) {
	for range c.d.Elements() {
		var name, kind string
		c.fields(func(member string) bool {
			switch member {
			case "AttributeName":
				name = c.d.Text()
			case "KeyType":
				kind = c.d.Text()
			default:
				return false
			}
			return true
		})
		k.names, k.kinds = append(k.names, name), append(k.kinds, kind)
	}
	return k
}

func (c *creation) index(local bool) {
	x := indexCreation{spec: template.Index{Local: local}}
	c.fields(func(member string) bool {
		switch member {
		case "IndexName":
			x.spec.Name = c.d.Text()
		case "KeySchema":
			x.keys = c.keySchema()
		case "Projection":
			c.projection(&x.spec)
		case "ProvisionedThroughput":
			c.d.Skip()
		default:
			return false
		}
		return true
	})
	c.indexes = append(c.indexes, x)
}

func (c *creation) projection(x *template.Index) {
	c.fields(func(member string) bool {
		switch member {
		case "ProjectionType":
			x.Projection = c.d.Text()
		case "NonKeyAttributes":
			for range c.d.Elements() {
				x.NonKey = append(x.NonKey, c.d.Text())
			}
		default:
			return false
		}
		return true
	})
}

func (c *creation) stream() {
	enabled, view := false, ""
	c.fields(func(member string) bool {
		switch member {
		case "StreamEnabled":
			enabled = c.d.Bool()
		case "StreamViewType":
			view = c.d.Text()
		default:
			return false
		}
		return true
	})
	if enabled && view == "" {
		view = "null" // refused by checkSpec
	}
	if enabled {
		c.spec.StreamView = view
	}
}

// resolve gives the keys their types.
func (c *creation) resolve() (template.Table, *apiError) {
	switch {
	case c.spec.Name == "":
		return c.spec, missing("tableName")
	case c.billing == "" || c.billing == "PROVISIONED":
		if !c.provisioned {
			return c.spec, invalidValue("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
		}
	case c.billing != "PAY_PER_REQUEST":
		return c.spec, constraint("'"+c.billing+"'", "billingMode", "Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]")
	case c.provisioned:
		return c.spec, invalidValue("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	}
	used := make(map[string]bool)
	var err *apiError
	if c.spec.Hash, c.spec.Range, err = c.typed(c.keys, used); err != nil {
		return c.spec, err
	}
	for _, x := range c.indexes {
		if x.spec.Hash, x.spec.Range, err = c.typed(x.keys, used); err != nil {
			return c.spec, err
		}
		c.spec.Indexes = append(c.spec.Indexes, x.spec)
	}
	if len(used) != len(c.types) {
		return c.spec, invalidValue("Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	return c.spec, nil
}

func (c *creation) typed(k keyNames, used map[string]bool) (hash template.Key, sort *template.Key, err *apiError) {
	switch {
	case len(k.names) == 0:
		return hash, nil, missing("keySchema")
	case len(k.names) > 2:
		return hash, nil, constraint(fmt.Sprint(k.names), "keySchema", "Member must have length less than or equal to 2")
	case k.kinds[0] != "HASH":
		return hash, nil, invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	case len(k.names) == 2 && k.kinds[1] != "RANGE":
		return hash, nil, invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	}
	keys := make([]template.Key, len(k.names))
	for i, name := range k.names {
		kind, ok := c.types[name]
		if !ok {
			return hash, nil, invalidValue("Some index key attributes are not defined in AttributeDefinitions. Keys: [%s], AttributeDefinitions: [%s]",
				strings.Join(k.names, ", "), c.defined())
		}
		used[name] = true
		keys[i] = template.Key{Name: name, Type: kind}
	}
	if len(keys) == 2 {
		sort = &keys[1]
	}
	return keys[0], sort, nil
}

func (c *creation) defined() string {
	var names []string
	for name := range c.types {
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
