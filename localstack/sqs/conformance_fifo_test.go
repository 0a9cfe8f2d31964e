package sqs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestFIFONames(t *testing.T) {
	c := start(t)
	for name, attributes := range map[string]map[string]string{
		"no-suffix":      {"FifoQueue": "true"},
		"suffix.fifo":    nil,
		"bad name":       nil,
		"":               nil,
		"bad!.fifo":      {"FifoQueue": "true"},
		"no-middle.fifo": {"FifoQueue": "false"},
	} {
		if _, err := c.client.CreateQueue(c.ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes}); err == nil {
			t.Errorf("%q with %v was made", name, attributes)
		}
	}
	url := c.create(true, nil)
	if got := c.attribute(url, "FifoQueue"); got != "true" {
		t.Errorf("FifoQueue = %q", got)
	}
	_, err := c.client.CreateQueue(c.ctx, &awssqs.CreateQueueInput{QueueName: aws.String("standard"), Attributes: map[string]string{"ContentBasedDeduplication": "true"}})
	c.wantCode(err, "InvalidAttributeName")
}

func TestFIFORequiresItsIDs(t *testing.T) {
	c := start(t)
	url := c.create(true, nil)
	_, err := c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("m"), MessageDeduplicationId: aws.String("d")})
	c.wantCode(err, "MissingParameter")
	_, err = c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("m"), MessageGroupId: aws.String("g")})
	c.wantCode(err, "InvalidParameterValue")
	_, err = c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{
		QueueUrl: &url, MessageBody: aws.String("m"), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d"), DelaySeconds: 1,
	})
	c.wantCode(err, "InvalidParameterValue")
	_, err = c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{
		QueueUrl: &url, MessageBody: aws.String("m"), MessageGroupId: aws.String("with space"), MessageDeduplicationId: aws.String("d"),
	})
	c.wantCode(err, "InvalidParameterValue")
}

func TestDeduplicationByID(t *testing.T) {
	c := start(t)
	url := c.create(true, nil)
	first := c.send(url, "m", inGroup("g", "d"))
	second := c.send(url, "m", inGroup("g", "d"))
	if *first.MessageId != *second.MessageId || *first.SequenceNumber != *second.SequenceNumber {
		t.Errorf("sent as %s/%s, then %s/%s", *first.MessageId, *first.SequenceNumber, *second.MessageId, *second.SequenceNumber)
	}
	m := c.receiveOne(url)
	if m.Attributes["MessageDeduplicationId"] != "d" || m.Attributes["MessageGroupId"] != "g" || m.Attributes["SequenceNumber"] != *first.SequenceNumber {
		t.Errorf("attributes = %v", m.Attributes)
	}
	c.delete(url, m)
	c.send(url, "m", inGroup("g", "d")) // remembered after the delete
	c.send(url, "m", inGroup("other", "d"))
	c.wantNothing(url)
	c.send(url, "m", inGroup("g", "e"))
	c.receiveOne(url)
}

func TestDeduplicationPerGroup(t *testing.T) {
	c := start(t)
	url := c.create(true, map[string]string{"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})
	c.send(url, "m", inGroup("a", "d"))
	c.send(url, "m", inGroup("b", "d"))
	c.send(url, "m", inGroup("b", "d"))
	if got := c.receive(url, waiting(5)); len(got) != 2 {
		t.Errorf("received %q", bodies(got))
	}
}

func TestDeduplicationByContent(t *testing.T) {
	c := start(t)
	url := c.create(true, map[string]string{"ContentBasedDeduplication": "true"})
	c.send(url, "same", inGroup("g", ""))
	c.send(url, "same", inGroup("g", ""))
	c.send(url, "other", inGroup("g", ""))
	c.send(url, "same", inGroup("g", "own id"[:3]))
	got := c.receive(url, waiting(5))
	if !slices.Equal(bodies(got), []string{"same", "other", "same"}) {
		t.Errorf("received %q", bodies(got))
	}
}

func TestFIFOOrderAndSequenceNumbers(t *testing.T) {
	c := start(t)
	url := c.create(true, nil)
	var sequence []string
	for i := range 5 {
		sequence = append(sequence, *c.send(url, fmt.Sprint(i), inGroup("g", fmt.Sprint("d", i))).SequenceNumber)
	}
	var entries []types.SendMessageBatchRequestEntry
	for i := range 5 {
		id := fmt.Sprint(5 + i)
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &id, MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d" + id)})
	}
	out := must[*awssqs.SendMessageBatchOutput](c)(c.client.SendMessageBatch(c.ctx, &awssqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries}))
	for _, s := range out.Successful {
		sequence = append(sequence, *s.SequenceNumber)
	}
	if len(sequence) != 10 || !slices.IsSorted(sequence) || len(sequence[0]) != 20 || len(slices.Compact(slices.Clone(sequence))) != 10 {
		t.Errorf("sequence numbers: %q", sequence)
	}
	got := c.receive(url, waiting(5))
	if !slices.Equal(bodies(got), []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
		t.Errorf("received %q", bodies(got))
	}
	for i, m := range got {
		if m.Attributes["SequenceNumber"] != sequence[i] {
			t.Errorf("message %d has the number %s, want %s", i, m.Attributes["SequenceNumber"], sequence[i])
		}
	}
}

func TestGroupInFlightIsBlocked(t *testing.T) {
	c := start(t)
	url := c.create(true, nil)
	for _, body := range []string{"a1", "a2", "b1"} {
		c.send(url, body, inGroup(body[:1], body))
	}
	a1, b1 := c.receiveOne(url), c.receiveOne(url)
	if *a1.Body != "a1" || *b1.Body != "b1" {
		t.Fatalf("received %q and %q", *a1.Body, *b1.Body)
	}
	c.wantNothing(url)
	c.delete(url, b1)
	c.wantNothing(url)
	c.delete(url, a1)
	if a2 := c.receiveOne(url); *a2.Body != "a2" {
		t.Errorf("received %q, want a2", *a2.Body)
	}
}

func TestDeletingWakesTheNextOfTheGroup(t *testing.T) {
	c := start(t)
	url := c.create(true, nil)
	c.send(url, "1", inGroup("g", "1"))
	c.send(url, "2", inGroup("g", "2"))
	first := c.receiveOne(url)
	got := make(chan []types.Message, 1)
	go func() { got <- c.receive(url, waiting(20)) }()
	time.Sleep(200 * time.Millisecond) // the poll should be waiting; the test holds if it is not
	began := time.Now()
	c.delete(url, first)
	if messages := <-got; len(messages) != 1 || *messages[0].Body != "2" || time.Since(began) > 5*time.Second {
		t.Errorf("received %q after %v", bodies(messages), time.Since(began))
	}
}

func TestOrderAfterVisibilityTimeout(t *testing.T) {
	c := start(t)
	url := c.create(true, nil)
	for i := range 4 {
		c.send(url, fmt.Sprint(i), inGroup("g", fmt.Sprint(i)))
	}
	first := c.receive(url, waiting(5), atMost(3), hiddenFor(1))
	if !slices.Equal(bodies(first), []string{"0", "1", "2"}) {
		t.Fatalf("received %q", bodies(first))
	}
	c.delete(url, first[1])
	again := c.receive(url, waiting(10))
	if !slices.Equal(bodies(again), []string{"0", "2", "3"}) {
		t.Errorf("after the time-out received %q", bodies(again))
	}
	_, err := c.client.DeleteMessage(c.ctx, &awssqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: first[0].ReceiptHandle})
	c.wantCode(err, "InvalidParameterValue") // expired
}

