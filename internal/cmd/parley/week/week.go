// Package week makes up a week of a small web shop's business: its departments, people, library and articles, its
// customers, and some hundred conversations in every state.
//
// The week is played, not drawn: every step is a command of chat.Service, and routing decides who gets what, over a table
// in memory with a clock of its own. What lies there in the end is copied. So every invariant that the domain keeps holds
// for the copy, and nothing that works on the real table (relay, routing, timers) sees the week half-way.
package week

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	engines "github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/dynamodb/direct"
)

// Conversations is how many a week has unless told otherwise.
const Conversations = 300

// MaxConversations bounds Options.Conversations.
const MaxConversations = 2000

// Person is a member of staff.
type Person struct {
	User        chat.UserID
	Name        string
	Role        chat.Role
	Departments chat.DepartmentList
	Skills      []string
	// Capacity is how many conversations they have at once; 0 for somebody who takes none.
	Capacity int
}

func (p Person) principal(w chat.WorkspaceID) chat.Principal {
	// The connection stands for the desk that they have open: duty begins a lease with it.
	return chat.Principal{Workspace: w, User: p.User, Role: p.Role, Departments: p.Departments, Connection: "week"}
}

// Options say what to make up. The same options make the same items.
type Options struct {
	Workspace chat.WorkspaceID
	// Label is what ids and chance derive from.
	Label string
	// Now is the end of the week: waiting times count from it.
	Now time.Time
	// Staff works in Departments; the first admin among them sets up the workspace.
	Staff []Person
	// Conversations is how many, 0 for none: then only the business is set up.
	Conversations int
}

// Summary counts what was made up.
type Summary struct {
	// Conversations by status.
	Conversations map[chat.Status]int `json:"conversations"`
	Messages      int                 `json:"messages"`
	Contacts      int                 `json:"contacts"`
	Items         int                 `json:"items"`
	// Already says that the week was there; nothing was written.
	Already bool `json:"already,omitempty"`
}

// Write makes up the week and puts it into the table, where no item is that it would replace. A week that was written
// as a whole is left alone; one that was not is completed, with the time that it was begun at.
func Write(ctx context.Context, api dynamo.API, table string, o Options) (Summary, error) {
	target := &dynamo.Store{API: api, Chat: table}
	begun, done, err := find(ctx, target, o)
	if err != nil || done {
		return Summary{Already: true}, err
	}
	if !begun.IsZero() {
		o.Now = begun
	}
	s, err := newStage(ctx, o)
	if err != nil {
		return Summary{}, err
	}
	if err := s.play(ctx); err != nil {
		return Summary{}, err
	}
	s.summary.Items, err = s.copy(ctx, api, table)
	return s.summary, err
}

// stage is where the week is played.
type stage struct {
	Options
	*script
	client  *dynamodb.Client
	store   *dynamo.Store
	chat    *chat.Service
	now     time.Time
	rng     *rand.Rand
	queue   agenda
	cast    map[chat.ConversationID]*talk
	summary Summary
}

func newStage(ctx context.Context, o Options) (*stage, error) {
	engine, err := engines.New(engines.Options{})
	if err != nil {
		return nil, err
	}
	api := direct.Transport{Engine: engine}.Client()
	if err := direct.CreateTable(ctx, api, stageTable); err != nil {
		return nil, fmt.Errorf("the week's own table: %w", err)
	}
	o.Now = o.Now.UTC().Truncate(time.Millisecond)
	s := &stage{
		Options: o, script: newScript(o), client: api, cast: map[chat.ConversationID]*talk{},
		rng:     rand.New(rand.NewPCG(number(o.Label, "chance"), number(o.Label, "more chance"))),
		summary: Summary{Conversations: map[chat.Status]int{}},
	}
	s.now = o.Now.Add(-7 * 24 * time.Hour)
	clock := func() time.Time { return s.now }
	s.store = &dynamo.Store{API: api, Chat: stageTable, Connections: stageTable, Now: clock}
	s.chat = s.service(clock)
	return s, nil
}
