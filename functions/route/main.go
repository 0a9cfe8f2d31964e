// Command route works off the routing queue: it gives waiting conversations to operators.
package main

import (
	_ "time/tzdata" // business hours have time zones; the image need not

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/function"
	"github.com/parley-chat/parley/internal/worker"
	"github.com/parley-chat/parley/internal/workspace"
)

func main() {
	f := function.New()
	store := f.Store()
	delivery := f.Delivery(store)
	delivery.Desk = f.Desk()
	service := &chat.Service{
		Log: store, Reader: store, Dir: store, Sockets: store, Staff: store, Entries: store, Routing: f.Routing(), Delivery: delivery,
		Epoch: store.Epoch,
	}
	(&workspace.Cache{Store: &dynamo.Workspace{Store: store}}).Serve(service)
	route := &worker.Route{Chat: service, Log: f.Log}
	f.Start(route.Handle)
}
