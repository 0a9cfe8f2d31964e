// Command echo counts what is said to it, has a job done for each, and answers with the count.
package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

type echo struct {
	tables *dynamodb.Client
	queues *sqs.Client
	table  string
	queue  string
}

func main() {
	keys := credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), "")
	config := aws.Config{Region: os.Getenv("AWS_REGION"), Credentials: keys}
	e := &echo{table: os.Getenv("TABLE"), queue: os.Getenv("QUEUE"),
		tables: dynamodb.NewFromConfig(config, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")) }),
		queues: sqs.NewFromConfig(config, func(o *sqs.Options) { o.BaseEndpoint = aws.String(os.Getenv("AWS_ENDPOINT_URL_SQS")) })}
	lambda.Start(e.handle)
}

type event struct {
	RequestContext struct {
		ConnectionID string `json:"connectionId"`
		EventType    string `json:"eventType"`
	} `json:"requestContext"`
	Headers map[string]string `json:"headers"`
	Query   map[string]string `json:"queryStringParameters"`
	Body    string            `json:"body"`
}

func (e *echo) handle(ctx context.Context, ev event) (events.APIGatewayProxyResponse, error) {
	answer := events.APIGatewayProxyResponse{StatusCode: http.StatusOK}
	if ev.RequestContext.EventType == "CONNECT" {
		if ev.Query["refuse"] != "" { // say which headers came
			names, err := json.Marshal(slices.Sorted(maps.Keys(ev.Headers)))
			return events.APIGatewayProxyResponse{StatusCode: http.StatusTeapot, Body: string(names)}, err
		}
		return answer, nil
	}
	var order struct{ Op, Text string }
	if err := json.Unmarshal([]byte(ev.Body), &order); err != nil {
		return answer, err
	}
	var err error
	switch order.Op {
	case "die":
		os.Exit(1)
	case "sleep":
		time.Sleep(time.Minute)
	case "scan":
		_, err = e.tables.Scan(ctx, &dynamodb.ScanInput{TableName: &e.table})
	default:
		answer.Body, err = e.say(ctx, ev.RequestContext.ConnectionID, order.Text)
	}
	return answer, err
}

func (e *echo) say(ctx context.Context, connection, text string) (string, error) {
	counted, err := e.tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &e.table, ReturnValues: types.ReturnValueUpdatedNew,
		Key:              map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "said"}},
		UpdateExpression: aws.String("ADD n :one"), ExpressionAttributeValues: map[string]types.AttributeValue{":one": &types.AttributeValueMemberN{Value: "1"}}})
	if err != nil {
		return "", err
	}
	job, err := json.Marshal(map[string]string{"connection": connection, "text": text})
	if err != nil {
		return "", err
	}
	if _, err = e.queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &e.queue, MessageBody: aws.String(string(job))}); err != nil {
		return "", err
	}
	return `{"count":` + counted.Attributes["n"].(*types.AttributeValueMemberN).Value + `}`, nil
}
