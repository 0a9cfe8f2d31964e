package httpapi

import (
	"slices"
	"testing"
)

// Every operation has a topic, every root of a path is in one topic, and no topic lists what does not exist.
func TestTopics(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, op := range Operations() {
		if op.Topic == "" {
			t.Errorf("%s %s has no topic", op.Method, op.Path)
		}
		used[op.Topic] = true
	}
	var roots []string
	for _, topic := range Topics() {
		if !used[topic.Name] || topic.Summary == "" {
			t.Errorf("%q has no operation or no summary", topic.Name)
		}
		for _, root := range topic.roots {
			if slices.Contains(roots, root) {
				t.Errorf("%s is in two topics", root)
			}
			if !slices.ContainsFunc(Operations(), func(op Operation) bool { return topicOf("/v1/"+root) == topicOf(op.Path) }) {
				t.Errorf("nothing is served below /v1/%s", root)
			}
			roots = append(roots, root)
		}
	}
}
