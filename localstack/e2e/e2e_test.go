// Package e2e holds the end-to-end suite: people with real clients over real sockets, against whatever system the
// environment names (see world.FromEnvironment), else against a local stack of its own.
package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// suite is the system under test. TestMain sets it before any test runs.
var suite *world.World

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // to compile everything
	defer cancel()
	w, stop, err := world.Open(ctx, os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer stop()
	suite = w
	return max(m.Run(), denials(w))
}

// denials fails the run when a function did what its policy does not allow: what is only best effort would
// otherwise go unnoticed here, and be missing on AWS.
func denials(w *world.World) int {
	if w.Control == "" { // not a local stack: nobody counts
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	denied, err := w.Denied(ctx)
	if err != nil || len(denied) > 0 {
		fmt.Fprintf(os.Stderr, "e2e: calls that a policy denied: %+v (%v)\n", denied, err)
		return 1
	}
	return 0
}

// within bounds a test: the slowest ordinary thing is a cold start.
func within(t *testing.T) context.Context {
	t.Helper()
	return limit(t, time.Minute)
}

func seed(t *testing.T, operators int) world.Workspace {
	t.Helper()
	ws, err := suite.Seed(within(t), operators)
	must(t, err)
	return ws
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fast are settings for tests that lose things: a lost answer is noticed after a second.
func fast() client.Options {
	return client.Options{Settings: client.Settings{Answer: time.Second, RetryBase: 50 * time.Millisecond, ConnectBase: 50 * time.Millisecond}}
}

func customer(t *testing.T, ws world.Workspace, opts client.Options) *world.Party {
	t.Helper()
	p, err := suite.Customer(within(t), ws, opts)
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

func operator(t *testing.T, ws world.Workspace, i int, opts client.Options) *world.Party {
	t.Helper()
	p, err := suite.Operator(within(t), ws, ws.Operators[i], opts)
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

// pair is a customer and an operator in one conversation.
func pair(t *testing.T, opts client.Options) (c, o *world.Party, id chat.ConversationID) {
	t.Helper()
	ws := seed(t, 1)
	c, o = customer(t, ws, opts), operator(t, ws, 0, opts)
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, o.Take(within(t), id))
	return c, o, id
}

// converge waits until all views are equal to the log of a track, and checks its promises: seqs 1 … n without a
// hole, and each id once. It returns the log's texts.
func converge(t *testing.T, id chat.ConversationID, track chat.Track, parties ...*world.Party) []string {
	t.Helper()
	ctx := within(t)
	for _, p := range parties {
		must(t, p.Acked(ctx))
	}
	log, err := parties[len(parties)-1].Log(ctx, id, track)
	must(t, err)
	ids, texts := map[string]uint64{}, []string{}
	for i, e := range log {
		key := string(e.Sender) + string(e.ID)
		if e.Seq != uint64(i+1) || ids[key] != 0 {
			t.Errorf("event %d has seq %d and id %s, which is also at %d", i+1, e.Seq, e.ID, ids[key])
		}
		ids[key] = e.Seq
		if e.Text != "" {
			texts = append(texts, e.Text)
		}
	}
	for i, p := range parties {
		must(t, p.Sees(ctx, id, track, uint64(len(log))))
		if d := cmp.Diff(log, p.Shown(id, track)); d != "" {
			t.Errorf("party %d shows another %s track than the log (-log +view):\n%s", i, track, d)
		}
	}
	return texts
}
