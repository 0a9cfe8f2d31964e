package dynamo

import (
	"context"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// An operator's item:
//
//	ld load     cp capacity (absent: never set)   du duty (absent: never on duty)   ds duty since (ms)
//	lx lease (ms)   la last assigned (ms)   mi missed in a row   ty typing until (ms)   n events of their own log
//	on connected since (ms; absent: not connected)
//	nm name     ro role     dp departments (list, by commas)     ks skills
//	k  a if the last write appended to their own log, else absent. The stream is filtered by it.
func (s *Store) place(w chat.WorkspaceID, p chat.Place) types.TransactWriteItem {
	x := newExpression()
	x.remove = append(x.remove, "k")
	if p.Take {
		x.set = append(x.set, "ld = if_not_exists(ld, "+x.value("zero", num(0))+") + "+x.value("one", num(1)), "la = "+x.value("at", num(p.At.UnixMilli())))
		x.require = append(x.require, "(attribute_not_exists(cp) OR attribute_not_exists(ld) OR ld < cp)")
		if p.Eligible {
			x.require = append(x.require, "(attribute_not_exists(du) OR (du = "+x.value("on", str(string(chat.DutyAccepting)))+
				" AND lx > "+x.value("lease", num(p.At.Add(-chat.DisconnectGrace).UnixMilli()))+"))")
		}
	} else {
		x.set = append(x.set, "ld = if_not_exists(ld, "+x.value("zero", num(0))+") - "+x.value("one", num(1)))
		if p.Missed {
			x.set = append(x.set, "mi = if_not_exists(mi, "+x.value("zero", num(0))+") + "+x.value("one", num(1)))
		}
		if p.Away {
			x.set = append(x.set, "du = "+x.value("away", str(string(chat.DutyAway))), "ds = "+x.value("at", num(p.At.UnixMilli())))
		}
	}
	update := &types.Update{
		TableName: &s.Chat, Key: operatorKey(w, p.User).item(), UpdateExpression: x.update(),
		ExpressionAttributeNames: x.placeholders(), ExpressionAttributeValues: x.values,
	}
	if len(x.require) > 0 {
		update.ConditionExpression = x.condition()
	}
	return types.TransactWriteItem{Update: update}
}

// Operators implements chat.Operators.
func (s *Store) Operators(ctx context.Context, w chat.WorkspaceID) ([]chat.Operator, error) {
	var out []chat.Operator
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(operatorKey(w, "").pk)},
	}
	for {
		page, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		for _, it := range page.Items {
			out = append(out, readOperator(w, it))
		}
		if len(page.LastEvaluatedKey) == 0 {
			return out, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// Operator implements chat.Operators.
func (s *Store) Operator(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (*chat.Operator, error) {
	out, err := s.API.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: operatorKey(w, u).item(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, failure(err)
	}
	if len(out.Item) == 0 {
		return nil, nil
	}
	o := readOperator(w, out.Item)
	return &o, nil
}

// PutOperator stores how an operator stands, whatever was there: for seeds and tests.
func (s *Store) PutOperator(ctx context.Context, o chat.Operator) error {
	_, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Chat, Item: operatorItem(o)})
	return failure(err)
}

func operatorItem(o chat.Operator) item {
	it := operatorKey(o.Workspace, o.User).item()
	for name, n := range map[string]int64{
		"ld": int64(o.Load), "cp": int64(o.Capacity), "ds": millisOf(o.DutySince), "lx": millisOf(o.Lease), "la": millisOf(o.LastAssigned),
		"mi": int64(o.Missed), "ty": millisOf(o.TypingUntil), "n": int64(o.Events), "on": millisOf(o.Online),
	} {
		if n != 0 {
			it[name] = num(n)
		}
	}
	setText(it, "du", string(o.Duty))
	setText(it, "nm", o.Name)
	setText(it, "ro", string(o.Role))
	setText(it, "dp", string(o.Departments))
	if len(o.Skills) > 0 {
		it["ks"] = texts(o.Skills)
	}
	return it
}

func readOperator(w chat.WorkspaceID, it item) chat.Operator {
	return chat.Operator{
		Workspace: w, User: chat.UserID(getS(it, "sk")), Name: getS(it, "nm"), Role: chat.Role(getS(it, "ro")),
		Departments: chat.DepartmentList(getS(it, "dp")), Skills: getTexts(it, "ks"), Capacity: getInt(it, "cp"), Load: getInt(it, "ld"),
		Duty: chat.Duty(getS(it, "du")), DutySince: timeOf(int64(getN(it, "ds"))), Lease: timeOf(int64(getN(it, "lx"))),
		LastAssigned: timeOf(int64(getN(it, "la"))), Missed: getInt(it, "mi"), TypingUntil: timeOf(int64(getN(it, "ty"))), Events: getN(it, "n"), Online: timeOf(int64(getN(it, "on"))),
	}
}

// differing adds what is to change, and the condition that it is as in the image.
func (x *expression) differing(old, next chat.Operator) {
	was, is := operatorItem(old), operatorItem(next)
	for _, name := range []string{"cp", "ds", "lx", "mi", "ty", "on", "du", "nm", "ro", "dp", "ks"} {
		if reflect.DeepEqual(was[name], is[name]) {
			continue
		}
		at := x.name(name, name)
		if is[name] == nil {
			x.remove = append(x.remove, at)
		} else {
			x.set = append(x.set, at+" = "+x.value(name, is[name]))
		}
		if name == "lx" || name == "ty" || name == "mi" { // pings, typing and misses come at any time
			continue
		}
		if was[name] == nil {
			x.require = append(x.require, "attribute_not_exists("+at+")")
		} else {
			x.require = append(x.require, at+" = "+x.value("was"+name, was[name]))
		}
	}
}

// ChangeOperator implements chat.OperatorStore.
func (s *Store) ChangeOperator(ctx context.Context, old *chat.Operator, next chat.Operator, events ...chat.OperatorEvent) error {
	if old == nil {
		old = &chat.Operator{Workspace: next.Workspace, User: next.User}
	}
	x := newExpression()
	x.differing(*old, next)
	n := x.name("n", "n")
	if old.Events == 0 {
		x.require = append(x.require, "attribute_not_exists("+n+")")
	} else {
		x.require = append(x.require, n+" = "+x.value("n", num(old.Events)))
	}
	if len(events) > 0 {
		x.set = append(x.set, n+" = "+x.value("last", num(old.Events+uint64(len(events)))))
		x.kind(kindAppend)
	}
	if len(x.set)+len(x.remove) == 0 {
		return nil
	}
	if len(events) == 0 {
		x.remove = append(x.remove, "k")
	}
	items := []types.TransactWriteItem{{Update: &types.Update{
		TableName: &s.Chat, Key: operatorKey(next.Workspace, next.User).item(), UpdateExpression: x.update(), ConditionExpression: x.condition(),
		ExpressionAttributeNames: x.placeholders(), ExpressionAttributeValues: x.values,
	}}}
	for i, e := range events {
		e.Seq = old.Events + uint64(i) + 1
		items = append(items, s.putTx(s.ownEvent(operatorEventItem(next, e))))
	}
	_, err := s.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) && len(cancelled.CancellationReasons) > 0 && aws.ToString(cancelled.CancellationReasons[0].Code) == "ConditionalCheckFailed" {
		return &chat.Refused{}
	}
	return failure(err)
}

