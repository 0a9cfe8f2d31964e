package sqs

import (
	"context"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/uuid"
)

// Limits of move tasks (API Reference, StartMessageMoveTask and ListMessageMoveTasks).
const (
	maxMoveRate    = 500
	maxListedTasks = 10
)

// Statuses of a move task.
const (
	taskRunning   = "RUNNING"
	taskCompleted = "COMPLETED"
	taskFailed    = "FAILED"
)

// moveTask redrives a dead-letter queue. A task without a rate is done within its start; one with a rate goes
// on as the queue is settled. Tasks are not kept over a restart, what they moved is.
type moveTask struct {
	handle      string
	destination string // ARN, "" for each message's own source
	rate        int    // messages a second, 0 without a limit
	started     time.Time
	toMove      int
	moved       int
	status      string
	reason      string
}

func (t *moveTask) nextMove() time.Time {
	if t.rate == 0 {
		return t.started
	}
	return t.started.Add(time.Duration(t.moved+1) * time.Second / time.Duration(t.rate))
}

type startMessageMoveTaskRequest struct {
	SourceArn                    string
	DestinationArn               string
	MaxNumberOfMessagesPerSecond *int
}

func (e *Engine) startMessageMoveTask(_ context.Context, _ seam.Call, r *startMessageMoveTaskRequest) (any, []seam.Usage, error) {
	if r.SourceArn == "" {
		return nil, nil, errMissing("SourceArn")
	}
	if n := r.MaxNumberOfMessagesPerSecond; n != nil && (*n < 1 || *n > maxMoveRate) {
		return nil, nil, errValue(*n, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500.")
	}
	e.mu.Lock()
	q, task, err := e.startMove(r, e.now())
	position := e.position
	e.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	return struct{ TaskHandle string }{task.handle}, oneRequest(q), e.durable(position)
}

func (e *Engine) startMove(r *startMessageMoveTaskRequest, now time.Time) (*queue, *moveTask, *apiError) {
	q := e.byARN(r.SourceArn)
	if q == nil {
		return nil, nil, serviceError("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	e.settle(q, now)
	if err := e.checkMove(q, r.DestinationArn); err != nil {
		return nil, nil, err
	}
	task := &moveTask{handle: uuid.New(), destination: r.DestinationArn, started: now, status: taskRunning, toMove: q.counts[visible]}
	if r.MaxNumberOfMessagesPerSecond != nil {
		task.rate = *r.MaxNumberOfMessagesPerSecond
	}
	q.tasks = append([]*moveTask{task}, q.tasks...)
	q.tasks = q.tasks[:min(len(q.tasks), maxListedTasks)]
	e.settle(q, now)
	return q, task, nil
}

func (e *Engine) checkMove(q *queue, destination string) *apiError {
	isDeadLetterQueue := false
	for _, other := range e.queues {
		isDeadLetterQueue = isDeadLetterQueue || other.settings.deadLetterARN == q.arn
	}
	if !isDeadLetterQueue {
		return errParameter("Source queue must be configured as a Dead Letter Queue.")
	}
	if len(q.tasks) > 0 && q.tasks[0].status == taskRunning {
		return errParameter("There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
	}
	if destination == "" {
		return nil
	}
	target := e.byARN(destination)
	switch {
	case target == nil:
		return serviceError("ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist.")
	case target == q:
		return errParameter("Source queue arn and destination queue arn cannot be the same.")
	case target.settings.fifo != q.settings.fifo:
		return errParameter("Source queue and destination queue must be of the same type.")
	}
	return nil
}

// runTasks moves what the running task of the queue may move by now.
func (e *Engine) runTasks(q *queue, now time.Time) {
	if len(q.tasks) == 0 || q.tasks[0].status != taskRunning {
		return
	}
	task := q.tasks[0]
	for m := q.all.head; m != nil && task.moved < task.toMove && !task.nextMove().After(now); {
		next := q.all.next(m)
		if m.state == visible && m.group.ready(q.settings.fifo) {
			if task.reason = e.redrive(m, task.destination, now); task.reason != "" {
				task.status = taskFailed
				return
			}
			task.moved++
		}
		m = next
	}
	if task.moved == task.toMove || task.rate == 0 || q.counts[visible] == 0 {
		task.status = taskCompleted
	}
}

// redrive makes a dead letter a new message of its destination: new id, new enqueue time, no receives
// (Developer Guide, "Configure a dead-letter queue redrive"). It returns why it could not.
func (e *Engine) redrive(m *message, destination string, now time.Time) (reason string) {
	if destination == "" {
		destination = m.deadFrom
	}
	if destination == "" {
		return "CouldNotDetermineMessageSource"
	}
	target := e.byARN(destination)
	if target == nil {
		return legacyPrefix + "NonExistentQueue"
	}
	old := m.number
	e.drop(m)
	e.last++
	fresh := &message{content: m.content, number: e.last, sent: now, due: now}
	fresh.id = uuid.New()
	e.messages[fresh.number] = fresh
	target.add(fresh, now)
	e.recordMove(old, fresh)
	e.arm(target, now)
	return ""
}

type listMessageMoveTasksRequest struct {
	SourceArn  string
	MaxResults *int
}

type moveTaskResult struct {
	TaskHandle                        string `json:",omitempty"`
	Status                            string
	SourceArn                         string
	DestinationArn                    string `json:",omitempty"`
	MaxNumberOfMessagesPerSecond      int    `json:",omitempty"`
	ApproximateNumberOfMessagesMoved  int
	ApproximateNumberOfMessagesToMove int
	FailureReason                     string `json:",omitempty"`
	StartedTimestamp                  int64  // milliseconds
}

type listMessageMoveTasksAnswer struct {
	Results []moveTaskResult `json:",omitempty"`
}

func (e *Engine) listMessageMoveTasks(_ context.Context, _ seam.Call, r *listMessageMoveTasksRequest) (any, []seam.Usage, error) {
	limit := 1
	if r.MaxResults != nil {
		limit = *r.MaxResults
	}
	if limit < 1 || limit > maxListedTasks {
		return nil, nil, errValue(limit, "MaxResults", "Must be between 1 and 10.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.byARN(r.SourceArn)
	if q == nil {
		return nil, nil, serviceError("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	e.settle(q, e.now())
	var out listMessageMoveTasksAnswer
	for _, t := range q.tasks[:min(limit, len(q.tasks))] {
		out.Results = append(out.Results, t.wire(q.arn))
	}
	return out, oneRequest(q), nil
}

func (t *moveTask) wire(source string) moveTaskResult {
	result := moveTaskResult{
		Status: t.status, SourceArn: source, DestinationArn: t.destination,
		MaxNumberOfMessagesPerSecond:      t.rate,
		ApproximateNumberOfMessagesMoved:  t.moved,
		ApproximateNumberOfMessagesToMove: t.toMove,
		FailureReason:                     t.reason,
		StartedTimestamp:                  t.started.UnixMilli(),
	}
	if t.status == taskRunning {
		result.TaskHandle = t.handle
	}
	return result
}
