package queue

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// DecodeIntegration reads a job that Integration has written. Errors wrap ErrMalformed.
func DecodeIntegration(body string) (chat.IntegrationJob, error) {
	var m IntegrationMessage
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return chat.IntegrationJob{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if m.Version != jobVersion || !m.Workspace.Valid() || !m.Conversation.Valid() || !slices.Contains(chat.Tracks(), m.Track) || m.Seq == 0 {
		return chat.IntegrationJob{}, fmt.Errorf("%w: integration job of version %d", ErrMalformed, m.Version)
	}
	return chat.IntegrationJob{
		Ref: chat.Ref{Workspace: m.Workspace, Conversation: m.Conversation}, Subscription: m.Subscription, Track: m.Track, Seq: m.Seq, Gen: m.Gen, Type: m.Type,
	}, nil
}
