package stack

import (
	"context"
	"strconv"
	"time"

	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

const (
	stateTimeout = 2 * time.Second // for what other engines have to be asked
	maxLetters   = 5               // dead letters shown per queue
	maxBody      = 400             // characters of a dead letter
)

// State is a snapshot of everything. Tables and queues are asked through their API, so other engines show too.
func (s *Stack) State() console.State {
	ctx, cancel := context.WithTimeout(context.Background(), stateTimeout)
	defer cancel()
	usage := s.meter.Snapshot()
	state := console.State{At: s.opts.Now(), Started: s.started, Template: s.opts.Template, Connections: s.gateway.Connections(),
		Functions: s.runner.State(), Triggers: s.mappings.State(), Problems: s.console.Problems(), Denied: s.door.Denied(),
		Usage: usage.Lines(), USD: usage.USD(), FaultRules: len(s.faults.Rules()), Queues: []console.Queue{}, Tables: []console.Table{}}
	for i := range s.Plan.Queues {
		state.Queues = append(state.Queues, s.queueState(ctx, &s.Plan.Queues[i]))
	}
	for i := range s.Plan.Tables {
		state.Tables = append(state.Tables, s.tableState(ctx, &s.Plan.Tables[i]))
	}
	return state
}

func (s *Stack) queueState(ctx context.Context, q *template.Queue) console.Queue {
	state := console.Queue{LogicalID: q.LogicalID, Name: q.Name}
	for _, other := range s.Plan.Queues {
		if other.DeadLetterARN == q.ARN {
			state.DeadLettersOf = append(state.DeadLettersOf, other.Name)
		}
	}
	var got struct{ Attributes map[string]string }
	request := object{"QueueUrl": q.URL, "AttributeNames": []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible"}}
	if err := call(ctx, s.engines.queues, seam.SQS, "GetQueueAttributes", request, &got); err != nil {
		state.Error = err.Error()
		return state
	}
	state.Visible, _ = strconv.Atoi(got.Attributes["ApproximateNumberOfMessages"])
	state.Delayed, _ = strconv.Atoi(got.Attributes["ApproximateNumberOfMessagesDelayed"])
	state.InFlight, _ = strconv.Atoi(got.Attributes["ApproximateNumberOfMessagesNotVisible"])
	if len(state.DeadLettersOf) > 0 && state.Visible > 0 {
		state.Sample = s.deadLetters(q.Name)
	}
	return state
}

// deadLetters shows the oldest messages of a queue; only our own engine can without receiving them.
func (s *Stack) deadLetters(name string) []console.Letter {
	if s.engines.sqs == nil {
		return nil
	}
	messages, _ := s.engines.sqs.Peek(name, maxLetters)
	var letters []console.Letter
	for _, m := range messages {
		body := []rune(m.Body)
		if len(body) > maxBody {
			body = append(body[:maxBody], '…')
		}
		letters = append(letters, console.Letter{ID: m.ID, Group: m.GroupID, Sent: m.Sent, Body: string(body)})
	}
	return letters
}

func (s *Stack) tableState(ctx context.Context, t *template.Table) console.Table {
	state := console.Table{LogicalID: t.LogicalID, Name: t.Name, Stream: t.StreamView != ""}
	var got struct {
		Table struct{ ItemCount, TableSizeBytes int64 }
	}
	if err := call(ctx, s.engines.tables, seam.DynamoDB, "DescribeTable", object{"TableName": t.Name}, &got); err != nil {
		state.Error = err.Error()
	}
	state.Items, state.Bytes = got.Table.ItemCount, got.Table.TableSizeBytes
	return state
}