// updateOnDuty changes the item of an operator on duty, and returns it; nil for one who is not.
func (s *Store) updateOnDuty(ctx context.Context, w chat.WorkspaceID, u chat.UserID, set string, values item) (*chat.Operator, error) {
	values[":acc"], values[":away"] = str(string(chat.DutyAccepting)), str(string(chat.DutyAway))
	out, err := s.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: operatorKey(w, u).item(), UpdateExpression: &set, ConditionExpression: aws.String("du IN (:acc, :away)"),
		ExpressionAttributeValues: values, ReturnValues: types.ReturnValueAllNew,
	})
	if _, refused := conditionItem(err); refused {
		return nil, nil
	}
	if err != nil {
		return nil, failure(err)
	}
	o := readOperator(w, out.Attributes)
	return &o, nil
}

// RenewLease implements chat.OperatorStore.
func (s *Store) RenewLease(ctx context.Context, w chat.WorkspaceID, u chat.UserID, until time.Time) (*chat.Operator, error) {
	return s.updateOnDuty(ctx, w, u, "SET lx = :t REMOVE k", item{":t": num(until.UnixMilli())})
}

// EndLease implements chat.OperatorStore.
func (s *Store) EndLease(ctx context.Context, w chat.WorkspaceID, u chat.UserID, was, until time.Time) error {
	_, err := s.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: operatorKey(w, u).item(), UpdateExpression: aws.String("SET lx = :t REMOVE k"), ConditionExpression: aws.String("lx = :was"),
		ExpressionAttributeValues: item{":t": num(until.UnixMilli()), ":was": num(was.UnixMilli())},
	})
	return s.entryFailure(err)
}

// OperatorTypes implements chat.OperatorStore.
func (s *Store) OperatorTypes(ctx context.Context, w chat.WorkspaceID, u chat.UserID, until time.Time) error {
	_, err := s.updateOnDuty(ctx, w, u, "SET ty = :t REMOVE k", item{":t": num(until.UnixMilli())})
	return err
}

// OperatorAnswers implements chat.OperatorStore.
func (s *Store) OperatorAnswers(ctx context.Context, w chat.WorkspaceID, u chat.UserID) error {
	_, err := s.updateOnDuty(ctx, w, u, "REMOVE mi, k", item{})
	return err
}

