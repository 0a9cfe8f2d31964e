// Command authorizer is the Lambda REQUEST authorizer of the WebSocket API: it redeems the one-time ticket.
//
// Environment: CONNECTION_TABLE.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/telemetry"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	env := config.FromEnvironment()
	log := telemetry.Logger(env)
	store := &dynamo.Store{API: env.AWS().DynamoDB(), Connections: env.Required("CONNECTION_TABLE")}
	if err := env.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	handler := &wsauth.Authorizer{Tickets: &identity.Tickets{Store: dynamo.Identity{Store: store}}, Log: log}
	lambda.Start(handler)
}
