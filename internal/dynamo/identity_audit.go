package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

const (
	// auditLooked is how many entries one AuditEntries looks at: at some 300 bytes each, 75 read units.
	auditLooked = 1000
	// auditMonths is how many months it looks into: a call for each.
	auditMonths = 14
)

// audit is the write of an entry in a transaction.
func (i Identity) audit(e identity.AuditEntry) types.TransactWriteItem {
	return i.put(auditItem(e), "", nil)
}

func auditItem(e identity.AuditEntry) item {
	it := withKey(auditKey(e.Workspace, e.At, e.ID), item{idCreated: millis(e.At), idAct: str(string(e.Act))})
	setText(it, idActor, string(e.Actor))
	setText(it, idRole, string(e.Role))
	setText(it, idSource, e.Source)
	setText(it, idSubject, e.Subject)
	setTexts(it, idBefore, e.Before)
	setTexts(it, idAfter, e.After)
	if !e.Expires.IsZero() {
		it[idTTL] = num(e.Expires.Unix())
	}
	return it
}

func setTexts(it item, name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	out := item{}
	for k, v := range m {
		out[k] = str(v)
	}
	it[name] = &types.AttributeValueMemberM{Value: out}
}

func getTextMap(it item, name string) map[string]string {
	m := getM(it, name)
	if len(m) == 0 {
		return nil
	}
	out := map[string]string{}
	for k := range m {
		out[k] = getS(m, k)
	}
	return out
}

// AppendAudit implements identity.AuditStore.
func (i Identity) AppendAudit(ctx context.Context, e identity.AuditEntry) error {
	if _, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &i.Store.Chat, Item: auditItem(e)}); err != nil {
		return identityFailure("audit log", err)
	}
	return nil
}

// AuditEntries implements identity.AuditStore, a month after the other, newest first.
func (i Identity) AuditEntries(ctx context.Context, w chat.WorkspaceID, q identity.AuditQuery) (list []identity.AuditEntry, next string, err error) {
	month, after := newestMonth(q)
	looked := 0
	for range auditMonths {
		for {
			page, err := i.Store.API.Query(ctx, i.auditPage(w, month, after, auditLooked-looked))
			if err != nil {
				return nil, "", identityFailure("audit log", err)
			}
			looked += len(page.Items)
			for _, it := range page.Items {
				e := auditOf(w, it)
				if e.At.Before(q.From) {
					return list, "", nil
				}
				if !q.Matches(e) {
					continue
				}
				if list = append(list, e); len(list) == q.Limit {
					return list, e.ID, nil
				}
			}
			if after = getS(page.LastEvaluatedKey, "sk"); after == "" {
				break
			}
			if looked >= auditLooked {
				return list, after, nil
			}
		}
		if month = month.AddDate(0, -1, 0); month.Before(firstOf(q.From)) {
			return list, "", nil
		}
	}
	return list, inFrontOf(month.AddDate(0, 1, 0)), nil
}

func (i Identity) auditPage(w chat.WorkspaceID, month time.Time, after string, limit int) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName: &i.Store.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(max(limit, 1))),
		KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": str(auditKey(w, month, "").pk)},
	}
	if after != "" {
		in.KeyConditionExpression = aws.String("pk = :p AND sk < :a")
		in.ExpressionAttributeValues[":a"] = str(after)
	}
	return in
}

// newestMonth says where to begin: behind the cursor, or at the end that was asked for.
func newestMonth(q identity.AuditQuery) (month time.Time, after string) {
	if at, ok := timeOfAudit(q.After); ok {
		return firstOf(at), q.After
	}
	return firstOf(q.Until), inFrontOf(q.Until)
}

// beginning is a month in which there was no audit log yet.
var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// firstOf returns the first of a month.
func firstOf(t time.Time) time.Time {
	if t.Before(beginning) {
		return beginning
	}
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// inFrontOf is the least id of a time: everything behind it in the list is older.
func inFrontOf(t time.Time) string {
	var b [16]byte
	for n := range 6 {
		b[n] = byte(t.UnixMilli() >> (40 - 8*n))
	}
	return chat.FormatID(identity.AuditPrefix, b)
}

func timeOfAudit(id string) (time.Time, bool) {
	b, ok := chat.IDBytes(identity.AuditPrefix, id)
	if !ok {
		return time.Time{}, false
	}
	var ms int64
	for _, c := range b[:6] {
		ms = ms<<8 | int64(c)
	}
	return time.UnixMilli(ms), true
}

func auditOf(w chat.WorkspaceID, it item) identity.AuditEntry {
	e := identity.AuditEntry{
		Workspace: w, ID: getS(it, "sk"), At: getTime(it, idCreated), Actor: chat.UserID(getS(it, idActor)), Role: chat.Role(getS(it, idRole)),
		Source: getS(it, idSource), Act: identity.Act(getS(it, idAct)), Subject: getS(it, idSubject),
		Before: getTextMap(it, idBefore), After: getTextMap(it, idAfter),
	}
	if x := int64(getN(it, idTTL)); x > 0 {
		e.Expires = time.Unix(x, 0).UTC()
	}
	return e
}