// An event of an operator's log: t type (index)   at (ms)   by sender   r role index   f from   to   w reason   g generation.
func operatorEventItem(o chat.Operator, e chat.OperatorEvent) item {
	it := operatorEventKey(o.Workspace, o.User, e.Seq).item()
	it["t"], it["at"] = num(slices.Index(chat.OperatorEventTypes(), e.Type)), num(e.At.UnixMilli())
	it["r"] = num(slices.Index(chat.Roles(), e.Role))
	setText(it, "by", string(e.Sender))
	setText(it, "f", string(e.From))
	setText(it, "to", string(e.To))
	setText(it, "w", e.Reason)
	return it
}

func readOperatorEvent(it item) chat.OperatorEvent {
	e := chat.OperatorEvent{
		At: timeOf(int64(getN(it, "at"))), Sender: chat.UserID(getS(it, "by")), Role: roleAt(getN(it, "r")),
		From: chat.Duty(getS(it, "f")), To: chat.Duty(getS(it, "to")), Reason: getS(it, "w"), Seq: operatorEventSeq(getS(it, "sk")),
	}
	if t := getN(it, "t"); t < uint64(len(chat.OperatorEventTypes())) {
		e.Type = chat.OperatorEventTypes()[t]
	}
	return e
}

// OperatorEvents implements chat.OperatorStore.
func (s *Store) OperatorEvents(ctx context.Context, w chat.WorkspaceID, u chat.UserID, after uint64, limit int) ([]chat.OperatorEvent, error) {
	from := operatorEventKey(w, u, after+1)
	out, err := s.API.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String("pk = :p AND sk BETWEEN :a AND :z"),
		ExpressionAttributeValues: item{":p": str(from.pk), ":a": str(from.sk), ":z": str(operatorEventKey(w, u, maxSeq).sk)},
	})
	if err != nil {
		return nil, failure(err)
	}
	var events []chat.OperatorEvent
	for _, it := range out.Items {
		events = append(events, readOperatorEvent(it))
	}
	return events, nil
}

// DropEntry implements chat.Entries.
func (s *Store) DropEntry(ctx context.Context, w chat.WorkspaceID, e chat.Waiting) error {
	_, err := s.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.Chat, Key: waitingKey(chat.Ref{Workspace: w, Conversation: e.Conversation}, e).item(),
		ConditionExpression: aws.String("v = :v"), ExpressionAttributeValues: item{":v": num(e.Version)},
	})
	return ignoreRefused(s.entryFailure(err))
}

// PutEntry implements chat.Entries.
func (s *Store) PutEntry(ctx context.Context, w chat.WorkspaceID, e chat.Waiting) error {
	_, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.Chat, Item: waitingItem(chat.Ref{Workspace: w, Conversation: e.Conversation}, e),
		ConditionExpression: aws.String("attribute_not_exists(v) OR v < :v"), ExpressionAttributeValues: item{":v": num(e.Version)},
	})
	return ignoreRefused(s.entryFailure(err))
}

// ToldPosition implements chat.Entries.
func (s *Store) ToldPosition(ctx context.Context, w chat.WorkspaceID, e chat.Waiting) error {
	_, err := s.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: waitingKey(chat.Ref{Workspace: w, Conversation: e.Conversation}, e).item(),
		UpdateExpression: aws.String("SET tp = :p, ta = :t"), ConditionExpression: aws.String("v = :v"),
		ExpressionAttributeValues: item{":v": num(e.Version), ":p": num(e.Told), ":t": num(e.ToldAt.UnixMilli())},
	})
	return ignoreRefused(s.entryFailure(err))
}

// entryFailure is writeFailure for an item that is no HEAD.
func (s *Store) entryFailure(err error) error {
	if _, refused := conditionItem(err); refused {
		return &chat.Refused{}
	}
	return failure(err)
}

// Assignments implements chat.Entries.
func (s *Store) Assignments(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID) ([]time.Time, error) {
	out, err := s.API.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: assignmentsKey(w, d).item()})
	if err != nil {
		return nil, failure(err)
	}
	var list []time.Time
	for b := getB(out.Item, "t"); len(b) >= 8; b = b[8:] {
		list = append(list, time.UnixMilli(int64(binary.BigEndian.Uint64(b))))
	}
	return list, nil
}

// Assigned implements chat.Entries.
func (s *Store) Assigned(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, at time.Time, n int) error {
	list, err := s.Assignments(ctx, w, d)
	if err != nil {
		return err
	}
	list = append(list, slices.Repeat([]time.Time{at}, min(n, chat.MaxAssignments))...)
	list = list[max(0, len(list)-chat.MaxAssignments):]
	var b []byte
	for _, t := range list {
		b = binary.BigEndian.AppendUint64(b, uint64(t.UnixMilli()))
	}
	it := assignmentsKey(w, d).item()
	it["t"] = bin(b)
	_, err = s.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Chat, Item: it})
	return failure(err)
}
