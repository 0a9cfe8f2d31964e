package dynamo

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
)

// listenerShards is over how many partitions the listeners beyond HEAD's are spread. It is stored in HEAD when
// the first one comes, so it may be changed for conversations to come.
const listenerShards = 8

// Subscribe adds the listener and returns the image after it.
func (s *Store) Subscribe(ctx context.Context, ref chat.Ref, c chat.ConnectionID, l chat.Listener) (*chat.Head, error) {
	head, err := s.subscribeInHead(ctx, ref, c, l, nil)
	var refused *chat.Refused
	if !errors.As(err, &refused) || refused.Old == nil {
		return head, err
	}
	old := refused.Old
	if _, takesPart := old.Participants[l.User]; !takesPart {
		return nil, refused
	}
	if expired := expiredListeners(old, s.now()); len(expired) > 0 {
		head, err = s.subscribeInHead(ctx, ref, c, l, expired)
		if !errors.As(err, &refused) {
			return head, err
		}
	}
	return s.subscribeInRow(ctx, ref, c, l)
}

func (s *Store) subscribeInHead(ctx context.Context, ref chat.Ref, c chat.ConnectionID, l chat.Listener, expired map[chat.ConnectionID]chat.Listener) (*chat.Head, error) {
	x := newExpression()
	conn := "L." + x.name("c", string(c))
	x.set = append(x.set, conn+" = "+x.value("l", bin(packListener(l))))
	x.require = append(x.require, "attribute_exists(P."+x.name("u", mapKey(l.User))+")")
	x.prune(expired)
	if len(expired) == 0 {
		x.require = append(x.require, "(attribute_exists("+conn+") OR size(L) < "+x.value("max", num(chat.MaxListeners))+")")
	}
	x.kind(kindListener)
	return s.updateHead(ctx, ref, x)
}

// prune removes listeners, each on condition that it is still the one that was seen: a socket that said hello
// again meanwhile stays.
func (x *expression) prune(expired map[chat.ConnectionID]chat.Listener) {
	i := 0
	for c, l := range expired {
		n := strconv.Itoa(i)
		path := "L." + x.name("x"+n, string(c))
		x.remove = append(x.remove, path)
		x.require = append(x.require, path+" = "+x.value("x"+n, bin(packListener(l))))
		i++
	}
}

// sweep removes listeners that have expired, for a write that must not fail on their account: one that was removed
// meanwhile is no hindrance, one that said hello again is.
func (x *expression) sweep(expired map[chat.ConnectionID]chat.Listener) {
	i := 0
	for c, l := range expired {
		n := "x" + strconv.Itoa(i)
		path := "L." + x.name(n, string(c))
		x.remove = append(x.remove, path)
		x.require = append(x.require, "(attribute_not_exists("+path+") OR "+path+" = "+x.value(n, bin(packListener(l)))+")")
		i++
	}
}

func expiredListeners(h *chat.Head, now time.Time) map[chat.ConnectionID]chat.Listener {
	var out map[chat.ConnectionID]chat.Listener
	for c, l := range h.Listeners {
		if !l.Expires.After(now) {
			if out == nil {
				out = map[chat.ConnectionID]chat.Listener{}
			}
			out[c] = l
		}
	}
	return out
}

// subscribeInRow writes a row of its own, then takes the image: whatever is committed after the image was
// taken finds the row.
func (s *Store) subscribeInRow(ctx context.Context, ref chat.Ref, c chat.ConnectionID, l chat.Listener) (*chat.Head, error) {
	row := listenerKey(ref, shardOf(c), c).item()
	row["l"], row["x"] = bin(packListener(l)), num(l.Expires.Unix())
	if _, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Connections, Item: row}); err != nil {
		return nil, failure(err)
	}
	x := newExpression()
	x.set = append(x.set, "ls = "+x.value("ls", num(listenerShards)))
	x.require = append(x.require, "attribute_exists(P."+x.name("u", mapKey(l.User))+")", "attribute_not_exists(ls)")
	x.kind(kindListener)
	head, err := s.updateHead(ctx, ref, x)
	var refused *chat.Refused
	if errors.As(err, &refused) && refused.Old != nil && refused.Old.ListenerShards > 0 {
		return s.Head(ctx, ref) // the refusing image may be older than the row
	}
	return head, err
}

func shardOf(c chat.ConnectionID) int {
	h := fnv.New32a()
	h.Write([]byte(c))
	return int(h.Sum32() % listenerShards)
}

// ListenerRows reads one shard of the listeners beyond HEAD's.
func (s *Store) ListenerRows(ctx context.Context, ref chat.Ref, shard int) (map[chat.ConnectionID]chat.Listener, error) {
	out := map[chat.ConnectionID]chat.Listener{}
	in := &dynamodb.QueryInput{
		TableName: &s.Connections, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(listenerKey(ref, shard, "").pk)},
	}
	for {
		page, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		for _, it := range page.Items {
			if l, ok := unpackListener(getB(it, "l")); ok {
				out[chat.ConnectionID(getS(it, "sk"))] = l
			}
		}
		if len(page.LastEvaluatedKey) == 0 {
			return out, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// DropListenerRow removes one listener row.
func (s *Store) DropListenerRow(ctx context.Context, ref chat.Ref, shard int, c chat.ConnectionID) error {
	_, err := s.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.Connections, Key: listenerKey(ref, shard, c).item()})
	return failure(err)
}

// Unsubscribe removes a listener from HEAD.
func (s *Store) Unsubscribe(ctx context.Context, ref chat.Ref, c chat.ConnectionID) error {
	x := newExpression()
	conn := "L." + x.name("c", string(c))
	x.remove = append(x.remove, conn)
	x.require = append(x.require, "attribute_exists("+conn+")")
	x.kind(kindListener)
	_, err := s.updateHead(ctx, ref, x)
	return ignoreRefused(err)
}

// MoveCursor raises a read cursor, never beyond the log and never back.
func (s *Store) MoveCursor(ctx context.Context, ref chat.Ref, u chat.UserID, seq uint64) (*chat.Head, error) {
	x := newExpression()
	user := "P." + x.name("u", mapKey(u))
	x.set = append(x.set, user+".c = "+x.value("c", num(seq)))
	x.require = append(x.require, "attribute_exists("+user+")", "(attribute_not_exists("+user+".c) OR "+user+".c < :c)", "n >= :c")
	x.kind(kindCursor)
	return s.updateHead(ctx, ref, x)
}

// Mute raises until when a participant may not write.
func (s *Store) Mute(ctx context.Context, ref chat.Ref, u chat.UserID, until time.Time) error {
	x := newExpression()
	user := "P." + x.name("u", mapKey(u))
	x.set = append(x.set, user+".m = "+x.value("m", num(until.UnixMilli())))
	x.require = append(x.require, "attribute_exists("+user+")", "(attribute_not_exists("+user+".m) OR "+user+".m < :m)")
	x.kind(kindMute)
	_, err := s.updateHead(ctx, ref, x)
	return err
}
