package rig

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/history"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// Scene is a cast of people in workspaces of their own on a rig, with the record of what they do. Several scenes may
// be played on one rig; what one judges is its own.
type Scene struct {
	*history.Recorder
	Rig *Rig

	mu     sync.Mutex
	spaces []*Space
	people []*Person
	where  map[chat.ConversationID]*Space
}

// Scene begins an empty one.
func (r *Rig) Scene() *Scene {
	return &Scene{Recorder: history.NewRecorder(), Rig: r, where: map[chat.ConversationID]*Space{}}
}

// Close ends the clients.
func (sc *Scene) Close() {
	for _, p := range sc.People() {
		p.client.Close()
	}
}

// Space is a workspace with one integration subscription to everything.
type Space struct {
	world.Workspace
	// Marker is in every text of the workspace's people.
	Marker       string
	Subscription string

	api        *client.API
	supervisor client.Session
}

// Space makes a workspace with operators and a supervisor, who reads the logs in the end.
func (sc *Scene) Space(ctx context.Context, operators int) (*Space, error) {
	ws, err := sc.Rig.Seed(ctx, operators)
	if err != nil {
		return nil, err
	}
	s := &Space{Workspace: ws, Marker: history.MarkerPrefix + strings.TrimPrefix(ws.WidgetKey, "wk_")[:history.MarkerBytes-len(history.MarkerPrefix)]}
	s.Subscription = "sub-" + s.Marker
	if err := sc.Rig.Store.PutSubscription(ctx, ws.ID, chat.Subscription{ID: s.Subscription, Kind: "sqs"}); err != nil {
		return nil, fmt.Errorf("rig: subscription: %w", err)
	}
	s.api = sc.Rig.API(ws)
	boss := ws.Operators[len(ws.Operators)-1]
	if s.supervisor, err = s.api.SignIn(ctx, boss.Email, boss.Password); err != nil {
		return nil, fmt.Errorf("rig: supervisor: %w", err)
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.spaces = append(sc.spaces, s)
	return s, nil
}

// People lists everybody.
func (sc *Scene) People() []*Person {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return append([]*Person(nil), sc.people...)
}

// Conversations lists all conversations with their workspaces.
func (sc *Scene) Conversations() map[chat.ConversationID]*Space {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	all := make(map[chat.ConversationID]*Space, len(sc.where))
	for id, s := range sc.where {
		all[id] = s
	}
	return all
}

// Leave ends a person's client for good: whatever it still had to say is never said.
func (sc *Scene) Leave(p *Person) {
	p.client.Drop()
	p.client.Close()
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.people = slices.DeleteFunc(sc.people, func(o *Person) bool { return o == p })
}
