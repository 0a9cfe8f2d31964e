package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// dueLife is how long a due-row outlives its minute: what no sweep has found in a week is of no use to anybody.
const dueLife = 7 * 24 * time.Hour

// A due-row:
//
//	ti kind   w workspace   c conversation   v version   u user   d department   cl clock   af, de last seqs
//	at due (ms)   un until (ms)   x expires
//
// It has no k, so the stream's mapping passes it over.

// PutDue implements chat.Dues.
func (s *Store) PutDue(ctx context.Context, minute time.Time, t chat.Timer) error {
	it := dueKey(minute, t).item()
	it["ti"], it["w"], it["at"], it["x"] = str(string(t.Kind)), str(string(t.Workspace)), num(t.Due.UnixMilli()), num(minute.Add(dueLife).Unix())
	setText(it, "c", string(t.Conversation))
	setText(it, "u", string(t.User))
	setText(it, "d", string(t.Department))
	setText(it, "cl", t.Clock)
	for name, n := range map[string]uint64{"v": t.Version, "af": t.After, "de": t.Desk, "un": uint64(millisOf(t.Until))} {
		if n != 0 {
			it[name] = num(n)
		}
	}
	_, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Chat, Item: it})
	return failure(err)
}

// Due implements chat.Dues.
func (s *Store) Due(ctx context.Context, minute time.Time, shard, limit int) ([]chat.Timer, error) {
	page, err := s.API.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(limit)), KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(duePartition(minute, shard))},
	})
	if err != nil {
		return nil, failure(err)
	}
	timers := make([]chat.Timer, len(page.Items))
	for i, it := range page.Items {
		timers[i] = chat.Timer{
			Ref:  chat.Ref{Workspace: chat.WorkspaceID(getS(it, "w")), Conversation: chat.ConversationID(getS(it, "c"))},
			Kind: chat.TimerKind(getS(it, "ti")), Version: getN(it, "v"), User: chat.UserID(getS(it, "u")), Department: chat.DepartmentID(getS(it, "d")),
			Clock: getS(it, "cl"), Due: timeOf(int64(getN(it, "at"))), Until: timeOf(int64(getN(it, "un"))), After: getN(it, "af"), Desk: getN(it, "de"),
		}
	}
	return timers, nil
}

// DropDue implements chat.Dues.
func (s *Store) DropDue(ctx context.Context, minute time.Time, t chat.Timer) error {
	_, err := s.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.Chat, Key: dueKey(minute, t).item()})
	return failure(err)
}

// Swept implements chat.Dues.
func (s *Store) Swept(ctx context.Context) (time.Time, error) {
	out, err := s.API.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: sweptKey().item(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return time.Time{}, failure(err)
	}
	return timeOf(int64(getN(out.Item, "at"))), nil
}

// SetSwept implements chat.Dues.
func (s *Store) SetSwept(ctx context.Context, from, to time.Time) error {
	x := newExpression()
	x.set = append(x.set, "#at = "+x.value("to", num(to.UnixMilli())))
	x.name("at", "at")
	if from.IsZero() {
		x.require = append(x.require, "attribute_not_exists(pk)")
	} else {
		x.require = append(x.require, "#at = "+x.value("from", num(from.UnixMilli())))
	}
	return s.change(ctx, s.Chat, sweptKey(), x)
}

// change makes a conditional update of an item that is no HEAD. *chat.Refused when its condition fails.
func (s *Store) change(ctx context.Context, table string, k key, x *expression) error {
	in := &dynamodb.UpdateItemInput{
		TableName: &table, Key: k.item(), UpdateExpression: x.update(),
		ExpressionAttributeNames: x.placeholders(), ExpressionAttributeValues: x.values,
	}
	if len(x.require) > 0 {
		in.ConditionExpression = x.condition()
	}
	_, err := s.API.UpdateItem(ctx, in)
	if _, failed := conditionItem(err); failed {
		return &chat.Refused{}
	}
	return failure(err)
}

// Stamp implements chat.Active.
func (s *Store) Stamp(ctx context.Context, w chat.WorkspaceID, at time.Time) error {
	it := activeKey(w).item()
	it["at"] = num(at.UnixMilli())
	_, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Chat, Item: it})
	return failure(err)
}

// ActiveWorkspaces implements chat.Active.
func (s *Store) ActiveWorkspaces(ctx context.Context, shard int) ([]chat.ActiveWorkspace, error) {
	var out []chat.ActiveWorkspace
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(activePartition(shard))},
	}
	for {
		page, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		for _, it := range page.Items {
			out = append(out, chat.ActiveWorkspace{Workspace: chat.WorkspaceID(getS(it, "sk")), Stamped: timeOf(int64(getN(it, "at")))})
		}
		if len(page.LastEvaluatedKey) == 0 {
			return out, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// Retire implements chat.Active.
func (s *Store) Retire(ctx context.Context, a chat.ActiveWorkspace) error {
	return s.dropAt(ctx, s.Chat, activeKey(a.Workspace), a.Stamped)
}

// dropAt removes an item that still bears the time.
func (s *Store) dropAt(ctx context.Context, table string, k key, at time.Time) error {
	_, err := s.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &table, Key: k.item(), ConditionExpression: aws.String("attribute_not_exists(pk) OR #at = :at"),
		ExpressionAttributeNames:  map[string]string{"#at": "at"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":at": num(at.UnixMilli())},
	})
	if _, failed := conditionItem(err); failed {
		return nil
	}
	return failure(err)
}

// turnLife is how long a turn that nobody takes up is kept.
const turnLife = time.Hour

// TakeTurn implements chat.PositionTurns.
func (s *Store) TakeTurn(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, passed, due time.Time) (bool, error) {
	x := newExpression()
	x.name("at", "at")
	x.set = append(x.set, "#at = "+x.value("due", num(due.UnixMilli())), "x = "+x.value("x", num(due.Add(turnLife).Unix())))
	x.require = append(x.require, "(attribute_not_exists(#at) OR #at <= "+x.value("passed", num(passed.UnixMilli()))+")")
	err := s.change(ctx, s.Connections, positionKey(w, d), x)
	if ignoreRefused(err) == nil {
		return err == nil, nil
	}
	return false, err
}

// EndTurn implements chat.PositionTurns.
func (s *Store) EndTurn(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, due time.Time) error {
	return s.dropAt(ctx, s.Connections, positionKey(w, d), due)
}
