package dynamodb_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// Transactions over two tables with streams, in any order of items, neither lock each other out nor show half
// of themselves to a transactional read. Without HTTP in between there are enough of them at once.
func TestTransactionsOfTwoTablesAreIsolated(t *testing.T) {
	t.Parallel()
	tables := []template.Table{bankTable(), bankTable()}
	tables[1].Name, tables[1].StreamARN = "bank2", strings.Replace(tables[1].StreamARN, "bank", "bank2", 1)
	l := newLocal(t, newClock(), tables...)
	const accounts, workers, rounds = 8, 8, 400
	place := func(i int) (table, pk string) { return []string{"bank", "bank2"}[i%2], fmt.Sprint("account ", i) }
	var gets []string
	for i := range accounts {
		table, pk := place(i)
		l.do("PutItem", `{"TableName":%q,"Item":{"pk":{"S":%q},"n":{"N":"100"}}}`, table, pk)
		gets = append(gets, fmt.Sprintf(`{"Get":{"TableName":%q,"Key":{"pk":{"S":%q}}}}`, table, pk))
	}
	add := func(i, by int) string {
		table, pk := place(i)
		return fmt.Sprintf(`{"Update":{"TableName":%q,"Key":{"pk":{"S":%q}},"UpdateExpression":"ADD n :by","ExpressionAttributeValues":{":by":{"N":"%d"}}}}`, table, pk, by)
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(w)))
			for range rounds {
				from := random.IntN(accounts)
				to := (from + 1 + random.IntN(accounts-1)) % accounts
				l.do("TransactWriteItems", `{"TransactItems":[%s,%s]}`, add(from, -1), add(to, 1))
				var out struct {
					Responses []struct{ Item map[string]map[string]string }
				}
				decode(t, []byte(l.do("TransactGetItems", `{"TransactItems":[%s]}`, strings.Join(gets, ","))), &out)
				sum := 0
				for _, r := range out.Responses {
					n, _ := strconv.Atoi(r.Item["n"]["N"])
					sum += n
				}
				if sum != 100*accounts {
					t.Errorf("a transaction sees %d in all", sum)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A partition is one moment: a query of the table never shows half of a transaction on it.
func TestQueryOfAPartitionIsOneMoment(t *testing.T) {
	t.Parallel()
	l := newLocal(t, newClock(), modelTable())
	stop := make(chan struct{})
	var wg sync.WaitGroup
	put := func(n int) string {
		var puts []string
		for sk := range 4 {
			puts = append(puts, fmt.Sprintf(`{"Put":{"TableName":"model","Item":{"pk":{"S":"p"},"sk":{"S":"%d"},"lr":{"S":"%d"},"n":{"N":"%d"}}}}`, sk, n%7*sk, n))
		}
		return `{"TransactItems":[` + strings.Join(puts, ",") + `]}`
	}
	l.do("TransactWriteItems", "%s", put(0))
	wg.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				l.do("TransactWriteItems", "%s", put(n))
			}
		}
	})
	defer wg.Wait()
	defer close(stop)
	for round := range 600 {
		index := []string{"", `"IndexName":"local",`}[round%2]
		var out struct{ Items []modelItem }
		decode(t, l.call(seam.DynamoDB, "Query", `{"TableName":"model",%s"KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"p"}}}`, index).Body, &out)
		for _, it := range out.Items {
			if len(out.Items) != 4 || it.text("n") != out.Items[0].text("n") {
				t.Fatalf("a query shows %v", out.Items)
			}
		}
	}
}
