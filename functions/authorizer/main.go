// Command authorizer is the Lambda REQUEST authorizer of the WebSocket API: it redeems the one-time ticket.
//
// Environment: CONNECTION_TABLE.
package main

import (
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/function"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	f := function.New()
	store := &dynamo.Store{API: f.AWS.DynamoDB(), Connections: f.Env.Required("CONNECTION_TABLE")}
	f.Start(&wsauth.Authorizer{Tickets: &identity.Tickets{Store: dynamo.Identity{Store: store}}, Log: f.Log})
}
