package dynamo

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

var (
	_ identity.SiteStore    = Identity{}
	_ identity.ProfileStore = Identity{}
)

func workspaceItem(w identity.Workspace) item {
	it := withKey(workspaceKey(w.ID), item{idOrigins: texts(w.Origins)})
	setText(it, idName, w.Name)
	setCount(it, idVersion, w.Version)
	return it
}

// ChangeWorkspace implements identity.SiteStore.
func (i Identity) ChangeWorkspace(ctx context.Context, before, after identity.Workspace, entry identity.AuditEntry) error {
	condition, values := ifVersion(before.Version)
	return i.swap(ctx, "workspace settings", i.put(workspaceItem(after), "attribute_exists(pk) AND "+condition, values), i.audit(entry))
}

// widgetItems are what a widget key is found by, and its row in the workspace's list: always written together.
func widgetItems(w identity.Widget) (found, listed item) {
	found = withKey(widgetKey(w.Key), item{idWorkspace: str(string(w.Workspace)), idOrigins: texts(w.Origins)})
	setText(found, idName, w.Name)
	setCount(found, idVersion, w.Version)
	setCount(found, idCreated, uint64(max(w.Created, 0)))
	listed = maps.Clone(found)
	delete(listed, idWorkspace)
	return found, withKey(widgetRowKey(w.Workspace, w.Key), listed)
}

func widgetOf(w chat.WorkspaceID, k string, it item) identity.Widget {
	return identity.Widget{
		Key: k, Workspace: w, Name: getS(it, idName), Origins: getTexts(it, idOrigins), Version: getN(it, idVersion), Created: int64(getN(it, idCreated)),
	}
}

// Widgets implements identity.SiteStore.
func (i Identity) Widgets(ctx context.Context, w chat.WorkspaceID) ([]identity.Widget, error) {
	items, err := i.list(ctx, "widgets", widgetRowKey(w, "").pk, "", "", 0, false)
	var out []identity.Widget
	for _, it := range items {
		out = append(out, widgetOf(w, getS(it, "sk"), it))
	}
	return out, err
}

// ownWidget is the condition that a widget key is free, or the workspace's.
const ownWidget = "attribute_not_exists(pk) OR w = :w"

// PutWidget implements identity.Registry.
func (i Identity) PutWidget(ctx context.Context, w identity.Widget) error {
	found, listed := widgetItems(w)
	refused, err := i.transact(ctx, "widget", i.put(found, ownWidget, item{":w": found[idWorkspace]}), i.put(listed, "", nil))
	if err == nil && len(refused) > 0 {
		return widgetTaken()
	}
	return err
}

func widgetTaken() error {
	return chat.Errorf(chat.CodeForbidden, "widget key: it belongs to another workspace")
}

// ChangeWidget implements identity.SiteStore.
func (i Identity) ChangeWidget(ctx context.Context, w identity.Widget, before uint64, entry identity.AuditEntry) error {
	found, listed := widgetItems(w)
	condition, values := ifVersion(before)
	refused, err := i.transact(ctx, "widget",
		i.put(found, ownWidget, item{":w": found[idWorkspace]}), i.put(listed, condition, values), i.audit(entry))
	switch {
	case err != nil || len(refused) == 0:
		return err
	case slices.Contains(refused, 0):
		return widgetTaken()
	default:
		return identity.ErrConflict
	}
}

// DropWidget implements identity.SiteStore.
func (i Identity) DropWidget(ctx context.Context, w identity.Widget, entry identity.AuditEntry) error {
	return i.swap(ctx, "widget", i.drop(widgetRowKey(w.Workspace, w.Key)), i.drop(widgetKey(w.Key)), i.audit(entry))
}

// People implements identity.ProfileStore: most are staff, so bots and keys are looked for only when somebody is not.
func (i Identity) People(ctx context.Context, w chat.WorkspaceID, users []chat.UserID) ([]identity.Person, error) {
	var out []identity.Person
	for _, role := range []chat.Role{chat.RoleOperator, chat.RoleBot, chat.RoleAPIKey} {
		if len(users) == 0 {
			return out, nil
		}
		found, err := i.peopleAs(ctx, w, role, users)
		if err != nil {
			return nil, err
		}
		users = slices.DeleteFunc(slices.Clone(users), func(u chat.UserID) bool {
			return slices.ContainsFunc(found, func(p identity.Person) bool { return p.User == u })
		})
		out = append(out, found...)
	}
	return out, nil
}

// peopleAs looks the users up among those of a role; any of staff stands for all of staff.
func (i Identity) peopleAs(ctx context.Context, w chat.WorkspaceID, role chat.Role, users []chat.UserID) ([]identity.Person, error) {
	keys := make([]map[string]types.AttributeValue, len(users))
	for n, u := range users {
		k := accountKey(w, u)
		if role != chat.RoleOperator {
			k = principalKey(w, role, u)
		}
		keys[n] = k.item()
	}
	ask := map[string]types.KeysAndAttributes{i.Store.Chat: {Keys: keys}}
	var out []identity.Person
	for range len(users) + 1 { // DynamoDB gives some of them with every answer, unless it is throttling
		page, err := i.Store.API.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask})
		if err != nil {
			return nil, identityFailure("people", err)
		}
		for _, it := range page.Responses[i.Store.Chat] {
			out = append(out, personOf(role, it))
		}
		if ask = page.UnprocessedKeys; len(ask) == 0 {
			return out, nil
		}
	}
	return nil, chat.Errorf(chat.CodeUnavailable, "storage did not answer; try again")
}

func personOf(role chat.Role, it item) identity.Person {
	if role == chat.RoleOperator {
		role = chat.Role(getS(it, idRole))
	}
	return identity.Person{
		User: chat.UserID(getS(it, "sk")), Role: role, Name: getS(it, idName), PublicName: getS(it, idPublicName), Avatar: getS(it, idAvatar),
		Disabled: getN(it, idDisabled) != 0,
	}
}

// Preferences implements identity.ProfileStore.
func (i Identity) Preferences(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (identity.Preferences, error) {
	it, err := i.get(ctx, i.Store.Chat, preferencesKey(w, u), true, "preferences")
	out := identity.Preferences{Version: getN(it, idVersion), Values: map[string]string{}}
	if values, ok := it[idValues].(*types.AttributeValueMemberM); ok {
		for name := range values.Value {
			out.Values[name] = getS(values.Value, name)
		}
	}
	return out, err
}

// PutPreferences implements identity.ProfileStore.
func (i Identity) PutPreferences(ctx context.Context, w chat.WorkspaceID, u chat.UserID, before uint64, values map[string]string) error {
	stored := item{}
	for name, text := range values {
		stored[name] = str(text)
	}
	it := withKey(preferencesKey(w, u), item{idVersion: num(before + 1), idValues: &types.AttributeValueMemberM{Value: stored}})
	condition, versions := ifVersion(before)
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &i.Store.Chat, Item: it, ConditionExpression: &condition, ExpressionAttributeValues: versions,
	})
	if _, refused := conditionItem(err); refused {
		return identity.ErrConflict
	}
	if err != nil {
		return identityFailure("preferences", err)
	}
	return nil
}
