package dynamo

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// deskLife is how long the live desk's row outlives its last broadcast. Revisions are times: they grow without it, too.
const deskLife = 24 * time.Hour

var _ chat.DeskStore = &Store{}

// OpenViews implements chat.DeskStore: one update of the socket's row, vw views (indexes) and vd departments.
func (s *Store) OpenViews(ctx context.Context, v chat.Viewer) error {
	in := &dynamodb.UpdateItemInput{
		TableName: &s.Connections, Key: deskKey(v.Workspace, v.Connection).item(),
		UpdateExpression: aws.String("REMOVE vw, vd"), ConditionExpression: aws.String("attribute_exists(pk) AND attribute_not_exists(g)"),
	}
	if len(v.Views) > 0 {
		in.UpdateExpression = aws.String("SET vw = :v, vd = :d")
		in.ExpressionAttributeValues = item{":v": bin(packViews(v.Views)), ":d": str(string(v.Departments))}
	}
	_, err := s.API.UpdateItem(ctx, in)
	if _, refused := conditionItem(err); refused {
		return chat.ErrGone
	}
	return failure(err)
}

func packViews(views []chat.DeskView) []byte {
	out := make([]byte, len(views))
	for i, v := range views {
		out[i] = byte(slices.Index(chat.DeskViews(), v))
	}
	return out
}

func readViews(b []byte) (out []chat.DeskView) {
	for _, i := range b {
		if all := chat.DeskViews(); int(i) < len(all) { // else of a version to come
			out = append(out, all[i])
		}
	}
	return out
}

// Viewers implements chat.DeskStore.
func (s *Store) Viewers(ctx context.Context, w chat.WorkspaceID) ([]chat.Viewer, error) {
	rows, err := s.sockets(ctx, deskKey(w, "").pk)
	var out []chat.Viewer
	for _, r := range rows {
		if views := readViews(getB(r, "vw")); len(views) > 0 {
			p := deskPrincipal(w, r)
			p.Departments = chat.DepartmentList(getS(r, "vd"))
			out = append(out, chat.Viewer{Principal: p, Views: views})
		}
	}
	return out, err
}

// The row of the live desk: n revision of the last claim (ms)   f revision of what was shown   fp its fingerprints
// vi when the site was looked at (ms)   x expiry.

// ClaimDesk implements chat.DeskStore.
func (s *Store) ClaimDesk(ctx context.Context, w chat.WorkspaceID, at time.Time, gap time.Duration) (*chat.DeskClaim, error) {
	out, err := s.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Connections, Key: liveKey(w).item(), ReturnValues: types.ReturnValueAllOld,
		UpdateExpression: aws.String("SET n = :n, x = :x"), ConditionExpression: aws.String("attribute_not_exists(n) OR n <= :gap"),
		ExpressionAttributeValues: item{":n": num(at.UnixMilli()), ":gap": num(at.Add(-gap).UnixMilli()), ":x": num(at.Add(deskLife).Unix())},
	})
	if _, refused := conditionItem(err); refused {
		return nil, nil
	}
	if err != nil {
		return nil, failure(err)
	}
	old := out.Attributes
	return &chat.DeskClaim{
		Revision: uint64(at.UnixMilli()), Before: getN(old, "n"), ShownBy: getN(old, "f"), Shown: getB(old, "fp"), Visitors: timeOf(int64(getN(old, "vi"))),
	}, nil
}

// DeskShown implements chat.DeskStore.
func (s *Store) DeskShown(ctx context.Context, w chat.WorkspaceID, revision uint64, shown []byte, visitors time.Time) error {
	_, err := s.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Connections, Key: liveKey(w).item(), ConditionExpression: aws.String("n = :n"),
		UpdateExpression:          aws.String("SET f = :n, fp = :f, vi = :v"),
		ExpressionAttributeValues: item{":n": num(revision), ":f": bin(shown), ":v": num(millisOf(visitors))},
	})
	if _, overtaken := conditionItem(err); overtaken {
		return nil
	}
	return failure(err)
}

// DeskRevision implements chat.DeskStore.
func (s *Store) DeskRevision(ctx context.Context, w chat.WorkspaceID) (uint64, error) {
	out, err := s.API.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.Connections, Key: liveKey(w).item(), ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("n"),
	})
	if err != nil {
		return 0, failure(err)
	}
	return getN(out.Item, "n"), nil
}

// WaitingCount implements chat.DeskStore.
func (s *Store) WaitingCount(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, limit int) (int, error) {
	n := 0
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, Select: types.SelectCount, KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(waitingPartition(w, d))},
	}
	for n < limit {
		in.Limit = aws.Int32(int32(limit - n))
		page, err := s.API.Query(ctx, in)
		if err != nil {
			return 0, failure(err)
		}
		n += int(page.Count)
		if len(page.LastEvaluatedKey) == 0 {
			break
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
	return n, nil
}
