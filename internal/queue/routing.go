package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/internal/chat"
)

// routeJob is chat.RouteJob on the wire.
type routeJob struct {
	Version    int               `json:"v"`
	Workspace  chat.WorkspaceID  `json:"workspace"`
	Department chat.DepartmentID `json:"department,omitempty"`
	Operator   chat.UserID       `json:"operator,omitempty"`
	Reason     string            `json:"reason,omitempty"`
}

// Routing is the routing queue: FIFO, so that few workers look at one queue at once: with groupTurns groups per
// workspace and department, into which jobs go by turns of groupSpan each. As a rule one or two of them hold anything. The
// turns are for the case that a job's function dies: it keeps its group shut until it becomes visible again, and those
// that are sent in the next span must not stand behind it. When its group's turn comes again it is visible, too.
type Routing struct {
	API API
	URL string
	Now func() time.Time // nil stands for time.Now
}

// groupSpan is how long jobs of a department go into one group. A worker is at it for about as long, at most.
const groupSpan = 2 * time.Second

// groupTurns of groupSpan last longer than RoutingQueue's visibility timeout of 6 s (a test compares them).
const groupTurns = 4

// Route sends the jobs. Each message is one of its own: a job that was queued a moment ago may have been worked off
// before what this one is about, so none stands for another.
func (q *Routing) Route(ctx context.Context, jobs ...chat.RouteJob) error {
	now := time.Now
	if q.Now != nil {
		now = q.Now
	}
	turn := now().UnixNano() / int64(groupSpan) % groupTurns
	return sendEach(ctx, q.API, q.URL, jobs, func(j chat.RouteJob, m *types.SendMessageBatchRequestEntry) any {
		m.MessageGroupId, m.MessageDeduplicationId = ptr(routeGroup(j, turn)), ptr(rand.Text())
		return routeJob{jobVersion, j.Workspace, j.Department, j.Operator, j.Reason}
	})
}

// routeGroup is at most 59 of the 128 bytes that a group's name may have.
func routeGroup(j chat.RouteJob, turn int64) string {
	return string(j.Workspace) + "#" + string(j.Department) + "#" + strconv.FormatInt(turn, 10)
}

// DecodeRoute reads a job of routing. Errors wrap ErrMalformed.
func DecodeRoute(body string) (chat.RouteJob, error) {
	var j routeJob
	if err := json.Unmarshal([]byte(body), &j); err != nil {
		return chat.RouteJob{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if j.Version != jobVersion || !j.Workspace.Valid() || j.Department != "" && !j.Department.Valid() || j.Operator != "" && !j.Operator.Valid() {
		return chat.RouteJob{}, fmt.Errorf("%w: route job of version %d", ErrMalformed, j.Version)
	}
	return chat.RouteJob{Workspace: j.Workspace, Department: j.Department, Operator: j.Operator, Reason: j.Reason}, nil
}
