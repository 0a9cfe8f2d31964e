package lambda

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/uuid"
)

func (r *Runner) strike(f *function, phase seam.Phase) (seam.Fault, bool) {
	return seam.Strike(r.opts.Faults, seam.FaultPoint{
		Service: "lambda", Operation: "Invoke", Function: f.spec.LogicalID, Phase: phase,
	})
}

// invokeWithFaults invokes once, or as a rule for this passing wants it. Before the invocation: an error
// (TooManyRequestsException throttles), a delay, a lost event, a process that dies as it gets the event, two
// runs. After it: the same, with the effect done. See finishFault for what an answer can suffer.
func (r *Runner) invokeWithFaults(ctx context.Context, f *function, event []byte, opts seam.InvokeOptions) (seam.InvokeResult, error) {
	fault, hit := r.strike(f, seam.Before)
	if !hit {
		return r.invokeOnce(ctx, f, event, opts, false)
	}
	switch fault.Kind {
	case seam.FaultError:
		return faultResult(fault)
	case seam.FaultKill:
		return r.invokeOnce(ctx, f, event, opts, true)
	case seam.FaultLose:
		return lostResult(uuid.New()), nil
	case seam.FaultDelay:
		if err := sleep(ctx, fault.Delay); err != nil {
			return seam.InvokeResult{}, err
		}
	case seam.FaultDuplicate:
		if result, err := r.invokeOnce(ctx, f, event, opts, false); err != nil {
			return result, err
		}
	}
	return r.invokeOnce(ctx, f, event, opts, false)
}

// finishFault applies an After rule to the answer of a process that has done its work and posted it: the
// answer is replaced, delayed, lost, or its process killed before anybody heard it. It returns the result to
// hand over, and whether to run the event again.
func (r *Runner) finishFault(p *process, result seam.InvokeResult) (seam.InvokeResult, time.Duration, bool) {
	fault, hit := r.strike(p.fn, seam.After)
	if !hit {
		return result, 0, false
	}
	switch fault.Kind {
	case seam.FaultError:
		if replaced, err := faultResult(fault); err == nil {
			replaced.RequestID, replaced.Duration, replaced.Init = result.RequestID, result.Duration, result.Init
			return replaced, 0, false
		}
		return lostResult(result.RequestID), 0, false
	case seam.FaultLose:
		return lostResult(result.RequestID), 0, false
	case seam.FaultKill:
		p.kill(diedByFault)
		return exitResult(result.RequestID, "signal: killed"), 0, false
	case seam.FaultDelay:
		return result, fault.Delay, false
	case seam.FaultDuplicate:
		return result, 0, true
	}
	return result, 0, false
}

// faultResult is the outcome that an error rule describes: a throttle, or a function error.
func faultResult(fault seam.Fault) (seam.InvokeResult, error) {
	kind := fault.ErrorType
	if strings.Contains(kind, "TooManyRequests") || strings.Contains(kind, "Throttl") {
		return seam.InvokeResult{}, ErrThrottled
	}
	if kind == "" {
		kind = "Error"
	}
	return errorResult(uuid.New(), kind, fault.Message), nil
}

// lostResult is what a caller knows when the answer never arrived: ServiceException, "the Lambda service
// encountered an internal error" (AWS: "Invoke", errors). The function may have run.
func lostResult(requestID string) seam.InvokeResult {
	return errorResult(requestID, "ServiceException", "The Lambda service encountered an internal error.")
}

// exitResult is the result of a process that died; how is as os.ProcessState writes it.
func exitResult(requestID, how string) seam.InvokeResult {
	return errorResult(requestID, "Runtime.ExitError", "RequestId: "+requestID+" Error: Runtime exited with error: "+how)
}

// errorResult makes an error document as the Invoke API returns it.
func errorResult(requestID, kind, message string) seam.InvokeResult {
	payload, err := json.Marshal(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, kind})
	if err != nil { // strings always marshal
		payload = []byte(`{}`)
	}
	return seam.InvokeResult{RequestID: requestID, Payload: payload, Error: &seam.FunctionError{Type: kind, Message: message}}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
