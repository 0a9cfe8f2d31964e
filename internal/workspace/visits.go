package workspace

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// Visits is what the workspace wants to know of its visitors.
func (c *Cache) Visits(ctx context.Context, w chat.WorkspaceID) (chat.VisitPolicy, error) {
	config, err := c.Config(ctx, w)
	if err != nil {
		return chat.VisitPolicy{}, err
	}
	s := config.Settings.Widget
	return chat.VisitPolicy{Tell: s.TellVisits, Consent: s.VisitsNeedConsent, KeepQuery: s.VisitsKeepQuery}, nil
}
