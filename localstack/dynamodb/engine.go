// Package dynamodb is a wire-compatible DynamoDB engine that runs in the process of the local stack: tables
// with secondary indexes, all item operations, transactions, time to live and streams, with the errors, limits
// and consumed capacity of AWS.
//
// It implements what the backend uses, strictly, and answers anything else, operation or parameter, with an
// error: a request that this engine accepts means the same on AWS. The layers:
//
//	attr        attribute values: exact decimals, the JSON codec, key bytes, sizes
//	expr        the expression language
//	dynamodb    tables, storage, operations, streams, durability (this package)
//
// Isolation. The partitions of a table are spread over stripes with a lock each. A transaction locks all its
// stripes, in one order, so it is atomic and isolated from every other operation; a Query of the table or a
// local index sees one moment. Scans, batches and queries of global indexes are isolated per item or page, as
// on AWS. Indexes change with the item, where AWS lets them lag.
//
// Durability. With a Journal, an answer is given only when everything that it tells, written or merely read,
// has been made durable. While a transaction waits for that, other writes of its items are refused with
// TransactionConflict, as they are on AWS while a transaction is under way.
package dynamodb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// Options configure an Engine. The zero value is an empty engine in memory.
type Options struct {
	// Tables exist from the start. A missing ARN or stream ARN is made up from Region and Account.
	Tables []template.Table
	// Region and Account stand in the ARNs of tables that CreateTable makes; default us-east-1 and 000000000000.
	Region, Account string
	// Now is the clock, default time.Now. Time to live, stream retention and client tokens depend on it.
	Now func() time.Time
	// StreamRetention is how long stream records can be read, default (and on AWS) 24 hours. They are kept in
	// memory, about the size of an item each: a long run under load wants less.
	StreamRetention time.Duration
	// Conflicts, if set, is asked before every write of an item and every transactional read, with the name
	// of the table and the item's key; true makes it fail as if a transaction held the item: with
	// TransactionConflictException, or inside a transaction with the reason TransactionConflict. It is called
	// under no lock.
	Conflicts func(table string, key attr.Item) bool
	// Prepared, if set, is called, under no lock, when a TransactWriteItems has passed its checks and holds
	// its items, and before it takes effect: what else writes those items meanwhile meets a conflict. The
	// argument is the transaction's client request token.
	Prepared func(token string)
}

// Engine is a DynamoDB endpoint. It implements seam.Service for seam.DynamoDB and seam.DynamoDBStreams,
// seam.Notifier for the streams of its tables, and the journal's component. Safe for concurrent use.
type Engine struct {
	region, account string
	now             func() time.Time
	retention       time.Duration
	conflicts       func(table string, key attr.Item) bool
	prepared        func(token string)

	journal   Journal // nil: memory only
	component string

	planned []template.Table

	mu     sync.RWMutex
	tables map[string]*table

	tokens      tokens
	expressions expressions
}

var (
	_ seam.Service  = (*Engine)(nil)
	_ seam.Notifier = (*Engine)(nil)
)

// New returns an engine with the given tables. The error says which table CreateTable would refuse, and why.
func New(o Options) (*Engine, error) {
	e := &Engine{
		region: o.Region, account: o.Account, now: o.Now, conflicts: o.Conflicts, prepared: o.Prepared,
		retention: o.StreamRetention, planned: o.Tables, tables: make(map[string]*table),
	}
	if e.region == "" {
		e.region = "us-east-1"
	}
	if e.account == "" {
		e.account = "000000000000"
	}
	if e.now == nil {
		e.now = time.Now
	}
	if e.retention <= 0 {
		e.retention = streamRetention
	}
	for _, spec := range o.Tables {
		if _, err := e.create(spec); err != nil {
			return nil, &TableError{Table: spec.Name, Reason: err.message}
		}
	}
	return e, nil
}

// TableError says why a table of Options cannot be.
type TableError struct {
	Table  string
	Reason string
}

func (e *TableError) Error() string { return "dynamodb: table " + e.Table + ": " + e.Reason }

