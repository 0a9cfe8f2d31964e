package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/workspace"
)

// Workspace stores what businesses set for themselves, in the chat table. Every change of what is shared is stored with
// its entry in the audit log, in one transaction.
type Workspace struct {
	Store *Store
	// Audit makes the entries; the zero value will do.
	Audit identity.Audit
}

var (
	_ workspace.Store        = &Workspace{}
	_ workspace.ArticleStore = &Workspace{}
	_ workspace.RunStore     = &Workspace{}
)

// An entry's item: d document (JSON)   vn version   c changed (ms)   by who changed it.
func entryItem(e workspace.Entry) item {
	return withKey(entryKey(e.Place, e.ID), item{"d": bin(e.Document), idVersion: num(e.Version), idCreated: millis(e.Changed), idBy: str(string(e.By))})
}

func readEntry(w chat.WorkspaceID, owner chat.UserID, it item) workspace.Entry {
	kind, id := splitEntryKey(getS(it, "sk"))
	return workspace.Entry{
		Place: workspace.Place{Workspace: w, Kind: kind, Owner: owner}, ID: id, Version: getN(it, idVersion), Document: getB(it, "d"),
		Changed: getTime(it, idCreated), By: chat.UserID(getS(it, idBy)),
	}
}

// Entry implements workspace.Store.
func (s *Workspace) Entry(ctx context.Context, p workspace.Place, id string) (*workspace.Entry, error) {
	it, err := s.get(ctx, entryKey(p, id))
	if err != nil || len(it) == 0 {
		return nil, err
	}
	e := readEntry(p.Workspace, p.Owner, it)
	return &e, nil
}

func (s *Workspace) get(ctx context.Context, k key) (item, error) {
	out, err := s.Store.API.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Store.Chat, Key: k.item(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, failure(err)
	}
	return out.Item, nil
}

// Entries implements workspace.Store.
func (s *Workspace) Entries(ctx context.Context, p workspace.Place) ([]workspace.Entry, error) {
	var out []workspace.Entry
	prefix := entryKey(p, "")
	err := s.each(ctx, prefix, true, func(it item) { out = append(out, readEntry(p.Workspace, p.Owner, it)) })
	return out, err
}

// Config implements workspace.Store: one query, eventually consistent, of a page for nearly all workspaces.
func (s *Workspace) Config(ctx context.Context, w chat.WorkspaceID) ([]workspace.Entry, error) {
	var out []workspace.Entry
	err := s.each(ctx, key{pk: entryPartition(w, workspace.ShelfConfig, "")}, false, func(it item) { out = append(out, readEntry(w, "", it)) })
	return out, err
}

// each shows the items of a partition whose sort keys begin with the key's, in order.
func (s *Workspace) each(ctx context.Context, k key, consistent bool, show func(item)) error {
	in := &dynamodb.QueryInput{
		TableName: &s.Store.Chat, ConsistentRead: &consistent, KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(k.pk)},
	}
	if k.sk != "" {
		in.KeyConditionExpression = aws.String("pk = :p AND begins_with(sk, :s)")
		in.ExpressionAttributeValues[":s"] = str(k.sk)
	}
	for {
		page, err := s.Store.API.Query(ctx, in)
		if err != nil {
			return failure(err)
		}
		for _, it := range page.Items {
			show(it)
		}
		if len(page.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// PutEntry implements workspace.Store.
func (s *Workspace) PutEntry(ctx context.Context, e workspace.Entry, act workspace.Act) (bool, error) {
	return s.change(ctx, e.Owner == "", act, s.putIf(entryItem(e), e.Version-1))
}

// putIf writes an item in place of the version, 0 for none.
func (s *Workspace) putIf(it item, version uint64) types.TransactWriteItem {
	condition, values := ifVersion(version)
	return Identity{s.Store}.put(it, condition, values)
}

// DropEntry implements workspace.Store.
func (s *Workspace) DropEntry(ctx context.Context, p workspace.Place, id string, version uint64, act workspace.Act) (bool, error) {
	return s.change(ctx, p.Owner == "", act, s.dropIf(entryKey(p, id), version))
}

func (s *Workspace) dropIf(k key, version uint64) types.TransactWriteItem {
	condition, values := ifVersion(version)
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName: &s.Store.Chat, Key: k.item(), ConditionExpression: &condition, ExpressionAttributeValues: values,
	}}
}

// change makes the writes, with the act if it is one for the audit log. False when a condition did not hold.
func (s *Workspace) change(ctx context.Context, audited bool, act workspace.Act, writes ...types.TransactWriteItem) (bool, error) {
	if audited {
		by := identity.By{Principal: act.By.Principal, Source: act.By.Source}
		writes = append(writes, Identity{s.Store}.audit(s.Audit.Entry(by, identity.Act(act.Name), act.Subject, act.Before, act.After)))
	}
	_, err := s.Store.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for _, reason := range cancelled.CancellationReasons {
			if aws.ToString(reason.Code) == "ConditionalCheckFailed" {
				return false, nil
			}
		}
	}
	if err != nil {
		return false, failure(err)
	}
	return true, nil
}
