package dynamo

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

var _ chat.VisitorStore = &Store{}

// A visitor's row: p page   t title   f referrer   c conversation   b begin of the stay (ms)   s since on the page (ms)
// e end of the stay (ms)   x expiry.

// PutVisit implements chat.VisitorStore. It is one update, and a second one where the row of an earlier stay is still
// there: DynamoDB removes what has expired within days, not at once.
func (s *Store) PutVisit(ctx context.Context, w chat.WorkspaceID, v chat.Visitor, gap time.Duration) error {
	x := newExpression()
	optional := func(name, text string) {
		if text == "" {
			x.remove = append(x.remove, x.name(name, name))
			return
		}
		x.set = append(x.set, x.name(name, name)+" = "+x.value(name, str(text)))
	}
	optional("p", v.Page)
	optional("t", v.Title)
	optional("f", v.Referrer)
	optional("c", string(v.Conversation))
	for name, value := range map[string]types.AttributeValue{"s": millis(v.Since), "e": millis(v.Until), "x": num(v.Until.Unix() + 1)} {
		x.set = append(x.set, x.name(name, name)+" = "+x.value(name, value))
	}
	x.set = append(x.set, "b = if_not_exists(b, "+x.value("b", millis(v.First))+")")
	x.require = append(x.require, "(attribute_not_exists(#s) OR #s <= "+x.value("gap", millis(v.Since.Add(-gap)))+")")
	out, err := s.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Connections, Key: visitorKey(w, v.User).item(), UpdateExpression: x.update(), ConditionExpression: x.condition(),
		ExpressionAttributeNames: x.placeholders(), ExpressionAttributeValues: x.values, ReturnValues: types.ReturnValueAllOld,
	})
	if _, refused := conditionItem(err); refused {
		return &chat.Refused{}
	}
	if err != nil || len(out.Attributes) == 0 || timeOf(int64(getN(out.Attributes, "e"))).After(v.Since) {
		return failure(err)
	}
	_, err = s.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Connections, Key: visitorKey(w, v.User).item(), UpdateExpression: aws.String("SET b = :b"),
		ExpressionAttributeValues: item{":b": millis(v.First)},
	})
	return failure(err)
}

// StayOn implements chat.VisitorStore.
func (s *Store) StayOn(ctx context.Context, w chat.WorkspaceID, u chat.UserID, now, until time.Time) error {
	_, err := s.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Connections, Key: visitorKey(w, u).item(),
		UpdateExpression: aws.String("SET e = :e, x = :x"), ConditionExpression: aws.String("e > :now"),
		ExpressionAttributeValues: item{":e": millis(until), ":x": num(until.Unix() + 1), ":now": millis(now)},
	})
	if _, refused := conditionItem(err); refused {
		return &chat.Refused{}
	}
	return failure(err)
}

// Visitors implements chat.VisitorStore: all shards side by side, eventually consistent.
func (s *Store) Visitors(ctx context.Context, w chat.WorkspaceID, now time.Time, limit int) ([]chat.Visitor, bool, error) {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		all    []chat.Visitor
		more   bool
		failed error
	)
	for shard := range visitorShards {
		wg.Go(func() {
			list, next, err := s.visitorsOf(ctx, w, now, shard, "", (limit+visitorShards-1)/visitorShards)
			mu.Lock()
			defer mu.Unlock()
			all, more = append(all, list...), more || next != ""
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	return all, more, failed
}

// VisitorPage implements chat.VisitorStore: shard by shard, in each by user.
func (s *Store) VisitorPage(ctx context.Context, w chat.WorkspaceID, now time.Time, place string, limit int) ([]chat.Visitor, string, error) {
	number, after, _ := strings.Cut(place, "/")
	shard, _ := strconv.Atoi(number)
	var all []chat.Visitor
	for ; shard >= 0 && shard < visitorShards; shard++ {
		list, next, err := s.visitorsOf(ctx, w, now, shard, chat.UserID(after), limit-len(all))
		if err != nil {
			return nil, "", err
		}
		all, after = append(all, list...), ""
		if next != "" {
			return all, strconv.Itoa(shard) + "/" + next, nil
		}
		if len(all) == limit && shard+1 < visitorShards {
			return all, strconv.Itoa(shard+1) + "/", nil
		}
	}
	return all, "", nil
}

// visitorsOf lists up to limit of one shard behind a user; next is the last one when there may be more.
func (s *Store) visitorsOf(ctx context.Context, w chat.WorkspaceID, now time.Time, shard int, after chat.UserID, limit int) (list []chat.Visitor, next string, err error) {
	in := &dynamodb.QueryInput{
		TableName: &s.Connections, KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("e > :now"),
		ExpressionAttributeValues: item{":p": str(visitorPartition(w, shard)), ":now": millis(now)},
	}
	if after != "" {
		in.ExclusiveStartKey = key{visitorPartition(w, shard), string(after)}.item()
	}
	for len(list) < limit {
		in.Limit = aws.Int32(int32(limit - len(list)))
		page, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, "", failure(err)
		}
		for _, it := range page.Items {
			list = append(list, readVisitor(it))
		}
		if len(page.LastEvaluatedKey) == 0 {
			return list, "", nil
		}
		next, in.ExclusiveStartKey = getS(page.LastEvaluatedKey, "sk"), page.LastEvaluatedKey
	}
	return list, next, nil
}

func readVisitor(it item) chat.Visitor {
	return chat.Visitor{
		User: chat.UserID(getS(it, "sk")), Page: getS(it, "p"), Title: getS(it, "t"), Referrer: getS(it, "f"), Conversation: chat.ConversationID(getS(it, "c")),
		First: timeOf(int64(getN(it, "b"))), Since: timeOf(int64(getN(it, "s"))), Until: timeOf(int64(getN(it, "e"))),
	}
}
