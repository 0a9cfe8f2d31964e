package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/e2e/history"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/seam"
)

// faultCase breaks one thing while the script is played.
type faultCase struct {
	name  string
	rules []faults.Rule // each must strike
	// pings: what no push brings, a ping must; else pushes and hellos alone have to.
	pings bool
	// rows: $disconnect may not have done its work, or a hello may write its socket's row again after it.
	rows bool
	// refuses: a client may be told that its command is refused, though it would not be without the fault.
	refuses bool
}

// calls are the AWS calls of each function, but those of the mappings.
var calls = map[string][]struct{ service, operation string }{
	"SocketFunction": {{seam.DynamoDB, "UpdateItem"}, {seam.DynamoDB, "GetItem"}, {seam.DynamoDB, "Query"}, {seam.DynamoDB, "PutItem"},
		{seam.DynamoDB, "DeleteItem"}, {seam.DynamoDB, "TransactWriteItems"}, {seam.SQS, "SendMessageBatch"}, {seam.ExecuteAPI, "PostToConnection"}},
	"DeliverFunction": {{seam.DynamoDB, "GetItem"}, {seam.DynamoDB, "Query"}, {seam.DynamoDB, "UpdateItem"}, {seam.DynamoDB, "DeleteItem"},
		{seam.SQS, "SendMessageBatch"}, {seam.ExecuteAPI, "PostToConnection"}},
	"RelayFunction":      {{seam.DynamoDB, "Query"}, {seam.DynamoDB, "PutItem"}, {seam.DynamoDB, "UpdateItem"}, {seam.SQS, "SendMessageBatch"}},
	"DisconnectFunction": {{seam.DynamoDB, "DeleteItem"}},
	"AuthorizerFunction": {{seam.DynamoDB, "DeleteItem"}},
	"ApiFunction":        {{seam.DynamoDB, "GetItem"}, {seam.DynamoDB, "PutItem"}},
}

// aside returns further rules that make a call happen at all: pushes that fail lead to jobs, and jobs whose pushes
// fail to further jobs.
func aside(function, operation string) (rules []faults.Rule, pings bool) {
	if function == "SocketFunction" && operation == "DeleteItem" {
		return []faults.Rule{gone("SocketFunction")}, true
	}
	if function != "DeliverFunction" || operation == "Query" { // broadcasts query by themselves
		return nil, false
	}
	rules = []faults.Rule{{Service: seam.ExecuteAPI, Operation: "PostToConnection", Function: "SocketFunction", Kind: seam.FaultError, ErrorType: "LimitExceededException"}}
	switch operation {
	case "SendMessageBatch":
		rules = append(rules, faults.Rule{Service: seam.ExecuteAPI, Operation: "PostToConnection", Function: "DeliverFunction", Kind: seam.FaultError, ErrorType: "LimitExceededException", Times: 6})
	case "UpdateItem", "DeleteItem":
		rules = append(rules, faults.Rule{Service: seam.ExecuteAPI, Operation: "PostToConnection", Function: "DeliverFunction", Kind: seam.FaultError, ErrorType: "GoneException", Times: 6})
		pings = true
	}
	return rules, pings
}

// gone has live sockets called gone.
func gone(function string) faults.Rule {
	return faults.Rule{Service: seam.ExecuteAPI, Operation: "PostToConnection", Function: function, Kind: seam.FaultError, ErrorType: "GoneException", Times: 2}
}

// laterPassings is how many more passings of a call than the first the socket function surely has in a round.
var laterPassings = map[string]int{"UpdateItem": 10, "GetItem": 4, "Query": 2, "PutItem": 1, "TransactWriteItems": 3, "SendMessageBatch": 1, "PostToConnection": 8}

