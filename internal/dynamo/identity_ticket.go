package dynamo

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// PutTicket implements identity.TicketStore.
func (i Identity) PutTicket(ctx context.Context, w chat.WorkspaceID, hash string, t identity.Ticket, forget time.Time) error {
	it := withKey(ticketKey(w, hash), item{
		idUser: str(string(t.Principal.User)), idRole: str(string(t.Principal.Role)),
		idSession: str(string(t.Principal.Session)), idExpires: millis(t.Expires), idTTL: num(forget.Unix()),
	})
	setText(it, idOrigin, t.Origin)
	setText(it, idDepartments, string(t.Principal.Departments))
	if t.Principal.Until != 0 {
		it[idUntil] = num(t.Principal.Until)
	}
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &i.Store.Connections, Item: it})
	if err != nil {
		return identityFailure("ticket", err)
	}
	return nil
}

// Ticket implements identity.TicketStore.
func (i Identity) Ticket(ctx context.Context, w chat.WorkspaceID, hash string) (identity.Ticket, bool, error) {
	it, err := i.get(ctx, i.Store.Connections, ticketKey(w, hash), true, "ticket")
	if err != nil || it == nil {
		return identity.Ticket{}, false, err
	}
	return ticketOf(w, it), true, nil
}

// TakeTicket implements identity.TicketStore. The condition makes the one winner: for a ticket that is gone the
// comparison with a missing attribute is false.
func (i Identity) TakeTicket(ctx context.Context, w chat.WorkspaceID, hash string, now time.Time) (identity.Ticket, error) {
	out, err := i.Store.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &i.Store.Connections, Key: ticketKey(w, hash).item(),
		ConditionExpression:                 aws.String("e > :now"),
		ExpressionAttributeValues:           item{":now": millis(now)},
		ReturnValues:                        types.ReturnValueAllOld,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if old, refused := conditionItem(err); refused {
		if len(old) == 0 {
			return identity.Ticket{}, identity.ErrTicketGone
		}
		return identity.Ticket{}, identity.ErrTicketExpired
	}
	if err != nil {
		return identity.Ticket{}, identityFailure("ticket", err)
	}
	return ticketOf(w, out.Attributes), nil
}

func ticketOf(w chat.WorkspaceID, it item) identity.Ticket {
	return identity.Ticket{
		Principal: chat.Principal{
			Workspace: w, User: chat.UserID(getS(it, idUser)), Role: chat.Role(getS(it, idRole)),
			Until: int64(getN(it, idUntil)), Session: chat.SessionID(getS(it, idSession)), Departments: chat.DepartmentList(getS(it, idDepartments)),
		},
		Origin: getS(it, idOrigin), Expires: getTime(it, idExpires),
	}
}

// getInt reads a number that may be negative; 0 when absent.
func getInt(it item, name string) int {
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.Atoi(v.Value)
		return n
	}
	return 0
}
