package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// PutAddressBan implements contact.Store: the row that is asked for, and the one that is listed. That of a ban which it
// replaces goes with the same write.
func (c Contacts) PutAddressBan(ctx context.Context, w chat.WorkspaceID, b contact.Ban) error {
	old, err := c.get(ctx, bannedKey(w, b.Address), "ban")
	if err != nil {
		return err
	}
	put := &types.Put{TableName: &c.Store.Chat, Item: withKey(bannedKey(w, b.Address), banItem(b)), ConditionExpression: aws.String("attribute_not_exists(pk)")}
	items := []types.TransactWriteItem{{Put: put}, c.Store.putTx(withKey(banKey(w, b.ID), banItem(b)))}
	if id := getS(old, "id"); id != "" {
		put.ConditionExpression, put.ExpressionAttributeValues = aws.String("id = :id"), item{":id": str(id)}
		if id != b.ID {
			items = append(items, c.Store.deleteTx(banKey(w, id)))
		}
	}
	_, err = c.Store.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	if err = contactFailure(err); errors.Is(err, contact.ErrConflict) {
		return chat.Errorf(chat.CodeUnavailable, "somebody else bans this address just now; try again")
	}
	return err
}

// DropAddressBan implements contact.Store. A ban that has replaced it stays.
func (c Contacts) DropAddressBan(ctx context.Context, w chat.WorkspaceID, b contact.Ban) error {
	items := []types.TransactWriteItem{
		{Delete: &types.Delete{
			TableName: &c.Store.Chat, Key: bannedKey(w, b.Address).item(), ConditionExpression: aws.String("attribute_not_exists(pk) OR id = :id"),
			ExpressionAttributeValues: item{":id": str(b.ID)},
		}},
		c.Store.deleteTx(banKey(w, b.ID)),
	}
	_, err := c.Store.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	if err = contactFailure(err); errors.Is(err, contact.ErrConflict) {
		return nil
	}
	return err
}

// Ban implements contact.Store.
func (c Contacts) Ban(ctx context.Context, w chat.WorkspaceID, id string) (*contact.Ban, error) {
	it, err := c.get(ctx, banKey(w, id), "ban")
	if err != nil || it == nil {
		return nil, err
	}
	b := readBan(it)
	return &b, nil
}

// Bans implements contact.Store.
func (c Contacts) Bans(ctx context.Context, w chat.WorkspaceID, after string, limit int) ([]contact.Ban, error) {
	in := &dynamodb.QueryInput{
		TableName: &c.Store.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": str(banKey(w, "").pk)},
	}
	if after != "" {
		in.ExclusiveStartKey = banKey(w, after).item()
	}
	out, err := c.Store.API.Query(ctx, in)
	if err != nil {
		return nil, identityFailure("bans", err)
	}
	list := make([]contact.Ban, len(out.Items))
	for i, it := range out.Items {
		list[i] = readBan(it)
	}
	return list, nil
}

// Banned implements contact.Store.
func (c Contacts) Banned(ctx context.Context, w chat.WorkspaceID, u chat.UserID, address string) ([]contact.Ban, error) {
	var keys []key
	for _, who := range []string{string(u), address} {
		if who != "" {
			keys = append(keys, bannedKey(w, who))
		}
	}
	list, err := c.batch(ctx, keys, true)
	if err != nil {
		return nil, err
	}
	var out []contact.Ban
	for _, it := range list {
		out = append(out, readBan(it))
	}
	return out, nil
}
