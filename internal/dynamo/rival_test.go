package dynamo

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
)

// rival stores a log as most systems do: one item per event, and a counter in HEAD, kept together by a
// transaction of two items. HEAD's tail stays empty. It exists to be measured against: same promises, same suite.
type rival struct{ *Store }

func (r rival) put(ref chat.Ref, t chat.Track, e chat.Event) types.TransactWriteItem {
	it := chunkKey(ref, t, e.Seq).item()
	it["E"] = packList([]chat.Event{e})
	return types.TransactWriteItem{Put: &types.Put{TableName: &r.Chat, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)")}}
}

// Create makes HEAD with an empty tail, and an item for each event.
func (r rival) Create(ctx context.Context, c chat.Creation) error {
	head := headKey(c.Ref).item()
	for name, v := range (item{
		"st": str(statusCodes[chat.StatusQueued]), "v": num(1), "q": num(c.At.UnixMilli()), "n": num(len(c.Events)), "f": num(len(c.Events) + 1), "T": packList(nil),
		"d": num(0), "e": num(1), "D": packList(nil), "F": &types.AttributeValueMemberM{Value: item{}}, "L": &types.AttributeValueMemberM{Value: item{}},
		"P": &types.AttributeValueMemberM{Value: item{mapKey(c.Customer): participant(c.Role, uint64(len(c.Events)))}},
	}) {
		head[name] = v
	}
	items := []types.TransactWriteItem{{Put: &types.Put{
		TableName: &r.Chat, Item: head, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}, r.putTx(openKey(c.Workspace, c.Customer, c.Conversation).item())}
	for _, e := range c.Events {
		items = append(items, r.put(c.Ref, chat.Public, e))
	}
	_, err := r.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return r.transactionFailure(err)
}

// Append takes the seq in HEAD and puts the events, in one transaction. That returns no image, so whom to push to
// must be read afterwards.
func (r rival) Append(ctx context.Context, a chat.Append) (*chat.Head, error) {
	n, last := namesOf(a.Track), a.After+uint64(len(a.Events))
	x := newExpression()
	x.set = append(x.set, n.last+" = "+x.value("n", num(last)), n.from+" = "+x.value("f", num(last+1)))
	x.require = append(x.require, n.last+" = "+x.value("a", num(a.After)))
	if a.Cursor > 0 {
		x.set = append(x.set, "P."+x.name("u", mapKey(a.Rule.Actor))+".c = "+x.value("c", num(a.Cursor)))
	}
	x.rule(a.Rule)
	items := []types.TransactWriteItem{{Update: &types.Update{
		TableName: &r.Chat, Key: headKey(a.Ref).item(), UpdateExpression: x.update(), ConditionExpression: x.condition(),
		ExpressionAttributeNames: x.placeholders(), ExpressionAttributeValues: x.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}}
	for _, e := range a.Events {
		items = append(items, r.put(a.Ref, a.Track, e))
	}
	if _, err := r.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items}); err != nil {
		return nil, r.transactionFailure(err)
	}
	head, err := r.Head(ctx, a.Ref)
	if err == nil && head.Track(a.Track).Last == last { // for the suite: what was appended, as the tail of the image
		head.Track(a.Track).From, head.Track(a.Track).Tail = a.After+1, a.Events
	}
	return head, err
}

func TestRivalConforms(t *testing.T) {
	t.Parallel()
	chattest.ConformLog(t, rival{newStore(t)})
}

// meter adds up what DynamoDB says that the calls consumed.
type meter struct {
	API
	write, read float64
	requests    int
}

func (m *meter) count(write bool, used ...types.ConsumedCapacity) {
	m.requests++
	for _, u := range used {
		if write {
			m.write += aws.ToFloat64(u.CapacityUnits)
		} else {
			m.read += aws.ToFloat64(u.CapacityUnits)
		}
	}
}

func (m *meter) take() meter {
	out := *m
	m.write, m.read, m.requests = 0, 0, 0
	return out
}

const total = types.ReturnConsumedCapacityTotal

func (m *meter) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	in.ReturnConsumedCapacity = total
	out, err := m.API.GetItem(ctx, in, o...)
	if err == nil {
		m.count(false, *out.ConsumedCapacity)
	}
	return out, err
}

func (m *meter) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	in.ReturnConsumedCapacity = total
	out, err := m.API.Query(ctx, in, o...)
	if err == nil {
		m.count(false, *out.ConsumedCapacity)
	}
	return out, err
}

func (m *meter) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	in.ReturnConsumedCapacity = total
	out, err := m.API.PutItem(ctx, in, o...)
	if err == nil {
		m.count(true, *out.ConsumedCapacity)
	}
	return out, err
}

func (m *meter) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	in.ReturnConsumedCapacity = total
	out, err := m.API.UpdateItem(ctx, in, o...)
	if err == nil {
		m.count(true, *out.ConsumedCapacity)
	}
	return out, err
}

func (m *meter) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	in.ReturnConsumedCapacity = total
	out, err := m.API.TransactWriteItems(ctx, in, o...)
	if err == nil {
		m.count(true, out.ConsumedCapacity...)
	}
	return out, err
}

