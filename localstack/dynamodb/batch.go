package dynamodb

import "github.com/parley-chat/parley/localstack/dynamodb/attr"

// Limits of batches: the API reference of BatchGetItem and BatchWriteItem.
const (
	maxBatchGet      = 100
	maxBatchWrite    = 25
	maxBatchGetBytes = 16 << 20
)

// batchGet is the part of a BatchGetItem for one table.
type batchGet struct {
	request
	table *table
	found []*record
	shown []attr.Item
	left  []attr.Item // keys beyond the size limit
}

func (x *exchange) batchGetItem(body []byte) ([]byte, *apiError) {
	parts, capacity, err := parseBatchGet(body)
	if err != nil {
		return nil, err
	}
	var bills []*bill
	size := 0
	for _, p := range parts {
		if err := x.bindBatchGet(p); err != nil {
			return nil, err
		}
	}
	for _, p := range parts {
		x.fetchAll(p, &size, billFor(&bills, p.table, false, false))
	}
	for _, b := range bills {
		x.charge(b)
	}
	return answerBatchGet(parts, bills, capacity), nil
}

func parseBatchGet(body []byte) (parts []*batchGet, capacity string, err *apiError) {
	d := attr.NewDecoder(body)
	top := request{takes: takesCapacity}
	for name := range d.Members() {
		if string(name) != "RequestItems" {
			top.member(d, name)
			continue
		}
		for table := range d.Members() {
			p := &batchGet{request: request{takes: takesKeys | takesProjection | takesConsistent, tableName: string(table)}}
			p.read(d)
			parts = append(parts, p)
		}
	}
	if bad := d.Finish(); bad != nil {
		return nil, "", refusal(bad)
	}
	if err := top.check(); err != nil {
		return nil, "", err
	}
	if len(parts) == 0 {
		return nil, "", constraint("'{}'", "requestItems", "Member must have length greater than or equal to 1")
	}
	count := 0
	for _, p := range parts {
		if err := p.check(); err != nil {
			return nil, "", err
		}
		if len(p.keys) == 0 {
			return nil, "", constraint("'[]'", "requestItems."+p.tableName+".member.keys", "Member must have length greater than or equal to 1")
		}
		count += len(p.keys)
	}
	if count > maxBatchGet {
		return nil, "", invalid("Too many items requested for the BatchGetItem call")
	}
	return parts, top.capacity, nil
}

// bindBatchGet checks the keys of one table and reads nothing yet.
func (x *exchange) bindBatchGet(p *batchGet) (err *apiError) {
	if p.table, err = x.engine.table(p.tableName); err != nil {
		return err
	}
	seen := make(map[string]bool, len(p.keys))
	for _, key := range p.keys {
		if err := p.table.checkKey(key); err != nil {
			return err
		}
		storage := p.table.storageKey(key)
		if seen[storage] {
			return invalid("Provided list of item keys contains duplicates")
		}
		seen[storage] = true
	}
	_, err = x.engine.bindProjection(&p.request)
	return err
}

// fetchAll reads the items of one table until the answer has 16 MB; what is left is unprocessed.
func (x *exchange) fetchAll(p *batchGet, size *int, b *bill) {
	projection, _ := x.engine.bindProjection(&p.request) // checked before
	for i, key := range p.keys {
		if *size >= maxBatchGetBytes {
			p.left = p.keys[i:]
			return
		}
		found := x.load(p.table, p.table.storageKey(key))
		b.base += readUnits(found.bytes(), p.consistent)
		*size += found.bytes()
		if found != nil {
			p.found = append(p.found, found)
			p.shown = append(p.shown, projection.Project(found.item))
		}
	}
}

func answerBatchGet(parts []*batchGet, bills []*bill, capacity string) []byte {
	out := append(attr.AppendMember([]byte{'{'}, "Responses"), '{')
	for _, p := range parts {
		out = attr.AppendArray(attr.AppendMember(out, p.tableName), p.shown, attr.AppendItem)
	}
	out = append(attr.AppendMember(append(out, '}'), "UnprocessedKeys"), '{')
	for _, p := range parts {
		if len(p.left) > 0 {
			out = p.appendLeft(attr.AppendMember(out, p.tableName))
		}
	}
	return append(appendCapacities(append(out, '}'), bills, capacity), '}')
}

// appendLeft writes the part of the request that is still to be done.
func (p *batchGet) appendLeft(out []byte) []byte {
	out = attr.AppendArray(attr.AppendMember(append(out, '{'), "Keys"), p.left, attr.AppendItem)
	if p.projection.given {
		out = attr.AppendString(attr.AppendMember(out, "ProjectionExpression"), p.projection.text)
	}
	if len(p.names) > 0 {
		out = append(attr.AppendMember(out, "ExpressionAttributeNames"), '{')
		for name, stands := range p.names {
			out = attr.AppendString(attr.AppendMember(out, name), stands)
		}
		out = append(out, '}')
	}
	if p.consistent {
		out = append(attr.AppendMember(out, "ConsistentRead"), "true"...)
	}
	return append(out, '}')
}

