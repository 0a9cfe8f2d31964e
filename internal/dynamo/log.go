package dynamo

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// Append is the hot path: one UpdateItem that checks the rule, takes the seqs, stores the events and returns
// whom to push to.
func (s *Store) Append(ctx context.Context, a chat.Append) (*chat.Head, error) {
	x := newExpression()
	x.appendEvents(a)
	x.rule(a.Rule)
	return s.updateHead(ctx, a.Ref, x)
}

func (s *Store) updateHead(ctx context.Context, ref chat.Ref, x *expression) (*chat.Head, error) {
	out, err := s.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: headKey(ref).item(),
		UpdateExpression: x.update(), ConditionExpression: x.condition(),
		ExpressionAttributeNames: x.placeholders(), ExpressionAttributeValues: x.values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err != nil {
		return nil, s.writeFailure(err)
	}
	return readHead(out.Attributes, s.Epoch)
}

// Create makes HEAD, STATE, the customer's membership and the waiting entry in one transaction.
func (s *Store) Create(ctx context.Context, c chat.Creation) error {
	head := headKey(c.Ref).item()
	status := cmp.Or(c.Status, chat.StatusQueued)
	for name, v := range (item{
		"st": str(statusCodes[status]), "v": num(1), "ep": num(0),
		"n": num(len(c.Events)), "f": num(1), "T": packList(c.Events),
		"d": num(0), "e": num(1), "D": packList(nil), "F": &types.AttributeValueMemberM{Value: item{}},
		"P": &types.AttributeValueMemberM{Value: item{mapKey(c.Customer): participant(c.Role, uint64(len(c.Events)))}},
		"L": &types.AttributeValueMemberM{Value: item{}}, "k": str(kindAppend),
	}) {
		head[name] = v
	}
	if c.Department != "" {
		head["dp"] = str(string(c.Department))
	}
	if c.Priority != 0 {
		head["pr"] = num(c.Priority)
	}
	head["wn"] = num(len(c.Events))
	if asked := chat.WaitChanges(c.Events).Asked; !asked.IsZero() {
		head["w"] = num(asked.UnixMilli())
	}
	if c.Listen != "" {
		head["L"] = &types.AttributeValueMemberM{Value: item{string(c.Listen): bin(packListener(c.Listener))}}
	}
	items := []types.TransactWriteItem{
		{Put: &types.Put{
			TableName: &s.Chat, Item: head, ConditionExpression: aws.String("attribute_not_exists(pk)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		s.putTx(stateItem(c, status)),
		s.putTx(openKey(c.Workspace, c.Customer, c.Conversation).item()),
	}
	if c.Bot != "" {
		head["P"].(*types.AttributeValueMemberM).Value[mapKey(c.Bot)] = participant(chat.RoleBot, 0)
		items = append(items, s.putTx(openKey(c.Workspace, c.Bot, c.Conversation).item()))
	}
	if status.Waits() {
		e := waitingEntry(c.Ref, c.Entry, status, c.Customer, c.Department, c.Priority, c.At, 1)
		head["q"], head["fq"] = num(c.At.UnixMilli()), num(c.At.UnixMilli())
		if len(e.Skills) > 0 {
			head["ks"] = texts(e.Skills)
		}
		if len(e.Tried) > 0 {
			head["tr"], head["tt"] = bin(packUsers(e.Tried)), num(millisOf(e.TriedAt))
		}
		items = append(items, s.putTx(waitingItem(c.Ref, e)))
	}
	_, err := s.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return s.transactionFailure(err)
}

func (s *Store) putTx(it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.Chat, Item: it}}
}

func (s *Store) deleteTx(k key) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Chat, Key: k.item()}}
}

// Head reads HEAD consistently.
func (s *Store) Head(ctx context.Context, ref chat.Ref) (*chat.Head, error) {
	out, err := s.API.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: headKey(ref).item(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, failure(err)
	}
	if len(out.Item) == 0 {
		return nil, nil
	}
	return readHead(out.Item, s.Epoch)
}

// MoveTail puts the front of the tail into a chunk, then trims it. With Moves, images that this process has itself
// made stale are passed over: their two writes would be refused, and refused writes are billed.
func (s *Store) MoveTail(ctx context.Context, head *chat.Head, t chat.Track, upTo, relayed uint64) error {
	track := head.Track(t)
	n := int(upTo + 1 - track.From)
	if upTo < track.From || n > len(track.Tail) || s.Moves.passed(head, t) {
		return nil
	}
	end, err := s.putChunk(ctx, head, t, track.Tail[:min(n, maxMove)])
	if err != nil {
		return err
	}
	if n = int(end + 1 - track.From); n > len(track.Tail) {
		return nil // a later image moved more than this one knows; its trim follows or has been
	}
	return s.trim(ctx, head, t, track.Tail[:n], relayed)
}