// quiet takes the relay's integration jobs.
type quiet struct{}

func (quiet) Enqueue(context.Context, []chat.IntegrationJob) error { return nil }

func (quiet) Subscriptions(context.Context, chat.WorkspaceID) ([]chat.Subscription, error) {
	return nil, nil
}

// measured is what one message, and one opening of a conversation (state and newest 50 events), cost.
type measured struct {
	name                   string
	write, read, requests  float64 // per message
	pageRead, pageRequests float64
}

const measuredMessages = 80

// measure sends messages to a conversation of two with a listener each. afterwards does what the layout needs
// besides, at most once per message.
func measure(t *testing.T, name string, store chattest.Store, m *meter, ref chat.Ref, u chat.UserID, text string, afterwards func(*chat.Head)) measured {
	t.Helper()
	h, err := store.Head(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	m.take()
	last := h.Public.Last
	for range measuredMessages {
		h, err := store.Append(t.Context(), chat.Append{
			Ref: ref, Track: chat.Public, After: last, Cursor: last,
			Rule: chat.Rule{Actor: u, Participant: true, UnmutedAt: time.Now(), Statuses: []chat.Status{chat.StatusActive, chat.StatusQueued}},
			Events: []chat.Event{{
				Seq: last + 1, ID: chat.EventID(chat.NewID(chat.EventPrefix, time.Now())), Type: chat.EventMessage, At: time.Now(), Sender: u, Role: chat.RoleCustomer, Text: text,
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		last++
		afterwards(h)
	}
	sent := m.take()
	out := measured{name: name, write: sent.write / measuredMessages, read: sent.read / measuredMessages, requests: float64(sent.requests) / measuredMessages}
	s := chat.Service{Reader: store}
	p := chat.Principal{Workspace: ref.Workspace, User: u, Role: chat.RoleCustomer}
	r, err := s.Page(t.Context(), p, chat.PageQuery{Conversation: ref.Conversation, Track: chat.Public, Limit: 50, Bytes: 1 << 20})
	if err != nil || len(r.Events) != 50 || r.Events[49].Seq != last {
		t.Fatal(err, len(r.Events))
	}
	opened := m.take()
	out.pageRead, out.pageRequests = opened.read, float64(opened.requests)
	return out
}

// cost in US dollars per million messages, on demand in us-east-1 (Amazon DynamoDB pricing, November 2024).
func (m measured) cost() float64 { return m.write*0.625 + m.read*0.125 }

// TestWriteUnits measures the two layouts with the units that DynamoDB itself reports, and prints the figures
// (go test ./internal/dynamo -run TestWriteUnits -v). HEAD with chunks is kept because it is the cheaper one for
// what people write; from about 3,000 bytes on an item per event would be.
func TestWriteUnits(t *testing.T) {
	t.Parallel()
	var figures strings.Builder
	fmt.Fprintf(&figures, "%-28s %5s  %6s %6s %8s %10s   %s\n", "layout", "text", "WRU", "RRU", "requests", "$/million", "opening: RRU, requests")
	for _, length := range []int{20, 60, 150, 400, 1000, 3000} {
		text := strings.Repeat("x", length)
		head, events := measureHead(t, text), measureRival(t, text)
		for _, f := range []measured{head, events} {
			fmt.Fprintf(&figures, "%-28s %5d  %6.2f %6.2f %8.2f %10.2f   %.1f, %.0f\n", f.name, length, f.write, f.read, f.requests, f.cost(), f.pageRead, f.pageRequests)
		}
		if length <= 1000 && head.cost() >= events.cost() || head.write == 0 || events.read == 0 {
			t.Errorf("at %d bytes the rival is not dearer: %+v %+v", length, head, events)
		}
		if length <= 60 && head.write > 1.5 {
			t.Errorf("%d bytes: %.2f write units per message", length, head.write)
		}
	}
	t.Logf("\n%s", &figures)
}

func measureHead(t *testing.T, text string) measured {
	s := newStore(t)
	ref, customer, _ := converse(t, s)
	m := &meter{API: s.API}
	s.API = m
	relay := &chat.Relay{Reader: s, Tails: s, Subscriptions: quiet{}, Queue: quiet{}}
	var before *chat.Head
	return measure(t, "HEAD with tail, chunks", s, m, ref, customer, text, func(h *chat.Head) {
		if err := relay.Record(t.Context(), before, h); err != nil {
			t.Fatal(err)
		}
		if before = h; relay.Trim(t.Context(), h) != nil {
			t.Fatal("trim failed")
		}
	})
}

func measureRival(t *testing.T, text string) measured {
	s := newStore(t)
	ref, customer, _ := converse(t, s)
	h, err := s.Head(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.MoveTail(t.Context(), h, chat.Public, h.Public.Last, 0); err != nil {
		t.Fatal(err)
	}
	m := &meter{API: s.API}
	s.API = m
	return measure(t, "item per event, transaction", rival{s}, m, ref, customer, text, func(*chat.Head) {})
}
