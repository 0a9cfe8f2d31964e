package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Identity stores what package identity needs: settings, staff and sessions in the chat table; tickets and
// counters of failed sign-ins in the connection table.
type Identity struct {
	Store *Store
}

var (
	_ identity.Workspaces   = Identity{}
	_ identity.Accounts     = Identity{}
	_ identity.Registry     = Identity{}
	_ identity.SessionStore = Identity{}
	_ identity.TicketStore  = Identity{}
	_ identity.Attempts     = Identity{}
	_ identity.ArrivalStore = Identity{}
)

// Attributes of identity items. Names are short: bytes are billed.
const (
	idTTL       = "x" // Unix seconds after which DynamoDB deletes the item, in both tables
	idName      = "n"
	idOrigins   = "o" // list of texts
	idOrigin    = "og"
	idWorkspace = "w"
	idUser      = "u"
	idSession   = "s"
	idRole      = "r"
	idAddress   = "ad"
	idHash      = "h"
	idDisabled  = "off"
	idWidget    = "k"
	idDigest    = "d"
	idCreated   = "c" // times are Unix milliseconds
	idRenewed   = "rn"
	idExpires   = "e"
	idRevoked   = "rv"
	idCount     = "n"

	idDepartments = "dp" // separated by commas
)

// sessionSlack is how long an expired session's row stays, so that "expired" can be told from "unknown".
const sessionSlack = 7 * 24 * time.Hour

// identityFailure gives an error of the SDK its code: what time may heal is chat.CodeUnavailable; what it cannot
// (a malformed request, a missing permission or table) stays an error that nobody named. Nothing of the cause is
// lost to the log, and none of it reaches the caller.
func identityFailure(what string, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && permanent[api.ErrorCode()] {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %w", what, chat.Errorf(chat.CodeUnavailable, "storage did not answer; try again"), err)
}

func (i Identity) get(ctx context.Context, table string, k key, consistent bool, what string) (item, error) {
	out, err := i.Store.API.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: k.item(), ConsistentRead: aws.Bool(consistent),
	})
	if err != nil {
		return nil, identityFailure(what, err)
	}
	return out.Item, nil
}

// putUnless puts the item, unless there is one that the condition does not allow to be replaced.
func (i Identity) putUnless(ctx context.Context, it item, condition string, values item, what string) error {
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &i.Store.Chat, Item: it, ConditionExpression: &condition, ExpressionAttributeValues: values,
	})
	if err == nil {
		return nil
	}
	if _, refused := conditionItem(err); refused {
		return chat.Errorf(chat.CodeForbidden, "%s: it belongs to somebody else", what)
	}
	return identityFailure(what, err)
}

// withKey adds the key to an item's attributes.
func withKey(k key, attributes item) item {
	attributes["pk"], attributes["sk"] = str(k.pk), str(k.sk)
	return attributes
}

// setText sets an attribute unless the text is empty: an absent attribute reads as "".
func setText(it item, name, text string) {
	if text != "" {
		it[name] = str(text)
	}
}

func texts(list []string) types.AttributeValue {
	out := make([]types.AttributeValue, len(list))
	for i, s := range list {
		out[i] = str(s)
	}
	return &types.AttributeValueMemberL{Value: out}
}

func getTexts(it item, name string) []string {
	var out []string
	for _, v := range getL(it, name) {
		if s, ok := v.(*types.AttributeValueMemberS); ok {
			out = append(out, s.Value)
		}
	}
	return out
}

func millis(t time.Time) types.AttributeValue { return num(t.UnixMilli()) }

// getTime reads Unix milliseconds, as UTC; the zero time when absent.
func getTime(it item, name string) time.Time {
	if it[name] == nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(getN(it, name))).UTC()
}
