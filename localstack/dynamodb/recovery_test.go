package dynamodb_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// memoryJournal keeps records as one byte stream, so that a test can cut it anywhere.
type memoryJournal struct {
	mu     sync.Mutex
	stream []byte
	count  uint64
	broken error
	// waited is the highest position that somebody waited for.
	waited uint64
}

func (j *memoryJournal) Append(component string, record []byte) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if component != "tables" {
		panic("unknown component " + component)
	}
	j.stream = binary.LittleEndian.AppendUint32(j.stream, uint32(len(record)))
	j.stream = append(j.stream, record...)
	j.count++
	return j.count
}

func (j *memoryJournal) Wait(position uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waited = max(j.waited, position)
	return j.broken
}

func (j *memoryJournal) size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.stream)
}

// replayInto replays the whole records of a stream that may be cut anywhere.
func replayInto(engine *dynamodb.Engine, stream []byte) error {
	for len(stream) >= 4 {
		n := int(binary.LittleEndian.Uint32(stream))
		if len(stream) < 4+n {
			return nil
		}
		if err := engine.Replay(stream[4 : 4+n]); err != nil {
			return err
		}
		stream = stream[4+n:]
	}
	return nil
}

func bankTable() template.Table {
	return template.Table{Name: "bank", Hash: template.Key{Name: "pk", Type: "S"}, StreamView: "NEW_AND_OLD_IMAGES", StreamARN: "arn:aws:dynamodb:us-east-1:000000000000:table/bank/stream/1",
		TTL: "ttl", Indexes: []template.Index{{Name: "by-owner", Hash: template.Key{Name: "owner", Type: "S"}, Projection: "ALL"}}}
}

// local is an engine that is called without HTTP.
type local struct {
	t      testing.TB
	engine *dynamodb.Engine
}

