// Package function is what the mains of several functions would repeat: the same store, queues and delivery out of
// the same variables, and the check before the first event. What only one function has is wired in its main, and what
// needs none of this (connect) does without it.
package function

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/gateway"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/internal/telemetry"
)

// Function is a function that is being wired. Each method names the variables that it reads; what is missing is told
// by Start, all at once.
type Function struct {
	Env *config.Reader
	AWS config.AWS
	Log *slog.Logger
}

// New begins with the process's environment. Environment: AWS_REGION, LOG_LEVEL (optional).
func New() *Function {
	env := config.FromEnvironment()
	return &Function{Env: env, AWS: env.AWS(), Log: telemetry.Logger(env)}
}

// Store is both tables. Environment: CHAT_TABLE, CONNECTION_TABLE, RESTORE_EPOCH (optional).
func (f *Function) Store() *dynamo.Store {
	return &dynamo.Store{
		API: dynamodb.NewFromConfig(f.AWS.DynamoDB()), Chat: f.Env.Required("CHAT_TABLE"), Connections: f.Env.Required("CONNECTION_TABLE"),
		Epoch: uint32(f.Env.Uint("RESTORE_EPOCH", 16)),
	}
}

// Pusher posts to connections. Environment: WS_ENDPOINT.
func (f *Function) Pusher() gateway.Pusher {
	return gateway.Pusher{API: apigatewaymanagementapi.NewFromConfig(f.AWS.Connections())}
}

func (f *Function) sqs() *sqs.Client { return sqs.NewFromConfig(f.AWS.SQS()) }

// Delivery pushes, and queues what it cannot push. It tells neither routing nor the live desk: whose events concern
// them sets the two. Environment: WS_ENDPOINT, DELIVERY_QUEUE_URL.
func (f *Function) Delivery(store *dynamo.Store) *chat.Delivery {
	return &chat.Delivery{
		Push: f.Pusher(), Queue: &queue.Delivery{API: f.sqs(), URL: f.Env.Required("DELIVERY_QUEUE_URL")},
		Reader: store, Rows: store, Subs: store, Sockets: store, Encode: protocol.Encoder{},
	}
}

// Routing is the queue of departments to look after. Environment: ROUTING_QUEUE_URL.
func (f *Function) Routing() *queue.Routing {
	return &queue.Routing{API: f.sqs(), URL: f.Env.Required("ROUTING_QUEUE_URL")}
}

// Desk is the queue of changes that the live desk shows. Environment: DESK_QUEUE_URL.
func (f *Function) Desk() *queue.Desk {
	return &queue.Desk{API: f.sqs(), URL: f.Env.Required("DESK_QUEUE_URL")}
}

// Timers is the queue of what is due within minutes. Environment: TIMER_QUEUE_URL.
func (f *Function) Timers() *queue.Timers {
	return &queue.Timers{API: f.sqs(), URL: f.Env.Required("TIMER_QUEUE_URL")}
}

// Retry brings failed messages of these queues back before their visibility timeout ends. Environment: the variables
// named, each with a queue's URL.
func (f *Function) Retry(variables ...string) *queue.Retry {
	r := &queue.Retry{API: f.sqs()}
	for _, v := range variables {
		r.URLs = append(r.URLs, f.Env.Required(v))
	}
	return r
}

// Start serves events with the handler, as lambda.Start takes it. It does not return: where the environment is
// wrong, it names all of it and ends the process.
func (f *Function) Start(handler any) {
	if err := f.Env.Err(); err != nil {
		f.Log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}
