package dynamo

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/jsonscan"
)

// The own logs of operators and contacts lie in the partition of whoever they are about, an event an item. How many
// there are is counted by n of the operator's item or the contact's card, which the same transaction writes. The relay
// hangs on that item, not on the events': the stream keeps the changes of one item in order, not those of a partition
// (AWS Lambda developer guide, "Process DynamoDB records with Lambda": with a parallelization factor, order holds "at
// the item (partition and sort key) level").

var _ chat.OwnLogs = (*Store)(nil)

// ownEvent notes the generation under which an event of such a log is appended: after a restore it is another one.
func (s *Store) ownEvent(it item) item {
	if s.Epoch > 0 {
		it["g"] = num(s.Epoch << 16)
	}
	return it
}

// ownSpan returns what a change of an item appended to the own log that it counts; ok is false for any other item, and
// for a change that appended nothing.
func ownSpan(pk, sk string, before, after uint64) (span chat.OwnSpan, ok bool) {
	w, second := splitPair(pk)
	subject := chat.Subject{Workspace: chat.WorkspaceID(w)}
	switch {
	case second == "operators" && chat.UserID(sk).Valid():
		subject.ID = sk
	case sk == skContact && contact.ID(second).Valid():
		subject.ID = second
	default:
		return chat.OwnSpan{}, false
	}
	return chat.OwnSpan{Subject: subject, From: before, To: after}, subject.Workspace.Valid() && before < after
}

// Change is a change of an item of the chat table, as its stream tells of it.
type Change struct {
	// Partition and Sort are the item's key, Kind its attribute k after the change.
	Partition, Sort, Kind string
	// Before and After are its attribute n, 0 for none.
	Before, After uint64
}

// Append returns the conversation that the change appended to, or what it appended to the own log of an operator or a
// contact, by the same attribute as the filter of the relay's mapping; of any other change, neither.
func (c Change) Append() (ref chat.Ref, span chat.OwnSpan) {
	if c.Kind != kindAppend {
		return chat.Ref{}, chat.OwnSpan{}
	}
	if c.Sort == skHead {
		if ref, err := refOf(c.Partition); err == nil {
			return ref, chat.OwnSpan{}
		}
	}
	if span, ok := ownSpan(c.Partition, c.Sort, c.Before, c.After); ok {
		return chat.Ref{}, span
	}
	return chat.Ref{}, chat.OwnSpan{}
}

// counted are the attributes that OwnOfImages reads.
var counted = map[string]bool{"pk": true, "sk": true, "n": true, "k": true}

// OwnOfImages reads two images of an item in the chat table's stream, in DynamoDB's JSON, as an append to the own log of
// an operator or a contact; ok is false for any other change. before is nil for a new item.
func (s *Store) OwnOfImages(before, after []byte) (span chat.OwnSpan, ok bool, err error) {
	is, err := countedOfImage(after)
	if err != nil || getS(is, "k") != kindAppend {
		return chat.OwnSpan{}, false, err
	}
	was, err := countedOfImage(before)
	if err != nil {
		return chat.OwnSpan{}, false, err
	}
	span, ok = ownSpan(getS(is, "pk"), getS(is, "sk"), getN(was, "n"), getN(is, "n"))
	return span, ok, nil
}

// countedOfImage decodes the attributes that are wanted: other items hold types that ofJSON does not know.
func countedOfImage(image []byte) (it item, err error) {
	it = item{}
	jsonscan.Members(image, func(name string, value []byte) bool {
		if counted[name] {
			it[name], err = ofJSON(value)
		}
		return err == nil
	})
	return it, err
}

// OwnEvents implements chat.OwnLogs.
func (s *Store) OwnEvents(ctx context.Context, span chat.OwnSpan) ([]chat.OwnEvent, error) {
	first := ownEventKey(span.Subject, span.From+1)
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :p AND sk BETWEEN :a AND :z"),
		ExpressionAttributeValues: item{":p": str(first.pk), ":a": str(first.sk), ":z": str(ownEventKey(span.Subject, span.To).sk)},
	}
	var events []chat.OwnEvent
	for {
		page, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		for _, it := range page.Items {
			events = append(events, chat.OwnEvent{Seq: operatorEventSeq(getS(it, "sk")), Gen: uint32(getN(it, "g")), Type: ownType(span.ID, it)})
		}
		if len(page.LastEvaluatedKey) == 0 {
			return events, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// ownType is what integrations call the event.
func ownType(subject string, it item) chat.EventType {
	if strings.HasPrefix(subject, contact.Prefix) {
		return chat.EventType(readContactEvent(it).Type)
	}
	return chat.EventType(readOperatorEvent(it).Type)
}
