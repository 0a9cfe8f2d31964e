package dynamodb

import (
	"fmt"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/dynamodb/expr"
)

// transactGet is one element of a TransactGetItems.
type transactGet struct {
	request
	table      *table
	storage    string
	projection *expr.BoundProjection
	found      *record
}

// transactGetItems reads all items at one moment.
func (x *exchange) transactGetItems(body []byte) ([]byte, *apiError) {
	gets, capacity, err := parseTransactGet(body)
	if err != nil {
		return nil, err
	}
	reasons := make([]*apiError, len(gets))
	failed := false
	var places []place
	for i := range gets {
		if reasons[i], err = x.bindTransactGet(&gets[i]); err != nil {
			return nil, err
		}
		if reasons[i] == nil {
			places = append(places, place{gets[i].table, stripeOf(gets[i].storage)})
		}
	}
	x.readTogether(gets, reasons, placesOf(places))
	var bills []*bill
	size := 0
	for i := range gets {
		billFor(&bills, gets[i].table, false, true).base += transactionFactor * readUnits(gets[i].found.bytes(), true)
		size += gets[i].found.bytes()
		failed = failed || reasons[i] != nil
	}
	for _, b := range bills {
		x.charge(b)
	}
	switch {
	case failed:
		return nil, canceled(reasons)
	case size > maxTransactBytes:
		return nil, invalid("Aggregated size of items in the transaction exceeds the limit of %d bytes", maxTransactBytes)
	}
	out := attr.AppendArray(attr.AppendMember([]byte{'{'}, "Responses"), gets, appendTransactGot)
	return append(appendCapacities(out, bills, capacity), '}'), nil
}

func appendTransactGot(out []byte, g transactGet) []byte {
	if g.found == nil {
		return append(out, "{}"...)
	}
	return append(attr.AppendItem(append(out, `{"Item":`...), g.projection.Project(g.found.item)), '}')
}

// readTogether reads the items under the locks of all their stripes.
func (x *exchange) readTogether(gets []transactGet, reasons []*apiError, places []place) {
	for _, p := range places {
		p.stripe().mu.RLock()
		defer p.stripe().mu.RUnlock()
		x.saw(p.stripe().position)
	}
	for i := range gets {
		if reasons[i] != nil {
			continue
		}
		s := gets[i].table.stripe(gets[i].storage)
		if s.ongoing[gets[i].storage] {
			reasons[i] = ongoing()
			continue
		}
		gets[i].found = s.get(gets[i].storage)
	}
}

// bindTransactGet checks one element: a key that does not fit is a reason to cancel, the rest an error.
func (x *exchange) bindTransactGet(g *transactGet) (reason, err *apiError) {
	if err := g.check(); err != nil {
		return nil, err
	}
	if g.projection, err = x.engine.bindProjection(&g.request); err != nil {
		return nil, err
	}
	if g.table, err = x.engine.table(g.tableName); err != nil {
		return nil, err
	}
	if g.key == nil {
		return nil, missing("transactItems.1.member.get.key")
	}
	if reason := g.table.checkKey(g.key); reason != nil {
		return reason, nil
	}
	g.storage = g.table.storageKey(g.key)
	if x.engine.conflict(g.table, g.key) {
		return ongoing(), nil
	}
	return nil, nil
}

func parseTransactGet(body []byte) (gets []transactGet, capacity string, err *apiError) {
	d := attr.NewDecoder(body)
	top := request{takes: takesCapacity}
	for name := range d.Members() {
		if string(name) != "TransactItems" {
			top.member(d, name)
			continue
		}
		for range d.Elements() {
			g := transactGet{request: request{takes: takesTable | takesKey | takesProjection}}
			for kind := range d.Members() {
				if string(kind) == "Get" {
					g.read(d)
				} else {
					g.refuse(string(kind))
					d.Skip()
				}
			}
			gets = append(gets, g)
		}
	}
	if bad := d.Finish(); bad != nil {
		return nil, "", refusal(bad)
	}
	if err := top.check(); err != nil {
		return nil, "", err
	}
	switch n := len(gets); {
	case n == 0:
		return nil, "", constraint("'[]'", "transactItems", "Member must have length greater than or equal to 1")
	case n > maxTransactItems:
		return nil, "", constraint(fmt.Sprintf("'[%d items]'", n), "transactItems", fmt.Sprintf("Member must have length less than or equal to %d", maxTransactItems))
	}
	return gets, top.capacity, nil
}
