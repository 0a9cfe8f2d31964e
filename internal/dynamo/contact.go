package dynamo

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// Contacts stores contacts with what finds them, bans, and the keys of customers' tokens: all in the chat table, but
// for the tokens that were used.
type Contacts struct {
	Store *Store
}

var _ contact.Store = Contacts{}

// rowOwner is the attribute of the rows that find a contact: whose they are. Of those with one owner only, a row that
// is another's is not taken.
const rowOwner = "c"

// contactRows are the rows that a contact has besides its card, by key.
func contactRows(c *contact.Contact) map[key]contactRow {
	rows := map[key]contactRow{}
	if c == nil || c.MergedInto != "" {
		return rows
	}
	own := item{rowOwner: str(string(c.ID))}
	for _, i := range c.Identities {
		rows[externalKey(c.Workspace, i)] = contactRow{own, true}
	}
	for _, u := range c.Users {
		rows[userContactKey(c.Workspace, u)] = contactRow{own, true}
	}
	for _, a := range c.Addresses {
		if a.Verified {
			rows[addressKey(c.Workspace, a.Kind, a.Value, string(c.ID))] = contactRow{own, false}
		}
	}
	for _, name := range contact.NameKeys(c.Name) {
		rows[nameKey(c.Workspace, name, c.ID)] = contactRow{own, false}
	}
	if c.Ban != nil {
		ban := banItem(*c.Ban)
		rows[banKey(c.Workspace, c.Ban.ID)] = contactRow{ban, false}
		for _, u := range c.Users {
			rows[bannedKey(c.Workspace, string(u))] = contactRow{ban, false}
		}
	}
	return rows
}

// contactRow is a row, and whether it can be one contact's only.
type contactRow struct {
	attributes item
	single     bool
}

// Commit implements contact.Store. Cards come first, each under the condition that it is as it was read.
func (c Contacts) Commit(ctx context.Context, changes ...contact.Change) error {
	was, is, owners := map[key]contactRow{}, map[key]contactRow{}, []string{}
	var items []types.TransactWriteItem
	for _, change := range changes {
		items = append(items, c.card(change)...)
		for k, row := range contactRows(change.Old) {
			was[k] = row
		}
		for k, row := range contactRows(&change.New) {
			is[k] = row
		}
		owners = append(owners, string(change.New.ID))
	}
	items = append(items, c.rows(was, is, owners)...)
	_, err := c.Store.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return contactFailure(err)
}

// contactFailure tells conflicts from outages.
func contactFailure(err error) error {
	if err == nil {
		return nil
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for _, r := range cancelled.CancellationReasons {
			if code := aws.ToString(r.Code); code == "ConditionalCheckFailed" || code == "TransactionConflict" {
				return contact.ErrConflict
			}
		}
	}
	return identityFailure("contact", err)
}

// card writes a contact and its new events.
func (c Contacts) card(change contact.Change) []types.TransactWriteItem {
	next := change.New
	next.Version, next.Events = 1, 0
	put := &types.Put{TableName: &c.Store.Chat, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if old := change.Old; old != nil {
		next.Version, next.Events = old.Version+1, old.Events
		put.ConditionExpression, put.ExpressionAttributeValues = aws.String("v = :v"), item{":v": num(old.Version)}
	}
	var events []types.TransactWriteItem
	for _, e := range change.Events {
		next.Events++
		events = append(events, c.Store.putTx(c.Store.ownEvent(withKey(contactEventKey(next.Workspace, next.ID, next.Events), contactEventItem(e)))))
	}
	put.Item = withKey(contactKey(next.Workspace, next.ID), contactItem(next))
	if len(events) > 0 {
		put.Item["k"] = str(kindAppend)
	}
	return append([]types.TransactWriteItem{{Put: put}}, events...)
}

// rows writes the difference. A row that must have one owner is put only where it is free, or one of theirs whom the
// transaction changes.
func (c Contacts) rows(was, is map[key]contactRow, owners []string) []types.TransactWriteItem {
	var items []types.TransactWriteItem
	for k, row := range is {
		if old, there := was[k]; there && reflect.DeepEqual(old, row) {
			continue
		}
		put := &types.Put{TableName: &c.Store.Chat, Item: k.item()}
		for name, v := range row.attributes {
			put.Item[name] = v
		}
		if row.single {
			condition, values := []string{"attribute_not_exists(pk)"}, item{}
			for i, owner := range owners {
				name := ":o" + string(rune('0'+i))
				values[name] = str(owner)
				condition = append(condition, rowOwner+" = "+name)
			}
			put.ConditionExpression, put.ExpressionAttributeValues = aws.String(strings.Join(condition, " OR ")), values
		}
		items = append(items, types.TransactWriteItem{Put: put})
	}
	for k := range was {
		if _, stays := is[k]; !stays {
			items = append(items, c.Store.deleteTx(k))
		}
	}
	return items
}

// Contact implements contact.Store.
func (c Contacts) Contact(ctx context.Context, w chat.WorkspaceID, id contact.ID) (*contact.Contact, error) {
	it, err := c.get(ctx, contactKey(w, id), "contact")
	if err != nil || it == nil {
		return nil, err
	}
	out := readContact(w, it)
	return &out, nil
}

func (c Contacts) get(ctx context.Context, k key, what string) (item, error) {
	return Identity(c).get(ctx, c.Store.Chat, k, true, what)
}

// OfUser implements contact.Store.
func (c Contacts) OfUser(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (contact.ID, error) {
	it, err := c.get(ctx, userContactKey(w, u), "contact of a user")
	return contact.ID(getS(it, rowOwner)), err
}

// OfIdentity implements contact.Store.
func (c Contacts) OfIdentity(ctx context.Context, w chat.WorkspaceID, i contact.Identity) (contact.ID, error) {
	it, err := c.get(ctx, externalKey(w, i), "contact of an identity")
	return contact.ID(getS(it, rowOwner)), err
}

// OfUsers implements contact.Store.
func (c Contacts) OfUsers(ctx context.Context, w chat.WorkspaceID, users []chat.UserID) (map[chat.UserID]contact.ID, error) {
	keys := make([]key, len(users))
	for i, u := range users {
		keys[i] = userContactKey(w, u)
	}
	list, err := c.batch(ctx, keys, false)
	if err != nil {
		return nil, err
	}
	out := map[chat.UserID]contact.ID{}
	for _, it := range list {
		out[chat.UserID(strings.TrimPrefix(getS(it, "pk"), string(w)+"#"))] = contact.ID(getS(it, rowOwner))
	}
	return out, nil
}

// Contacts implements contact.Store.
func (c Contacts) Contacts(ctx context.Context, w chat.WorkspaceID, ids []contact.ID) ([]contact.Contact, error) {
	keys := make([]key, len(ids))
	for i, id := range ids {
		keys[i] = contactKey(w, id)
	}
	list, err := c.batch(ctx, keys, false)
	if err != nil {
		return nil, err
	}
	out := make([]contact.Contact, len(list))
	for i, it := range list {
		out[i] = readContact(w, it)
	}
	return out, nil
}

// batch reads up to contact.MaxBatch items.
func (c Contacts) batch(ctx context.Context, keys []key, consistent bool) ([]item, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	wanted := types.KeysAndAttributes{ConsistentRead: aws.Bool(consistent)}
	for _, k := range keys {
		wanted.Keys = append(wanted.Keys, k.item())
	}
	var list []item
	for tries := 0; len(wanted.Keys) > 0; tries++ {
		if tries > len(keys) { // DynamoDB gives some of them with every answer, unless it is throttling
			return nil, identityFailure("contacts", errors.New("throttled"))
		}
		out, err := c.Store.API.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{c.Store.Chat: wanted}})
		if err != nil {
			return nil, identityFailure("contacts", err)
		}
		list = append(list, out.Responses[c.Store.Chat]...)
		wanted.Keys = out.UnprocessedKeys[c.Store.Chat].Keys
	}
	return list, nil
}

