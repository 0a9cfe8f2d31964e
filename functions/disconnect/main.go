// Command disconnect answers the $disconnect route: it forgets the socket, and ends the lease of an operator on duty
// whose last one it was.
//
// Environment: CHAT_TABLE, CONNECTION_TABLE, TIMER_QUEUE_URL.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/internal/telemetry"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	env := config.FromEnvironment()
	log := telemetry.Logger(env)
	aws := env.AWS()
	store := &dynamo.Store{API: aws.DynamoDB(), Chat: env.Required("CHAT_TABLE"), Connections: env.Required("CONNECTION_TABLE")}
	timers := &chat.Timetable{Queue: &queue.Timers{API: aws.SQS(), URL: env.Required("TIMER_QUEUE_URL")}, Dues: store}
	if err := env.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	duty := &chat.Service{Staff: store, Sockets: store, Timers: timers}
	handler := &wsauth.Disconnect{Sockets: store, Duty: duty, Log: log}
	lambda.Start(handler)
}