func newLocal(t testing.TB, c *clock, tables ...template.Table) local {
	t.Helper()
	engine, err := dynamodb.New(dynamodb.Options{Tables: tables, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return local{t, engine}
}

func (l local) call(service, operation, format string, args ...any) seam.Answer {
	return l.engine.Do(ctx(), seam.Call{Service: service, Operation: operation, Body: fmt.Appendf(nil, format, args...)})
}

// do calls an operation that must succeed and returns its answer.
func (l local) do(operation, format string, args ...any) string {
	l.t.Helper()
	answer := l.call(seam.DynamoDB, operation, format, args...)
	if answer.ErrorType != "" {
		l.t.Fatalf("%s: %s", operation, answer.Body)
	}
	return string(answer.Body)
}

func (l local) streamRecords() string {
	l.t.Helper()
	answer := l.call(seam.DynamoDBStreams, "GetShardIterator", `{"StreamArn":%q,"ShardId":"shardId-00000000000000000001-00000001","ShardIteratorType":"TRIM_HORIZON"}`, bankTable().StreamARN)
	var iterator struct{ ShardIterator string }
	decode(l.t, answer.Body, &iterator)
	answer = l.call(seam.DynamoDBStreams, "GetRecords", `{"ShardIterator":%q}`, iterator.ShardIterator)
	var out struct {
		Records []struct {
			EventName string
			DynamoDB  struct {
				SequenceNumber     string
				NewImage, OldImage map[string]map[string]any
			}
		}
	}
	decode(l.t, answer.Body, &out)
	text := ""
	for _, r := range out.Records {
		text += fmt.Sprintln(r.EventName, r.DynamoDB.SequenceNumber, r.DynamoDB.OldImage, r.DynamoDB.NewImage)
	}
	return text
}

// state is everything that can be seen of the table and its index.
func (l local) state() string {
	l.t.Helper()
	text := ""
	for _, request := range []string{`{"TableName":"bank"}`, `{"TableName":"bank","IndexName":"by-owner"}`} {
		var out struct{ Items []map[string]map[string]any }
		decode(l.t, []byte(l.do("Scan", "%s", request)), &out)
		text += fmt.Sprintln(out.Items)
	}
	return text + l.streamRecords()
}

// Whatever byte the journal ends at, the engine comes back in a state that it was in: all writes up to some
// moment, each transaction whole; and never without a write that was acknowledged.
func TestCutJournalRecoversAPrefix(t *testing.T) {
	t.Parallel()
	c, journal := newClock(), &memoryJournal{}
	l := newLocal(t, c, bankTable())
	if err := l.engine.Durable(journal, "tables"); err != nil {
		t.Fatal(err)
	}
	states := map[int]string{journal.size(): l.state()} // by length of the journal when they were acknowledged
	for _, step := range [][2]string{
		{"PutItem", `{"TableName":"bank","Item":{"pk":{"S":"a"},"n":{"N":"100"},"owner":{"S":"x"}}}`},
		{"PutItem", `{"TableName":"bank","Item":{"pk":{"S":"b"},"n":{"N":"0"},"blob":{"B":"AAEC"}}}`},
		{"TransactWriteItems", `{"ClientRequestToken":"t1","TransactItems":[
			{"Update":{"TableName":"bank","Key":{"pk":{"S":"a"}},"UpdateExpression":"SET n = n - :v, #o = :y","ExpressionAttributeNames":{"#o":"owner"},"ExpressionAttributeValues":{":v":{"N":"30"},":y":{"S":"y"}}}},
			{"Update":{"TableName":"bank","Key":{"pk":{"S":"b"}},"UpdateExpression":"SET n = n + :v","ExpressionAttributeValues":{":v":{"N":"30"}}}},
			{"Put":{"TableName":"bank","Item":{"pk":{"S":"log"},"l":{"L":[{"S":"moved"}]}}}}]}`},
		{"UpdateItem", `{"TableName":"bank","Key":{"pk":{"S":"b"}},"UpdateExpression":"SET n = n"}`}, // changes nothing
		{"BatchWriteItem", `{"RequestItems":{"bank":[{"PutRequest":{"Item":{"pk":{"S":"c"}}}}]}}`},
		{"DeleteItem", `{"TableName":"bank","Key":{"pk":{"S":"log"}}}`},
	} {
		l.do(step[0], "%s", step[1])
		if journal.waited != journal.count {
			t.Fatalf("%s was answered before its record %d was durable", step[0], journal.count)
		}
		states[journal.size()] = l.state()
	}
	for cut := range journal.size() + 1 {
		back := newLocal(t, c, bankTable())
		if err := replayInto(back.engine, journal.stream[:cut]); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		want := ""
		for length := cut; length >= 0 && want == ""; length-- {
			want = states[length]
		}
		if cut < 4 || want == "" {
			continue // not even the table was acknowledged
		}
		if got := back.state(); got != want {
			t.Fatalf("cut at %d:\n%s\nwant\n%s", cut, got, want)
		}
	}
}

// A token is remembered over a restart: the transaction was acknowledged, so repeating it must not repeat it.
func TestTokensSurvive(t *testing.T) {
	t.Parallel()
	c, journal := newClock(), &memoryJournal{}
	l := newLocal(t, c, bankTable())
	if err := l.engine.Durable(journal, "tables"); err != nil {
		t.Fatal(err)
	}
	const add = `{"ClientRequestToken":"once","TransactItems":[{"Update":{"TableName":"bank","Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}}]}`
	l.do("TransactWriteItems", add)
	for _, how := range []string{"journal", "snapshot"} {
		back := newLocal(t, c, bankTable())
		if err := replayInto(back.engine, journal.stream); err != nil {
			t.Fatal(err)
		}
		if how == "snapshot" {
			back = newLocalFrom(t, c, back.engine)
		}
		before := back.state()
		back.do("TransactWriteItems", add)
		if after := back.state(); after != before {
			t.Errorf("%s: made twice:\n%s", how, after)
		}
		answer := back.call(seam.DynamoDB, "TransactWriteItems", `{"ClientRequestToken":"once","TransactItems":[{"Delete":{"TableName":"bank","Key":{"pk":{"S":"a"}}}}]}`)
		if answer.ErrorType != "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException" {
			t.Errorf("%s: another request under the token: %s", how, answer.Body)
		}
	}
}

// newLocalFrom returns an engine that was rebuilt from another one's snapshot.
func newLocalFrom(t testing.TB, c *clock, from *dynamodb.Engine) local {
	t.Helper()
	l := newLocal(t, c, bankTable())
	if err := from.Snapshot(l.engine.Replay); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSnapshotIsTheSame(t *testing.T) {
	t.Parallel()
	c, journal := newClock(), &memoryJournal{}
	l := newLocal(t, c, bankTable())
	if err := l.engine.Durable(journal, "tables"); err != nil {
		t.Fatal(err)
	}
	l.do("CreateTable", `{"TableName":"made","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"N"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}`)
	l.do("UpdateTimeToLive", `{"TableName":"made","TimeToLiveSpecification":{"AttributeName":"exp","Enabled":true}}`)
	l.do("PutItem", `{"TableName":"made","Item":{"pk":{"N":"1"},"exp":{"N":"%d"}}}`, c.now().Unix()+5)
	for i := range 20 {
		l.do("PutItem", `{"TableName":"bank","Item":{"pk":{"S":"%d"},"n":{"N":"%d"},"owner":{"S":"o"},"ttl":{"N":"%d"}}}`, i%7, i, c.now().Unix()+int64(i))
	}
	c.advance(16 * time.Second)
	if n := l.engine.ExpireNow(); n != 5 {
		t.Errorf("%d items expired, want 5", n) // the last writes of the 7 keys live 13 to 19 s; and one item of the other table
	}
	l.do("CreateTable", `{"TableName":"dropped","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"N"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}`)
	l.do("DeleteTable", `{"TableName":"dropped"}`)
	replayed := newLocal(t, c, bankTable())
	if err := replayInto(replayed.engine, journal.stream); err != nil {
		t.Fatal(err)
	}
	for how, back := range map[string]local{"journal": replayed, "snapshot": newLocalFrom(t, c, l.engine), "snapshot of the journal": newLocalFrom(t, c, replayed.engine)} {
		if got, want := back.state(), l.state(); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", how, got, want)
		}
		if got, want := back.do("ListTables", `{}`), l.do("ListTables", `{}`); got != want {
			t.Errorf("%s: tables %s, want %s", how, got, want)
		}
		if got, want := back.do("DescribeTimeToLive", `{"TableName":"made"}`), l.do("DescribeTimeToLive", `{"TableName":"made"}`); got != want {
			t.Errorf("%s: time to live is %s, want %s", how, got, want)
		}
		back.do("PutItem", `{"TableName":"bank","Item":{"pk":{"S":"next"}}}`)
		l2 := back.streamRecords()
		if before := l.streamRecords(); len(l2) <= len(before) || l2[:len(before)] != before {
			t.Errorf("%s: the stream does not go on where it was:\n%s", how, l2)
		}
	}
}

func TestDroppedPlannedTableComesBackEmpty(t *testing.T) {
	t.Parallel()
	c, journal := newClock(), &memoryJournal{}
	l := newLocal(t, c, bankTable())
	if err := l.engine.Durable(journal, "tables"); err != nil {
		t.Fatal(err)
	}
	l.do("PutItem", `{"TableName":"bank","Item":{"pk":{"S":"a"}}}`)
	l.do("DeleteTable", `{"TableName":"bank"}`)
	back := newLocal(t, c, bankTable())
	if err := replayInto(back.engine, journal.stream); err != nil {
		t.Fatal(err)
	}
	if err := back.engine.Durable(journal, "tables"); err != nil {
		t.Fatal(err)
	}
	if got := back.do("Scan", `{"TableName":"bank"}`); got != `{"Items":[],"Count":0,"ScannedCount":0}` {
		t.Errorf("got %s", got)
	}
}

func TestChangedKeyIsRefused(t *testing.T) {
	t.Parallel()
	c, journal := newClock(), &memoryJournal{}
	if err := newLocal(t, c, bankTable()).engine.Durable(journal, "tables"); err != nil {
		t.Fatal(err)
	}
	changed := bankTable()
	changed.Hash.Type = "N"
	if err := replayInto(newLocal(t, c, changed).engine, journal.stream); err == nil {
		t.Error("items under another key were taken over")
	}
}

// Whoever tells of a change waits for it: a reader that ran ahead of the disk could pass on what a crash then
// takes back.
func TestReadersWaitForWhatTheySaw(t *testing.T) {
	t.Parallel()
	journal := &memoryJournal{}
	l := newLocal(t, newClock(), bankTable())
	if err := l.engine.Durable(journal, "tables"); err != nil {
		t.Fatal(err)
	}
	const add = `{"ClientRequestToken":"once","TransactItems":[{"Update":{"TableName":"bank","Key":{"pk":{"S":"a"}},"UpdateExpression":"SET #o = :o","ExpressionAttributeNames":{"#o":"owner"},"ExpressionAttributeValues":{":o":{"S":"o"}}}}]}`
	l.do("TransactWriteItems", add)
	iterator := struct{ ShardIterator string }{}
	decode(t, l.call(seam.DynamoDBStreams, "GetShardIterator", `{"StreamArn":%q,"ShardId":"shardId-00000000000000000001-00000001","ShardIteratorType":"TRIM_HORIZON"}`, bankTable().StreamARN).Body, &iterator)
	waits := func(service, operation, format string, args ...any) {
		t.Helper()
		journal.mu.Lock()
		journal.waited = 0
		journal.mu.Unlock()
		answer := l.call(service, operation, format, args...)
		if answer.Status == 500 {
			t.Fatalf("%s: %s", operation, answer.Body)
		}
		if journal.waited != journal.count {
			t.Errorf("%s told of record %d and waited for %d", operation, journal.count, journal.waited)
		}
	}
	waits("dynamodb", "GetItem", `{"TableName":"bank","Key":{"pk":{"S":"a"}}}`)
	waits("dynamodb", "Query", `{"TableName":"bank","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`)
	waits("dynamodb", "Query", `{"TableName":"bank","IndexName":"by-owner","KeyConditionExpression":"#o = :o","ExpressionAttributeNames":{"#o":"owner"},"ExpressionAttributeValues":{":o":{"S":"o"}}}`)
	waits("dynamodb", "Scan", `{"TableName":"bank"}`)
	waits("dynamodb", "BatchGetItem", `{"RequestItems":{"bank":{"Keys":[{"pk":{"S":"a"}}]}}}`)
	waits("dynamodb", "TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"bank","Key":{"pk":{"S":"a"}}}}]}`)
	waits("dynamodb", "PutItem", `{"TableName":"bank","Item":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"}`)
	waits("dynamodb", "UpdateItem", `{"TableName":"bank","Key":{"pk":{"S":"a"}},"UpdateExpression":"REMOVE nothing"}`)
	waits("dynamodb", "TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"bank","Item":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"}}]}`)
	waits("dynamodb", "TransactWriteItems", add)
	waits("streams.dynamodb", "GetRecords", `{"ShardIterator":%q}`, iterator.ShardIterator)
	waits("dynamodb", "CreateTable", `{"TableName":"made","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"N"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}`)
	waits("dynamodb", "UpdateTimeToLive", `{"TableName":"made","TimeToLiveSpecification":{"AttributeName":"exp","Enabled":true}}`)
	waits("dynamodb", "DeleteTable", `{"TableName":"made"}`)
}

// Sequence numbers go on where they were even when the stream is empty.
func TestSequenceSurvivesTrimming(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := newLocal(t, c, bankTable())
	for range 3 {
		l.do("UpdateItem", `{"TableName":"bank","Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`)
	}
	c.advance(25 * time.Hour)
	back := newLocalFrom(t, c, l.engine)
	if got := back.streamRecords(); got != "" {
		t.Errorf("not trimmed: %s", got)
	}
	back.do("DeleteItem", `{"TableName":"bank","Key":{"pk":{"S":"a"}}}`)
	if got := back.streamRecords(); !strings.HasPrefix(got, "REMOVE 100000000000000000004 ") {
		t.Errorf("the fourth record is %s", got)
	}
}

// With a journal that cannot write any more nothing is acknowledged, not even what is merely read.
func TestBrokenJournalAnswersNothing(t *testing.T) {
	t.Parallel()
	journal := &memoryJournal{}
	l := newLocal(t, newClock(), bankTable())
	if err := l.engine.Durable(journal, "tables"); err != nil {
		t.Fatal(err)
	}
	journal.mu.Lock()
	journal.broken = errors.New("the disk is gone")
	journal.mu.Unlock()
	for operation, body := range map[string]string{
		"PutItem":            `{"TableName":"bank","Item":{"pk":{"S":"a"}}}`,
		"GetItem":            `{"TableName":"bank","Key":{"pk":{"S":"a"}}}`,
		"TransactWriteItems": `{"TransactItems":[{"Put":{"TableName":"bank","Item":{"pk":{"S":"b"}}}}]}`,
	} {
		if answer := l.call(seam.DynamoDB, operation, "%s", body); answer.Status != 500 {
			t.Errorf("%s was answered: %d %s", operation, answer.Status, answer.Body)
		}
	}
}

func FuzzReplay(f *testing.F) {
	journal := &memoryJournal{}
	l := newLocal(f, newClock(), bankTable())
	if err := l.engine.Durable(journal, "tables"); err != nil {
		f.Fatal(err)
	}
	l.do("PutItem", `{"TableName":"bank","Item":{"pk":{"S":"a"}}}`)
	l.do("TransactWriteItems", `{"ClientRequestToken":"t","TransactItems":[{"Put":{"TableName":"bank","Item":{"pk":{"S":"b"}}}}]}`)
	for stream := journal.stream; len(stream) > 0; {
		n := binary.LittleEndian.Uint32(stream)
		f.Add(stream[4 : 4+n])
		stream = stream[4+n:]
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		engine, err := dynamodb.New(dynamodb.Options{Tables: []template.Table{bankTable()}})
		if err != nil {
			t.Fatal(err)
		}
		if engine.Replay(record) == nil && engine.Snapshot(func([]byte) error { return nil }) != nil {
			t.Error("a record was accepted that cannot be written again")
		}
	})
}
