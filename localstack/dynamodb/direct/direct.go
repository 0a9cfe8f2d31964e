// Package direct connects the real DynamoDB client to an engine in the same process, without a network: for programs
// that need a table of their own for a moment, and for tests that count calls and units.
package direct

import (
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/localstack/seam"
)

// Transport is an HTTP client whose far end is the engine. It may be used by several goroutines.
type Transport struct {
	Engine seam.Service
	// Saw, when set, is told every call with its answer, before the caller is.
	Saw func(seam.Call, seam.Answer)
}

// Do makes one call of the SDK's.
func (t Transport) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	call := seam.Call{Service: seam.DynamoDB, Operation: operation, Body: body}
	answer := t.Engine.Do(r.Context(), call)
	if t.Saw != nil {
		t.Saw(call, answer)
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}}
	header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer.Body)), 10))
	return &http.Response{
		StatusCode: answer.Status, Header: header, Body: io.NopCloser(bytes.NewReader(answer.Body)),
		ContentLength: int64(len(answer.Body)), Request: r, ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// Client makes a client over the transport. It never tries again by itself, so that what it is told is what was asked.
func (t Transport) Client() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("direct", "direct", ""),
		BaseEndpoint: aws.String("http://engine.invalid"), HTTPClient: t, Retryer: aws.NopRetryer{},
	})
}

// CreateTable makes an on-demand table with the keys pk and sk, and no index.
func CreateTable(ctx context.Context, client *dynamodb.Client, name string) error {
	text := types.ScalarAttributeTypeS
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: text}, {AttributeName: aws.String("sk"), AttributeType: text}},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
	})
	return err
}