// putChunk returns the seq of the last event in the chunk that begins where these events do.
func (s *Store) putChunk(ctx context.Context, head *chat.Head, t chat.Track, events []chat.Event) (uint64, error) {
	first, last := events[0].Seq, events[len(events)-1].Seq
	it := chunkKey(head.Ref, t, first).item()
	it["to"], it["g"], it["E"] = num(last), num(head.Gen&0xffff), packList(events)
	_, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.Chat, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if old, failed := conditionItem(err); failed {
		return getN(old, "to"), nil
	}
	return last, failure(err)
}

// trim removes the moved events from the tail. The removal is by index from the front, so appends that came
// since the image do not matter; tailFrom and the count of erasures must be what they were. Listeners whose time has
// passed go with the same write; if one of them alone is in its way, having said hello again, they stay.
func (s *Store) trim(ctx context.Context, head *chat.Head, t chat.Track, moved []chat.Event, relayed uint64) error {
	expired := expiredListeners(head, s.now())
	err := s.trimAndSweep(ctx, head, t, moved, relayed, expired)
	var refused *chat.Refused
	if errors.As(err, &refused) && len(expired) > 0 && refused.Old != nil && refused.Old.Track(t).From == moved[0].Seq && refused.Old.Gen == head.Gen {
		err = s.trimAndSweep(ctx, head, t, moved, relayed, nil)
	}
	if err == nil {
		s.Moves.note(head, t, moved[len(moved)-1].Seq+1)
	}
	return ignoreRefused(err)
}

func (s *Store) trimAndSweep(ctx context.Context, head *chat.Head, t chat.Track, moved []chat.Event, relayed uint64, expired map[chat.ConnectionID]chat.Listener) error {
	x := newExpression()
	n := namesOf(t)
	first, last := moved[0].Seq, moved[len(moved)-1].Seq
	x.require = append(x.require, n.from+" = "+x.value("f", num(first)))
	if g := head.Gen & 0xffff; g > 0 {
		x.require = append(x.require, "g = "+x.value("g", num(g)))
	} else {
		x.require = append(x.require, "attribute_not_exists(g)")
	}
	x.set = append(x.set, n.from+" = "+x.value("to", num(last+1)))
	if relayed > 0 {
		x.set = append(x.set, n.relayed+" = "+x.value("r", num(relayed)))
	}
	x.kind(kindTrim)
	// From the back: on AWS indexes mean the list before the update, but engines that remove one after the
	// other have been met.
	for i := len(moved) - 1; i >= 0; i-- {
		x.remove = append(x.remove, n.tail+"["+strconv.Itoa(i)+"]")
	}
	if t == chat.Desk {
		x.moveFollows(head, first, last)
	}
	x.sweep(expired)
	in := &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: headKey(head.Ref).item(),
		UpdateExpression: x.update(), ConditionExpression: x.condition(),
		ExpressionAttributeNames: x.placeholders(), ExpressionAttributeValues: x.values,
	}
	if len(expired) > 0 {
		in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	_, err := s.API.UpdateItem(ctx, in)
	return s.writeFailure(err)
}

// moveFollows drops the notes of what desk events follow for those that are in a chunk now. A write that was
// cut in two keeps its note, under the first seq that stays.
func (x *expression) moveFollows(head *chat.Head, first, last uint64) {
	for i, e := range head.Desk.Tail {
		switch {
		case e.Seq >= first && e.Seq <= last:
			x.remove = append(x.remove, "F."+x.name("f"+strconv.Itoa(i), strconv.FormatUint(e.Seq, 10)))
		case e.Seq == last+1:
			x.set = append(x.set, "F."+x.name("next", strconv.FormatUint(e.Seq, 10))+" = "+x.value("next", num(e.Follows)))
		}
	}
}

// SetRelayed notes up to where integrations were told.
func (s *Store) SetRelayed(ctx context.Context, ref chat.Ref, t chat.Track, relayed uint64) error {
	x := newExpression()
	n := namesOf(t).relayed
	x.set = append(x.set, n+" = "+x.value("r", num(relayed)))
	x.require = append(x.require, "attribute_exists(pk)", "(attribute_not_exists("+n+") OR "+n+" < :r)")
	x.kind(kindTrim)
	_, err := s.updateHead(ctx, ref, x)
	return ignoreRefused(err)
}