// exchange is one call on its way through the engine.
type exchange struct {
	engine *Engine
	usage  []seam.Usage
	// position is the journal's, of the newest change that the answer tells of.
	position uint64
}

// operation is the implementation of one API operation: JSON in, JSON out.
type operation func(x *exchange, body []byte) ([]byte, *apiError)

func operationOf(service, name string) operation {
	if service == seam.DynamoDBStreams {
		return streamOperation(name)
	}
	switch name {
	case "GetItem":
		return (*exchange).getItem
	case "PutItem":
		return (*exchange).putItem
	case "UpdateItem":
		return (*exchange).updateItem
	case "DeleteItem":
		return (*exchange).deleteItem
	case "Query":
		return (*exchange).query
	case "Scan":
		return (*exchange).scan
	case "BatchGetItem":
		return (*exchange).batchGetItem
	case "BatchWriteItem":
		return (*exchange).batchWriteItem
	case "TransactWriteItems":
		return (*exchange).transactWriteItems
	case "TransactGetItems":
		return (*exchange).transactGetItems
	}
	return tableOperation(name)
}

func tableOperation(name string) operation {
	switch name {
	case "CreateTable":
		return (*exchange).createTable
	case "DescribeTable":
		return (*exchange).describeTable
	case "DeleteTable":
		return (*exchange).deleteTable
	case "ListTables":
		return (*exchange).listTables
	case "UpdateTimeToLive":
		return (*exchange).updateTimeToLive
	case "DescribeTimeToLive":
		return (*exchange).describeTimeToLive
	}
	return nil
}

func streamOperation(name string) operation {
	switch name {
	case "ListStreams":
		return (*exchange).listStreams
	case "DescribeStream":
		return (*exchange).describeStream
	case "GetShardIterator":
		return (*exchange).getShardIterator
	case "GetRecords":
		return (*exchange).getRecords
	}
	return nil
}

// Do executes one call. Cancelling ctx does not undo or stop it: on AWS a request that was received is served.
func (e *Engine) Do(_ context.Context, call seam.Call) seam.Answer {
	run := operationOf(call.Service, call.Operation)
	if run == nil {
		return (&apiError{kind: unknownOperation}).answer()
	}
	x := exchange{engine: e}
	body, err := run(&x, call.Body)
	if e.journal != nil {
		if lost := e.journal.Wait(x.position); lost != nil {
			err = &apiError{kind: internalFailure, message: lost.Error()}
		}
	}
	if err != nil {
		answer := err.answer()
		answer.Usage = x.usage
		return answer
	}
	return seam.Answer{Status: http.StatusOK, Body: body, Usage: x.usage}
}

// Changed returns a channel that is closed when the next record is written to the stream of the named table.
// The channel never closes for a table without a stream, or that does not exist. Ask first, then read the
// stream, then wait: nothing is missed.
func (e *Engine) Changed(resource string) <-chan struct{} {
	t, err := e.table(resource)
	if err != nil || t.stream == nil {
		return nil
	}
	return t.stream.notify()
}

// table finds a table by its name or ARN.
func (e *Engine) table(name string) (*table, *apiError) {
	if name == "" {
		return nil, missing("tableName")
	}
	if strings.HasPrefix(name, "arn:") {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	e.mu.RLock()
	t := e.tables[name]
	e.mu.RUnlock()
	if t == nil {
		return nil, &apiError{kind: resourceNotFound, message: "Requested resource not found"}
	}
	return t, nil
}

// saw notes that the answer tells of the journal up to position.
func (x *exchange) saw(position uint64) { x.position = max(x.position, position) }

// sortedTables returns all tables by name.
func (e *Engine) sortedTables() []*table {
	e.mu.RLock()
	defer e.mu.RUnlock()
	all := make([]*table, 0, len(e.tables))
	for _, t := range e.tables {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *table) int { return strings.Compare(a.spec.Name, b.spec.Name) })
	return all
}

// newID returns a random id, as AWS gives to tables and stream records.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}