// killCases kill the process of each function as it gets an event and when it has answered, and before and after
// the effect of each of its calls, at the first passing; later holds those of later passings.
func killCases(rng *rand.Rand) (first, later []faultCase) {
	for _, function := range []string{"SocketFunction", "DeliverFunction", "RelayFunction", "DisconnectFunction", "AuthorizerFunction", "ApiFunction"} {
		rows := function == "DisconnectFunction"
		for _, phase := range []seam.Phase{seam.Before, seam.After} {
			first = append(first, faultCase{name: fmt.Sprintf("kill %s %s the event", function, phase), rows: rows,
				rules: []faults.Rule{{Service: "lambda", Operation: "Invoke", Function: function, Phase: phase, Kind: seam.FaultKill, Times: 2}}})
			for _, call := range calls[function] {
				rules, pings := aside(function, call.operation)
				kill := func(skip int) faultCase {
					rule := faults.Rule{Service: call.service, Operation: call.operation, Function: function, Phase: phase, Kind: seam.FaultKill, Skip: skip, Times: 1}
					return faultCase{name: fmt.Sprintf("kill %s %s %s %d", function, phase, call.operation, skip),
						rules: append([]faults.Rule{rule}, rules...), pings: pings, rows: rows || lateRow(rule)}
				}
				first = append(first, kill(0))
				if more := laterPassings[call.operation]; more > 0 && function == "SocketFunction" {
					later = append(later, kill(1+rng.IntN(more)))
				}
			}
		}
	}
	return first, later
}

// lateRow says whether a hello may write its socket's row twice, the second time after the socket has gone: its end
// found the first and left no tombstone. The row then waits for its expiry.
func lateRow(r faults.Rule) bool { return r.Function == "SocketFunction" && r.Operation == "PutItem" }

// sdkTries is how often the SDK makes a call by itself: as many failures reach our own code (AWS SDK for Go v2,
// "Retries and timeouts": three attempts).
const sdkTries = 3

// answerCases have AWS answer with what it may, or not at all, to the socket function's calls.
func answerCases() (cases []faultCase) {
	add := func(name string, times int, rule faults.Rule) {
		extra, pings := aside(rule.Function, rule.Operation)
		rule.Times = times
		cases = append(cases, faultCase{name: fmt.Sprintf("%s: %s of %s", name, rule.Operation, rule.Function), rules: append([]faults.Rule{rule}, extra...), pings: pings, rows: lateRow(rule)})
	}
	for _, function := range []string{"SocketFunction", "RelayFunction", "DeliverFunction"} {
		for _, call := range calls[function] {
			at := faults.Rule{Service: call.service, Operation: call.operation, Function: function}
			failing := func(kind string) faults.Rule { r := at; r.Kind, r.ErrorType = seam.FaultError, kind; return r }
			losing := func(phase seam.Phase) faults.Rule { r := at; r.Kind, r.Phase = seam.FaultLose, phase; return r }
			if call.service == seam.DynamoDB {
				add("throttled", sdkTries, failing("ProvisionedThroughputExceededException"))
				add("server error", 1, failing("InternalServerError"))
			}
			if call.operation == "UpdateItem" {
				add("conflict", 1, failing("TransactionConflictException"))
			}
			if call.operation == "TransactWriteItems" {
				add("cancelled", 1, failing("TransactionCanceledException"))
			}
			if call.operation == "UpdateItem" || call.operation == "TransactWriteItems" || function == "RelayFunction" && call.operation != "Query" {
				twice := at
				twice.Kind = seam.FaultDuplicate
				add("done, and then answered with the failed condition", 2, twice)
			}
			if call.service == seam.SQS {
				add("server error", 1, failing("InternalFailure"))
			}
			add("lost request", 1, losing(seam.Before))
			add("lost answer", 1, losing(seam.After))
		}
	}
	return cases
}