// batchWriteItem makes up to 25 puts and deletions, each a write of its own. All are checked before the
// first is made.
func (x *exchange) batchWriteItem(body []byte) ([]byte, *apiError) {
	writes, capacity, err := x.parseBatchWrite(body)
	if err != nil {
		return nil, err
	}
	seen := make(map[batchKey]bool, len(writes))
	for _, w := range writes {
		k := batchKey{w.table, w.storage}
		if seen[k] {
			return nil, invalid("Provided list of item keys contains duplicates")
		}
		seen[k] = true
	}
	var bills []*bill
	left := make(map[*table][]*write)
	for _, w := range writes {
		b := billFor(&bills, w.table, true, false)
		if x.engine.conflict(w.table, w.key) {
			left[w.table] = append(left[w.table], w)
			continue
		}
		if _, _, err := x.execute(w, b); err != nil {
			left[w.table] = append(left[w.table], w)
		}
	}
	for _, b := range bills {
		x.charge(b)
	}
	return answerBatchWrite(left, bills, capacity), nil
}

type batchKey struct {
	table   *table
	storage string
}

func (x *exchange) parseBatchWrite(body []byte) (writes []*write, capacity string, err *apiError) {
	d := attr.NewDecoder(body)
	top := request{takes: takesCapacity}
	var puts []batchPut
	for name := range d.Members() {
		switch string(name) {
		case "RequestItems":
			for table := range d.Members() {
				puts = readBatchWrites(d, string(table), puts)
			}
		case "ReturnItemCollectionMetrics":
			if d.Text() != "NONE" {
				top.refuse("ReturnItemCollectionMetrics")
			}
		default:
			top.member(d, name)
		}
	}
	if bad := d.Finish(); bad != nil {
		return nil, "", refusal(bad)
	}
	if err := top.check(); err != nil {
		return nil, "", err
	}
	switch {
	case len(puts) == 0:
		return nil, "", constraint("'{}'", "requestItems", "Member must have length greater than or equal to 1")
	case len(puts) > maxBatchWrite:
		return nil, "", invalid("Too many items requested for the BatchWriteItem call")
	}
	for i := range puts {
		w, err := x.bindBatchWrite(&puts[i])
		if err != nil {
			return nil, "", err
		}
		writes = append(writes, w)
	}
	return writes, top.capacity, nil
}

// batchPut is one WriteRequest.
type batchPut struct {
	request
	verbs []verb // exactly one is right
}

func readBatchWrites(d *attr.Decoder, table string, puts []batchPut) []batchPut {
	for range d.Elements() {
		p := batchPut{request: request{tableName: table}}
		for kind := range d.Members() {
			switch string(kind) {
			case "PutRequest":
				p.verbs, p.takes = append(p.verbs, verbPut), takesItem
				p.read(d)
			case "DeleteRequest":
				p.verbs, p.takes = append(p.verbs, verbDelete), takesKey
				p.read(d)
			default:
				p.refuse(string(kind))
				d.Skip()
			}
		}
		puts = append(puts, p)
	}
	return puts
}

func (x *exchange) bindBatchWrite(p *batchPut) (*write, *apiError) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if len(p.verbs) != 1 {
		return nil, invalidValue("A WriteRequest must hold exactly one of PutRequest and DeleteRequest")
	}
	w, err := x.engine.bindTable(p.verbs[0], &p.request)
	if err != nil {
		return nil, err
	}
	if w.verb == verbPut && !w.table.hasKey(p.item) { // here AWS words it as for a Key
		return nil, invalid("The provided key element does not match the schema")
	}
	return w, w.bindTarget(&p.request)
}

func answerBatchWrite(left map[*table][]*write, bills []*bill, capacity string) []byte {
	out := append(attr.AppendMember([]byte{'{'}, "UnprocessedItems"), '{')
	for t, writes := range left {
		out = attr.AppendArray(attr.AppendMember(out, t.spec.Name), writes, appendUnprocessed)
	}
	return append(appendCapacities(append(out, '}'), bills, capacity), '}')
}

func appendUnprocessed(out []byte, w *write) []byte {
	if w.verb == verbPut {
		out = attr.AppendItem(append(out, `{"PutRequest":{"Item":`...), w.put.item)
	} else {
		out = attr.AppendItem(append(out, `{"DeleteRequest":{"Key":`...), w.key)
	}
	return append(out, "}}"...)
}
