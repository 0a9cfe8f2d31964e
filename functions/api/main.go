// Command api serves the HTTP API.
//
// Environment: CHAT_TABLE, CONNECTION_TABLE, DELIVERY_QUEUE_URL, ROUTING_QUEUE_URL, DESK_QUEUE_URL, TIMER_QUEUE_URL, WS_ENDPOINT (https, for @connections: signing out closes sockets),
// WS_URL (wss, what clients open), RESTORE_EPOCH and PARLEY_VERSION (optional).
package main

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/function"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/password"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	f := function.New()
	f.Start(httpapi.Lambda(newAPI(f).Handler()))
}

func newAPI(f *function.Function) *httpapi.API {
	store := f.Store()
	ids := dynamo.Identity{Store: store}
	settings := &dynamo.CachedWorkspaces{Source: ids, Now: time.Now}
	sessions := &identity.Sessions{Store: ids, Sockets: wsauth.SessionSockets{Find: ids, Push: f.Pusher(), Forget: store}}
	delivery := f.Delivery(store)
	delivery.Routing, delivery.Desk = f.Routing(), f.Desk()
	service := &chat.Service{
		Log: store, Reader: store, Subs: store, Dir: store, Sockets: store, Tails: store, States: store, Staff: store, Entries: store,
		Delivery: delivery, Routing: delivery.Routing, Desk: delivery.Desk, Colleague: ids.Colleague, Epoch: store.Epoch, Rate: chat.DefaultRate, SizeOf: protocol.EventSize,
	}
	audit := &identity.Audit{Store: ids}
	service.Timers = &chat.Timetable{Queue: f.Timers(), Dues: store}
	sessions.Accounts, sessions.Audit, sessions.Desk = ids, audit, service
	people := &identity.People{Accounts: ids, Roster: ids, Passwords: password.Argon2id{}, Attempts: ids, Sessions: sessions, Audit: audit, Profiles: ids}
	api := &httpapi.API{
		People:        people,
		Sites:         &identity.Sites{Workspaces: ids, Store: ids, Audit: audit},
		Keys:          &identity.Keys{Store: ids, Attempts: ids, Audit: audit},
		Audit:         audit,
		SignOn:        newSignOn(f.Env, ids, settings, sessions, audit),
		PublicURL:     f.Env.Optional("PUBLIC_URL", ""),
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
		Mentions:      store,
		Requests:      ids,
		Counters:      ids,
		SocketURL:     f.Env.Required("WS_URL"),
		Version:       f.Env.Optional("PARLEY_VERSION", "dev"),
		Region:        f.Env.Required("AWS_REGION"),
		Log:           f.Log,
	}
	addContacts(api, store, service)
	addWorkspace(api, store, service, delivery)
	return api
}
