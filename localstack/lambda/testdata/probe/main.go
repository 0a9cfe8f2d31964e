// Command probe is a Lambda function that does what its event says, for the tests of the runner.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type order struct {
	Op    string `json:"op"`
	Text  string `json:"text"`
	Bytes int    `json:"bytes"`
	Mark  string `json:"mark"` // a file that gets a line when the work is done
	Ms    int    `json:"ms"`
}

type report struct {
	PID       int      `json:"pid"`
	Text      string   `json:"text"`
	RequestID string   `json:"requestId"`
	ARN       string   `json:"arn"`
	Trace     string   `json:"trace"`
	Left      int64    `json:"left"`
	Env       []string `json:"env,omitempty"`
}

func main() {
	switch os.Getenv("PROBE_INIT") {
	case "exit":
		fmt.Fprintln(os.Stderr, "configuration is wrong")
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	case "report":
		reportInit()
		os.Exit(1)
	}
	lambda.Start(handle)
}

// reportInit tells the Runtime API why the start failed, as runtimes of other languages do.
func reportInit() {
	answer, err := http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/init/error", "application/json",
		strings.NewReader(`{"errorType":"Runtime.BadConfig","errorMessage":"no table"}`))
	if err == nil {
		_ = answer.Body.Close()
	}
}

func handle(ctx context.Context, o order) (report, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	r := report{PID: os.Getpid(), Text: o.Text, RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn,
		Trace: os.Getenv("_X_AMZN_TRACE_ID"), Left: time.Until(deadline).Milliseconds()}
	if err := o.run(&r); err != nil {
		return r, err
	}
	return r, mark(o.Mark)
}

func (o order) run(r *report) error {
	switch o.Op {
	case "sleep":
		time.Sleep(time.Duration(o.Ms) * time.Millisecond)
	case "fail":
		return errors.New(o.Text)
	case "panic":
		panic(o.Text)
	case "exit":
		os.Exit(7)
	case "print":
		fmt.Println(o.Text)
	case "env":
		r.Env = os.Environ()
	case "large":
		r.Text = strings.Repeat("x", o.Bytes)
	case "grow":
		grow(o.Bytes)
	case "linger": // work that goes on after the answer
		go tick(o.Text)
	}
	return nil
}

// grow touches every page, so that the memory is resident, and then waits to be killed.
func grow(bytes int) {
	memory := make([]byte, bytes)
	for i := 0; i < len(memory); i += 512 {
		memory[i] = 1
	}
	time.Sleep(time.Minute)
	fmt.Println(memory[0])
}

func tick(file string) {
	for {
		if mark(file) != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func mark(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // a test's mark
	_, err = f.WriteString("x")
	return err
}
