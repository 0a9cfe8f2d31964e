package dynamo

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

// An article's card: vn version   c changed (ms)   by who changed it   n title   sl slug   tg tags   st status
// lo locale   ex excerpt   wo words, by spaces. Its text, in an item of its own: tx.
func cardItem(w chat.WorkspaceID, c workspace.Card) item {
	it := withKey(cardKey(w, c.ID), item{idVersion: num(c.Version), idCreated: num(c.ChangedAt), "st": str(string(c.Status))})
	setText(it, idBy, string(c.ChangedBy))
	setText(it, idName, c.Title)
	setText(it, "sl", c.Slug)
	setText(it, "lo", c.Locale)
	setText(it, "ex", c.Excerpt)
	setText(it, "wo", strings.Join(c.Words, " "))
	if len(c.Tags) > 0 {
		it["tg"] = texts(c.Tags)
	}
	return it
}

func readCard(it item) workspace.Card {
	return workspace.Card{
		ID: getS(it, "sk"), Version: getN(it, idVersion), ChangedAt: int64(getN(it, idCreated)), ChangedBy: chat.UserID(getS(it, idBy)),
		Title: getS(it, idName), Slug: getS(it, "sl"), Tags: getTexts(it, "tg"), Status: workspace.ArticleStatus(getS(it, "st")),
		Locale: getS(it, "lo"), Excerpt: getS(it, "ex"), Words: strings.Fields(getS(it, "wo")),
	}
}

// Cards implements workspace.ArticleStore: at most 2,000 cards of 1.5 KB, three pages of a query.
func (s *Workspace) Cards(ctx context.Context, w chat.WorkspaceID, fresh bool) ([]workspace.Card, error) {
	var out []workspace.Card
	err := s.each(ctx, cardKey(w, ""), fresh, func(it item) { out = append(out, readCard(it)) })
	return out, err
}

// Article implements workspace.ArticleStore. Card and text are written together, and read one after the other: if a change
// came between the two, they are read again.
func (s *Workspace) Article(ctx context.Context, w chat.WorkspaceID, id string) (*workspace.Article, error) {
	for {
		card, err := s.get(ctx, cardKey(w, id))
		if err != nil || len(card) == 0 {
			return nil, err
		}
		text, err := s.get(ctx, articleKey(w, id))
		if err != nil {
			return nil, err
		}
		if getN(text, idVersion) == getN(card, idVersion) {
			return &workspace.Article{Card: readCard(card), Markdown: getS(text, "tx")}, nil
		}
		if ctx.Err() != nil {
			return nil, failure(ctx.Err())
		}
	}
}

// PutArticle implements workspace.ArticleStore.
func (s *Workspace) PutArticle(ctx context.Context, w chat.WorkspaceID, a workspace.Article, act workspace.Act) (bool, error) {
	text := withKey(articleKey(w, a.ID), item{idVersion: num(a.Version), "tx": str(a.Markdown)})
	return s.change(ctx, true, act, s.putIf(cardItem(w, a.Card), a.Version-1), s.Store.putTx(text))
}

// DropArticle implements workspace.ArticleStore.
func (s *Workspace) DropArticle(ctx context.Context, w chat.WorkspaceID, id string, version uint64, act workspace.Act) (bool, error) {
	return s.change(ctx, true, act, s.dropIf(cardKey(w, id), version), s.Store.deleteTx(articleKey(w, id)))
}

// A run: cv conversation   tr track   q seq   o outcome   n steps   co code   w reason   x when DynamoDB deletes it (s).
func runItem(w chat.WorkspaceID, r workspace.Run) item {
	it := withKey(runKey(w, r), item{"q": num(r.Seq), "n": num(r.Steps), idTTL: num(time.UnixMilli(r.At).AddDate(0, 0, workspace.RunDays).Unix())})
	setText(it, "cv", string(r.Conversation))
	setText(it, "tr", string(r.Track))
	setText(it, "o", string(r.Outcome))
	setText(it, "co", string(r.Code))
	setText(it, "w", r.Reason)
	return it
}

// PutRun implements workspace.RunStore.
func (s *Workspace) PutRun(ctx context.Context, w chat.WorkspaceID, r workspace.Run) error {
	_, err := s.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Store.Chat, Item: runItem(w, r)})
	return failure(err)
}

// Runs implements workspace.RunStore.
func (s *Workspace) Runs(ctx context.Context, w chat.WorkspaceID, rule string, limit int) ([]workspace.Run, error) {
	page, err := s.Store.API.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.Store.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": str(runKey(w, workspace.Run{Rule: rule}).pk)},
	})
	if err != nil {
		return nil, failure(err)
	}
	var out []workspace.Run
	for _, it := range page.Items {
		at := splitListedKey(getS(it, "sk")) // the same form
		out = append(out, workspace.Run{
			ID: string(at.Conversation), Rule: rule, At: at.Started.UnixMilli(), Conversation: chat.ConversationID(getS(it, "cv")),
			Track: chat.Track(getS(it, "tr")), Seq: getN(it, "q"), Outcome: workspace.Outcome(getS(it, "o")), Steps: getInt(it, "n"),
			Code: chat.Code(getS(it, "co")), Reason: getS(it, "w"),
		})
	}
	return out, nil
}
