package dynamodb_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/journal"
)

var _ journal.Component = (*dynamodb.Engine)(nil)

// open returns an engine on the journal in dir.
func open(t *testing.T, c *clock, dir string) (local, *journal.Journal) {
	t.Helper()
	l := newLocal(t, c, bankTable())
	j, err := journal.Open(dir, map[string]journal.Component{"tables": l.engine})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.engine.Durable(j, "tables"); err != nil {
		t.Fatal(err)
	}
	return l, j
}

// On a real disk, with many clients and a compaction, a restart changes nothing.
func TestRestart(t *testing.T) {
	t.Parallel()
	c, dir := newClock(), t.TempDir()
	want := ""
	for round := range 4 {
		l, j := open(t, c, dir)
		if want != "" && l.state() != want {
			t.Fatalf("round %d: got\n%s\nwant\n%s", round, l.state(), want)
		}
		var wg sync.WaitGroup
		for client := range clients {
			wg.Go(func() {
				for i := range 4 {
					l.do("PutItem", `{"TableName":"bank","Item":{"pk":{"S":"own %d"},"filler":{"B":"%04096d"}}}`, client, i)
					answer := l.call("dynamodb", "TransactWriteItems", "%s", transfer(client%5, (client+i+1)%5))
					if answer.Status == 500 {
						t.Errorf("%s", answer.Body)
					}
				}
			})
		}
		wg.Wait()
		c.advance(25 * 60 * 60 * 1e9) // the stream of this round is trimmed, so that the log can be compacted
		l.do("PutItem", `{"TableName":"bank","Item":{"pk":{"S":"round"},"n":{"N":"%d"}}}`, round)
		want = l.state()
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func transfer(from, to int) string {
	if from == to {
		to = 5
	}
	update := func(account, by int) string {
		return fmt.Sprintf(`{"Update":{"TableName":"bank","Key":{"pk":{"S":"account %d"}},"UpdateExpression":"ADD n :by","ExpressionAttributeValues":{":by":{"N":"%d"}}}}`, account, by)
	}
	return `{"TransactItems":[` + update(from, -1) + "," + update(to, 1) + `]}`
}