// OfAddress implements contact.Store.
func (c Contacts) OfAddress(ctx context.Context, w chat.WorkspaceID, kind contact.AddressKind, value, after string, limit int) ([]contact.Found, error) {
	return c.found(ctx, addressKey(w, kind, value, "").pk, contact.Prefix, after, limit)
}

// Named implements contact.Store.
func (c Contacts) Named(ctx context.Context, w chat.WorkspaceID, prefix, after string, limit int) ([]contact.Found, error) {
	return c.found(ctx, namePartition(w, prefix), prefix, after, limit)
}

// found lists the rows of a partition whose sort key begins with the prefix and ends with a contact.
func (c Contacts) found(ctx context.Context, partition, prefix, after string, limit int) ([]contact.Found, error) {
	in := &dynamodb.QueryInput{
		TableName: &c.Store.Chat, ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String("pk = :p AND begins_with(sk, :b)"),
		ExpressionAttributeValues: item{":p": str(partition), ":b": str(prefix)},
	}
	if after != "" {
		in.ExclusiveStartKey = key{partition, after}.item()
	}
	out, err := c.Store.API.Query(ctx, in)
	if err != nil {
		return nil, identityFailure("contacts", err)
	}
	list := make([]contact.Found, len(out.Items))
	for i, it := range out.Items {
		list[i] = contact.Found{ID: contact.ID(getS(it, rowOwner)), Place: getS(it, "sk")}
	}
	return list, nil
}

// Events implements contact.Store.
func (c Contacts) Events(ctx context.Context, w chat.WorkspaceID, id contact.ID, after uint64, limit int) ([]contact.Event, error) {
	out, err := c.Store.API.Query(ctx, &dynamodb.QueryInput{
		TableName: &c.Store.Chat, ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression: aws.String("pk = :p AND sk BETWEEN :a AND :z"),
		ExpressionAttributeValues: item{
			":p": str(contactKey(w, id).pk), ":a": str(contactEventKey(w, id, after+1).sk), ":z": str(contactEventKey(w, id, maxSeq).sk),
		},
	})
	if err != nil {
		return nil, identityFailure("events of a contact", err)
	}
	list := make([]contact.Event, len(out.Items))
	for i, it := range out.Items {
		list[i] = readContactEvent(it)
	}
	return list, nil
}

// An event of a contact's log: t type (index)   at (ms)   by sender   r role index   f changed (list)   u user
// o other contact   w reason   g generation.
func contactEventItem(e contact.Event) item {
	it := item{
		"t": num(slices.Index(contact.EventTypes(), e.Type)), "at": num(e.At.UnixMilli()), "r": num(slices.Index(chat.Roles(), e.Role)),
	}
	setText(it, "by", string(e.Sender))
	setText(it, "u", string(e.User))
	setText(it, "o", string(e.Other))
	setText(it, "w", e.Reason)
	if len(e.Changed) > 0 {
		it["f"] = texts(e.Changed)
	}
	return it
}

func readContactEvent(it item) contact.Event {
	e := contact.Event{
		Seq: operatorEventSeq(getS(it, "sk")), At: getTime(it, "at"), Sender: chat.UserID(getS(it, "by")), Role: roleAt(getN(it, "r")),
		Changed: getTexts(it, "f"), User: chat.UserID(getS(it, "u")), Other: contact.ID(getS(it, "o")), Reason: getS(it, "w"),
	}
	if t := getN(it, "t"); t < uint64(len(contact.EventTypes())) {
		e.Type = contact.EventTypes()[t]
	}
	return e
}
