// Command timer carries out timers that have come due, and once a minute looks after what may not stick.
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
	delayed := &queue.Timers{API: aws.SQS(), URL: env.Required("TIMER_QUEUE_URL")}
	timers := &chat.Timetable{Queue: delayed, Dues: store}
	desk := &queue.Desk{API: aws.SQS(), URL: env.Required("DESK_QUEUE_URL")}
	service := &chat.Service{
		Desk: desk,
		Log:  store, Reader: store, Dir: store, Sockets: store, Staff: store, Entries: store, States: store, Routing: routing, Timers: timers, Epoch: epoch,
		Delivery: &chat.Delivery{
			Push:   gateway.Pusher{API: aws.Connections()},
			Queue:  &queue.Delivery{API: aws.SQS(), URL: env.Required("DELIVERY_QUEUE_URL")},
			Reader: store, Rows: store, Subs: store, Sockets: store, Encode: protocol.Encoder{}, Routing: routing, Desk: desk,
		},
	}
	arming := &chat.Arming{Timers: timers, States: store}
	keeper := &chat.Timekeeper{
		Chat: service, Actions: service, Timers: timers, Routing: routing, Staff: store, Turns: store, Active: store, Arming: arming,
	}
	settings := &workspace.Cache{Store: &dynamo.Workspace{Store: store}}
	settings.Serve(service)
	settings.Arm(arming)
	settings.Keep(keeper)
	timer := &worker.Timer{
		Timers: keeper,
		Sweep:  &chat.Sweep{Dues: store, Queue: delayed, Active: store},
		Log:    telemetry.Logger(env),
	}
	if err := env.Err(); err != nil {
		slog.Error("configuration", "error", err)
		os.Exit(1)
	}
	lambda.Start(timer)
}
