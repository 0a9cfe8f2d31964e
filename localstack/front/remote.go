package front

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parley-chat/parley/internal/jsonscan"
	"github.com/parley-chat/parley/localstack/seam"
)

// Remote is a seam.Service that runs elsewhere: LocalStack, DynamoDB Local, or any other server of the same protocol.
// Every call is signed with one fixed key, whoever the caller is: such servers keep data apart by key.
type Remote struct {
	url    string
	region string
	key    aws.Credentials
	client *http.Client
	signer *v4.Signer
	now    func() time.Time
}

// RemoteOptions configure a Remote. URL is required.
type RemoteOptions struct {
	URL                    string // http://127.0.0.1:8000
	Region                 string // default us-east-1
	AccessKeyID, SecretKey string // default local, local
	Client                 *http.Client
	Now                    func() time.Time
}

// NewRemote returns a service at a URL.
func NewRemote(o RemoteOptions) *Remote {
	r := &Remote{url: strings.TrimSuffix(o.URL, "/") + "/", region: o.Region, client: o.Client, signer: v4.NewSigner(), now: o.Now,
		key: aws.Credentials{AccessKeyID: o.AccessKeyID, SecretAccessKey: o.SecretKey}}
	if r.region == "" {
		r.region = "us-east-1"
	}
	if r.key.AccessKeyID == "" {
		r.key = aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}
	}
	if r.client == nil {
		r.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
	}
	if r.now == nil {
		r.now = time.Now
	}
	return r
}

// names holds, by service, the prefix of X-Amz-Target and the name in signatures.
var names = map[string]struct{ target, signing string }{
	seam.DynamoDB: {"DynamoDB_20120810", "dynamodb"}, seam.DynamoDBStreams: {"DynamoDBStreams_20120810", "dynamodb"}, seam.SQS: {"AmazonSQS", "sqs"},
}

// Do sends the call on. When the server cannot be reached the answer is a 503, which SDKs retry.
func (r *Remote) Do(ctx context.Context, call seam.Call) seam.Answer {
	name, known := names[call.Service]
	if !known {
		return failure(http.StatusBadRequest, "com.amazon.coral.service#UnknownOperationException", "no remote for "+call.Service)
	}
	sent := call.Body
	if call.Service == seam.DynamoDB {
		sent = withCapacity(call.Operation, call.Body)
	}
	answer, err := r.send(ctx, name.target+"."+call.Operation, name.signing, sent)
	if err != nil {
		return failure(http.StatusServiceUnavailable, "com.amazon.coral.service#ServiceUnavailableException", err.Error())
	}
	answer.Usage = usage(&call, answer.Body)
	return answer
}

func (r *Remote) send(ctx context.Context, target, service string, body []byte) (seam.Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return seam.Answer{}, err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", target)
	sum := sha256.Sum256(body)
	if err := r.signer.SignHTTP(ctx, r.key, request, hex.EncodeToString(sum[:]), service, r.region, r.now()); err != nil {
		return seam.Answer{}, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return seam.Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return seam.Answer{}, err
	}
	return seam.Answer{Status: response.StatusCode, ErrorType: errorType(response, got), Body: got}, nil
}

// errorType takes the type of an error from its body, else from the header.
func errorType(response *http.Response, body []byte) string {
	if response.StatusCode < http.StatusBadRequest {
		return ""
	}
	kind := ""
	jsonscan.Members(body, func(key string, value []byte) bool {
		if key == "__type" {
			kind = jsonscan.Unquote(value)
		}
		return kind == ""
	})
	if kind == "" {
		kind = response.Header.Get("X-Amzn-Errortype")
	}
	if kind == "" {
		kind = "UnknownError"
	}
	return kind
}

// reads and writes are the item operations that can report their capacity.
var (
	reads  = map[string]bool{"GetItem": true, "BatchGetItem": true, "Query": true, "Scan": true, "TransactGetItems": true}
	writes = map[string]bool{"PutItem": true, "UpdateItem": true, "DeleteItem": true, "BatchWriteItem": true, "TransactWriteItems": true}
)

// withCapacity asks for the consumed capacity, which the meter needs, unless the caller did: then its answer only holds
// a member more than it asked for.
func withCapacity(operation string, body []byte) []byte {
	if !reads[operation] && !writes[operation] {
		return body
	}
	asked, some := false, false
	jsonscan.Members(body, func(key string, _ []byte) bool {
		some = true
		asked = key == "ReturnConsumedCapacity"
		return !asked
	})
	end := bytes.LastIndexByte(body, '}')
	if asked || !some || end < 0 {
		return body
	}
	return append(append([]byte(nil), body[:end]...), `,"ReturnConsumedCapacity":"TOTAL"}`...)
}

// usage reads what a foreign engine says was consumed. For SQS it counts started 64 KB of the larger of both bodies.
func usage(call *seam.Call, answer []byte) []seam.Usage {
	if call.Service == seam.SQS {
		d := Door{}
		_, queue := d.queueNeeds(call, nil)
		return []seam.Usage{{Resource: queue, Requests: float64(max(1, (max(len(call.Body), len(answer))+65535)/65536))}}
	}
	if call.Service != seam.DynamoDB || (!reads[call.Operation] && !writes[call.Operation]) {
		return nil
	}
	var found []seam.Usage
	jsonscan.Members(answer, func(key string, value []byte) bool {
		if key != "ConsumedCapacity" {
			return true
		}
		if value[0] != '[' {
			value = append(append([]byte{'['}, value...), ']')
		}
		jsonscan.Elements(value, func(one []byte) { found = append(found, consumed(call.Operation, one)) })
		return false
	})
	return found
}

func consumed(operation string, raw []byte) seam.Usage {
	var c struct {
		TableName                                            string
		CapacityUnits, ReadCapacityUnits, WriteCapacityUnits float64
	}
	if json.Unmarshal(raw, &c) != nil {
		return seam.Usage{}
	}
	u := seam.Usage{Resource: c.TableName, ReadUnits: c.ReadCapacityUnits, WriteUnits: c.WriteCapacityUnits}
	if u.ReadUnits == 0 && u.WriteUnits == 0 {
		if reads[operation] {
			u.ReadUnits = c.CapacityUnits
		} else {
			u.WriteUnits = c.CapacityUnits
		}
	}
	return u
}