func TestFIFORedriveKeepsOrder(t *testing.T) {
	c := start(t)
	url, dead := c.withDeadLetters(true, 1, map[string]string{"VisibilityTimeout": "0"})
	for i := range 3 {
		c.send(url, fmt.Sprint(i), inGroup("g", fmt.Sprint(i)))
	}
	if got := c.receive(url, waiting(5)); len(got) != 3 {
		t.Fatalf("received %q", bodies(got))
	}
	c.wantNothing(url)
	if got := bodies(c.receive(dead, waiting(5))); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("dead letters %q", got)
	}
}

// 32 consumers work off 40 groups while some of them crash, which is to say stop before deleting. Every
// message must be worked on, each group in order, and none may come back once it was deleted.
func TestFIFOWith32CrashingConsumers(t *testing.T) {
	c := start(t)
	url := c.create(true, map[string]string{"VisibilityTimeout": "3"})
	const groups, each = 40, 10
	for i := range each {
		var wg sync.WaitGroup
		for g := range groups {
			wg.Go(func() {
				c.send(url, fmt.Sprintf("%d/%d", g, i), inGroup(fmt.Sprint("g", g), fmt.Sprintf("%d/%d", g, i)))
			})
		}
		wg.Wait()
	}
	work := &workLog{t: t, last: map[string]int{}, deleted: map[string]bool{}}
	var wg sync.WaitGroup
	for n := range 32 {
		wg.Go(func() { c.consume(url, rand.New(rand.NewPCG(7, uint64(n))), work, groups*each) })
	}
	wg.Wait()
	if len(work.deleted) != groups*each || work.crashes == 0 {
		t.Errorf("%d of %d messages were worked off, %d consumers crashed", len(work.deleted), groups*each, work.crashes)
	}
	c.wantNothing(url)
}

// workLog checks the order in which messages "group/number" are worked on.
type workLog struct {
	sync.Mutex
	t       *testing.T
	last    map[string]int // by group: 1 + the number worked on last
	deleted map[string]bool
	crashes int
}

// began notes that a message is being worked on: it must be its group's last one again, or the next.
func (l *workLog) began(body string) {
	l.Lock()
	defer l.Unlock()
	group, number, _ := strings.Cut(body, "/")
	n, err := strconv.Atoi(number)
	if last := l.last[group]; err != nil || n != last && n != last-1 {
		l.t.Errorf("group %s: worked on %s after %d", group, number, last-1)
	}
	if l.deleted[body] {
		l.t.Errorf("%s came back after it was deleted", body)
	}
	l.last[group] = n + 1
}

func (l *workLog) ended(body string, crashed bool) {
	l.Lock()
	defer l.Unlock()
	if crashed {
		l.crashes++
		return
	}
	l.deleted[body] = true
}

func (l *workLog) complete(want int) bool {
	l.Lock()
	defer l.Unlock()
	return len(l.deleted) == want
}

// consume works until all is done; one time in twenty-five it drops what is left of a batch.
func (c *conformance) consume(url string, chance *rand.Rand, work *workLog, want int) {
	deadline := time.Now().Add(60 * time.Second)
	for !work.complete(want) {
		if time.Now().After(deadline) {
			c.Error("the consumers did not finish")
			return
		}
		asked := time.Now()
		for _, m := range c.receive(url, waiting(1), atMost(int32(1+chance.IntN(5)))) {
			if time.Since(asked) > 2*time.Second { // leaves 1 s of the 3 s of visibility
				break
			}
			work.began(*m.Body)
			if chance.IntN(25) == 0 {
				work.ended(*m.Body, true)
				break
			}
			_, err := c.client.DeleteMessage(c.ctx, &awssqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
			if err != nil && strings.Contains(err.Error(), "expired") {
				break
			}
			if err != nil {
				c.Error(err)
				return
			}
			work.ended(*m.Body, false)
		}
	}
}
