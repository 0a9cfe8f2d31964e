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

	_ identity.Roster        = Identity{}
	_ identity.KeyStore      = Identity{}
	_ identity.AuditStore    = Identity{}
	_ identity.ProviderStore = Identity{}
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
	idUntil       = "un"
	idVersion     = "vn"
	idExternal    = "ex"
	idAgent       = "ua"
	idSource      = "ip"
	idUsed        = "lu"
	idKeepsake    = "ks"
	idVouched     = "vo"
	idAsking      = "as"
	idGrants      = "gr"
	idBy          = "by"
	idActor       = "ac"
	idAct         = "t"
	idSubject     = "sb"
	idBefore      = "b"
	idAfter       = "a"
	idPasswords   = "pw"
	idPublicName  = "pn"
	idAvatar      = "av"
	idLocale      = "lo"
	idTimeZone    = "tz"
	idValues      = "v"
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

// transact makes the changes together. refused lists the places of those whose condition did not hold: then none was
// made.
func (i Identity) transact(ctx context.Context, what string, writes ...types.TransactWriteItem) (refused []int, err error) {
	_, err = i.Store.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for n, reason := range cancelled.CancellationReasons {
			if aws.ToString(reason.Code) == "ConditionalCheckFailed" {
				refused = append(refused, n)
			}
		}
		if len(refused) > 0 {
			return refused, nil
		}
	}
	if err != nil {
		return nil, identityFailure(what, err)
	}
	return nil, nil
}

// swap makes changes that conditions guard; identity.ErrConflict when one of them did not hold.
func (i Identity) swap(ctx context.Context, what string, writes ...types.TransactWriteItem) error {
	refused, err := i.transact(ctx, what, writes...)
	if err == nil && len(refused) > 0 {
		return identity.ErrConflict
	}
	return err
}

// put is a write of an item in a transaction, under a condition unless it is "".
func (i Identity) put(it item, condition string, values item) types.TransactWriteItem {
	p := &types.Put{TableName: &i.Store.Chat, Item: it}
	if condition != "" {
		p.ConditionExpression, p.ExpressionAttributeValues = &condition, values
	}
	return types.TransactWriteItem{Put: p}
}

// drop is the deletion of an item that is there.
func (i Identity) drop(k key) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName: &i.Store.Chat, Key: k.item(), ConditionExpression: aws.String("attribute_exists(pk)"),
	}}
}

// ifVersion is the condition that an item has the version, 0 for none.
func ifVersion(version uint64) (string, item) {
	if version == 0 {
		return "attribute_not_exists(vn)", nil
	}
	return "vn = :vn", item{":vn": num(version)}
}

// list reads a partition of the chat table, consistently; up to limit items behind a sort key, 0 for all.
func (i Identity) list(ctx context.Context, what, pk, prefix, after string, limit int, backwards bool) ([]item, error) {
	in := &dynamodb.QueryInput{
		TableName: &i.Store.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!backwards),
		KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": str(pk)},
	}
	if prefix != "" {
		in.KeyConditionExpression = aws.String("pk = :p AND begins_with(sk, :s)")
		in.ExpressionAttributeValues[":s"] = str(prefix)
	}
	if after != "" {
		in.ExclusiveStartKey = key{pk, after}.item()
	}
	var out []item
	for {
		if limit > 0 {
			in.Limit = aws.Int32(int32(limit - len(out)))
		}
		page, err := i.Store.API.Query(ctx, in)
		if err != nil {
			return nil, identityFailure(what, err)
		}
		out = append(out, page.Items...)
		if len(page.LastEvaluatedKey) == 0 || limit > 0 && len(out) >= limit {
			return out, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// setTime sets an attribute unless the time is zero.
func setTime(it item, name string, t time.Time) {
	if !t.IsZero() {
		it[name] = millis(t)
	}
}

// setCount sets a number unless it is 0.
func setCount(it item, name string, n uint64) {
	if n > 0 {
		it[name] = num(n)
	}
}

func setFlag(it item, name string, on bool) {
	if on {
		it[name] = num(1)
	}
}
