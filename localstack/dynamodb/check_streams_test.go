package dynamodb_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/parley-chat/parley/localstack/dynamodb"
)

func (s *suite) streamed(view types.StreamViewType) string {
	return s.create(&ddb.CreateTableInput{AttributeDefinitions: defined("pk S", "sk S"), KeySchema: keySchema("pk", "sk"),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: view}})
}

// shard returns the stream and its first shard.
func (s *suite) shard(table string) (streamARN, shard string) {
	s.t.Helper()
	list, err := s.streams.ListStreams(ctx(), &dynamodbstreams.ListStreamsInput{TableName: &table})
	if err != nil || len(list.Streams) != 1 {
		s.t.Fatalf("streams of %s: %+v %v", table, list, err)
	}
	streamARN = *list.Streams[0].StreamArn
	out, err := s.streams.DescribeStream(ctx(), &dynamodbstreams.DescribeStreamInput{StreamArn: &streamARN})
	if err != nil || len(out.StreamDescription.Shards) == 0 {
		s.t.Fatalf("stream of %s: %+v %v", table, out, err)
	}
	return streamARN, *out.StreamDescription.Shards[0].ShardId
}

func (s *suite) iterator(table string, kind streamtypes.ShardIteratorType, sequence string) (*string, error) {
	streamARN, shard := s.shard(table)
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &streamARN, ShardId: &shard, ShardIteratorType: kind}
	if sequence != "" {
		in.SequenceNumber = &sequence
	}
	out, err := s.streams.GetShardIterator(ctx(), in)
	if err != nil {
		return nil, err
	}
	return out.ShardIterator, nil
}

// read follows an iterator until it has n records.
func (s *suite) read(iterator *string, n int) []streamtypes.Record {
	s.t.Helper()
	var records []streamtypes.Record
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		out, err := s.streams.GetRecords(ctx(), &dynamodbstreams.GetRecordsInput{ShardIterator: iterator})
		if err != nil {
			s.t.Fatal(err)
		}
		records = append(records, out.Records...)
		iterator = out.NextShardIterator
		if len(records) >= n && len(out.Records) == 0 {
			break
		}
	}
	if len(records) != n {
		s.t.Fatalf("%d records, want %d", len(records), n)
	}
	return records
}

func (s *suite) horizon(table string) *string {
	s.t.Helper()
	it, err := s.iterator(table, streamtypes.ShardIteratorTypeTrimHorizon, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return it
}

func streamed(it map[string]streamtypes.AttributeValue) string {
	n := "-"
	if v, ok := it["n"].(*streamtypes.AttributeValueMemberN); ok {
		n = v.Value
	}
	if it == nil {
		return "nil"
	}
	return fmt.Sprintf("%d:%s", len(it), n)
}

func TestStreamViews(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	for view, want := range map[types.StreamViewType][]string{
		types.StreamViewTypeKeysOnly:        {"nil nil", "nil nil", "nil nil"},
		types.StreamViewTypeNewImage:        {"nil 3:1", "nil 3:2", "nil nil"},
		types.StreamViewTypeOldImage:        {"nil nil", "3:1 nil", "3:2 nil"},
		types.StreamViewTypeNewAndOldImages: {"nil 3:1", "3:1 3:2", "3:2 nil"},
	} {
		name := s.streamed(view)
		s.put(name, item("pk", "p", "sk", "s", "n", 1))
		if _, err := s.update(name, "SET n = :two", item(":two", 2)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.db.DeleteItem(ctx(), &ddb.DeleteItemInput{TableName: &name, Key: headKey}); err != nil {
			t.Fatal(err)
		}
		last := ""
		for i, r := range s.read(s.horizon(name), 3) {
			if got := streamed(r.Dynamodb.OldImage) + " " + streamed(r.Dynamodb.NewImage); got != want[i] {
				t.Errorf("%s, record %d: images %s, want %s", view, i, got, want[i])
			}
			event := []streamtypes.OperationType{streamtypes.OperationTypeInsert, streamtypes.OperationTypeModify, streamtypes.OperationTypeRemove}[i]
			if r.EventName != event || len(r.Dynamodb.Keys) != 2 || r.Dynamodb.StreamViewType != streamtypes.StreamViewType(view) || r.UserIdentity != nil {
				t.Errorf("%s, record %d is %+v", view, i, r)
			}
			sequence := *r.Dynamodb.SequenceNumber
			if len(sequence) < 21 || len(sequence) == len(last) && sequence <= last || len(sequence) < len(last) {
				t.Errorf("sequence number %s follows %s", sequence, last)
			}
			last = sequence
			if r.Dynamodb.ApproximateCreationDateTime == nil || aws.ToInt64(r.Dynamodb.SizeBytes) == 0 || aws.ToString(r.EventID) == "" {
				t.Errorf("incomplete: %+v", r.Dynamodb)
			}
		}
	}
}

func TestNoStreamRecordWithoutChange(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.streamed(types.StreamViewTypeNewImage)
	s.put(name, item("pk", "p", "sk", "s", "n", 1, "ss", strs("a", "b")))
	s.put(name, item("pk", "p", "sk", "s", "n", num("1.0"), "ss", strs("b", "a")))
	if _, err := s.update(name, "SET n = :one REMOVE nothing ADD ss :a", item(":one", 1, ":a", strs("a"))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.DeleteItem(ctx(), &ddb.DeleteItemInput{TableName: &name, Key: key("none")}); err != nil {
		t.Fatal(err)
	}
	_, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: key("s"), ConditionExpression: aws.String("attribute_not_exists(pk)")})
	wantError(t, err, "ConditionalCheckFailedException")
	wantReasons(t, s.transact(putOf(name, key("t")), types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: &name, Key: key("u"), ConditionExpression: aws.String("attribute_exists(pk)")}}),
		"None", "ConditionalCheckFailed")
	s.put(name, key("end"))
	s.read(s.horizon(name), 2)
}