// pushCases are what becomes of posts and frames.
func pushCases() []faultCase {
	post := func(kind seam.FaultKind, phase seam.Phase, errorType string, delay int) faults.Rule {
		return faults.Rule{Service: seam.ExecuteAPI, Operation: "PostToConnection", Function: "SocketFunction", Kind: kind, Phase: phase, ErrorType: errorType, DelayMS: delay, Times: 4}
	}
	frame := func(operation string, kind seam.FaultKind, delay int, probability float64) faults.Rule {
		return faults.Rule{Service: "gateway", Operation: operation, Kind: kind, DelayMS: delay, Probability: probability, Times: 4}
	}
	return []faultCase{
		{name: "post: gone", rules: []faults.Rule{gone("SocketFunction")}, pings: true},
		{name: "post: buffer full", rules: []faults.Rule{post(seam.FaultError, seam.Before, "LimitExceededException", 0)}},
		{name: "post: server error", rules: []faults.Rule{post(seam.FaultError, seam.Before, "InternalServerError", 0)}},
		{name: "post: forbidden", rules: []faults.Rule{post(seam.FaultError, seam.Before, "ForbiddenException", 0)}},
		{name: "post: delivered, then an error", rules: []faults.Rule{post(seam.FaultError, seam.After, "InternalServerError", 0)}},
		{name: "post: slower than the budget", rules: []faults.Rule{post(seam.FaultDelay, seam.Before, "", 700)}},
		{name: "post: twice", rules: []faults.Rule{post(seam.FaultDuplicate, seam.Before, "", 0)}},
		{name: "push: lost", rules: []faults.Rule{frame("Push", seam.FaultLose, 0, 0)}, pings: true},
		{name: "push: twice", rules: []faults.Rule{frame("Push", seam.FaultDuplicate, 0, 0)}},
		{name: "push: overtaken", rules: []faults.Rule{frame("Push", seam.FaultDelay, 60, 0.5)}},
		{name: "response: lost", rules: []faults.Rule{frame("Response", seam.FaultLose, 0, 0.4)}},
		{name: "response: twice", rules: []faults.Rule{frame("Response", seam.FaultDuplicate, 0, 0)}},
		{name: "response: late", rules: []faults.Rule{frame("Response", seam.FaultDelay, 300, 0)}},
		{name: "disconnect: lost", rules: []faults.Rule{frame("Disconnect", seam.FaultLose, 0, 0)}, rows: true},
		{name: "disconnect: twice", rules: []faults.Rule{frame("Disconnect", seam.FaultDuplicate, 0, 0)}},
		{name: "disconnect: late", rules: []faults.Rule{frame("Disconnect", seam.FaultDelay, 400, 0)}},
	}
}

// triggerCases are what becomes of invocations and of what triggers them.
func triggerCases() (cases []faultCase) {
	for _, f := range []string{"SocketFunction", "DeliverFunction", "RelayFunction"} {
		for _, x := range []struct {
			name  string
			kind  seam.FaultKind
			phase seam.Phase
			error string
		}{
			{"throttled", seam.FaultError, seam.Before, "TooManyRequestsException"}, {"twice", seam.FaultDuplicate, seam.Before, ""},
			{"lost", seam.FaultLose, seam.Before, ""}, {"done, and the answer lost", seam.FaultLose, seam.After, ""},
		} {
			cases = append(cases, faultCase{name: "invocation " + x.name + ": " + f,
				rules: []faults.Rule{{Service: "lambda", Operation: "Invoke", Function: f, Kind: x.kind, Phase: x.phase, ErrorType: x.error, Times: 3}}})
		}
	}
	for _, mapping := range []string{"sqs-mapping", "stream-mapping"} {
		for _, x := range []struct {
			name  string
			kind  seam.FaultKind
			phase seam.Phase
		}{
			{"twice at once", seam.FaultDuplicate, seam.Before}, {"twice", seam.FaultDuplicate, seam.After}, {"done, and forgotten", seam.FaultLose, seam.After}, {"postponed", seam.FaultLose, seam.Before},
		} {
			cases = append(cases, faultCase{name: mapping + ": delivered " + x.name,
				rules: []faults.Rule{{Service: mapping, Operation: "Deliver", Kind: x.kind, Phase: x.phase, Times: 2}}})
		}
	}
	return cases
}

// some returns a quarter of the cases, another one with every seed; all of them with -full.
func some(rng *rand.Rand, cases []faultCase) []faultCase {
	if *fullFlag {
		return cases
	}
	rng.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
	return cases[:(len(cases)+3)/4]
}

