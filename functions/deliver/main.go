// Command deliver works off the delivery queue: pushes that a request could not make, and broadcasts.
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
	store := &dynamo.Store{
		API: aws.DynamoDB(), Chat: env.Required("CHAT_TABLE"), Connections: env.Required("CONNECTION_TABLE"),
		Epoch: uint32(env.Uint("RESTORE_EPOCH", 16)),
	}
	push := gateway.Pusher{API: aws.Connections()}
	settings := &workspace.Cache{Store: &dynamo.Workspace{Store: store}}
	deliver := &worker.Deliver{
		Desk: &chat.LiveDesk{
			Store: store, Dir: store, Staff: store, States: store, Visitors: store, Departments: settings.Departments,
			Queue: &queue.Desk{API: aws.SQS(), URL: env.Required("DESK_QUEUE_URL")},
			Push:  push, Sockets: store, Encode: protocol.Encoder{},
		},
		Delivery: &chat.Delivery{
			Push:   push,
			Queue:  &queue.Delivery{API: aws.SQS(), URL: env.Required("DELIVERY_QUEUE_URL")},
			Reader: store, Rows: store, Subs: store, Sockets: store, Encode: protocol.Encoder{},
		},
		Log: telemetry.Logger(env),
	}
	if err := env.Err(); err != nil {
		slog.Error("configuration", "error", err)
		os.Exit(1)
	}
	lambda.Start(deliver.Handle)
}
