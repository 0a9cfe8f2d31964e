// Command api serves the HTTP API.
//
// Environment: CHAT_TABLE, CONNECTION_TABLE, DELIVERY_QUEUE_URL, ROUTING_QUEUE_URL, DESK_QUEUE_URL, WS_ENDPOINT (https, for @connections: signing out closes sockets),
// WS_URL (wss, what clients open), RESTORE_EPOCH and PARLEY_VERSION (optional).
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/gateway"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/password"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/internal/telemetry"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	env := config.FromEnvironment()
	log := telemetry.Logger(env)
	api := newAPI(env, log)
	if err := env.Err(); err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(httpapi.Lambda(api.Handler()))
}

func newAPI(env *config.Reader, log *slog.Logger) *httpapi.API {
	aws := env.AWS()
	store := &dynamo.Store{
		API: aws.DynamoDB(), Chat: env.Required("CHAT_TABLE"), Connections: env.Required("CONNECTION_TABLE"),
		Epoch: uint32(env.Uint("RESTORE_EPOCH", 16)),
	}
	ids := dynamo.Identity{Store: store}
	settings := &dynamo.CachedWorkspaces{Source: ids, Now: time.Now}
	sessions := &identity.Sessions{Store: ids, Sockets: wsauth.SessionSockets{
		Find: ids, Push: gateway.Pusher{API: aws.Connections()}, Forget: store,
	}}
	delivery := &chat.Delivery{
		Push:   gateway.Pusher{API: aws.Connections()},
		Queue:  &queue.Delivery{API: aws.SQS(), URL: env.Required("DELIVERY_QUEUE_URL")},
		Reader: store, Rows: store, Subs: store, Sockets: store, Encode: protocol.Encoder{},
		Routing: &queue.Routing{API: aws.SQS(), URL: env.Required("ROUTING_QUEUE_URL")},
		Desk:    &queue.Desk{API: aws.SQS(), URL: env.Required("DESK_QUEUE_URL")},
	}
	service := &chat.Service{
		Log: store, Reader: store, Subs: store, Dir: store, Sockets: store, Tails: store, States: store, Staff: store, Entries: store,
		Delivery: delivery, Routing: delivery.Routing, Desk: delivery.Desk, Colleague: ids.Colleague, Epoch: store.Epoch, Rate: chat.DefaultRate, SizeOf: protocol.EventSize,
	}
	audit := &identity.Audit{Store: ids}
	sessions.Accounts, sessions.Audit = ids, audit
	people := &identity.People{Accounts: ids, Roster: ids, Passwords: password.Argon2id{}, Attempts: ids, Sessions: sessions, Audit: audit}
	api := &httpapi.API{
		People:        people,
		Keys:          &identity.Keys{Store: ids, Attempts: ids, Audit: audit},
		Audit:         audit,
		SignOn:        newSignOn(env, ids, settings, sessions, audit),
		PublicURL:     env.Optional("PUBLIC_URL", ""),
		Customers:     &identity.Customers{Workspaces: settings, Sessions: sessions},
		Staff:         &identity.Staff{Accounts: ids, Workspaces: settings, Passwords: password.Argon2id{}, Attempts: ids, Sessions: sessions, Audit: audit},
		Sessions:      sessions,
		Tickets:       &identity.Tickets{Store: ids, Workspaces: settings},
		Workspaces:    ids,
		Conversations: service,
		Chat:          service,
		Delivery:      delivery,
		Directory:     store,
		Live:          &chat.LiveDesk{Store: store, Dir: store, Staff: store, States: store, Visitors: store},
		Requests:      ids,
		Counters:      ids,
		SocketURL:     env.Required("WS_URL"),
		Version:       env.Optional("PARLEY_VERSION", "dev"),
		Region:        env.Required("AWS_REGION"),
		Log:           log,
	}
	addContacts(api, store, service)
	addWorkspace(api, store, service, delivery)
	return api
}
