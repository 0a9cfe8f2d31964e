package dynamodb

import (
	"slices"
	"strings"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/journal"
	"github.com/parley-chat/parley/localstack/template"
)

// create adds a table.
func (e *Engine) create(spec template.Table) (*table, *apiError) {
	now := e.now()
	if spec.ARN == "" {
		spec.ARN = arn(e.region, e.account, spec.Name)
	}
	if spec.StreamView != "" && spec.StreamARN == "" {
		spec.StreamARN = spec.ARN + "/stream/" + now.UTC().Format("2006-01-02T15:04:05.000")
	}
	t, err := newTable(spec, now, e.retention)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tables[spec.Name] != nil {
		return nil, &apiError{kind: resourceInUse, message: "Table already exists: " + spec.Name}
	}
	e.tables[spec.Name] = t
	return t, nil
}

// log appends a record about a table, if there is a journal.
func (x *exchange) log(entry []byte) {
	if e := x.engine; e.journal != nil {
		x.saw(e.journal.Append(e.component, entry))
	}
}

// createTable answers at once with a table that is already there; the answer says CREATING as on AWS.
func (x *exchange) createTable(body []byte) ([]byte, *apiError) {
	spec, err := parseCreateTable(body)
	if err != nil {
		return nil, err
	}
	t, err := x.engine.create(spec)
	if err != nil {
		return nil, err
	}
	x.log(t.entry())
	out := attr.AppendMember([]byte{'{'}, "TableDescription")
	return append(t.describe(out, "CREATING"), '}'), nil
}

func (x *exchange) describeTable(body []byte) ([]byte, *apiError) {
	t, err := x.named(body)
	if err != nil {
		return nil, err
	}
	out := attr.AppendMember([]byte{'{'}, "Table")
	return append(t.describe(out, "ACTIVE"), '}'), nil
}

func (x *exchange) deleteTable(body []byte) ([]byte, *apiError) {
	t, err := x.named(body)
	if err != nil {
		return nil, err
	}
	e := x.engine
	e.mu.Lock()
	if e.tables[t.spec.Name] != t {
		e.mu.Unlock()
		return nil, &apiError{kind: resourceNotFound, message: "Requested resource not found: Table: " + t.spec.Name + " not found"}
	}
	delete(e.tables, t.spec.Name)
	e.mu.Unlock()
	x.log(journal.AppendText([]byte{entryDropped}, t.id))
	out := attr.AppendMember([]byte{'{'}, "TableDescription")
	return append(t.describe(out, "DELETING"), '}'), nil
}

// named reads a request that has only a TableName.
func (x *exchange) named(body []byte) (*table, *apiError) {
	d := attr.NewDecoder(body)
	var name, unknown string
	for member := range d.Members() {
		switch string(member) {
		case "TableName":
			name = d.Text()
		default:
			unknown = string(member)
			d.Skip()
		}
	}
	if err := d.Finish(); err != nil {
		return nil, refusal(err)
	}
	if unknown != "" {
		return nil, unsupported(unknown)
	}
	t, err := x.engine.table(name)
	if err != nil && err.kind == resourceNotFound {
		err.message += ": Table: " + name + " not found"
	}
	return t, err
}

// listTables pages through the names.
func (x *exchange) listTables(body []byte) ([]byte, *apiError) {
	d := attr.NewDecoder(body)
	var after, unknown string
	limit := int64(100)
	for member := range d.Members() {
		switch string(member) {
		case "ExclusiveStartTableName":
			after = d.Text()
		case "Limit":
			limit = d.Int()
		default:
			unknown = string(member)
			d.Skip()
		}
	}
	switch err := d.Finish(); {
	case err != nil:
		return nil, refusal(err)
	case unknown != "":
		return nil, unsupported(unknown)
	case limit < 1 || limit > 100:
		return nil, constraint("'"+attr.IntNumber(limit).String()+"'", "limit", "Member must have value between 1 and 100")
	}
	var names []string
	for _, t := range x.engine.sortedTables() {
		if t.spec.Name > after {
			names = append(names, t.spec.Name)
		}
	}
	var last string
	if len(names) > int(limit) {
		names = names[:limit]
		last = names[limit-1]
	}
	out := attr.AppendMember([]byte{'{'}, "TableNames")
	out = attr.AppendArray(out, names, attr.AppendString)
	if last != "" {
		out = attr.AppendString(attr.AppendMember(out, "LastEvaluatedTableName"), last)
	}
	return append(out, '}'), nil
}

