// Command automate works off the automation queue: it lets the workspace's rules act on what has happened.
package main

import (
	_ "time/tzdata" // business hours have time zones; the image need not

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/function"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/worker"
	"github.com/parley-chat/parley/internal/workspace"
)

func main() {
	f := function.New()
	store, routing := f.Store(), f.Routing()
	delivery := f.Delivery(store)
	delivery.Routing = routing
	service := &chat.Service{
		Log: store, Reader: store, Subs: store, Dir: store, Sockets: store, States: store, Staff: store, Entries: store, Tails: store,
		Routing: routing, Delivery: delivery, Colleague: dynamo.Identity{Store: store}.Colleague, Epoch: store.Epoch, SizeOf: protocol.EventSize,
	}
	kept := &dynamo.Workspace{Store: store}
	settings := &workspace.Cache{Store: kept}
	settings.Serve(service)
	automate := &worker.Automate{
		Rules: &workspace.Automation{
			Settings: settings, Runs: kept, Chat: service, Log: store, States: store, Directory: store, Deliver: delivery, Who: kept.Who,
		},
		Retry: f.Retry("AUTOMATION_QUEUE_URL"),
		Log:   f.Log,
	}
	f.Start(automate.Handle)
}
