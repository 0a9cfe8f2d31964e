package week

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/workspace"
)

// stageTable is the name of the week's own table.
const stageTable = "stage"

// parallel is how many items are written at once.
const parallel = 16

// find says when a week was begun in the table, and whether it was written as a whole: the settings come first, and the
// view comes last.
func find(ctx context.Context, target *dynamo.Store, o Options) (begun time.Time, done bool, err error) {
	documents := &dynamo.Workspace{Store: target}
	settings, err := documents.Entry(ctx, workspace.Place{Workspace: o.Workspace, Kind: workspace.KindSettings}, workspace.SettingsID)
	if err != nil || settings == nil {
		return time.Time{}, false, err
	}
	last, err := documents.Entry(ctx, workspace.Place{Workspace: o.Workspace, Kind: workspace.KindView}, lastView(o.Label))
	return settings.Changed, last != nil, err
}

// wave says when an item is copied: conversations and people before the queue, the queue before the operators who could
// be given what waits in it, and what says that all is done at the end.
func wave(pk, sk, label string) int {
	switch {
	case strings.HasSuffix(sk, workspace.SettingsID):
		return 0
	case strings.HasSuffix(sk, lastView(label)):
		return 4
	case strings.HasSuffix(pk, "#operators"):
		return 3
	case strings.Contains(pk, "#waiting#"):
		return 2
	}
	return 1
}

// copy puts everything that the week has left into the table, where nothing is that it would replace.
func (s *stage) copy(ctx context.Context, api dynamo.API, table string) (int, error) {
	items, err := s.items(ctx)
	if err != nil {
		return 0, err
	}
	var waves [5][]map[string]types.AttributeValue
	for _, it := range items {
		pk, sk := it["pk"].(*types.AttributeValueMemberS).Value, it["sk"].(*types.AttributeValueMemberS).Value
		n := wave(pk, sk, s.label)
		waves[n] = append(waves[n], it)
	}
	for _, list := range waves {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(parallel)
		for _, it := range list {
			group.Go(func() error { return put(ctx, api, table, it) })
		}
		if err := group.Wait(); err != nil {
			return 0, fmt.Errorf("writing the week: %w", err)
		}
	}
	return len(items), nil
}

func put(ctx context.Context, api dynamo.API, table string, it map[string]types.AttributeValue) error {
	_, err := api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)")})
	var there *types.ConditionalCheckFailedException
	if errors.As(err, &there) { // from a run that was interrupted; what has become of it since stays
		return nil
	}
	return err
}

// items reads the stage: its own small table in memory, which nobody else has.
func (s *stage) items(ctx context.Context) (out []map[string]types.AttributeValue, err error) {
	in := &dynamodb.ScanInput{TableName: aws.String(stageTable), ConsistentRead: aws.Bool(true)}
	for pages := dynamodb.NewScanPaginator(s.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
	}
	// Sockets and the like are not the week's.
	return slices.DeleteFunc(out, func(it map[string]types.AttributeValue) bool {
		return strings.HasPrefix(it["pk"].(*types.AttributeValueMemberS).Value, "due") || strings.HasPrefix(it["pk"].(*types.AttributeValueMemberS).Value, "active#")
	}), nil
}
