package queue

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Jobs of a department that come together stay in one group; one that comes two seconds later does not stand behind them.
func TestRoutingGroups(t *testing.T) {
	t.Parallel()
	api := &queue{}
	now := time.UnixMilli(1_790_000_000_000)
	q := &Routing{API: api, URL: "q", Now: func() time.Time { return now }}
	job := chat.RouteJob{Workspace: "w_01kaw3v4x00123456789abcdef", Department: "d_01kaw3v4x0fedcba9876543210", Reason: "queued"}
	other := job
	other.Department = ""
	send := func(jobs ...chat.RouteJob) (groups []string) {
		t.Helper()
		api.batches = nil
		if err := q.Route(t.Context(), jobs...); err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for _, e := range api.batches[0] {
			if ids[*e.MessageDeduplicationId] {
				t.Error("a job stands for another")
			}
			ids[*e.MessageDeduplicationId] = true
			if got, err := DecodeRoute(*e.MessageBody); err != nil || got.Workspace != job.Workspace {
				t.Errorf("%+v, %v", got, err)
			}
			groups = append(groups, *e.MessageGroupId)
		}
		return groups
	}
	first := send(job, job, other)
	if first[0] != first[1] || first[0] == first[2] || len(first[0]) > 128 {
		t.Errorf("%q", first)
	}
	now = now.Add(time.Second)
	if again := send(job); again[0] != first[0] {
		t.Errorf("%q and %q a second later", first[0], again[0])
	}
	now = now.Add(time.Second)
	if later := send(job); later[0] == first[0] {
		t.Errorf("still %q two seconds later", later[0])
	}
	now = now.Add((groupTurns - 1) * groupSpan)
	if again := send(job); again[0] != first[0] {
		t.Errorf("%q, and %q when its turn comes again", first[0], again[0])
	}
}

// A job whose function died is visible again when jobs are next sent into its group: so none is held up by one.
func TestRoutingTurnsOutlastVisibility(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, queue, _ := strings.Cut(string(template), "\n  RoutingQueue:\n")
	_, value, found := strings.Cut(queue, "VisibilityTimeout: ")
	value, _, _ = strings.Cut(value, "\n")
	seconds, err := strconv.Atoi(strings.TrimSpace(value))
	if !found || err != nil {
		t.Fatal(value, err)
	}
	if turn := (groupTurns - 1) * groupSpan; turn < time.Duration(seconds)*time.Second {
		t.Errorf("a group's turn comes again %s after its last job, which is invisible for %d s", turn, seconds)
	}
}
