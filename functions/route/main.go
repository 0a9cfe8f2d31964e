// Command route works off the routing queue: it gives waiting conversations to operators.
package main

import (
	"log/slog"
	"os"
	_ "time/tzdata" // business hours have time zones; the image need not

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/gateway"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/internal/telemetry"
	"github.com/parley-chat/parley/internal/worker"
	"github.com/parley-chat/parley/internal/workspace"
)

func main() {
	env := config.FromEnvironment()
	aws := env.AWS()
	epoch := uint32(env.Uint("RESTORE_EPOCH", 16))
	store := &dynamo.Store{API: aws.DynamoDB(), Chat: env.Required("CHAT_TABLE"), Connections: env.Required("CONNECTION_TABLE"), Epoch: epoch}
	routing := &queue.Routing{API: aws.SQS(), URL: env.Required("ROUTING_QUEUE_URL")}
	delivery := &chat.Delivery{
		Push:   gateway.Pusher{API: aws.Connections()},
		Queue:  &queue.Delivery{API: aws.SQS(), URL: env.Required("DELIVERY_QUEUE_URL")},
		Reader: store, Rows: store, Subs: store, Sockets: store, Encode: protocol.Encoder{},
		Desk: &queue.Desk{API: aws.SQS(), URL: env.Required("DESK_QUEUE_URL")},
	}
	service := &chat.Service{
		Log: store, Reader: store, Dir: store, Sockets: store, Staff: store, Entries: store, Routing: routing, Delivery: delivery, Epoch: epoch,
	}
	(&workspace.Cache{Store: &dynamo.Workspace{Store: store}}).Serve(service)
	route := &worker.Route{Chat: service, Log: telemetry.Logger(env)}
	if err := env.Err(); err != nil {
		slog.Error("configuration", "error", err)
		os.Exit(1)
	}
	lambda.Start(route.Handle)
}
