package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// An operator's item:
//
//	ld load     cp capacity (absent: never set)   du duty (absent: never on duty)   ds duty since (ms)
//	lx lease (ms)   la last assigned (ms)   mi missed in a row   ty typing until (ms)   n events of their own log
//	nm name     ro role     dp departments (list, by commas)     ks skills
func (s *Store) place(w chat.WorkspaceID, p chat.Place) types.TransactWriteItem {
	x := newExpression()
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
		"mi": int64(o.Missed), "ty": millisOf(o.TypingUntil), "n": int64(o.Events),
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
		LastAssigned: timeOf(int64(getN(it, "la"))), Missed: getInt(it, "mi"), TypingUntil: timeOf(int64(getN(it, "ty"))), Events: getN(it, "n"),
	}
}
