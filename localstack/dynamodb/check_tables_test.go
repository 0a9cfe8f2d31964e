package dynamodb_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// wantError fails unless err is an API error with the code, and a message that contains every part.
func wantError(t testing.TB, err error, code string, parts ...string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if api.ErrorCode() != code {
		t.Fatalf("got %s (%s), want %s", api.ErrorCode(), api.ErrorMessage(), code)
	}
	for _, part := range parts {
		if !strings.Contains(api.ErrorMessage(), part) {
			t.Fatalf("the message of %s is %q and lacks %q", code, api.ErrorMessage(), part)
		}
	}
}

func TestTableLifecycle(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.create(&ddb.CreateTableInput{
		AttributeDefinitions: defined("pk S", "sk N", "g B", "l S"), KeySchema: keySchema("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("global"), KeySchema: keySchema("g"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"x"}}}},
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{{IndexName: aws.String("local"), KeySchema: keySchema("pk", "l"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeKeysOnly},
	})
	out, err := s.db.DescribeTable(ctx(), &ddb.DescribeTableInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	d := out.Table
	if d.TableStatus != types.TableStatusActive || len(d.AttributeDefinitions) != 4 || *d.KeySchema[1].AttributeName != "sk" || d.CreationDateTime == nil {
		t.Errorf("described as %+v", d)
	}
	if g := d.GlobalSecondaryIndexes[0]; *g.IndexName != "global" || g.IndexStatus != types.IndexStatusActive || g.Projection.NonKeyAttributes[0] != "x" {
		t.Errorf("global index described as %+v", g)
	}
	if l := d.LocalSecondaryIndexes[0]; *l.IndexName != "local" || *l.KeySchema[1].AttributeName != "l" {
		t.Errorf("local index described as %+v", l)
	}
	if d.LatestStreamArn == nil || d.StreamSpecification.StreamViewType != types.StreamViewTypeKeysOnly {
		t.Errorf("stream described as %+v", d.StreamSpecification)
	}
	_, err = s.db.CreateTable(ctx(), &ddb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: defined("pk S"), KeySchema: keySchema("pk")})
	wantError(t, err, "ResourceInUseException")
	if _, err := s.db.DeleteTable(ctx(), &ddb.DeleteTableInput{TableName: &name}); err != nil {
		t.Fatal(err)
	}
	quickly := func(o *ddb.TableNotExistsWaiterOptions) { o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second }
	if err := ddb.NewTableNotExistsWaiter(s.db, quickly).Wait(ctx(), &ddb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	_, err = s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "a", "sk", 1)})
	wantError(t, err, "ResourceNotFoundException", "Requested resource not found")
	_, err = s.db.DeleteTable(ctx(), &ddb.DeleteTableInput{TableName: &name})
	wantError(t, err, "ResourceNotFoundException")
}

func TestTablesAreListedInPages(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	want := []string{s.table(), s.table(), s.table()}
	var got []string
	pages := ddb.NewListTablesPaginator(s.db, &ddb.ListTablesInput{Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.TableNames...)
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not in %v", name, got)
		}
	}
	if !slices.IsSorted(got) {
		t.Errorf("not in order: %v", got)
	}
}

func TestTablesThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	all := &types.Projection{ProjectionType: types.ProjectionTypeAll}
	for what, in := range map[string]*ddb.CreateTableInput{
		"an undefined key attribute":     {AttributeDefinitions: defined("x S"), KeySchema: keySchema("pk")},
		"an unused definition":           {AttributeDefinitions: defined("pk S", "x S"), KeySchema: keySchema("pk")},
		"two keys of one name":           {AttributeDefinitions: defined("pk S"), KeySchema: keySchema("pk", "pk")},
		"a range key first":              {AttributeDefinitions: defined("pk S"), KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeRange}}},
		"a key of type BOOL":             {AttributeDefinitions: defined("pk BOOL"), KeySchema: keySchema("pk")},
		"a local index without sort key": {AttributeDefinitions: defined("pk S"), KeySchema: keySchema("pk"), LocalSecondaryIndexes: []types.LocalSecondaryIndex{{IndexName: aws.String("local"), KeySchema: keySchema("pk"), Projection: all}}},
		"a local index of another partition": {AttributeDefinitions: defined("pk S", "sk S"), KeySchema: keySchema("pk", "sk"),
			LocalSecondaryIndexes: []types.LocalSecondaryIndex{{IndexName: aws.String("local"), KeySchema: keySchema("sk", "pk"), Projection: all}}},
		"two indexes of one name": {AttributeDefinitions: defined("pk S"), KeySchema: keySchema("pk"),
			GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("same"), KeySchema: keySchema("pk"), Projection: all}, {IndexName: aws.String("same"), KeySchema: keySchema("pk"), Projection: all}}},
		"an INCLUDE of nothing": {AttributeDefinitions: defined("pk S"), KeySchema: keySchema("pk"),
			GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("global"), KeySchema: keySchema("pk"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude}}}},
	} {
		in.TableName, in.BillingMode = aws.String(s.prefix+"impossible"), types.BillingModePayPerRequest
		_, err := s.db.CreateTable(ctx(), in)
		if err == nil {
			t.Errorf("%s was accepted", what)
			continue
		}
		wantError(t, err, "ValidationException")
	}
	_, err := s.db.CreateTable(ctx(), &ddb.CreateTableInput{TableName: aws.String("x"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: defined("pk S"), KeySchema: keySchema("pk")})
	wantError(t, err, "ValidationException")
}

func TestUnknownIndexAndTable(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	query := &ddb.QueryInput{TableName: &name, IndexName: aws.String("nowhere"), KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item(":p", "x")}
	_, err := s.db.Query(ctx(), query)
	wantError(t, err, "ValidationException", "The table does not have the specified index: nowhere")
	query.TableName, query.IndexName = aws.String(s.prefix+"nowhere"), nil
	_, err = s.db.Query(ctx(), query)
	wantError(t, err, "ResourceNotFoundException")
}

func TestTimeToLiveSwitch(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	set := func(on bool) error {
		_, err := s.db.UpdateTimeToLive(ctx(), &ddb.UpdateTimeToLiveInput{TableName: &name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("ttl"), Enabled: &on}})
		return err
	}
	status := func() types.TimeToLiveStatus {
		out, err := s.db.DescribeTimeToLive(ctx(), &ddb.DescribeTimeToLiveInput{TableName: &name})
		if err != nil {
			t.Fatal(err)
		}
		return out.TimeToLiveDescription.TimeToLiveStatus
	}
	if got := status(); got != types.TimeToLiveStatusDisabled {
		t.Errorf("at first %s", got)
	}
	if err := set(true); err != nil {
		t.Fatal(err)
	}
	if got := status(); got != types.TimeToLiveStatusEnabled {
		t.Errorf("switched on: %s", got)
	}
	wantError(t, set(true), "ValidationException", "TimeToLive is already enabled")
}