// TestFaults plays the script once for each fault, on two stacks side by side.
func TestFaults(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(seedOf(t), 1))
	kills, laterKills := killCases(rng)
	cases := slices.Concat([]faultCase{{name: "nothing"}}, kills, pushCases(), triggerCases(), some(rng, laterKills), some(rng, answerCases()))
	for half := range 2 {
		t.Run(fmt.Sprint("stack", half), func(t *testing.T) {
			t.Parallel()
			playCases(t, cases, half)
		})
	}
}

// played is a case whose jobs and rows are still to be judged.
type played struct {
	faultCase
	script *script
	logs   history.Logs
}

func playCases(t *testing.T, cases []faultCase, half int) {
	r := ownRig(t, rig.Options{})
	var done []played
	for i, c := range cases {
		if i%2 == half {
			t.Run(c.name, func(t *testing.T) { done = append(done, playCase(t, r, c)) })
		}
	}
	ctx := limit(t, 40*time.Second)
	must(t, r.Settled(ctx))
	rows, found, err := r.DeadRows(ctx)
	must(t, err)
	report(t, found)
	for _, p := range done {
		if found := p.script.JudgeJobs(ctx, p.logs); len(found) > 0 {
			t.Errorf("%s: what the integrator was told:\n%s", p.name, found)
		}
		if left := p.script.Rows(rows); len(left) > 0 && !p.rows {
			t.Errorf("%s: rows of sockets that are gone: %q", p.name, left)
		}
	}
	found, err = r.JudgeStack(ctx)
	must(t, err)
	report(t, found)
	t.Logf("%d cases", len(done))
}

// maxRounds is how often the script is played until the faults of a case have struck.
const maxRounds = 3

func playCase(t *testing.T, r *rig.Rig, c faultCase) played {
	settings := rig.Fast()
	if c.pings {
		settings = rig.Pinging(500 * time.Millisecond)
	}
	settings.Answer = 3 * time.Second // on a busy machine no frame is to be sent twice for nothing
	s := newScript(t, r, settings)
	ids := broken(t, r, c.rules...)
	ctx := limit(t, 40*time.Second)
	must(t, playUntil(ctx, r, s, c, ids))
	must(t, r.Mend(ctx))
	must(t, s.Rest(ctx))
	broken(t, r, fresh(c.rules)...)
	must(t, s.lastWord(ctx))
	must(t, r.Mend(ctx))
	must(t, s.Rest(ctx))
	if s.refused > 0 && !c.refuses {
		t.Errorf("%d commands were refused", s.refused)
	}
	patience, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	found, logs, err := s.Judge(patience)
	must(t, err)
	report(t, found)
	s.Close()
	return played{c, s, logs}
}

// fresh returns the rules as they strike at the first passing.
func fresh(rules []faults.Rule) []faults.Rule {
	again := slices.Clone(rules)
	for i := range again {
		again[i].Skip = 0
	}
	return again
}

// playUntil plays rounds until every rule has struck. What happens behind the queues happens later.
func playUntil(ctx context.Context, r *rig.Rig, s *script, c faultCase, ids []string) error {
	patience := 300 * time.Millisecond
	if c.behindQueues() {
		patience = 6 * time.Second
	}
	var left string
	for range maxRounds {
		if err := s.play(ctx); err != nil {
			return err
		}
		for end := time.Now().Add(patience); ; time.Sleep(30 * time.Millisecond) {
			var err error
			if left, err = missing(ctx, r, ids); err != nil || left == "" {
				return err
			}
			if time.Now().After(end) || ctx.Err() != nil {
				break
			}
		}
	}
	return fmt.Errorf("the fault did not happen: %s", left)
}

// behindQueues says whether something is broken that happens after the answer.
func (c faultCase) behindQueues() bool {
	return slices.ContainsFunc(c.rules, func(r faults.Rule) bool {
		return r.Function == "DeliverFunction" || r.Function == "RelayFunction" || strings.HasSuffix(r.Service, "mapping")
	})
}
