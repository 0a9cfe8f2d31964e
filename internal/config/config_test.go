package config

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func reader(env map[string]string) *Reader {
	return &Reader{lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
}

// A wrong deployment names all that is wrong at once, not one variable per deployment.
func TestEverythingMissingIsNamed(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{"EMPTY": "", "EPOCH": "70000", "COUNT": "many", "NEGATIVE": "-1"})
	a := r.AWS()
	a.Connections()
	r.Required("CHAT_TABLE")
	r.Required("EMPTY")
	r.Uint("EPOCH", 16)
	r.Uint("COUNT", 32)
	r.Uint("NEGATIVE", 32)
	err := r.Err()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, name := range []string{"AWS_REGION", "WS_ENDPOINT", "CHAT_TABLE", "EMPTY", "EPOCH", "COUNT", "NEGATIVE"} {
		if strings.Count(err.Error(), name+" ")+strings.Count(err.Error(), name+":") != 1 {
			t.Errorf("%s is not named once in: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "many") || strings.Contains(err.Error(), "70000") {
		t.Errorf("values may be secrets: %v", err)
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{"A": "a", "EMPTY": "", "N": "65535"})
	if r.Required("A") != "a" || r.Optional("A", "x") != "a" || r.Optional("EMPTY", "x") != "x" || r.Optional("NONE", "x") != "x" {
		t.Error("values are not what the environment says")
	}
	if r.Uint("N", 16) != 65535 || r.Uint("NONE", 16) != 0 || r.Uint("EMPTY", 16) != 0 {
		t.Error("numbers are not what the environment says")
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

func TestFromEnvironment(t *testing.T) {
	t.Setenv("PARLEY_TEST_VARIABLE", "x")
	if r := FromEnvironment(); r.Required("PARLEY_TEST_VARIABLE") != "x" || r.Err() != nil {
		t.Error(r.Err())
	}
}

func TestCredentialsAreReadAtEveryCall(t *testing.T) {
	t.Parallel()
	env := map[string]string{"AWS_REGION": "eu-central-1"}
	r := reader(env)
	a := r.AWS()
	if _, err := a.config.Credentials.Retrieve(t.Context()); err == nil {
		t.Error("no credentials, and yet no error")
	}
	env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"] = "id", "secret", "token"
	c, err := a.config.Credentials.Retrieve(t.Context())
	if err != nil || c.AccessKeyID != "id" || c.SecretAccessKey != "secret" || c.SessionToken != "token" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	a := reader(map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:2", "WS_ENDPOINT": "http://127.0.0.1:3/prod",
		"AWS_ENDPOINT_URL_DYNAMODB_STREAMS": "http://127.0.0.1:4",
	}).AWS()
	d, q := dynamodb.NewFromConfig(a.DynamoDB()).Options(), sqs.NewFromConfig(a.SQS()).Options()
	c := apigatewaymanagementapi.NewFromConfig(a.Connections()).Options()
	if aws.ToString(d.BaseEndpoint) != "http://127.0.0.1:1" || aws.ToString(q.BaseEndpoint) != "http://127.0.0.1:2" || aws.ToString(c.BaseEndpoint) != "http://127.0.0.1:3/prod" {
		t.Error(aws.ToString(d.BaseEndpoint), aws.ToString(q.BaseEndpoint), aws.ToString(c.BaseEndpoint))
	}
	if streams := dynamodbstreams.NewFromConfig(a.Streams()).Options(); aws.ToString(streams.BaseEndpoint) != "http://127.0.0.1:4" {
		t.Error(aws.ToString(streams.BaseEndpoint))
	}
	if c.Retryer.MaxAttempts() != 1 {
		t.Errorf("a push is tried %d times", c.Retryer.MaxAttempts())
	}
	plain := reader(map[string]string{"AWS_REGION": "eu-central-1"}).AWS()
	if plain.DynamoDB().BaseEndpoint != nil || plain.SQS().BaseEndpoint != nil || plain.Streams().BaseEndpoint != nil {
		t.Error("on AWS the endpoint is the region's")
	}
}

// A throttled call is tried again within a command's time, and not all callers at once.
func TestDynamoDBRetriesSoon(t *testing.T) {
	t.Parallel()
	d := dynamodb.NewFromConfig(reader(map[string]string{"AWS_REGION": "eu-central-1"}).AWS().DynamoDB()).Options()
	if n := d.Retryer.MaxAttempts(); n != 3 {
		t.Errorf("%d tries", n)
	}
	for tries := range 20 {
		bound := 25 * time.Millisecond << min(max(tries-1, 0), 5)
		if pause, err := d.Retryer.RetryDelay(tries, nil); err != nil || pause < 0 || pause >= bound {
			t.Errorf("after %d tries: %s, %v", tries, pause, err)
		}
	}
}