func TestShardIterators(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.streamed(types.StreamViewTypeKeysOnly)
	for i := range 5 {
		s.put(name, key(fmt.Sprint(i)))
	}
	all := s.read(s.horizon(name), 5)
	third := *all[2].Dynamodb.SequenceNumber
	at, err := s.iterator(name, streamtypes.ShardIteratorTypeAtSequenceNumber, third)
	if err != nil {
		t.Fatal(err)
	}
	s.read(at, 3)
	after, err := s.iterator(name, streamtypes.ShardIteratorTypeAfterSequenceNumber, third)
	if err != nil {
		t.Fatal(err)
	}
	s.read(after, 2)
	latest, err := s.iterator(name, streamtypes.ShardIteratorTypeLatest, "")
	if err != nil {
		t.Fatal(err)
	}
	s.put(name, key("new"))
	if r := s.read(latest, 1); r[0].Dynamodb.Keys["sk"].(*streamtypes.AttributeValueMemberS).Value != "new" {
		t.Errorf("the latest is %+v", r[0].Dynamodb.Keys)
	}
	out, err := s.streams.GetRecords(ctx(), &dynamodbstreams.GetRecordsInput{ShardIterator: s.horizon(name), Limit: aws.Int32(4)})
	if err != nil || len(out.Records) != 4 {
		t.Fatalf("a limit of 4: %v", err)
	}
	s.read(out.NextShardIterator, 2)
	_, err = s.iterator(name, streamtypes.ShardIteratorTypeAtSequenceNumber, "nonsense")
	if err == nil {
		t.Error("a sequence number of letters was accepted")
	}
	_, err = s.streams.GetRecords(ctx(), &dynamodbstreams.GetRecordsInput{ShardIterator: aws.String("nonsense")})
	wantError(t, err, "ValidationException")
	streamARN, _ := s.shard(name)
	_, err = s.streams.GetShardIterator(ctx(), &dynamodbstreams.GetShardIteratorInput{StreamArn: &streamARN, ShardId: aws.String("shardId-00000000000000000000-none"), ShardIteratorType: streamtypes.ShardIteratorTypeLatest})
	wantError(t, err, "ResourceNotFoundException")
	_, err = s.streams.DescribeStream(ctx(), &dynamodbstreams.DescribeStreamInput{StreamArn: aws.String(streamARN + "0")})
	wantError(t, err, "ResourceNotFoundException")
}