// describe writes a TableDescription.
func (t *table) describe(out []byte, status string) []byte {
	count, size := t.measure()
	out = attr.AppendString(attr.AppendMember(append(out, '{'), "TableName"), t.spec.Name)
	out = attr.AppendString(attr.AppendMember(out, "TableArn"), t.spec.ARN)
	out = attr.AppendString(attr.AppendMember(out, "TableId"), t.id)
	out = attr.AppendString(attr.AppendMember(out, "TableStatus"), status)
	out = appendUnits(attr.AppendMember(out, "CreationDateTime"), float64(t.created.UnixMilli())/1000)
	out = attr.AppendArray(attr.AppendMember(out, "AttributeDefinitions"), t.definitions(), appendDefinition)
	out = appendKeySchema(out, t.key)
	out = append(attr.AppendMember(out, "BillingModeSummary"), `{"BillingMode":"PAY_PER_REQUEST"}`...)
	out = append(attr.AppendMember(out, "ProvisionedThroughput"), `{"NumberOfDecreasesToday":0,"ReadCapacityUnits":0,"WriteCapacityUnits":0}`...)
	out = append(attr.AppendMember(out, "DeletionProtectionEnabled"), "false"...)
	out = appendUnits(attr.AppendMember(out, "ItemCount"), float64(count))
	out = appendUnits(attr.AppendMember(out, "TableSizeBytes"), float64(size))
	out = t.describeIndexes(out, "GlobalSecondaryIndexes", false)
	out = t.describeIndexes(out, "LocalSecondaryIndexes", true)
	if t.stream != nil {
		out = attr.AppendMember(out, "StreamSpecification")
		out = append(out, `{"StreamEnabled":true,"StreamViewType":"`+t.stream.view+`"}`...)
		out = attr.AppendString(attr.AppendMember(out, "LatestStreamArn"), t.stream.arn)
		out = attr.AppendString(attr.AppendMember(out, "LatestStreamLabel"), t.stream.label())
	}
	return append(out, '}')
}

func (t *table) describeIndexes(out []byte, member string, local bool) []byte {
	var chosen []*index
	for _, x := range t.indexes {
		if x.local == local {
			chosen = append(chosen, x)
		}
	}
	if len(chosen) == 0 {
		return out
	}
	return attr.AppendArray(attr.AppendMember(out, member), chosen, t.describeIndex)
}

func (t *table) describeIndex(out []byte, x *index) []byte {
	out = attr.AppendString(attr.AppendMember(append(out, '{'), "IndexName"), x.name)
	out = attr.AppendString(attr.AppendMember(out, "IndexArn"), t.spec.ARN+"/index/"+x.name)
	out = appendKeySchema(out, x.key)
	out = attr.AppendString(append(attr.AppendMember(out, "Projection"), `{"ProjectionType":`...), x.spec.Projection)
	if len(x.spec.NonKey) > 0 {
		out = attr.AppendArray(attr.AppendMember(out, "NonKeyAttributes"), x.spec.NonKey, attr.AppendString)
	}
	out = append(out, '}')
	if !x.local {
		out = append(attr.AppendMember(out, "IndexStatus"), `"ACTIVE"`...)
	}
	return append(out, '}')
}

// definitions returns the key attributes of the table and its indexes, by name.
func (t *table) definitions() []template.Key {
	defs := slices.Clone(t.key.all)
	for _, x := range t.indexes {
		defs = append(defs, x.key.all...)
	}
	byName := func(a, b template.Key) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(defs, byName)
	return slices.CompactFunc(defs, func(a, b template.Key) bool { return a.Name == b.Name })
}

func appendDefinition(out []byte, k template.Key) []byte {
	out = attr.AppendString(append(out, `{"AttributeName":`...), k.Name)
	return append(append(out, `,"AttributeType":"`...), k.Type+`"}`...)
}

func appendKeySchema(out []byte, s schema) []byte {
	out = attr.AppendString(append(attr.AppendMember(out, "KeySchema"), `[{"AttributeName":`...), s.hash.Name)
	out = append(out, `,"KeyType":"HASH"}`...)
	if s.sort != nil {
		out = attr.AppendString(append(out, `,{"AttributeName":`...), s.sort.Name)
		out = append(out, `,"KeyType":"RANGE"}`...)
	}
	return append(out, ']')
}

// measure counts items and their bytes; AWS's figures are up to six hours old, these are of now.
func (t *table) measure() (count, size int) {
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.RLock()
		count += s.items.Len()
		s.items.Scan(func(_ string, r *record) bool {
			size += r.size
			return true
		})
		s.mu.RUnlock()
	}
	return count, size
}
