package faults

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

var update = seam.FaultPoint{Service: seam.DynamoDB, Operation: "UpdateItem", Function: "SocketFn", Resource: "chat", Phase: seam.Before}

func with(t *testing.T, rules ...Rule) *Injector {
	t.Helper()
	in := &Injector{}
	for _, r := range rules {
		if _, err := in.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

// strikes returns which of n passings were struck, as a string of x and dots.
func strikes(in *Injector, p seam.FaultPoint, n int) string {
	var b strings.Builder
	for range n {
		mark := byte('.')
		if _, hit := in.Strike(p); hit {
			mark = 'x'
		}
		b.WriteByte(mark)
	}
	return b.String()
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule Rule
		want bool
	}{
		{Rule{}, true},
		{Rule{Service: "dynamodb", Operation: "UpdateItem", Function: "SocketFn", Resource: "chat"}, true},
		{Rule{Operation: "*Item", Resource: "ch?t"}, true},
		{Rule{Operation: "PutItem"}, false},
		{Rule{Service: "sqs"}, false},
		{Rule{Function: "Deliver*"}, false},
		{Rule{Resource: "connections"}, false},
		{Rule{Phase: seam.After}, false},
	} {
		c.rule.Kind = seam.FaultLose
		if _, got := with(t, c.rule).Strike(update); got != c.want {
			t.Errorf("%+v strikes: %v, want %v", c.rule, got, c.want)
		}
	}
}

func TestSkipAndTimes(t *testing.T) {
	t.Parallel()
	in := with(t, Rule{Kind: seam.FaultKill, Skip: 2, Times: 3})
	if got := strikes(in, update, 8); got != "..xxx..." {
		t.Errorf("strikes %s", got)
	}
	r := in.Rules()[0]
	if r.Hits != 3 || r.Passed != 5 {
		t.Errorf("hits %d of %d passings; a spent rule stops counting", r.Hits, r.Passed)
	}
}

func TestProbabilityIsSeeded(t *testing.T) {
	t.Parallel()
	a := strikes(with(t, Rule{Kind: seam.FaultLose, Probability: 0.3, Seed: 7}), update, 1000)
	if b := strikes(with(t, Rule{Kind: seam.FaultLose, Probability: 0.3, Seed: 7}), update, 1000); a != b {
		t.Error("the same seed gives other strikes")
	}
	if b := strikes(with(t, Rule{Kind: seam.FaultLose, Probability: 0.3, Seed: 8}), update, 1000); a == b {
		t.Error("another seed gives the same strikes")
	}
	// 300 expected, standard deviation 14.5.
	if n := strings.Count(a, "x"); n < 230 || n > 370 {
		t.Errorf("%d of 1000 at probability 0.3", n)
	}
}

func TestFirstRuleThatDecidesWins(t *testing.T) {
	t.Parallel()
	in := with(t, Rule{ID: "once", Kind: seam.FaultLose, Times: 1}, Rule{ID: "then", Kind: seam.FaultDelay, DelayMS: 5})
	first, _ := in.Strike(update)
	second, _ := in.Strike(update)
	if first.Kind != seam.FaultLose || second.Kind != seam.FaultDelay || second.Delay != 5*time.Millisecond {
		t.Errorf("strikes %+v, then %+v", first, second)
	}
}

func TestErrorsHaveAWSsStatus(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]int{
		"com.amazonaws.dynamodb.v20120810#InternalServerError": 500, "ProvisionedThroughputExceededException": 400, "GoneException": 410, "LimitExceededException": 429,
	} {
		f, hit := with(t, Rule{Kind: seam.FaultError, ErrorType: kind, Message: "m"}).Strike(update)
		if !hit || f.Status != want || f.ErrorType != kind || f.Message != "m" {
			t.Errorf("%s: %+v", kind, f)
		}
	}
}

func TestCountsOutliveRules(t *testing.T) {
	t.Parallel()
	in := with(t, Rule{ID: "a", Kind: seam.FaultLose})
	strikes(in, update, 3)
	other := update
	other.Operation = "PutItem"
	strikes(in, other, 2)
	if !in.Remove("a") || in.Remove("a") {
		t.Error("Remove does not say whether there was a rule")
	}
	if got := strikes(in, update, 5); got != "....." {
		t.Errorf("strikes after Remove: %s", got)
	}
	if in.Hits("dynamodb", "UpdateItem", seam.FaultLose) != 3 || in.Hits("", "", "") != 5 || in.Hits("sqs", "", "") != 0 {
		t.Errorf("counts %+v", in.Counts())
	}
	in.ResetCounts()
	if len(in.Counts()) != 0 {
		t.Error("counts after ResetCounts")
	}
}

