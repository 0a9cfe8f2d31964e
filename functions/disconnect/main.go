// Command disconnect answers the $disconnect route: it forgets the socket, and ends the lease of an operator on duty
// whose last one it was.
//
// Environment: CHAT_TABLE, CONNECTION_TABLE, TIMER_QUEUE_URL.
package main

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/function"
	"github.com/parley-chat/parley/internal/wsauth"
)

func main() {
	f := function.New()
	store := f.Store()
	timers := &chat.Timetable{Queue: f.Timers(), Dues: store}
	f.Start(&wsauth.Disconnect{Sockets: store, Duty: &chat.Service{Staff: store, Sockets: store, Timers: timers}, Log: f.Log})
}
