package sqs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/uuid"
)

// outgoing is one message as a producer hands it over, alone or in a batch.
type outgoing struct {
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attributeValue
	MessageSystemAttributes map[string]attributeValue
	MessageGroupID          *string `json:"MessageGroupId"`
	MessageDeduplicationID  *string `json:"MessageDeduplicationId"`
}

type sendMessageRequest struct {
	QueueURL string `json:"QueueUrl"`
	outgoing
}

// sent is the answer to one send.
type sent struct {
	MessageID                    string `json:"MessageId"`
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	SequenceNumber               string `json:",omitempty"`
}

func (e *Engine) sendMessage(_ context.Context, call seam.Call, r *sendMessageRequest) (any, []seam.Usage, error) {
	s, err := e.settingsOf(r.QueueURL)
	if err != nil {
		return nil, nil, err
	}
	c, err := s.accept(&r.outgoing, call)
	if err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	now := e.now()
	q, err := e.lookup(r.QueueURL, now)
	var answer sent
	if err == nil {
		answer = e.put(q, c, r.DelaySeconds, now)
		e.arm(q, now)
	}
	position := e.position
	e.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	return answer, payload(q, c.bytes()), e.durable(position)
}

// settingsOf returns the queue's settings, so that a request can be checked and hashed without the lock.
func (e *Engine) settingsOf(url string) (*settings, *apiError) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q, err := e.lookup(url, e.now())
	if err != nil {
		return nil, err
	}
	return q.settings, nil
}

// accept checks a message against the queue's settings and computes what is derived from it.
func (s *settings) accept(o *outgoing, call seam.Call) (*content, *apiError) {
	c := &content{body: o.MessageBody, sender: senderID(call.Caller), trace: call.Trace}
	if o.MessageBody == "" {
		return nil, errMissing("MessageBody")
	}
	if err := checkCharacters(c.body); err != nil {
		return nil, err
	}
	var err *apiError
	if c.attributes, err = checkAttributes(o.MessageAttributes); err != nil {
		return nil, err
	}
	trace, systemMD5, err := checkSystemAttributes(o.MessageSystemAttributes)
	if err != nil {
		return nil, err
	}
	if trace != "" {
		c.trace, c.systemMD5 = trace, systemMD5
	}
	if c.bytes() > s.maxBytes {
		return nil, errParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", s.maxBytes)
	}
	if err := s.checkDelay(o.DelaySeconds); err != nil {
		return nil, err
	}
	if err := s.acceptTokens(c, o); err != nil {
		return nil, err
	}
	c.id, c.bodyMD5, c.attrMD5 = uuid.New(), hexMD5(c.body), c.attributes.md5()
	return c, nil
}

// senderID stands for the caller's role, in the form that IAM gives to assumed roles.
func senderID(c seam.Caller) string {
	if c.Function == "" {
		return "AIDALOCALSTACKADMIN00"
	}
	return "AROALOCALSTACKROLE000:" + c.Function
}

func (s *settings) checkDelay(delay *int) *apiError {
	switch {
	case delay == nil:
		return nil
	case *delay < 0 || *delay > int(maxDelay/time.Second):
		return errValue(*delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	case s.fifo && *delay > 0:
		return errValue(*delay, "DelaySeconds", "The request include parameter that is not valid for this queue type.")
	}
	return nil
}

// acceptTokens checks group and deduplication id.
func (s *settings) acceptTokens(c *content, o *outgoing) *apiError {
	if err := s.requireTokens(o); err != nil {
		return err
	}
	if o.MessageGroupID != nil {
		c.groupID = *o.MessageGroupID
		if err := checkToken("MessageGroupId", c.groupID); err != nil {
			return err
		}
	}
	switch {
	case o.MessageDeduplicationID != nil && !s.fifo:
		return errValue(*o.MessageDeduplicationID, "MessageDeduplicationId", "The request includes a parameter that is not valid for this queue type.")
	case o.MessageDeduplicationID != nil:
		c.dedupID = *o.MessageDeduplicationID
		return checkToken("MessageDeduplicationId", c.dedupID)
	case s.fifo:
		hash := sha256.Sum256([]byte(c.body))
		c.dedupID = hex.EncodeToString(hash[:])
	}
	return nil
}

// requireTokens refuses what a FIFO queue cannot take. In a batch it fails the whole request.
func (s *settings) requireTokens(o *outgoing) *apiError {
	if !s.fifo {
		return nil
	}
	if o.MessageGroupID == nil {
		return errMissing("MessageGroupId")
	}
	if o.MessageDeduplicationID == nil && !s.contentDedup {
		return errParameter("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	return nil
}

// put stores an accepted message, unless it repeats one of the last five minutes.
func (e *Engine) put(q *queue, c *content, delay *int, now time.Time) sent {
	answer := sent{
		MessageID:                    c.id,
		MD5OfMessageBody:             c.bodyMD5,
		MD5OfMessageAttributes:       c.attrMD5,
		MD5OfMessageSystemAttributes: c.systemMD5,
	}
	if q.settings.fifo {
		key := q.dedupKey(c.groupID, c.dedupID)
		if d := q.dedup[key]; d != nil {
			answer.MessageID, answer.SequenceNumber = d.id, sequenceNumber(d.number)
			return answer
		}
		q.remember(&duplicate{key: key, id: c.id, number: e.last + 1, at: now})
		answer.SequenceNumber = sequenceNumber(e.last + 1)
	}
	wait := q.settings.delay
	if delay != nil && !q.settings.fifo {
		wait = time.Duration(*delay) * time.Second
	}
	e.last++
	m := &message{content: *c, number: e.last, sent: now, due: now.Add(wait)}
	e.messages[m.number] = m
	q.add(m, now)
	e.recordMessage(m)
	return answer
}
