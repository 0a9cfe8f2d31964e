package events

import (
	"context"

	"github.com/parley-chat/parley/localstack/seam"
)

// struck makes one delivery, with the faults that rules want: invoke runs the function, once more for a duplicate. ok is
// false when the mapping is not to hear of an outcome: the function was never reached, or its answer was lost.
func struck[T any](ctx context.Context, strike func(seam.Phase) (seam.Fault, bool), invoke func() T) (outcome T, ok bool) {
	if fault, hit := strike(seam.Before); hit {
		switch fault.Kind {
		case seam.FaultDelay:
			pause(ctx, fault.Delay)
		case seam.FaultLose, seam.FaultError, seam.FaultKill:
			return outcome, false
		case seam.FaultDuplicate:
			invoke()
		}
	}
	outcome = invoke()
	if fault, hit := strike(seam.After); hit {
		switch fault.Kind {
		case seam.FaultDelay:
			pause(ctx, fault.Delay)
		case seam.FaultDuplicate:
			outcome = invoke()
		default:
			return outcome, false
		}
	}
	return outcome, true
}
