// Command socket serves every message of the WebSocket API.
package main

import (
	"time"
	_ "time/tzdata" // business hours have time zones; the image need not

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/function"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/internal/wsapi"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	f := function.New()
	store, routing, desk := f.Store(), f.Routing(), f.Desk()
	ids := dynamo.Identity{Store: store}
	delivery := f.Delivery(store)
	delivery.Routing, delivery.Desk = routing, desk
	settings := &workspace.Cache{Store: &dynamo.Workspace{Store: store}, Bots: dynamo.WorkspaceKnows{Store: store}.Bot}
	service := &chat.Service{
		Log: store, Reader: store, Subs: store, Dir: store, Sockets: store, Tails: store, Delivery: delivery,
		States: store, Heads: store, Colleague: ids.Colleague, Staff: store, Entries: store, Routing: routing, Desk: desk,
		Sessions: &identity.Sessions{Store: ids}, Arrivals: identity.Arrivals{Store: ids},
		Epoch: store.Epoch, Rate: chat.DefaultRate, SizeOf: protocol.EventSize,
	}
	settings.Serve(service)
	service.Leads = &contact.Service{Store: dynamo.Contacts{Store: store}} // all that a lead needs
	f.Start(&wsapi.Handler{
		Chat: service,
		Live: &chat.LiveDesk{Store: store, Dir: store, Staff: store, States: store, Visitors: store, Queue: desk, Departments: settings.Departments},
		Visits: &chat.Visits{
			Store: store, Policy: settings.Visits, Chat: service, Lease: time.Duration(f.Env.Uint("VISIT_LEASE", 16)) * time.Second,
		},
		Delivery: delivery, Principal: wsauth.Principal, Log: f.Log,
	})
}
