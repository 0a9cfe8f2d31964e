package dynamo

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	engine "github.com/parley-chat/parley/localstack/dynamodb"
)

// endpointVariable names a DynamoDB that nobody here wrote: with it the adapter's suites run there.
const endpointVariable = "PARLEY_DYNAMODB_ENDPOINT"

// newStore returns a store on tables of its own.
func newStore(t testing.TB) *Store {
	t.Helper()
	url, transport := "http://engine.invalid", http.RoundTripper(newEngineTransport(t))
	if foreign := os.Getenv(endpointVariable); foreign != "" {
		url, transport = foreign, &http.Transport{MaxIdleConnsPerHost: 64}
	}
	api := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: &url, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("parleytest", "secret", ""),
	})
	suffix := strings.ToLower(chat.NewID("", time.Now()))
	s := &Store{API: api, Chat: "chat-" + suffix, Connections: "connections-" + suffix}
	createTable(t, api, s.Chat, "departments", "gd", "operators", "go", "customers", "gc")
	createTable(t, api, s.Connections)
	return s
}

// createTable makes a table; indexes are pairs of a name and its partition key, as in template.yaml.
func createTable(t testing.TB, api *dynamodb.Client, name string, indexes ...string) {
	t.Helper()
	key := func(n string, k types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: aws.String(n), KeyType: k}
	}
	attribute := func(n string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(n), AttributeType: types.ScalarAttributeTypeS}
	}
	in := &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{key("pk", types.KeyTypeHash), key("sk", types.KeyTypeRange)},
		AttributeDefinitions: []types.AttributeDefinition{attribute("pk"), attribute("sk")},
	}
	for i := 0; i < len(indexes); i += 2 {
		if i == 0 {
			in.AttributeDefinitions = append(in.AttributeDefinitions, attribute("gt"))
		}
		in.AttributeDefinitions = append(in.AttributeDefinitions, attribute(indexes[i+1]))
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &indexes[i], KeySchema: []types.KeySchemaElement{key(indexes[i+1], types.KeyTypeHash), key("gt", types.KeyTypeRange)},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	_, err := api.CreateTable(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	waiter := dynamodb.NewTableExistsWaiter(api, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second
	})
	if err := waiter.Wait(context.Background(), &dynamodb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
}

func TestLogConforms(t *testing.T) {
	t.Parallel()
	chattest.Conform(t, newStore(t))
}

func newEngineTransport(t testing.TB) *engineTransport {
	t.Helper()
	e, err := engine.New(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &engineTransport{engine: e}
}
