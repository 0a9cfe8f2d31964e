package chattest

import "sync"

// failing is the lock of a double, and the faults that a test adds.
type failing struct {
	// Fault, when set, is asked before and after every effect; an error it returns is the call's answer.
	Fault func(call string, after bool) error

	mu sync.Mutex
}

// do runs effect under the lock, between the two moments at which Fault may strike.
func (m *failing) do(call string, effect func() error) error {
	if m.Fault != nil {
		if err := m.Fault(call, false); err != nil {
			return err
		}
	}
	m.mu.Lock()
	err := effect()
	m.mu.Unlock()
	if err == nil && m.Fault != nil {
		return m.Fault(call, true)
	}
	return err
}
