package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/internal/chat"
)

// deskJob is chat.DeskJob on the wire.
type deskJob struct {
	Version int `json:"v"`
	// Desk is the workspace; its name tells these jobs from those of the delivery queue.
	Desk        chat.WorkspaceID    `json:"desk"`
	Connections []chat.ConnectionID `json:"connections,omitempty"`
	Attempt     int                 `json:"attempt,omitempty"`
	Revision    uint64              `json:"revision,omitempty"`
}

// Desk is the queue of broadcasts to the live desk: FIFO for its deduplication alone. Its delay is chat.DeskDelay. Each
// slot is a group of its own, so that no broadcast waits for one that failed.
type Desk struct {
	API API
	URL string
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// Enqueue sends the jobs; of those that stand for the same, one is delivered.
func (q *Desk) Enqueue(ctx context.Context, jobs ...chat.DeskJob) error {
	now := time.Now()
	if q.Now != nil {
		now = q.Now()
	}
	return sendEach(ctx, q.API, q.URL, jobs, func(j chat.DeskJob, m *types.SendMessageBatchRequestEntry) any {
		name := deskSlot(j, now)
		m.MessageGroupId, m.MessageDeduplicationId = &name, &name
		return deskJob{jobVersion, j.Workspace, j.Connections, j.Attempt, j.Revision}
	})
}

// deskSlot names what the job stands for: what changed in the workspace within a slot, or one attempt to make up for a
// broadcast. It is at most 61 of the 128 bytes that a name may have.
func deskSlot(j chat.DeskJob, now time.Time) string {
	if len(j.Connections) > 0 {
		return fmt.Sprintf("%s#again#%d#%d", j.Workspace, j.Revision, j.Attempt)
	}
	return fmt.Sprintf("%s#%d", j.Workspace, now.UnixMilli()/chat.DeskSlot.Milliseconds())
}

// DecodeDesk reads a job of the live desk; ok is false for one of another queue. Errors wrap ErrMalformed.
func DecodeDesk(body string) (job chat.DeskJob, ok bool, err error) {
	var j deskJob
	if err := json.Unmarshal([]byte(body), &j); err != nil {
		return chat.DeskJob{}, false, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if j.Desk == "" {
		return chat.DeskJob{}, false, nil
	}
	if j.Version != jobVersion || !j.Desk.Valid() || j.Attempt < 0 || slices.Contains(j.Connections, "") {
		return chat.DeskJob{}, true, fmt.Errorf("%w: desk job of version %d", ErrMalformed, j.Version)
	}
	return chat.DeskJob{Workspace: j.Desk, Connections: j.Connections, Attempt: j.Attempt, Revision: j.Revision}, true, nil
}
