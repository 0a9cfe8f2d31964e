package dynamodb

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// Limits of the DynamoDB Streams API reference.
const (
	maxStreamRecords = 1000
	maxStreamBytes   = 1 << 20
	maxStreamPage    = 100
	// iteratorLifetime is how long a shard iterator may be used: GetShardIterator.
	iteratorLifetime = 15 * time.Minute
	// shardID is the one shard of every stream: AWS's ids are shardId- and 20 digits, a dash and 8 hex digits.
	shardID = "shardId-00000000000000000001-00000001"
)

// label returns the last part of the ARN, by which AWS tells the streams of one table apart.
func (s *stream) label() string { return s.arn[strings.LastIndexByte(s.arn, '/')+1:] }

// streamTable finds the table whose stream has the ARN.
func (e *Engine) streamTable(streamARN string) (*table, *apiError) {
	for _, t := range e.sortedTables() {
		if t.stream != nil && t.stream.arn == streamARN {
			return t, nil
		}
	}
	return nil, &apiError{kind: resourceNotFound, message: "Requested resource not found: Stream: " + streamARN + " not found"}
}

// streamRequest holds the parameters of all stream operations.
type streamRequest struct {
	table, stream, shard, iteratorType, sequence, iterator string

	after string // ExclusiveStartStreamArn or ExclusiveStartShardId
	limit int64
}

// parseStream reads a request that may hold the named members.
func parseStream(body []byte, maxLimit int64, takes ...string) (r streamRequest, err *apiError) {
	d := attr.NewDecoder(body)
	unknown := ""
	r.limit = maxLimit
	for member := range d.Members() {
		name := string(member)
		if !contains(takes, name) || !r.member(d, name) {
			unknown = name
			d.Skip()
		}
	}
	switch bad := d.Finish(); {
	case bad != nil:
		return r, refusal(bad)
	case unknown != "":
		return r, unsupported(unknown)
	case r.limit < 1 || r.limit > maxLimit:
		return r, constraint("'"+attr.IntNumber(r.limit).String()+"'", "limit", fmt.Sprintf("Member must have value between 1 and %d", maxLimit))
	}
	return r, nil
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func (r *streamRequest) member(d *attr.Decoder, name string) bool {
	switch name {
	case "TableName":
		r.table = d.Text()
	case "StreamArn":
		r.stream = d.Text()
	case "ShardId":
		r.shard = d.Text()
	case "ShardIteratorType":
		r.iteratorType = d.Text()
	case "SequenceNumber":
		r.sequence = d.Text()
	case "ShardIterator":
		r.iterator = d.Text()
	case "ExclusiveStartStreamArn", "ExclusiveStartShardId":
		r.after = d.Text()
	case "Limit":
		r.limit = d.Int()
	default:
		return false
	}
	return true
}

func (x *exchange) listStreams(body []byte) ([]byte, *apiError) {
	r, err := parseStream(body, maxStreamPage, "TableName", "ExclusiveStartStreamArn", "Limit")
	if err != nil {
		return nil, err
	}
	var found []*table
	for _, t := range x.engine.sortedTables() {
		if t.stream != nil && (r.table == "" || r.table == t.spec.Name) && t.stream.arn > r.after {
			found = append(found, t)
		}
	}
	last := ""
	if len(found) > int(r.limit) {
		found = found[:r.limit]
		last = found[r.limit-1].stream.arn
	}
	out := attr.AppendArray(attr.AppendMember([]byte{'{'}, "Streams"), found, func(out []byte, t *table) []byte {
		return append(t.appendStream(append(out, '{')), '}')
	})
	if last != "" {
		out = attr.AppendString(attr.AppendMember(out, "LastEvaluatedStreamArn"), last)
	}
	return append(out, '}'), nil
}

func (t *table) appendStream(out []byte) []byte {
	out = attr.AppendString(attr.AppendMember(out, "StreamArn"), t.stream.arn)
	out = attr.AppendString(attr.AppendMember(out, "StreamLabel"), t.stream.label())
	return attr.AppendString(attr.AppendMember(out, "TableName"), t.spec.Name)
}

func (x *exchange) describeStream(body []byte) ([]byte, *apiError) {
	r, err := parseStream(body, maxStreamPage, "StreamArn", "ExclusiveStartShardId", "Limit")
	if err != nil {
		return nil, err
	}
	t, err := x.engine.streamTable(r.stream)
	if err != nil {
		return nil, err
	}
	out := append(attr.AppendMember([]byte{'{'}, "StreamDescription"), '{')
	out = t.appendStream(out)
	out = append(out, `,"StreamStatus":"ENABLED","StreamViewType":"`+t.stream.view+`"`...)
	out = appendUnits(attr.AppendMember(out, "CreationRequestDateTime"), float64(t.created.UnixMilli())/1000)
	out = appendKeySchema(out, t.key)
	out = append(attr.AppendMember(out, "Shards"), '[')
	if r.after < shardID {
		out = append(out, `{"ShardId":"`+shardID+`","SequenceNumberRange":{"StartingSequenceNumber":"`+sequenceNumber(1)+`"}}`...)
	}
	return append(out, "]}}"...), nil
}

func (x *exchange) getShardIterator(body []byte) ([]byte, *apiError) {
	r, err := parseStream(body, 1, "StreamArn", "ShardId", "ShardIteratorType", "SequenceNumber")
	if err != nil {
		return nil, err
	}
	t, err := x.engine.streamTable(r.stream)
	if err != nil {
		return nil, err
	}
	if r.shard != shardID {
		return nil, &apiError{kind: resourceNotFound, message: "Requested resource not found: Shard does not exist"}
	}
	from, err := t.stream.position(&r, x.engine.now())
	if err != nil {
		return nil, err
	}
	out := attr.AppendString(attr.AppendMember([]byte{'{'}, "ShardIterator"), iterator(t.stream.arn, from, x.engine.now()))
	return append(out, '}'), nil
}

// position returns the sequence number at which an iterator begins.
func (s *stream) position(r *streamRequest, now time.Time) (uint64, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trim(now)
	switch r.iteratorType {
	case "TRIM_HORIZON":
		return s.horizon(), nil
	case "LATEST":
		return s.last + 1, nil
	case "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER":
	default:
		return 0, constraint("'"+r.iteratorType+"'", "shardIteratorType",
			"Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, TRIM_HORIZON]")
	}
	seq, ok := parseSequenceNumber(r.sequence)
	switch {
	case !ok || seq > s.last:
		return 0, invalid("Invalid SequenceNumber: %q", r.sequence)
	case r.iteratorType == "AFTER_SEQUENCE_NUMBER":
		seq++
	}
	if seq < s.horizon() {
		return 0, trimmed()
	}
	return seq, nil
}

func trimmed() *apiError {
	return &apiError{kind: trimmedAccess, message: "The operation attempted to read past the oldest stream record in a shard"}
}

// iterator writes a shard iterator: the stream, the next sequence number and when it was made.
func iterator(streamARN string, from uint64, now time.Time) string {
	text := fmt.Sprintf("%d %d %s", from, now.UnixMilli(), streamARN)
	return streamARN + "|1|" + base64.StdEncoding.EncodeToString([]byte(text))
}

func parseIterator(text string) (streamARN string, from uint64, made time.Time, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(text[strings.LastIndexByte(text, '|')+1:])
	if err != nil {
		return "", 0, time.Time{}, false
	}
	fields := strings.SplitN(string(raw), " ", 3)
	if len(fields) != 3 {
		return "", 0, time.Time{}, false
	}
	from, err = strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return "", 0, time.Time{}, false
	}
	millis, err := strconv.ParseInt(fields[1], 10, 64)
	return fields[2], from, time.UnixMilli(millis), err == nil
}

