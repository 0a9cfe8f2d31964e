package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley/localstack/stack"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	rules := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(rules, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := stack.Options{Parameters: map[string]string{}}
	err := parse([]string{"-addr", "127.0.0.1:9", "-data", "d", "-param", "LogLevel=DEBUG", "-param", "Empty=", "-idle", "3s", "-watch", "-v",
		"-dynamodb", "http://127.0.0.1:8000", "-faults", rules}, &o)
	if err != nil {
		t.Fatal(err)
	}
	want := stack.Options{Addr: "127.0.0.1:9", AWSAddr: "127.0.0.1:4566", Template: "template.yaml", Data: "d", Idle: 3 * time.Second, Watch: true, Verbose: true,
		Parameters: map[string]string{"LogLevel": "DEBUG", "Empty": ""}, DynamoDB: "http://127.0.0.1:8000", FaultRules: []byte("[]"), MaxProcesses: defaultProcesses()}
	if diff := cmp.Diff(want, o, cmpopts.IgnoreFields(stack.Options{}, "Out", "Now", "Switches")); diff != "" {
		t.Error(diff)
	}
	for _, args := range [][]string{{"extra"}, {"-faults", "/nonexistent"}} {
		if err := parse(args, &stack.Options{Parameters: map[string]string{}}); err == nil {
			t.Errorf("%q: accepted", args)
		}
	}
}

func TestRefusesToServeOtherMachines(t *testing.T) {
	t.Parallel()
	if err := run([]string{"-addr", "0.0.0.0:0"}); err == nil {
		t.Error("served on all interfaces")
	}
}
