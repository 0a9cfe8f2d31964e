package events

import (
	"context"
	"encoding/json"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/uuid"
)

// failedBatch is the message that an on-failure destination gets: where the records are, not the records (AWS:
// "Retaining records for a failed batch", SQS destinations).
type failedBatch struct {
	RequestContext struct {
		RequestID              string `json:"requestId"`
		FunctionARN            string `json:"functionArn"`
		Condition              string `json:"condition"`
		ApproximateInvokeCount int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	ResponseContext struct {
		StatusCode      int    `json:"statusCode"`
		ExecutedVersion string `json:"executedVersion"`
		FunctionError   string `json:"functionError,omitempty"`
	} `json:"responseContext"`
	Version   string `json:"version"`
	Timestamp string `json:"timestamp"`
	Batch     struct {
		ShardID       string `json:"shardId"`
		StartSequence string `json:"startSequenceNumber"`
		EndSequence   string `json:"endSequenceNumber"`
		FirstArrival  string `json:"approximateArrivalOfFirstRecord"`
		LastArrival   string `json:"approximateArrivalOfLastRecord"`
		BatchSize     int    `json:"batchSize"`
		StreamARN     string `json:"streamArn"`
	} `json:"DDBStreamBatchInfo"`
}

// discard gives records up: the destination is told, if there is one, and the checkpoint moves on.
func (l *lane) discard(batch []*streamRecord, condition string, invocations int, requestID string) {
	s := l.r.s
	s.tally.discarded.Add(uint64(len(batch)))
	s.m.warn("%s: %d record(s) of table %s given up: %s (shard %s, from sequence number %s)",
		s.function.LogicalID, len(batch), resourceName(s.spec.StreamARN), condition, l.r.shard, batch[0].sequence)
	if s.onFailure != nil {
		s.tellDestination(l.describe(batch, condition, invocations, requestID))
	}
	l.r.finish(batch...)
}

func (l *lane) describe(batch []*streamRecord, condition string, invocations int, requestID string) failedBatch {
	const millis = "2006-01-02T15:04:05.000Z"
	s := l.r.s
	if requestID == "" {
		requestID = uuid.New()
	}
	var f failedBatch
	f.RequestContext.RequestID, f.RequestContext.FunctionARN = requestID, s.function.ARN
	f.RequestContext.Condition, f.RequestContext.ApproximateInvokeCount = condition, invocations
	f.ResponseContext.StatusCode, f.ResponseContext.ExecutedVersion, f.ResponseContext.FunctionError = 200, "$LATEST", "Unhandled"
	f.Version, f.Timestamp = "1.0", s.m.opts.Now().UTC().Format(millis)
	first, last := batch[0], batch[len(batch)-1]
	f.Batch.ShardID, f.Batch.StreamARN, f.Batch.BatchSize = l.r.shard, s.spec.StreamARN, len(batch)
	f.Batch.StartSequence, f.Batch.EndSequence = first.sequence, last.sequence
	f.Batch.FirstArrival, f.Batch.LastArrival = first.created.UTC().Format(time.RFC3339), last.created.UTC().Format(time.RFC3339)
	return f
}

// tellDestination sends the message; a failure is tried again a few times and then only said.
func (s *streamMapping) tellDestination(f failedBatch) {
	text, err := json.Marshal(f)
	if err != nil {
		return
	}
	body := appendJSON(nil, map[string]any{"QueueUrl": s.onFailure.URL, "MessageBody": string(text)})
	for attempt := range removeAttempts {
		answer := s.m.opts.Queues.Do(context.Background(), seam.Call{Service: seam.SQS, Operation: "SendMessage", Body: body})
		if err = decodeAnswer(answer, &struct{}{}); err == nil {
			return
		}
		pause(context.Background(), backoff(attempt))
	}
	s.m.warn("the on-failure destination %s could not be told: %v", s.onFailure.Name, err)
}
