package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// call makes one call of an engine for the stack itself.
func call(ctx context.Context, service seam.Service, name, operation string, request, result any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	answer := service.Do(ctx, seam.Call{Service: name, Operation: operation, Body: body})
	if answer.ErrorType != "" || answer.Status >= 300 {
		return &callError{operation, answer}
	}
	return json.Unmarshal(answer.Body, result)
}

type callError struct {
	operation string
	answer    seam.Answer
}

func (e *callError) Error() string {
	return fmt.Sprintf("%s: %s (status %d): %.300s", e.operation, e.answer.ErrorType, e.answer.Status, e.answer.Body)
}

// is reports whether err is an AWS error of this type.
func is(err error, kind string) bool {
	var failed *callError
	return errors.As(err, &failed) && strings.HasSuffix(failed.answer.ErrorType, kind)
}

type object = map[string]any

// createTables makes the plan's tables in another engine, unless they exist, and takes over its stream ARNs.
func createTables(ctx context.Context, service seam.Service, plan *template.Plan) error {
	for i := range plan.Tables {
		table := &plan.Tables[i]
		err := call(ctx, service, seam.DynamoDB, "CreateTable", createTable(table), &object{})
		if err != nil && !is(err, "ResourceInUseException") {
			return fmt.Errorf("table %s: %w", table.Name, err)
		}
		created := err == nil
		stream, err := awaitTable(ctx, service, table.Name)
		if err != nil {
			return fmt.Errorf("table %s: %w", table.Name, err)
		}
		adoptStream(plan, table, stream)
		if created && table.TTL != "" {
			request := object{"TableName": table.Name, "TimeToLiveSpecification": object{"AttributeName": table.TTL, "Enabled": true}}
			if err := call(ctx, service, seam.DynamoDB, "UpdateTimeToLive", request, &object{}); err != nil {
				return fmt.Errorf("table %s: %w", table.Name, err)
			}
		}
	}
	return nil
}

// awaitTable waits until a table is active and returns its stream's ARN.
func awaitTable(ctx context.Context, service seam.Service, name string) (stream string, err error) {
	for {
		var described struct {
			Table struct{ TableStatus, LatestStreamArn string }
		}
		if err := call(ctx, service, seam.DynamoDB, "DescribeTable", object{"TableName": name}, &described); err != nil {
			return "", err
		}
		if described.Table.TableStatus == "ACTIVE" {
			return described.Table.LatestStreamArn, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func adoptStream(plan *template.Plan, table *template.Table, stream string) {
	for f := range plan.Functions {
		for m := range plan.Functions[f].Streams {
			if mapping := &plan.Functions[f].Streams[m]; mapping.StreamARN == table.StreamARN {
				mapping.StreamARN = stream
			}
		}
	}
	table.StreamARN = stream
}

func createTable(t *template.Table) object {
	types := map[string]string{}
	request := object{"TableName": t.Name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": keySchema(types, t.Hash, t.Range)}
	for _, index := range t.Indexes {
		projection := object{"ProjectionType": index.Projection}
		if len(index.NonKey) > 0 {
			projection["NonKeyAttributes"] = index.NonKey
		}
		kind := "GlobalSecondaryIndexes"
		if index.Local {
			kind = "LocalSecondaryIndexes"
		}
		list, _ := request[kind].([]object)
		request[kind] = append(list, object{"IndexName": index.Name, "KeySchema": keySchema(types, index.Hash, index.Range), "Projection": projection})
	}
	var attributes []object
	for name, kind := range types {
		attributes = append(attributes, object{"AttributeName": name, "AttributeType": kind})
	}
	request["AttributeDefinitions"] = attributes
	if t.StreamView != "" {
		request["StreamSpecification"] = object{"StreamEnabled": true, "StreamViewType": t.StreamView}
	}
	return request
}

func keySchema(types map[string]string, hash template.Key, sort *template.Key) []object {
	types[hash.Name] = hash.Type
	schema := []object{{"AttributeName": hash.Name, "KeyType": "HASH"}}
	if sort != nil {
		types[sort.Name] = sort.Type
		schema = append(schema, object{"AttributeName": sort.Name, "KeyType": "RANGE"})
	}
	return schema
}

// createQueues makes the plan's queues in another engine, dead-letter queues first, and takes over its URLs for the
// mappings.
func createQueues(ctx context.Context, service seam.Service, plan *template.Plan) error {
	arns := map[string]string{} // theirs by ours
	for _, target := range []bool{true, false} {
		for i := range plan.Queues {
			queue := &plan.Queues[i]
			if (queue.DeadLetterARN == "") != target {
				continue
			}
			arn, err := createQueue(ctx, service, queue, arns)
			if err != nil {
				return fmt.Errorf("queue %s: %w", queue.Name, err)
			}
			arns[queue.ARN] = arn
		}
	}
	return nil
}

func createQueue(ctx context.Context, service seam.Service, q *template.Queue, arns map[string]string) (arn string, err error) {
	var created struct{ QueueURL string }
	request := object{"QueueName": q.Name, "Attributes": queueAttributes(q, arns)}
	if err := call(ctx, service, seam.SQS, "CreateQueue", request, &created); err != nil {
		return "", err
	}
	q.URL = created.QueueURL
	var got struct{ Attributes map[string]string }
	request = object{"QueueUrl": q.URL, "AttributeNames": []string{"QueueArn"}}
	err = call(ctx, service, seam.SQS, "GetQueueAttributes", request, &got)
	return got.Attributes["QueueArn"], err
}

func queueAttributes(q *template.Queue, arns map[string]string) map[string]string {
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	attributes := map[string]string{"VisibilityTimeout": seconds(q.Visibility), "DelaySeconds": seconds(q.Delay),
		"MessageRetentionPeriod": seconds(q.Retention), "ReceiveMessageWaitTimeSeconds": seconds(q.Wait)}
	if q.MaxBytes > 0 {
		attributes["MaximumMessageSize"] = strconv.Itoa(q.MaxBytes)
	}
	if q.FIFO {
		attributes["FifoQueue"] = "true"
		attributes["ContentBasedDeduplication"] = strconv.FormatBool(q.ContentDeduplication)
	}
	if q.HighThroughput {
		attributes["DeduplicationScope"], attributes["FifoThroughputLimit"] = "messageGroup", "perMessageGroupId"
	}
	if q.DeadLetterARN != "" {
		policy, err := json.Marshal(object{"deadLetterTargetArn": arns[q.DeadLetterARN], "maxReceiveCount": strconv.Itoa(q.MaxReceives)})
		if err == nil { // two strings always marshal
			attributes["RedrivePolicy"] = string(policy)
		}
	}
	return attributes
}
