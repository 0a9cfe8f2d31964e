// Package config reads a function's environment once, at start, and configures the AWS clients by it. It does
// without the SDK's config module: on Lambda, credentials and region are environment variables, and everything
// else that module can find would only make the binary larger and the cold start longer.
package config

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Reader collects what is missing or malformed, so that a wrong deployment names all of it at once.
type Reader struct {
	lookup func(string) (string, bool)
	errs   []error
}

// FromEnvironment reads the process's environment.
func FromEnvironment() *Reader { return &Reader{lookup: os.LookupEnv} }

// Required returns the variable, and notes its absence.
func (r *Reader) Required(name string) string {
	v, _ := r.lookup(name)
	if v == "" {
		r.errs = append(r.errs, fmt.Errorf("environment variable %s is missing", name))
	}
	return v
}

// Optional returns the variable or the fallback.
func (r *Reader) Optional(name, fallback string) string {
	if v, ok := r.lookup(name); ok && v != "" {
		return v
	}
	return fallback
}

// Uint returns the variable as a number, 0 if it is absent.
func (r *Reader) Uint(name string, bits int) uint64 {
	v, ok := r.lookup(name)
	if !ok || v == "" {
		return 0
	}
	n, err := strconv.ParseUint(v, 10, bits)
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("environment variable %s: not a number of %d bits", name, bits))
	}
	return n
}

// Refuse notes that the environment is wrong in a way that only the caller can see.
func (r *Reader) Refuse(why string) { r.errs = append(r.errs, errors.New("environment variable "+why)) }

// Err returns everything that was wrong.
func (r *Reader) Err() error { return errors.Join(r.errs...) }

// AWS is the shared part of all clients.
type AWS struct {
	config aws.Config
	client wholeRequests
	r      *Reader
}

// idlePerHost: the SDK keeps 10 idle connections to a host; a push to 32 listeners would open and close 22.
const idlePerHost = 64

// AWS builds the clients' configuration.
func (r *Reader) AWS() AWS {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = idlePerHost
	transport.MaxIdleConns = 0
	transport.Protocols, transport.TLSClientConfig = http1(), nil // the copied one offers h2 already
	client := wholeRequests{&http.Client{Transport: transport}}
	return AWS{r: r, client: client, config: aws.Config{
		Region:      r.Required("AWS_REGION"),
		HTTPClient:  client,
		Credentials: aws.CredentialsProviderFunc(r.credentials),
	}}
}

// http1: every request has a connection of its own. The Runtime API, DynamoDB and SQS offer nothing else; where HTTP/2 is
// offered, all pushes of a process would share one connection, and one that broke while the process was frozen would hold
// up all of them. Functions are built without HTTP/2 as well (infra/build.sh): this makes other builds behave alike.
func http1() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

// credentials reads them at every call: they are part of the environment for the life of the process.
func (r *Reader) credentials(context.Context) (aws.Credentials, error) {
	c := aws.Credentials{
		AccessKeyID:     r.Optional("AWS_ACCESS_KEY_ID", ""),
		SecretAccessKey: r.Optional("AWS_SECRET_ACCESS_KEY", ""),
		SessionToken:    r.Optional("AWS_SESSION_TOKEN", ""),
		Source:          "environment",
	}
	if !c.HasKeys() {
		return c, errors.New("no AWS credentials in the environment")
	}
	return c, nil
}

// service is the configuration of one service's client. Its endpoint is the region's, unless AWS_ENDPOINT_URL_ and the
// name is set. An attempt may take so long. The clients themselves are made where they are used: whoever imports a
// service's package carries it, initialisation included, whether it is called or not.
func (a AWS) service(name string, attempt time.Duration) aws.Config {
	c := a.config
	if v := a.r.Optional("AWS_ENDPOINT_URL_"+name, ""); v != "" {
		c.BaseEndpoint = &v
	}
	c.HTTPClient = a.client.within(attempt)
	return c
}

// DynamoDB is for its client. An attempt may take 2 s: ten times the 99.9th percentile that AWS reports for a
// single item, and short enough for a second one within the command's deadline. It is tried again after 25 ms, doubled
// with each try, with full jitter: what AWS's SDK for Java waits for DynamoDB. The Go SDK's second on average for any
// service is longer than a whole command takes, and a throttled partition has room again within milliseconds.
func (a AWS) DynamoDB() aws.Config {
	c := a.service("DYNAMODB", 2*time.Second)
	c.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.Backoff = retry.BackoffDelayerFunc(pauseBefore) })
	}
	return c
}

// pauseBefore is how long the SDK waits after so many tries, from 1.
func pauseBefore(tries int, _ error) (time.Duration, error) {
	return rand.N(25 * time.Millisecond << min(max(tries-1, 0), 5)), nil
}

// Streams is for the client of DynamoDB Streams. A call may return 1 MB of records and take 5 s.
func (a AWS) Streams() aws.Config { return a.service("DYNAMODB_STREAMS", 5*time.Second) }

// SQS is for its client.
func (a AWS) SQS() aws.Config { return a.service("SQS", 2*time.Second) }

// Connections is for the client of @connections. The endpoint is configuration: a queue's or a stream's
// function has no request to take it from, and with a custom domain it cannot be built from one. It does not
// retry: a push that fails goes to the queue, and the SDK's three tries on 429 would take 2.8 s.
func (a AWS) Connections() aws.Config {
	c, endpoint := a.config, a.r.Required("WS_ENDPOINT")
	c.BaseEndpoint = &endpoint
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return c
}
