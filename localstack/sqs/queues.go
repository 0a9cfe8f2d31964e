package sqs

import (
	"context"
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// recreateAfter is how long the name of a deleted queue stays taken, and purgeAgainAfter how long a queue
// cannot be purged again (API Reference, DeleteQueue and PurgeQueue).
const (
	recreateAfter   = 60 * time.Second
	purgeAgainAfter = 60 * time.Second
	maxListed       = 1000
)

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

type createQueueRequest struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

type queueURLAnswer struct {
	QueueURL string `json:"QueueUrl"`
}

func (e *Engine) createQueue(_ context.Context, _ seam.Call, r *createQueueRequest) (any, []seam.Usage, error) {
	wanted, err := checkNewQueue(r)
	if err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	now := e.now()
	q, err := e.create(r, wanted, now)
	position := e.position
	e.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	return queueURLAnswer{q.url}, oneRequest(q), e.durable(position)
}

func checkNewQueue(r *createQueueRequest) (*settings, *apiError) {
	name, fifo := strings.CutSuffix(r.QueueName, ".fifo")
	if !queueName.MatchString(name) || len(r.QueueName) > 80 {
		return nil, errParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if len(r.Tags) > 0 {
		return nil, errUnsupported("Tagging a queue")
	}
	asked, given := r.Attributes["FifoQueue"]
	switch {
	case given && asked != "true" && fifo, !given && fifo:
		return nil, errParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	case given && asked == "true" && !fifo:
		return nil, errParameter("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
	}
	return defaultSettings(fifo).with(r.Attributes)
}

func (e *Engine) create(r *createQueueRequest, wanted *settings, now time.Time) (*queue, *apiError) {
	if q := e.queues[r.QueueName]; q != nil {
		have, want := q.settings.text(), wanted.text()
		for _, name := range slices.Sorted(maps.Keys(r.Attributes)) {
			if have[name] != want[name] {
				return nil, serviceError("QueueNameExists", "A queue already exists with the same name and a different value for attribute %s", name)
			}
		}
		return q, nil
	}
	if at, ok := e.deleted[r.QueueName]; ok && now.Before(at.Add(recreateAfter)) {
		return nil, serviceError("QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	q := newQueue(r.QueueName, wanted, now)
	if err := e.checkDeadLetter(wanted); err != nil {
		return nil, err
	}
	delete(e.deleted, r.QueueName)
	e.install(q)
	e.recordQueue(q)
	return q, nil
}

// checkDeadLetter refuses a dead-letter queue that is not there or of the other kind.
func (e *Engine) checkDeadLetter(s *settings) *apiError {
	if s.deadLetterARN == "" {
		return nil
	}
	target := e.byARN(s.deadLetterARN)
	if target == nil {
		return errValue(s.deadLetterText, "RedrivePolicy", "Dead letter target does not exist.")
	}
	if target.settings.fifo != s.fifo {
		return errValue(s.deadLetterText, "RedrivePolicy", "Dead-letter queue must be same type of queue as the source.")
	}
	return nil
}

type getQueueURLRequest struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}

func (e *Engine) getQueueURL(_ context.Context, _ seam.Call, r *getQueueURLRequest) (any, []seam.Usage, error) {
	if r.QueueName == "" {
		return nil, nil, errParameter("Value for parameter QueueName is invalid. Reason: Must specify a queue name.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.queues[r.QueueName]
	if q == nil || r.QueueOwnerAWSAccountID != "" && r.QueueOwnerAWSAccountID != e.account {
		return nil, nil, errQueueDoesNotExist()
	}
	return queueURLAnswer{q.url}, oneRequest(q), nil
}

type getQueueAttributesRequest struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

type attributesAnswer struct {
	Attributes map[string]string `json:",omitempty"`
}

func (e *Engine) getQueueAttributes(_ context.Context, _ seam.Call, r *getQueueAttributesRequest) (any, []seam.Usage, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q, err := e.lookup(r.QueueURL, e.now())
	if err != nil {
		return nil, nil, err
	}
	have := q.attributes()
	out := map[string]string{}
	for _, name := range r.AttributeNames {
		value, set := have[name]
		switch {
		case name == "All":
			maps.Copy(out, have)
		case set:
			out[name] = value
		case !fifoOnly[name] && !refusedAttributes[name] && name != "RedrivePolicy":
			return nil, nil, serviceError("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	return attributesAnswer{out}, oneRequest(q), nil
}

// attributes returns everything that All asks for.
func (q *queue) attributes() map[string]string {
	out := q.settings.text()
	out["QueueArn"] = q.arn
	out["CreatedTimestamp"] = strconv.FormatInt(q.created.Unix(), 10)
	out["LastModifiedTimestamp"] = strconv.FormatInt(q.modified.Unix(), 10)
	out["SqsManagedSseEnabled"] = "true" // the default of every queue since 2022
	out["ApproximateNumberOfMessages"] = strconv.Itoa(q.counts[visible])
	out["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(q.counts[delayed])
	out["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(q.counts[inFlight])
	return out
}

type setQueueAttributesRequest struct {
	QueueURL   string `json:"QueueUrl"`
	Attributes map[string]string
}

func (e *Engine) setQueueAttributes(_ context.Context, _ seam.Call, r *setQueueAttributesRequest) (any, []seam.Usage, error) {
	if len(r.Attributes) == 0 {
		return nil, nil, errMissing("Attributes")
	}
	e.mu.Lock()
	q, err := e.configure(r)
	position := e.position
	e.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	return nil, oneRequest(q), e.durable(position)
}

func (e *Engine) configure(r *setQueueAttributesRequest) (*queue, *apiError) {
	now := e.now()
	q, err := e.lookup(r.QueueURL, now)
	if err != nil {
		return nil, err
	}
	changed, err := q.settings.with(r.Attributes)
	if err != nil {
		return nil, err
	}
	if err := e.checkDeadLetter(changed); err != nil {
		return nil, err
	}
	q.settings, q.modified = changed, now
	e.recordQueue(q)
	e.settle(q, now)
	return q, nil
}

type listQueuesRequest struct {
	QueueNamePrefix string
	MaxResults      *int
	NextToken       string
}

type listQueuesAnswer struct {
	QueueURLs []string `json:"QueueUrls,omitempty"`
	NextToken string   `json:",omitempty"`
}

func (e *Engine) listQueues(_ context.Context, _ seam.Call, r *listQueuesRequest) (any, []seam.Usage, error) {
	limit := maxListed
	if r.MaxResults != nil {
		limit = *r.MaxResults
	}
	if limit < 1 || limit > maxListed {
		return nil, nil, errValue(limit, "MaxResults", "MaxResults must be an integer between 1 and 1000.")
	}
	after, err := base64.RawURLEncoding.DecodeString(r.NextToken)
	if err != nil {
		return nil, nil, errParameter("Invalid or expired next token.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var out listQueuesAnswer
	last := ""
	for _, name := range slices.Sorted(maps.Keys(e.queues)) {
		if name <= string(after) || !strings.HasPrefix(name, r.QueueNamePrefix) {
			continue
		}
		if len(out.QueueURLs) == limit {
			if r.MaxResults != nil {
				out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(last))
			}
			break
		}
		out.QueueURLs, last = append(out.QueueURLs, e.queues[name].url), name
	}
	return out, nil, nil
}

type queueRequest struct {
	QueueURL string `json:"QueueUrl"`
}

func (e *Engine) deleteQueue(_ context.Context, _ seam.Call, r *queueRequest) (any, []seam.Usage, error) {
	e.mu.Lock()
	now := e.now()
	q, err := e.lookup(r.QueueURL, now)
	if err == nil {
		e.removeQueue(q, now)
		e.recordDeleteQueue(q.name, now)
	}
	position := e.position
	e.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	return nil, oneRequest(q), e.durable(position)
}

// removeQueue forgets the queue and its messages. Long polls on it end with an error.
func (e *Engine) removeQueue(q *queue, now time.Time) {
	e.empty(q)
	q.deleted = true
	if q.timer != nil {
		q.timer.Stop()
	}
	delete(e.queues, q.name)
	e.deleted[q.name] = now
	e.notify(q.name)
}

func (e *Engine) empty(q *queue) {
	for q.all.head != nil {
		e.drop(q.all.head)
	}
}

func (e *Engine) purgeQueue(_ context.Context, _ seam.Call, r *queueRequest) (any, []seam.Usage, error) {
	e.mu.Lock()
	now := e.now()
	q, err := e.lookup(r.QueueURL, now)
	if err == nil && !q.purged.IsZero() && now.Before(q.purged.Add(purgeAgainAfter)) {
		err = serviceError("PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.name)
	}
	if err == nil {
		e.empty(q)
		q.purged = now
		e.recordPurge(q.name)
	}
	position := e.position
	e.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	return nil, oneRequest(q), e.durable(position)
}
