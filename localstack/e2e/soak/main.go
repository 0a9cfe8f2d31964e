// Command soak loads a durable local stack of its own for a while, kills its functions every second and itself now
// and then, and judges what came of it. It prints its figures as JSON: everything that was promised must have
// happened although nothing stayed up.
//
// It is a program of its own, so that neither it nor the stack is slowed down by the race detector of the test that
// starts it. It ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/seam"
)

// config says how much.
type config struct {
	binary, root, dir string
	clients, messages int
	rate              float64 // messages a second, all clients together
	restarts          int
	seed              uint64
}

func main() {
	var c config
	flag.StringVar(&c.binary, "binary", "", "the local stack's `binary`")
	flag.StringVar(&c.root, "root", ".", "`directory` of template.yaml")
	flag.StringVar(&c.dir, "dir", "", "empty `directory` for tables, queues, outboxes and the stack's log")
	flag.IntVar(&c.clients, "clients", 40, "how many, half customers and half operators")
	flag.IntVar(&c.messages, "messages", 1500, "to send")
	flag.Float64Var(&c.rate, "rate", 100, "messages a second, all clients together")
	flag.IntVar(&c.restarts, "restarts", 2, "how often the whole stack is killed and started again")
	flag.Uint64Var(&c.seed, "seed", 1, "of what is chosen at random")
	flag.Parse()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		fmt.Fprintln(os.Stderr, "soak: whoever started this is gone")
		os.Exit(2) // the stack ends with its parent
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	figures, err := soak(ctx, c)
	if err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v; the end of the stack's log:\n%s\n", err, rig.Tail(filepath.Join(c.dir, "log")))
		os.Exit(1) //nolint:gocritic // cancel has nothing left to do
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(figures); err != nil {
		os.Exit(1)
	}
}

// background are faults that may strike any call, a few times in a thousand, all the time.
func background(seed uint64) []faults.Rule {
	const rare = 0.003
	socket := func(service, operation string, kind seam.FaultKind, phase seam.Phase, errorType string) faults.Rule {
		return faults.Rule{Service: service, Operation: operation, Function: "SocketFunction", Kind: kind, Phase: phase, ErrorType: errorType}
	}
	rules := []faults.Rule{
		socket(seam.DynamoDB, "UpdateItem", seam.FaultLose, seam.After, ""),
		socket(seam.DynamoDB, "UpdateItem", seam.FaultKill, seam.After, ""),
		socket(seam.DynamoDB, "UpdateItem", seam.FaultError, seam.Before, "ProvisionedThroughputExceededException"),
		socket(seam.DynamoDB, "UpdateItem", seam.FaultDuplicate, seam.Before, ""),
		socket(seam.ExecuteAPI, "PostToConnection", seam.FaultKill, seam.Before, ""),
		socket(seam.ExecuteAPI, "PostToConnection", seam.FaultError, seam.Before, "LimitExceededException"),
		{Service: "gateway", Operation: "Push", Kind: seam.FaultLose},
		{Service: "gateway", Operation: "Push", Kind: seam.FaultDuplicate},
		{Service: "gateway", Operation: "Push", Kind: seam.FaultDelay, DelayMS: 40},
		{Service: "gateway", Operation: "Response", Kind: seam.FaultLose},
		{Service: "sqs-mapping", Operation: "Deliver", Kind: seam.FaultDuplicate},
		{Service: "stream-mapping", Operation: "Deliver", Kind: seam.FaultDuplicate},
	}
	for i := range rules {
		rules[i].Probability, rules[i].Seed = rare, seed+uint64(i)
		if rules[i].Service == "sqs-mapping" || rules[i].Service == "stream-mapping" {
			rules[i].Probability = 0.1
		}
	}
	return rules
}

// start starts the stack with the background faults.
func start(ctx context.Context, c config) (*rig.Rig, error) {
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return nil, err
	}
	rules, err := json.Marshal(background(c.seed))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(c.dir, "faults.json")
	if err := os.WriteFile(path, rules, 0o600); err != nil {
		return nil, err
	}
	return rig.Start(ctx, rig.Options{Binary: c.binary, Root: c.root, Data: filepath.Join(c.dir, "data"), Log: log, Args: []string{"-faults", path}})
}

// pairSize is how many operators a workspace has.
const spaceSize = 25

// pair is a customer and an operator in one conversation.
type pair struct {
	customer, operator *rig.Person
}

// settings are those of patient clients: the stack is away for a while.
func settings() client.Settings {
	s := rig.Pinging(2 * time.Second)
	s.Answer = 4 * time.Second
	return s
}

// cast makes the people; the faults are on already, so that everything may need more than one try.
func cast(ctx context.Context, sc *rig.Scene, c config) ([]pair, error) {
	var pairs []pair
	var space *rig.Space
	for i := range c.clients / 2 {
		if i%spaceSize == 0 {
			var err error
			if space, err = again(ctx, func() (*rig.Space, error) { return sc.Space(ctx, min(spaceSize, c.clients/2-i)) }); err != nil {
				return nil, err
			}
		}
		outbox := func(who string) client.Store {
			return client.FileStore{Path: filepath.Join(c.dir, fmt.Sprintf("outbox-%s-%d", who, i))}
		}
		customer, err := again(ctx, func() (*rig.Person, error) { return sc.Customer(ctx, space, settings(), outbox("customer")) })
		if err != nil {
			return nil, err
		}
		operator, err := again(ctx, func() (*rig.Person, error) {
			return sc.Operator(ctx, space, i%spaceSize, settings(), outbox("operator"))
		})
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{customer, operator})
	}
	return pairs, nil
}

// again tries a few times.
func again[T any](ctx context.Context, f func() (T, error)) (v T, err error) {
	for range 5 {
		if v, err = f(); err == nil || ctx.Err() != nil {
			return v, err
		}
	}
	return v, err
}
