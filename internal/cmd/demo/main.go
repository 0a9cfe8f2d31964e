// Command demo plays a conversation that goes wrong, against a running local stack: a connection drops in
// mid-send, an acknowledgement is lost, a function is killed after it has stored a message. It prints the frames
// of both sides, what was healed and how, and what it cost, and fails unless both views equal the log.
//
//	go run ./localstack            in one terminal
//	go run ./internal/cmd/demo     in another
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "public `address` of the running local stack")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *addr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// patience bounds the whole play: it takes some seconds, most of them waiting for an answer that was lost.
const patience = 2 * time.Minute

func run(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w, err := world.Connect(ctx, "http://"+addr+"/_local")
	if err != nil {
		return fmt.Errorf("%w\nIs the stack running? Start it with: go run ./localstack -addr %s", err, addr)
	}
	screen := newScreen(os.Stdout, console.WantsColour(os.Stdout))
	p := &play{world: w, screen: screen}
	defer p.close()
	return p.perform(ctx)
}