// Records are in the order of each item's changes, transactions included.
func TestStreamOrderUnderConcurrency(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.streamed(types.StreamViewTypeNewImage)
	const clients, each = 8, 25
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for range each {
				for {
					_, err := s.db.UpdateItem(ctx(), &ddb.UpdateItemInput{TableName: &name, Key: key(fmt.Sprint(c % 3)), UpdateExpression: aws.String("ADD n :one"), ExpressionAttributeValues: item(":one", 1)})
					if err == nil {
						break
					}
					var conflict *types.TransactionConflictException
					if !errors.As(err, &conflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	counters := make(map[string]int)
	for _, r := range s.read(s.horizon(name), clients*each) {
		sk := r.Dynamodb.NewImage["sk"].(*streamtypes.AttributeValueMemberS).Value
		counters[sk]++
		if got := r.Dynamodb.NewImage["n"].(*streamtypes.AttributeValueMemberN).Value; got != fmt.Sprint(counters[sk]) {
			t.Fatalf("item %s: image %s comes as number %d", sk, got, counters[sk])
		}
	}
}

func TestStreamIsTrimmed(t *testing.T) {
	t.Parallel()
	s := ownSuite(t, dynamodb.Options{})
	name := s.streamed(types.StreamViewTypeKeysOnly)
	s.put(name, key("old"))
	first := *s.read(s.horizon(name), 1)[0].Dynamodb.SequenceNumber
	early := s.horizon(name)
	s.clock.advance(10 * time.Minute)
	s.put(name, key("new"))
	s.clock.advance(24*time.Hour - 5*time.Minute)
	s.read(s.horizon(name), 1)
	_, err := s.iterator(name, streamtypes.ShardIteratorTypeAtSequenceNumber, first)
	var trimmed *streamtypes.TrimmedDataAccessException
	if !errors.As(err, &trimmed) {
		t.Errorf("reading what was trimmed: %v", err)
	}
	_, err = s.streams.GetRecords(ctx(), &dynamodbstreams.GetRecordsInput{ShardIterator: early})
	var expired *streamtypes.ExpiredIteratorException
	if !errors.As(err, &expired) {
		t.Errorf("an iterator of yesterday: %v", err)
	}
}

func TestChangedWakes(t *testing.T) {
	t.Parallel()
	s := ownSuite(t, dynamodb.Options{})
	name := s.streamed(types.StreamViewTypeKeysOnly)
	changed := s.engine.Changed(name)
	select {
	case <-changed:
		t.Fatal("nothing has changed")
	default:
	}
	s.put(name, key("a"))
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("a record was written and nobody woke")
	}
	s.read(s.horizon(name), 1)
	if s.engine.Changed(s.table()) != nil {
		t.Error("a table without a stream never changes")
	}
}

func TestTimeToLive(t *testing.T) {
	t.Parallel()
	s := ownSuite(t, dynamodb.Options{})
	name := s.streamed(types.StreamViewTypeNewAndOldImages)
	if _, err := s.db.UpdateTimeToLive(ctx(), &ddb.UpdateTimeToLiveInput{TableName: &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("ttl"), Enabled: aws.Bool(true)}}); err != nil {
		t.Fatal(err)
	}
	now := int(s.clock.now().Unix())
	s.put(name, item("pk", "p", "sk", "soon", "ttl", now+60))
	s.put(name, item("pk", "p", "sk", "later", "ttl", now+600))
	s.put(name, item("pk", "p", "sk", "postponed", "ttl", now+60))
	s.put(name, item("pk", "p", "sk", "text", "ttl", fmt.Sprint(now+60)))
	s.put(name, item("pk", "p", "sk", "ancient", "ttl", 1000))
	s.put(name, item("pk", "p", "sk", "never"))
	s.put(name, item("pk", "p", "sk", "postponed", "ttl", now+600))
	if n := s.engine.ExpireNow(); n != 0 {
		t.Errorf("%d items expired early", n)
	}
	s.clock.advance(61 * time.Second)
	if s.get(name, key("soon")) == nil {
		t.Error("what has expired can be read until it is swept")
	}
	if n := s.engine.ExpireNow(); n != 1 {
		t.Errorf("%d items expired, want 1", n)
	}
	if got := s.get(name, key("soon")); got != nil {
		t.Errorf("still there: %v", got)
	}
	out := s.query(&ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item(":p", "p")})
	if got := strings.Join(sortKeys(out.Items), " "); got != "ancient later never postponed text" {
		t.Errorf("left are %s", got)
	}
	r := s.read(s.horizon(name), 8)[7]
	if r.EventName != streamtypes.OperationTypeRemove || r.UserIdentity == nil || *r.UserIdentity.PrincipalId != "dynamodb.amazonaws.com" || *r.UserIdentity.Type != "Service" || r.Dynamodb.OldImage == nil {
		t.Errorf("the deletion's record is %+v, %+v", r, r.UserIdentity)
	}
}
