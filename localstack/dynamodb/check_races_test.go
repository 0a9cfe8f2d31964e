package dynamodb_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const clients = 32

// together runs 32 clients at once.
func together(work func(client int)) {
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() { work(c) })
	}
	wg.Wait()
}

func TestOneWinner(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	for round := range 5 {
		var winners, losers atomic.Int64
		together(func(c int) {
			_, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "p", "sk", fmt.Sprint(round), "client", c), ConditionExpression: aws.String("attribute_not_exists(pk)")})
			var failed *types.ConditionalCheckFailedException
			switch {
			case err == nil:
				winners.Add(1)
			case errors.As(err, &failed):
				losers.Add(1)
			default:
				t.Error(err)
			}
		})
		if winners.Load() != 1 || losers.Load() != clients-1 {
			t.Errorf("%d winners and %d losers", winners.Load(), losers.Load())
		}
	}
}

func TestOneWinnerOfTransactions(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	var winners atomic.Int64
	together(func(c int) {
		err := s.transact(
			types.TransactWriteItem{Put: &types.Put{TableName: &name, Item: key("shared"), ConditionExpression: aws.String("attribute_not_exists(pk)")}},
			putOf(name, key(fmt.Sprint("own", c))))
		var canceled *types.TransactionCanceledException
		switch {
		case err == nil:
			winners.Add(1)
		case !errors.As(err, &canceled):
			t.Error(err)
		}
	})
	out := s.query(&ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p AND begins_with(sk, :own)"), ExpressionAttributeValues: item(":p", "p", ":own", "own")})
	if winners.Load() != 1 || out.Count != 1 {
		t.Errorf("%d winners, %d items of theirs", winners.Load(), out.Count)
	}
}

func TestConcurrentAdd(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	const each = 10
	var seen sync.Map
	together(func(int) {
		for range each {
			out, err := s.update(name, "ADD n :one", item(":one", 1))
			if err != nil {
				t.Error(err)
				return
			}
			if _, twice := seen.LoadOrStore(out.Attributes["n"].(*types.AttributeValueMemberN).Value, true); twice {
				t.Error("two clients were told the same count")
			}
		}
	})
	if got := s.get(name, headKey)["n"].(*types.AttributeValueMemberN).Value; got != strconv.Itoa(clients*each) {
		t.Errorf("n = %s", got)
	}
}

// Transfers between accounts in different partitions conserve the total, and every transactional read of all
// accounts sees it whole.
func TestTransfersConserveTheTotal(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	const accounts, each = 6, 8
	account := func(i int) map[string]types.AttributeValue { return item("pk", fmt.Sprint("account", i), "sk", "s") }
	for i := range accounts {
		it := account(i)
		it["n"] = value(100)
		s.put(name, it)
	}
	move := func(i, by int) types.TransactWriteItem {
		return types.TransactWriteItem{Update: &types.Update{TableName: &name, Key: account(i), UpdateExpression: aws.String("SET n = n + :by"),
			ConditionExpression: aws.String("n >= :least"), ExpressionAttributeValues: item(":by", by, ":least", max(0, -by))}}
	}
	var moved atomic.Int64
	together(func(c int) {
		random := rand.New(rand.NewPCG(1, uint64(c)))
		for range each {
			from, amount := random.IntN(accounts), 1+random.IntN(60)
			err := s.transact(move(from, -amount), move((from+1+random.IntN(accounts-1))%accounts, amount))
			var canceled *types.TransactionCanceledException
			switch {
			case err == nil:
				moved.Add(1)
			case !errors.As(err, &canceled):
				t.Error(err)
			}
			if total, ok := s.total(t, name, accounts, account); ok && total != 100*accounts {
				t.Errorf("a transaction sees %d in all", total)
			}
		}
	})
	if total, ok := s.total(t, name, accounts, account); !ok || total != 100*accounts || moved.Load() == 0 {
		t.Errorf("%d in all after %d transfers", total, moved.Load())
	}
}

// total sums the accounts in one transaction; false if it was cancelled by a conflict.
func (s *suite) total(t *testing.T, name string, accounts int, account func(int) map[string]types.AttributeValue) (int, bool) {
	var gets []types.TransactGetItem
	for i := range accounts {
		gets = append(gets, types.TransactGetItem{Get: &types.Get{TableName: &name, Key: account(i)}})
	}
	out, err := s.db.TransactGetItems(ctx(), &ddb.TransactGetItemsInput{TransactItems: gets})
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		return 0, false
	}
	if err != nil {
		t.Error(err)
		return 0, false
	}
	sum := 0
	for _, r := range out.Responses {
		n, err := strconv.Atoi(r.Item["n"].(*types.AttributeValueMemberN).Value)
		if err != nil || n < 0 {
			t.Errorf("an account of %d: %v", n, err)
		}
		sum += n
	}
	return sum, true
}

// What is read through an index while items move between its partitions is never torn: each entry is an item
// as it was at some moment.
func TestIndexReadsAreWhole(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.indexed(types.ProjectionTypeAll)
	together(func(c int) {
		for i := range 10 {
			hash := fmt.Sprint("h", (c+i)%3)
			_, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "p", "sk", fmt.Sprint(c%4), "gh", hash, "gr", i, "copy", hash)})
			if err != nil {
				t.Error(err)
				return
			}
			for _, it := range s.query(globalQuery(name, hash)).Items {
				if got := it["copy"].(*types.AttributeValueMemberS).Value; got != hash {
					t.Errorf("partition %s of the index shows an item of %s", hash, got)
				}
			}
		}
	})
}
