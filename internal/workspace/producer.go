package workspace

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// AutomationSubscription is under which the relay writes the jobs of automation: they are like those of an integration, at
// least once and in order, and repaired like those. No id of an integration has a "#".
const AutomationSubscription = "#automation"

// Subscribers adds to the subscriptions of integrations the one of automation, for the types of event that a workspace's
// enabled rules wait for. A workspace without rules has none, and costs nothing.
type Subscribers struct {
	Source   chat.SubscriptionSource
	Settings *Cache
}

// Subscriptions implements chat.SubscriptionSource.
func (s *Subscribers) Subscriptions(ctx context.Context, w chat.WorkspaceID) ([]chat.Subscription, error) {
	subs, err := s.Source.Subscriptions(ctx, w)
	if err != nil {
		return nil, err
	}
	config, err := s.Settings.Config(ctx, w)
	if err != nil || len(config.Wanted()) == 0 {
		return subs, err
	}
	return append(slices.Clone(subs), chat.Subscription{ID: AutomationSubscription, Kind: "automation", Types: config.Wanted()}), nil
}

// Sorted hands the jobs of automation to a queue of their own: what a business's own rules do must not wait behind an
// integration that is down.
type Sorted struct {
	Automation, Integrations chat.IntegrationQueue
}

// Enqueue implements chat.IntegrationQueue.
func (s *Sorted) Enqueue(ctx context.Context, jobs []chat.IntegrationJob) error {
	var own, others []chat.IntegrationJob
	for _, j := range jobs {
		if j.Subscription == AutomationSubscription {
			own = append(own, j)
		} else {
			others = append(others, j)
		}
	}
	if len(own) > 0 {
		if err := s.Automation.Enqueue(ctx, own); err != nil {
			return err
		}
	}
	if len(others) == 0 {
		return nil
	}
	return s.Integrations.Enqueue(ctx, others)
}
