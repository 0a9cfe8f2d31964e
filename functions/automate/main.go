// Command automate works off the automation queue: it lets the workspace's rules act on what has happened.
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
		Reader: store, Rows: store, Subs: store, Sockets: store, Encode: protocol.Encoder{}, Routing: routing,
	}
	service := &chat.Service{
		Log: store, Reader: store, Subs: store, Dir: store, Sockets: store, States: store, Staff: store, Entries: store, Tails: store,
		Routing: routing, Delivery: delivery, Colleague: dynamo.Identity{Store: store}.Colleague, Epoch: epoch, SizeOf: protocol.EventSize,
	}
	kept := &dynamo.Workspace{Store: store}
	settings := &workspace.Cache{Store: kept}
	settings.Serve(service)
	automate := &worker.Automate{
		Rules: &workspace.Automation{
			Settings: settings, Runs: kept, Chat: service, Log: store, States: store, Directory: store, Deliver: delivery, Who: kept.Who,
		},
		Log: telemetry.Logger(env),
	}
	if err := env.Err(); err != nil {
		slog.Error("configuration", "error", err)
		os.Exit(1)
	}
	lambda.Start(automate.Handle)
}