// TestConcurrentStrikesAreCountedOnce has a rule of 100 times struck from many goroutines.
func TestConcurrentStrikesAreCountedOnce(t *testing.T) {
	t.Parallel()
	in := with(t, Rule{Kind: seam.FaultLose, Times: 100})
	var wg sync.WaitGroup
	var mu sync.Mutex
	hits := 0
	for range 8 {
		wg.Go(func() {
			n := strings.Count(strikes(in, update, 50), "x")
			mu.Lock()
			defer mu.Unlock()
			hits += n
		})
	}
	wg.Wait()
	if hits != 100 || in.Hits("", "", "") != 100 || in.Rules()[0].Hits != 100 {
		t.Errorf("%d strikes, counts %+v, want 100", hits, in.Counts())
	}
}

func TestBadRules(t *testing.T) {
	t.Parallel()
	for _, r := range []Rule{
		{}, {Kind: "explode"}, {Kind: seam.FaultError}, {Kind: seam.FaultDelay}, {Kind: seam.FaultLose, Phase: "during"}, {Kind: seam.FaultLose, Probability: 1.5},
		{Kind: seam.FaultLose, Probability: -1}, {Kind: seam.FaultLose, Skip: -1}, {Kind: seam.FaultError, ErrorType: "x", Status: 200},
	} {
		if _, err := (&Injector{}).Add(r); err == nil {
			t.Errorf("%+v was accepted", r)
		}
	}
	in := with(t, Rule{ID: "a", Kind: seam.FaultLose})
	if _, err := in.Add(Rule{ID: "a", Kind: seam.FaultLose}); err == nil {
		t.Error("two rules with one id")
	}
}

func request(t *testing.T, h http.Handler, method, path, body string, want int) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	answer, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if w.Code != want {
		t.Fatalf("%s %s %s: status %d, want %d: %s", method, path, body, w.Code, want, answer)
	}
	return string(answer)
}

func TestHandler(t *testing.T) {
	t.Parallel()
	in := &Injector{}
	h := in.Handler()
	if got := request(t, h, "GET", Path, "", 200); strings.TrimSpace(got) != `{"rules":[],"counts":[]}` {
		t.Errorf("empty status %s", got)
	}
	var added Rule
	if err := json.Unmarshal([]byte(request(t, h, "POST", Path, `{"service":"dynamodb","kind":"lose","times":1}`, 201)), &added); err != nil || added.ID == "" {
		t.Fatalf("added %+v, %v", added, err)
	}
	request(t, h, "POST", Path, `[{"kind":"lose","id":"b"},{"kind":"kill","id":"c"}]`, 201)
	request(t, h, "POST", Path, `[{"kind":"lose","id":"d"},{"kind":"nothing"}]`, 400)
	request(t, h, "POST", Path, `{"kind":"lose","servise":"sqs"}`, 400)
	request(t, h, "POST", Path, `[]`, 400)
	request(t, h, "POST", Path, `{`, 400)
	strikes(in, update, 1)
	var status Status
	if err := json.Unmarshal([]byte(request(t, h, "GET", Path, "", 200)), &status); err != nil {
		t.Fatal(err)
	}
	if len(status.Rules) != 3 || status.Rules[0].Hits != 1 || len(status.Counts) != 1 || status.Counts[0] != (Count{"dynamodb", "UpdateItem", "lose", 1}) {
		t.Errorf("status %+v: a list of rules is added as a whole or not at all", status)
	}
	request(t, h, "DELETE", Path+"/b", "", 204)
	request(t, h, "DELETE", Path+"/b", "", 404)
	request(t, h, "DELETE", Path, "", 204)
	if len(in.Rules()) != 0 || len(in.Counts()) != 1 {
		t.Errorf("after DELETE: %+v %+v", in.Rules(), in.Counts())
	}
	request(t, h, "DELETE", Path+"?counts=true", "", 204)
	if len(in.Counts()) != 0 {
		t.Error("counts=true leaves counts")
	}
}

func BenchmarkStrikeWithoutRules(b *testing.B) {
	in := &Injector{}
	b.ReportAllocs()
	for b.Loop() {
		if _, hit := in.Strike(update); hit {
			b.Fatal("struck")
		}
	}
}
