package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/events"
	"github.com/parley-chat/parley/localstack/front"
	"github.com/parley-chat/parley/localstack/journal"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/sqs"
	"github.com/parley-chat/parley/localstack/template"
)

// engines are the services behind the front door: ours, or others.
type engines struct {
	tables    seam.Service     // DynamoDB and its streams
	queues    seam.Service     // SQS
	dynamo    *dynamodb.Engine // nil for another engine
	sqs       *sqs.Engine      // nil for another engine
	positions *events.Positions
	journal   *journal.Journal // nil in memory
}

// dynamoComponent is the engine's name in the journal.
const dynamoComponent = "dynamodb"

// newEngines starts the engines of a plan. With other engines it creates the plan's tables and queues there and
// puts their stream ARNs and queue URLs into the plan.
func newEngines(ctx context.Context, o *Options, plan *template.Plan, endpoint string) (*engines, error) {
	e := &engines{positions: events.NewPositions()}
	components := map[string]journal.Component{events.Component: e.positions}
	if o.DynamoDB == "" {
		engine, err := dynamodb.New(dynamodb.Options{Tables: plan.Tables, Region: Region, Account: Account, Now: o.Now})
		if err != nil {
			return nil, err
		}
		e.dynamo, e.tables, components[dynamoComponent] = engine, engine, engine
	} else {
		e.tables = front.NewRemote(front.RemoteOptions{URL: o.DynamoDB, Region: Region})
	}
	if o.SQS == "" {
		e.sqs = sqs.New(sqs.Options{Queues: plan.Queues, Endpoint: endpoint, Region: Region, Account: Account, Now: o.Now})
		e.queues, components[sqs.Component] = e.sqs, e.sqs
	} else {
		e.queues = front.NewRemote(front.RemoteOptions{URL: o.SQS, Region: Region})
	}
	if err := e.recover(o.Data, components); err != nil {
		return nil, err
	}
	if err := e.provision(ctx, plan); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// recover replays the journal and makes the engines write to it.
func (e *engines) recover(dir string, components map[string]journal.Component) error {
	if dir == "" {
		return nil
	}
	j, err := journal.Open(dir, components)
	if err != nil {
		return fmt.Errorf("data directory %s: %w", dir, err)
	}
	e.journal = j
	e.positions.Attach(j.Append)
	if e.sqs != nil {
		e.sqs.Attach(j)
	}
	if e.dynamo != nil {
		if err := e.dynamo.Durable(j, dynamoComponent); err != nil {
			_ = j.Close()
			return err
		}
	}
	return nil
}

func (e *engines) provision(ctx context.Context, plan *template.Plan) error {
	if e.dynamo == nil {
		if err := createTables(ctx, e.tables, plan); err != nil {
			return err
		}
	}
	if e.sqs == nil {
		return createQueues(ctx, e.queues, plan)
	}
	return nil
}

// expire deletes items whose time to live has passed, until ctx ends. AWS does so "within a few days"; here it is
// a second, so that what must not depend on it is found out by tests that shorten it no further.
func (e *engines) expire(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			e.dynamo.ExpireNow()
		case <-ctx.Done():
			return
		}
	}
}

func (e *engines) close() error {
	if e.sqs != nil {
		e.sqs.Close()
	}
	if e.journal != nil {
		return e.journal.Close()
	}
	return nil
}
