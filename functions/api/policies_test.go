package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/policy"
	"github.com/parley-chat/parley/localstack/template"
)

// deployed are the functions of the template, and what their policies say.
func deployed(t *testing.T) (*template.Plan, *policy.Set) {
	t.Helper()
	plan, err := template.Load(filepath.Join("..", "..", "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := policy.Compile(plan.Functions)
	if err != nil {
		t.Fatal(err)
	}
	return plan, set
}

// TestSecretsAreForTheAPI: the keys of businesses' tokens and the hashes of passwords are read and written by the API and
// by nobody else, whichever way they are asked for, also among other items; everything else goes on as ever.
func TestSecretsAreForTheAPI(t *testing.T) {
	t.Parallel()
	plan, set := deployed(t)
	table := ""
	for _, made := range plan.Tables {
		if made.LogicalID == "ChatTable" {
			table = made.ARN
		}
	}
	open, denied := 0, 0
	for _, f := range plan.Functions {
		for _, action := range []string{"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"} {
			ask := func(keys ...string) policy.Verdict {
				return set.Decide(f.LogicalID, "dynamodb:"+action, table, func() []string { return keys })
			}
			ordinary := string(shopWorkspace) + "#c_1"
			if ask(ordinary) == policy.Allowed {
				open++
			}
			for _, secret := range []string{string(shopWorkspace) + "#identity", "email#ada@shop.example"} {
				got, want := ask(ordinary, secret), policy.NotAllowed
				switch {
				case f.LogicalID == "ApiFunction":
					want = policy.Allowed
				case ask(ordinary) == policy.Allowed:
					want = policy.Denied
					denied++
				}
				if got == policy.Denied && want == policy.NotAllowed {
					got = want // either way it is not had
				}
				if got != want {
					t.Errorf("%s, %s of %s: %v, want %v", f.LogicalID, action, secret, got, want)
				}
			}
		}
	}
	if open < 20 || denied < 30 {
		t.Errorf("only %d and %d", open, denied)
	}
}

// TestPoliciesNameWhatTheyAllow: no action and no resource with a wildcard, but for what a resource's name cannot say: the
// sockets of the stage. What denies may say all.
func TestPoliciesNameWhatTheyAllow(t *testing.T) {
	t.Parallel()
	plan, _ := deployed(t)
	looked := 0
	for _, f := range plan.Functions {
		for _, s := range f.Statements {
			if s.Effect != "Allow" {
				continue
			}
			looked++
			if slices.ContainsFunc(s.Actions, func(a string) bool { return strings.Contains(a, "*") }) {
				t.Errorf("%s: %v", f.LogicalID, s.Actions)
			}
			for _, r := range s.Resources {
				if strings.Contains(r, "*") && !strings.HasSuffix(r, "/live/POST/@connections/*") && !strings.HasSuffix(r, "/live/DELETE/@connections/*") {
					t.Errorf("%s: %v of %s", f.LogicalID, s.Actions, r)
				}
			}
		}
	}
	if looked < 25 {
		t.Errorf("only %d statements", looked)
	}
}

// TestFailuresMayBeBroughtBack: whoever works off a queue with a long visibility timeout may shorten it for what failed.
// The two that need not: routing's is short, and the relay's failures are repaired without hurry.
func TestFailuresMayBeBroughtBack(t *testing.T) {
	t.Parallel()
	plan, set := deployed(t)
	looked := 0
	for _, f := range plan.Functions {
		for _, q := range f.Queues {
			name := q.QueueARN[strings.LastIndex(q.QueueARN, ":")+1:]
			want := policy.Allowed
			if strings.Contains(name, "RoutingQueue") || strings.Contains(name, "RelayFailures") {
				want = policy.NotAllowed
			}
			looked++
			if got := set.Decide(f.LogicalID, "sqs:ChangeMessageVisibility", q.QueueARN, nil); got != want {
				t.Errorf("%s, %s: %v, want %v", f.LogicalID, name, got, want)
			}
		}
	}
	if looked != 6 {
		t.Errorf("%d mappings", looked)
	}
}