func (x *exchange) getRecords(body []byte) ([]byte, *apiError) {
	r, err := parseStream(body, maxStreamRecords, "ShardIterator", "Limit")
	if err != nil {
		return nil, err
	}
	streamARN, from, made, ok := parseIterator(r.iterator)
	if !ok {
		return nil, invalid("Invalid ShardIterator")
	}
	now := x.engine.now()
	if now.Sub(made) > iteratorLifetime {
		return nil, &apiError{kind: expiredIterator, message: "The shard iterator has expired"}
	}
	t, err := x.engine.streamTable(streamARN)
	if err != nil {
		return nil, err
	}
	records, err := t.stream.read(from, int(r.limit), now)
	if err != nil {
		return nil, err
	}
	out := append(attr.AppendMember([]byte{'{'}, "Records"), '[')
	size := 0
	for i := range records {
		if size >= maxStreamBytes {
			break
		}
		if i > 0 {
			out = append(out, ',')
		}
		rec := &records[i]
		out = x.engine.appendRecord(out, t, rec)
		size += rec.size(t)
		from = rec.seq + 1
		x.saw(rec.position)
	}
	out = attr.AppendString(attr.AppendMember(append(out, ']'), "NextShardIterator"), iterator(streamARN, from, now))
	return append(out, '}'), nil
}

// read returns up to limit records from a sequence number on. Records never change, so they may be used
// without the lock; trim makes another slice.
func (s *stream) read(from uint64, limit int, now time.Time) ([]streamRecord, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trim(now)
	if from < s.horizon() {
		return nil, trimmed()
	}
	found := s.records[s.from(from):]
	return found[:min(limit, len(found))], nil
}

// size returns the bytes of a record: its key and images.
func (r *streamRecord) size(t *table) int {
	old, new := r.images(t.stream.view)
	size := old.Size() + new.Size()
	for _, k := range t.key.all {
		size += len(k.Name) + r.either()[k.Name].Size()
	}
	return size
}

// appendRecord writes a record as GetRecords does; Lambda's events have it in the same form, but for the
// names in userIdentity.
func (e *Engine) appendRecord(out []byte, t *table, r *streamRecord) []byte {
	out = append(out, `{"eventID":"`...)
	out = fmt.Appendf(out, "%s%016x", t.id[:16], r.seq)
	out = append(out, `","eventName":"`+r.eventName()+`","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"`+e.region+`"`...)
	out = append(attr.AppendMember(out, "dynamodb"), '{')
	out = append(strconv.AppendInt(attr.AppendMember(out, "ApproximateCreationDateTime"), r.at.Unix(), 10), ',')
	out = attr.AppendItem(append(out, `"Keys":`...), t.keyOf(r.either()))
	// Before the images, so that who looks for it need not read them.
	out = append(attr.AppendMember(out, "SequenceNumber"), `"`+sequenceNumber(r.seq)+`"`...)
	old, new := r.images(t.stream.view)
	if new != nil {
		out = attr.AppendItem(attr.AppendMember(out, "NewImage"), new)
	}
	if old != nil {
		out = attr.AppendItem(attr.AppendMember(out, "OldImage"), old)
	}
	out = appendUnits(attr.AppendMember(out, "SizeBytes"), float64(r.size(t)))
	out = append(out, `,"StreamViewType":"`+t.stream.view+`"}`...)
	if r.expired {
		out = append(out, `,"userIdentity":{"PrincipalId":"dynamodb.amazonaws.com","Type":"Service"}`...)
	}
	return append(out, '}')
}
