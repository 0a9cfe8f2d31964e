package gateway

import (
	"errors"
	"time"
)

// Why a frame was not sent.
var (
	errGone = errors.New("gateway: connection is gone")
	errFull = errors.New("gateway: the client's buffer is full")
)

// sendText sends one text message, or refuses it because the connection is gone or its reader too slow.
func (c *conn) sendText(payload []byte) error {
	b := c.g.buffers.take()
	defer c.g.buffers.give(b)
	*b = appendMessage(*b, payload)
	if err := c.send(*b, false); err != nil {
		return err
	}
	c.bytesOut.Add(int64(len(payload)))
	c.touch()
	return nil
}

// send writes frames without blocking: what the kernel does not take now is copied and queued. A droppable
// frame (pong) is left out when there is any backlog.
func (c *conn) send(frames []byte, droppable bool) error {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return errGone
	}
	waiting := len(c.pending) + c.inFlight
	if waiting > 0 && (droppable || waiting+len(frames) > c.g.sw.SendBuffer) {
		c.mu.Unlock()
		return errFull
	}
	err := c.write(frames)
	c.mu.Unlock()
	if err != nil {
		c.terminate(c.g.lost())
		return errGone
	}
	return nil
}

// write hands frames to the kernel, or to the backlog when there is one already. c.mu is held.
func (c *conn) write(frames []byte) error {
	if len(c.pending)+c.inFlight == 0 {
		n, err := c.tryWrite(frames)
		if err != nil {
			return err
		}
		frames = frames[n:]
	}
	if len(frames) == 0 {
		return nil
	}
	c.pending = append(c.pending, frames...)
	if !c.flushing {
		c.flushing = true
		go c.flush()
	}
	return nil
}

// flush writes the backlog and ends with it.
func (c *conn) flush() {
	for {
		c.mu.Lock()
		batch := c.pending
		c.pending, c.inFlight = nil, len(batch)
		if len(batch) == 0 {
			c.flushing = false
			closeNow := c.closeNow
			c.mu.Unlock()
			if closeNow {
				_ = c.nc.Close()
			}
			return
		}
		c.mu.Unlock()
		if err := c.writeAll(batch); err != nil {
			c.mu.Lock()
			c.flushing, c.pending, c.inFlight = false, nil, 0
			c.mu.Unlock()
			_ = c.nc.Close() // first, so that the read loop need not wait for a close frame that cannot be sent
			c.terminate(c.g.lost())
			return
		}
	}
}

// writeAll blocks as long as the client goes on taking bytes.
func (c *conn) writeAll(b []byte) error {
	for len(b) > 0 {
		if err := c.nc.SetWriteDeadline(time.Now().Add(c.g.sw.WriteStall)); err != nil {
			return err
		}
		n, err := c.nc.Write(b[:min(len(b), 16<<10)])
		b = b[n:]
		if err != nil && n == 0 {
			return err
		}
	}
	return nil
}

// finish closes the socket once nothing waits to be written. The read loop calls it last.
func (c *conn) finish() {
	c.dropMessage()
	c.mu.Lock()
	c.closeNow = true
	busy := c.flushing
	c.mu.Unlock()
	if !busy {
		_ = c.nc.Close()
	}
}
