// Command socket serves every message of the WebSocket API.
package main

import (
	"log/slog"
	"os"
	"time"
	_ "time/tzdata" // business hours have time zones; the image need not

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/gateway"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/internal/telemetry"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/internal/wsapi"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	env := config.FromEnvironment()
	aws := env.AWS()
	epoch := uint32(env.Uint("RESTORE_EPOCH", 16))
	store := &dynamo.Store{API: aws.DynamoDB(), Chat: env.Required("CHAT_TABLE"), Connections: env.Required("CONNECTION_TABLE"), Epoch: epoch}
	routing := &queue.Routing{API: aws.SQS(), URL: env.Required("ROUTING_QUEUE_URL")}
	desk := &queue.Desk{API: aws.SQS(), URL: env.Required("DESK_QUEUE_URL")}
	delivery := &chat.Delivery{
		Push:   gateway.Pusher{API: aws.Connections()},
		Queue:  &queue.Delivery{API: aws.SQS(), URL: env.Required("DELIVERY_QUEUE_URL")},
		Reader: store, Rows: store, Subs: store, Sockets: store, Encode: protocol.Encoder{},
		Routing: routing, Desk: desk,
	}
	settings := &workspace.Cache{Store: &dynamo.Workspace{Store: store}}
	service := &chat.Service{
		Log: store, Reader: store, Subs: store, Dir: store, Sockets: store, Tails: store, Delivery: delivery,
		States: store, Colleague: dynamo.Identity{Store: store}.Colleague, Staff: store, Entries: store, Routing: routing, Desk: desk,
		Sessions: &identity.Sessions{Store: dynamo.Identity{Store: store}}, Arrivals: identity.Arrivals{Store: dynamo.Identity{Store: store}},
		Epoch: epoch, Rate: chat.DefaultRate, SizeOf: protocol.EventSize,
	}
	settings.Serve(service)
	handler := &wsapi.Handler{
		Chat: service,
		Live: &chat.LiveDesk{Store: store, Dir: store, Staff: store, States: store, Visitors: store, Queue: desk, Departments: settings.Departments},
		Visits: &chat.Visits{
			Store: store, Policy: settings.Visits, Chat: service, Lease: time.Duration(env.Uint("VISIT_LEASE", 16)) * time.Second,
		},
		Delivery: delivery, Principal: wsauth.Principal, Log: telemetry.Logger(env),
	}
	if err := env.Err(); err != nil {
		slog.Error("configuration", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}
