package client

import (
	"encoding/json"

	"github.com/parley-chat/parley/internal/protocol"
)

// linkFaults are what tests and demonstrations do to the frames that come in.
type linkFaults struct {
	acks  int  // acknowledgements still to lose
	muted bool // pushes of events are lost
}

func (f *linkFaults) loses(frame []byte) bool {
	if f.acks == 0 && !f.muted {
		return false
	}
	var kind struct{ Type string }
	if json.Unmarshal(frame, &kind) != nil {
		return false
	}
	if kind.Type == protocol.TypeAck && f.acks > 0 {
		f.acks--
		return true
	}
	return kind.Type == protocol.TypeEvents && f.muted
}

// LoseAcks loses the next n acknowledgements, as a network may.
func (c *Client) LoseAcks(n int) { c.Do(func(*Machine) { c.faults.acks = n }) }

// MutePushes loses pushes of events while it is set.
func (c *Client) MutePushes(on bool) { c.Do(func(*Machine) { c.faults.muted = on }) }

// Drop cuts the client's TCP connections without a close frame, as a network that goes away does. The client
// is not told: it finds out and reconnects.
func (c *Client) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.sockets {
		_ = l.conn.CloseNow()
	}
}
