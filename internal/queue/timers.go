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

// timer is chat.Timer on the wire. Times are Unix milliseconds.
type timer struct {
	Version      int                 `json:"v"`
	Kind         chat.TimerKind      `json:"kind"`
	Workspace    chat.WorkspaceID    `json:"workspace"`
	Conversation chat.ConversationID `json:"conversation,omitempty"`
	State        uint64              `json:"version,omitempty"`
	User         chat.UserID         `json:"user,omitempty"`
	Department   chat.DepartmentID   `json:"department,omitempty"`
	Clock        string              `json:"clock,omitempty"`
	Due          int64               `json:"due"`
	Until        int64               `json:"until,omitempty"`
	After        uint64              `json:"after,omitempty"`
	Desk         uint64              `json:"desk,omitempty"`
	Round        int                 `json:"round,omitempty"`
}

// Timers is the timer queue: standard, each message delayed until its timer is due.
type Timers struct {
	API API
	URL string
}

// Delay implements chat.TimerQueue. Delays are whole seconds, rounded up: a timer is never early.
func (q *Timers) Delay(ctx context.Context, now time.Time, timers ...chat.Timer) error {
	return sendEach(ctx, q.API, q.URL, timers, func(t chat.Timer, m *types.SendMessageBatchRequestEntry) any {
		m.DelaySeconds = delay(t.Due.Sub(now))
		return timer{
			Version: jobVersion, Kind: t.Kind, Workspace: t.Workspace, Conversation: t.Conversation, State: t.Version, User: t.User,
			Department: t.Department, Clock: t.Clock, Due: t.Due.UnixMilli(), Until: millis(t.Until), After: t.After, Desk: t.Desk, Round: t.Round,
		}
	})
}

func delay(d time.Duration) int32 {
	d = min(max(d, 0), chat.MaxDelay)
	return int32((d + time.Second - 1) / time.Second)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// DecodeTimer reads a timer. Errors wrap ErrMalformed; so does a kind that this version does not know: it comes again,
// and a newer version may know it.
func DecodeTimer(body string) (chat.Timer, error) {
	var m timer
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return chat.Timer{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	known := slices.Contains(chat.TimerKinds(), m.Kind)
	if m.Version != jobVersion || !known || !m.Workspace.Valid() || m.Conversation != "" && !m.Conversation.Valid() || m.Due <= 0 || m.Round < 0 || m.Until < 0 {
		return chat.Timer{}, fmt.Errorf("%w: timer of version %d, kind %q, due %d", ErrMalformed, m.Version, m.Kind, m.Due)
	}
	t := chat.Timer{
		Ref: chat.Ref{Workspace: m.Workspace, Conversation: m.Conversation}, Kind: m.Kind, Version: m.State, User: m.User, Department: m.Department,
		Clock: m.Clock, Due: time.UnixMilli(m.Due), After: m.After, Desk: m.Desk, Round: m.Round,
	}
	if m.Until > 0 {
		t.Until = time.UnixMilli(m.Until)
	}
	return t, nil
}
