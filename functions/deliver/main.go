// Command deliver works off the delivery queue: pushes that a request could not make, and broadcasts.
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
	store := f.Store()
	delivery := f.Delivery(store)
	settings := &workspace.Cache{Store: &dynamo.Workspace{Store: store}}
	deliver := &worker.Deliver{
		Desk: &chat.LiveDesk{
			Store: store, Dir: store, Staff: store, States: store, Visitors: store, Departments: settings.Departments,
			Queue: f.Desk(), Push: delivery.Push, Sockets: store, Encode: protocol.Encoder{},
		},
		Delivery: delivery,
		Retry:    f.Retry("DELIVERY_QUEUE_URL", "DESK_QUEUE_URL"),
		Log:      f.Log,
	}
	f.Start(deliver.Handle)
}
