package history

import (
	"slices"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/queue"
)

// CheckJobs holds the integration jobs that were received, in that order, against the logs: after deduplication
// by the event's name, each subscription is told of each event of its workspace once, in the order of its track.
// subscriptions are the ids by conversation.
func CheckJobs(jobs []queue.IntegrationMessage, logs Logs, subscriptions map[chat.ConversationID][]string) Findings {
	f := findings{}
	type stream struct {
		key          Key
		subscription string
	}
	got := map[stream][]queue.IntegrationMessage{}
	seen := map[string]bool{}
	for _, j := range jobs {
		if name := j.Subscription + " " + j.Event; !seen[name] {
			seen[name] = true
			s := stream{Key{j.Conversation, j.Track}, j.Subscription}
			got[s] = append(got[s], j)
		}
	}
	for k, log := range logs {
		for _, sub := range subscriptions[k.Conversation] {
			s := stream{k, sub}
			told := map[uint64]bool{}
			for i, j := range got[s] {
				told[j.Seq] = true
				if i > 0 && j.Seq <= got[s][i-1].Seq {
					f.add(JobDisorder, "%s %s: %s was told of seq %d after %d", k.Conversation, k.Track, sub, j.Seq, got[s][i-1].Seq)
				}
				if j.Seq == 0 || j.Seq > uint64(len(log)) || log[j.Seq-1].Type != j.Type {
					f.add(JobInvented, "%s %s: %s was told of a %s at seq %d, which the log does not hold", k.Conversation, k.Track, sub, j.Type, j.Seq)
				}
			}
			for _, e := range log {
				if !told[e.Seq] {
					f.add(JobLost, "%s %s: %s was never told of seq %d", k.Conversation, k.Track, sub, e.Seq)
				}
			}
		}
	}
	for s := range got {
		if !slices.Contains(subscriptions[s.key.Conversation], s.subscription) {
			f.add(Crossing, "%s: the subscription %s of another workspace was told of it", s.key.Conversation, s.subscription)
		}
	}
	return f.list()
}
