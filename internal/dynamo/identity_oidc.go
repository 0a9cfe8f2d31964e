package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// idJSON holds what is only ever read and written whole, as JSON: a provider's configuration, flows and handovers.
const idJSON = "j"

// Provider implements identity.ProviderStore.
func (i Identity) Provider(ctx context.Context, w chat.WorkspaceID) (identity.Provider, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, providerKey(w), true, "provider")
	if err != nil || it == nil {
		return identity.Provider{}, false, err
	}
	p, err := fromJSON[identity.Provider](it)
	return p, err == nil, err
}

// PutProvider implements identity.ProviderStore.
func (i Identity) PutProvider(ctx context.Context, p identity.Provider, before uint64, entry identity.AuditEntry) error {
	it, err := jsonItem(providerKey(p.Workspace), p)
	if err != nil {
		return err
	}
	it[idVersion] = num(p.Version)
	condition, values := ifVersion(before)
	return i.swap(ctx, "provider", i.put(it, condition, values), i.audit(entry))
}

// DropProvider implements identity.ProviderStore.
func (i Identity) DropProvider(ctx context.Context, p identity.Provider, entry identity.AuditEntry) error {
	return i.swap(ctx, "provider", types.TransactWriteItem{Delete: &types.Delete{
		TableName: &i.Store.Chat, Key: providerKey(p.Workspace).item(), ConditionExpression: aws.String("vn = :vn"),
		ExpressionAttributeValues: item{":vn": num(p.Version)},
	}}, i.audit(entry))
}

// PutFlow implements identity.ProviderStore.
func (i Identity) PutFlow(ctx context.Context, hash string, f identity.Flow) error {
	return i.putPassing(ctx, flowKey(f.Workspace, hash), f, f.Expires.Unix())
}

// TakeFlow implements identity.ProviderStore.
func (i Identity) TakeFlow(ctx context.Context, w chat.WorkspaceID, hash string) (identity.Flow, bool, error) {
	return takePassing[identity.Flow](ctx, i, flowKey(w, hash))
}

// PutHandover implements identity.ProviderStore.
func (i Identity) PutHandover(ctx context.Context, hash string, h identity.Handover) error {
	return i.putPassing(ctx, handoverKey(h.Workspace, hash), h, h.Expires.Unix())
}

// TakeHandover implements identity.ProviderStore.
func (i Identity) TakeHandover(ctx context.Context, w chat.WorkspaceID, hash string) (identity.Handover, bool, error) {
	return takePassing[identity.Handover](ctx, i, handoverKey(w, hash))
}

func (i Identity) putPassing(ctx context.Context, k key, v any, expires int64) error {
	it, err := jsonItem(k, v)
	if err != nil {
		return err
	}
	it[idTTL] = num(expires)
	if _, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &i.Store.Connections, Item: it}); err != nil {
		return identityFailure("sign-in", err)
	}
	return nil
}

// takePassing deletes an item and returns what it was: of any number of calls one gets it.
func takePassing[T any](ctx context.Context, i Identity, k key) (v T, ok bool, err error) {
	out, err := i.Store.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &i.Store.Connections, Key: k.item(), ReturnValues: types.ReturnValueAllOld,
	})
	if err != nil {
		return v, false, identityFailure("sign-in", err)
	}
	if len(out.Attributes) == 0 {
		return v, false, nil
	}
	v, err = fromJSON[T](out.Attributes)
	return v, err == nil, err
}

func jsonItem(k key, v any) (item, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing an item: %w", err)
	}
	return withKey(k, item{idJSON: str(string(text))}), nil
}

func fromJSON[T any](it item) (v T, err error) {
	if err := json.Unmarshal([]byte(getS(it, idJSON)), &v); err != nil {
		return v, fmt.Errorf("reading an item: %w", err)
	}
	return v, nil
}

// Linked implements identity.ProviderStore.
func (i Identity) Linked(ctx context.Context, w chat.WorkspaceID, external string) (chat.UserID, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, linkKey(w, external), true, "link")
	return chat.UserID(getS(it, idUser)), it != nil, err
}

func linkItem(a identity.Account) item {
	return withKey(linkKey(a.Workspace, a.External), item{idUser: str(string(a.User))})
}

// Provision implements identity.ProviderStore.
func (i Identity) Provision(ctx context.Context, a identity.Account, entry identity.AuditEntry) error {
	refused, err := i.transact(ctx, "account", i.put(linkItem(a), "attribute_not_exists(pk)", nil),
		i.put(credentialItem(a, ""), "attribute_not_exists(pk)", nil), i.put(accountItem(a), "attribute_not_exists(pk)", nil), i.audit(entry))
	switch {
	case err != nil || len(refused) == 0:
		return err
	case slices.Contains(refused, 0):
		return identity.ErrConflict
	default:
		return addressTaken()
	}
}

// Link implements identity.ProviderStore.
func (i Identity) Link(ctx context.Context, before, after identity.Account, entry identity.AuditEntry) error {
	return i.swap(ctx, "account", i.put(linkItem(after), "attribute_not_exists(pk)", nil), i.replace(before, after),
		i.put(credentialItem(after, ""), "w = :w AND u = :u", item{":w": str(string(after.Workspace)), ":u": str(string(after.User))}), i.audit(entry))
}
