// Command relay works off the chat table's stream: integration jobs, and tails into chunks. It also makes up for what
// the stream's mapping gave up on.
package main

import (
	"log/slog"
	"os"
	"time"
	_ "time/tzdata" // business hours have time zones; the image need not

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/internal/streams"
	"github.com/parley-chat/parley/internal/telemetry"
	"github.com/parley-chat/parley/internal/worker"
	"github.com/parley-chat/parley/internal/workspace"
)

// subscriptionLife is how long a process remembers a workspace's subscriptions.
const subscriptionLife = 30 * time.Second

func main() {
	env := config.FromEnvironment()
	aws := env.AWS()
	store := &dynamo.Store{API: dynamodb.NewFromConfig(aws.DynamoDB()), Chat: env.Required("CHAT_TABLE"), Epoch: uint32(env.Uint("RESTORE_EPOCH", 16)), Moves: &dynamo.Moves{}}
	stream := &streams.Stream{API: dynamodbstreams.NewFromConfig(aws.Streams())}
	jobs := sqs.NewFromConfig(aws.SQS())
	timers := &chat.Timetable{Queue: &queue.Timers{API: jobs, URL: env.Required("TIMER_QUEUE_URL")}, Dues: store}
	arming := &chat.Arming{Timers: timers, Active: store, States: store}
	settings := &workspace.Cache{Store: &dynamo.Workspace{Store: store}}
	settings.Arm(arming)
	relay := &worker.Relay{
		Relay: &chat.Relay{
			Arming:  arming,
			Routing: &queue.Routing{API: jobs, URL: env.Required("ROUTING_QUEUE_URL")},
			Deliver: &queue.Delivery{API: jobs, URL: env.Required("DELIVERY_QUEUE_URL")},
			Desk:    &queue.Desk{API: jobs, URL: env.Required("DESK_QUEUE_URL")},
			Reader:  store, Tails: store, Own: store, Mentions: store,
			Subscriptions: &workspace.Subscribers{
				Source: &dynamo.CachedSubscriptions{Source: store, TTL: subscriptionLife, Now: time.Now}, Settings: settings,
			},
			Queue: &workspace.Sorted{
				Automation:   &queue.Integration{API: jobs, URL: env.Required("AUTOMATION_QUEUE_URL")},
				Integrations: &queue.Integration{API: jobs, URL: env.Required("INTEGRATION_QUEUE_URL")},
			},
		},
		Head:     store.HeadOfImage,
		Ends:     store.EndsOfImage,
		Own:      store.OwnOfImages,
		Appended: stream.Appended,
		Failures: &queue.Failures{API: jobs, URL: env.Required("RELAY_FAILURES_URL")},
		Log:      telemetry.Logger(env),
	}
	if err := env.Err(); err != nil {
		slog.Error("configuration", "error", err)
		os.Exit(1)
	}
	lambda.Start(relay)
}
