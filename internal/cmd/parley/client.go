package main

import (
	"cmp"
	"errors"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/password"
)

// registrar is what seed writes with.
type registrar interface {
	identity.Registry
	Hash(password string) (string, error)
}

// registry is the registrar of a deployment.
func registry(api dynamo.API, table string) registrar {
	return struct {
		identity.Registry
		password.Argon2id
	}{dynamo.Identity{Store: &dynamo.Store{API: api, Chat: table}}, password.Argon2id{}}
}

// newDynamoDB makes a client from the environment: AWS_ENDPOINT_URL_DYNAMODB if set, else AWS itself in AWS_REGION,
// with the keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (`aws configure
// export-credentials --format env` prints those of a profile). An endpoint on this machine needs neither.
func newDynamoDB(env func(string) string) (*dynamodb.Client, error) {
	endpoint, region, keyID, secret := env("AWS_ENDPOINT_URL_DYNAMODB"), env("AWS_REGION"), env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")
	if isLocal(endpoint) {
		region, keyID, secret = cmp.Or(region, "us-east-1"), cmp.Or(keyID, "local"), cmp.Or(secret, "local")
	}
	if region == "" || keyID == "" || secret == "" {
		return nil, errors.New("AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed in the environment")
	}
	options := dynamodb.Options{
		Region:      region,
		Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, env("AWS_SESSION_TOKEN")),
	}
	if endpoint != "" {
		options.BaseEndpoint = &endpoint
	}
	return dynamodb.New(options), nil
}
