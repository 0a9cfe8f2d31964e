// Command timer carries out timers that have come due, and once a minute looks after what may not stick.
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
	store, routing, desk, delayed := f.Store(), f.Routing(), f.Desk(), f.Timers()
	delivery := f.Delivery(store)
	delivery.Routing, delivery.Desk = routing, desk
	timers := &chat.Timetable{Queue: delayed, Dues: store}
	service := &chat.Service{
		Log: store, Reader: store, Dir: store, Sockets: store, Staff: store, Entries: store, States: store, Delivery: delivery,
		Routing: routing, Desk: desk, Timers: timers, Epoch: store.Epoch,
	}
	arming := &chat.Arming{Timers: timers, States: store}
	keeper := &chat.Timekeeper{
		Chat: service, Actions: service, Timers: timers, Routing: routing, Staff: store, Turns: store, Active: store, Arming: arming,
	}
	settings := &workspace.Cache{Store: &dynamo.Workspace{Store: store}}
	settings.Serve(service)
	settings.Arm(arming)
	settings.Keep(keeper)
	f.Start(&worker.Timer{
		Timers: keeper,
		Sweep:  &chat.Sweep{Dues: store, Queue: delayed, Active: store},
		Retry:  f.Retry("TIMER_QUEUE_URL"),
		Log:    f.Log,
	})
}
