package template

import (
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

var testOptions = Options{StackName: "chat", AWSEndpoint: "http://127.0.0.1:4566", SocketURL: "ws://127.0.0.1:4567", HTTPURL: "http://127.0.0.1:4568"}

func mustLoad(t *testing.T, path string, opts Options) *Plan {
	t.Helper()
	plan, err := Load(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// normalized brings a plan into a form in which the SAM source and its expansion can be compared: the expansion
// orders resources otherwise, has other lines, has S3 URIs for code, and adds CodeDeploy's resources.
func normalized(p *Plan) *Plan {
	slices.SortFunc(p.Functions, func(a, b Function) int { return cmp.Compare(a.LogicalID, b.LogicalID) })
	slices.SortFunc(p.Schedules, func(a, b Schedule) int { return cmp.Compare(a.LogicalID, b.LogicalID) })
	for i := range p.Functions {
		p.Functions[i].CodeURI = strings.TrimPrefix(p.Functions[i].CodeURI, "s3://local/")
	}
	for i := range p.Sockets {
		slices.SortFunc(p.Sockets[i].Routes, func(a, b SocketRoute) int { return cmp.Compare(a.Key, b.Key) })
	}
	p.Skipped = slices.DeleteFunc(p.Skipped, func(id string) bool {
		return id == "ServerlessDeploymentApplication" || id == "SocketFnDeploymentGroup"
	})
	slices.Sort(p.Skipped)
	for i, w := range p.Warnings {
		_, p.Warnings[i], _ = strings.Cut(w, ": ")
	}
	slices.Sort(p.Warnings)
	return p
}

// TestExpansionLoadsIntoTheSamePlan holds the loader's own reading of SAM against the SAM translator's.
// testdata/expand.py makes the expansion.
func TestExpansionLoadsIntoTheSamePlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file       string
		parameters map[string]string
	}{
		"defaults":   {"chat", nil},
		"production": {"chat", map[string]string{"Stage": "prod", "AlarmTopic": "arn:aws:sns:us-east-1:000000000000:alarms", "SocketConcurrency": "20"}},
		"forms":      {"forms", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := testOptions
			opts.Parameters = c.parameters
			source := normalized(mustLoad(t, "testdata/"+c.file+".yaml", opts))
			expanded := normalized(mustLoad(t, "testdata/"+c.file+".expanded.json", opts))
			if diff := gocmp.Diff(source, expanded); diff != "" {
				t.Errorf("plan of the source (-) and of its expansion (+) differ:\n%s", diff)
			}
		})
	}
}

// TestLogicalIDsAreSAMs compares the generated resources with those of the translator, id by id and type by type.
// Left out are versions, whose ids hold a hash, and what serves CodeDeploy.
func TestLogicalIDsAreSAMs(t *testing.T) {
	t.Parallel()
	for file, absent := range map[string][]string{"chat": {"DeliveryDeadLettersAlarm"}, "forms": nil} {
		theirs := idsOfExpansion(t, "testdata/"+file+".expanded.json")
		for _, id := range absent { // by a condition
			delete(theirs, id)
		}
		if len(theirs) < 30 {
			t.Fatalf("the expansion of %s has only %d resources", file, len(theirs))
		}
		if diff := gocmp.Diff(theirs, ourIDs(t, "testdata/"+file+".yaml")); diff != "" {
			t.Errorf("%s: SAM's resources (-) and ours (+) differ:\n%s", file, diff)
		}
	}
}

func ourIDs(t *testing.T, path string) map[string]string {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := newLoader(path, testOptions.withDefaults())
	l.load(source)
	made := map[string]string{}
	for _, r := range l.resources {
		if r.typ != typeVersion {
			made[r.id] = r.typ
		}
	}
	return made
}

func idsOfExpansion(t *testing.T, path string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var expansion struct {
		Resources map[string]struct{ Type string }
	}
	if err := json.Unmarshal(raw, &expansion); err != nil {
		t.Fatal(err)
	}
	made := map[string]string{}
	for id, r := range expansion.Resources {
		if !strings.Contains(r.Type, "CodeDeploy") && r.Type != typeVersion && id != "CodeDeployServiceRole" {
			made[id] = r.Type
		}
	}
	return made
}
