// Command worker does jobs from the queue (it pushes their text to a connection) and counts changes of the table.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type worker struct {
	tables  *dynamodb.Client
	sockets *apigatewaymanagementapi.Client
	table   string
}

func main() {
	keys := credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), "")
	config := aws.Config{Region: os.Getenv("AWS_REGION"), Credentials: keys}
	w := &worker{table: os.Getenv("TABLE"),
		tables:  dynamodb.NewFromConfig(config, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")) }),
		sockets: apigatewaymanagementapi.NewFromConfig(config, func(o *apigatewaymanagementapi.Options) { o.BaseEndpoint = aws.String(os.Getenv("SOCKETS")) })}
	lambda.Start(w.handle)
}

func (w *worker) handle(ctx context.Context, event json.RawMessage) (events.SQSEventResponse, error) {
	if bytes.Contains(event, []byte(`"eventSource":"aws:dynamodb"`)) {
		return events.SQSEventResponse{}, w.changes(ctx, event)
	}
	var jobs events.SQSEvent
	if err := json.Unmarshal(event, &jobs); err != nil {
		return events.SQSEventResponse{}, err
	}
	var answer events.SQSEventResponse
	for _, record := range jobs.Records {
		if w.job(ctx, record.Body) != nil {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return answer, nil
}

func (w *worker) job(ctx context.Context, body string) error {
	var job struct{ Connection, Text string }
	if err := json.Unmarshal([]byte(body), &job); err != nil {
		return err
	}
	_, err := w.sockets.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &job.Connection, Data: []byte(job.Text)})
	return err
}

func (w *worker) changes(ctx context.Context, event json.RawMessage) error {
	var changes events.DynamoDBEvent
	if err := json.Unmarshal(event, &changes); err != nil {
		return err
	}
	_, err := w.tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &w.table,
		Key:              map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "changes"}},
		UpdateExpression: aws.String("ADD n :n"), ExpressionAttributeValues: map[string]types.AttributeValue{":n": &types.AttributeValueMemberN{Value: strconv.Itoa(len(changes.Records))}}})
	return err
}
