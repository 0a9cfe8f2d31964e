// Command localstack runs template.yaml on this machine, without AWS, Docker or an account: functions as real
// processes, DynamoDB and SQS engines, WebSocket and HTTP APIs, event source mappings.
//
//	go run ./localstack [flags]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/stack"
)

// gcPercent lets the heap grow to three times of what is alive before it is collected, as the functions do
// (template.yaml): the stack shares its core with them. GOGC in the environment wins.
const gcPercent = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "localstack:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	o := stack.Options{Out: os.Stdout, Colour: console.WantsColour(os.Stdout), Parameters: map[string]string{}}
	if err := parse(args, &o); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o.Try = []string{
		"make seed ADDR=" + o.Addr + "   (in another terminal: a shop's week; prints who can sign in)",
		"make demo ADDR=" + o.Addr + "   (a conversation that survives what it should not)",
		"http://" + o.Addr + "/v1/docs   (in a browser: the HTTP API)",
	}
	s, err := stack.Start(ctx, o)
	if err != nil {
		return err
	}
	<-ctx.Done()
	stop() // a second Ctrl-C ends the program at once; the kernel or the lost connection ends its processes
	fmt.Fprintln(os.Stdout, "stopping")
	return s.Close()
}

func parse(args []string, o *stack.Options) error {
	flags := flag.NewFlagSet("localstack", flag.ExitOnError)
	flags.StringVar(&o.Addr, "addr", "127.0.0.1:8080", "public `address`, loopback only")
	flags.StringVar(&o.AWSAddr, "aws", "127.0.0.1:4566", "`address` of AWS calls, loopback only")
	flags.StringVar(&o.Template, "template", "template.yaml", "`file` to run")
	flags.StringVar(&o.Data, "data", "", "`directory` that keeps tables and queues (default: memory)")
	flags.StringVar(&o.DynamoDB, "dynamodb", "", "`URL` of another DynamoDB engine")
	flags.StringVar(&o.SQS, "sqs", "", "`URL` of another SQS engine")
	flags.StringVar(&o.BinDir, "bin", "", "`directory` for the functions' binaries (default: the user's cache)")
	flags.BoolVar(&o.Watch, "watch", false, "rebuild and reload functions when their sources change")
	flags.BoolVar(&o.Verbose, "v", false, "log every invocation, frame and AWS call")
	flags.DurationVar(&o.Idle, "idle", 0, "close a silent socket after this `time` (default 10m)")
	flags.DurationVar(&o.MaxAge, "max-age", 0, "close any socket after this `time` (default 2h)")
	flags.IntVar(&o.MaxProcesses, "processes", defaultProcesses(), "most processes of one function")
	flags.BoolVar(&o.NoFreeze, "no-freeze", false, "let idle processes run, as AWS does not")
	flags.StringVar(&o.AccessKeyID, "access-key", "", "`id` of the admin key (default: random)")
	flags.StringVar(&o.SecretAccessKey, "secret-key", "", "`secret` of the admin key (default: random)")
	rules := flags.String("faults", "", "`file` of fault rules (JSON list) that hold from the start")
	flags.Func("param", "template parameter as `Name=Value`; may be repeated", func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return fmt.Errorf("%q is not Name=Value", text)
		}
		o.Parameters[name] = value
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *rules == "" {
		return nil
	}
	var err error
	o.FaultRules, err = os.ReadFile(*rules)
	return err
}

// defaultProcesses is 8 where there are cores for them. On one core, a function's processes beyond a few only take it
// from each other: measured at saturation, four do 15 % more than eight.
func defaultProcesses() int { return min(8, 2+2*runtime.NumCPU()) }
