// Command authorizer is the Lambda REQUEST authorizer of the WebSocket API: it redeems the one-time ticket. Every socket
// waits for it, so it is wired without internal/function, which knows services that this one does not need.
//
// Environment: AWS_REGION, CONNECTION_TABLE, LOG_LEVEL (optional).
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/telemetry"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	env := config.FromEnvironment()
	store := &dynamo.Store{API: dynamodb.NewFromConfig(env.AWS().DynamoDB()), Connections: env.Required("CONNECTION_TABLE")}
	authorizer := &wsauth.Authorizer{Tickets: &identity.Tickets{Store: dynamo.Identity{Store: store}}, Log: telemetry.Logger(env)}
	if err := env.Err(); err != nil {
		slog.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(authorizer)
}
