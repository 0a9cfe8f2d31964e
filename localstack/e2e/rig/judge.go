package rig

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/localstack/e2e/history"
)

// Rest waits until everybody is connected and through with the outbox.
func (sc *Scene) Rest(ctx context.Context) error {
	for _, p := range sc.People() {
		if err := p.Ready(ctx); err != nil {
			return err
		}
		if _, err := p.Acked(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Logs reads every track back over HTTP, as the supervisors see them.
func (sc *Scene) Logs(ctx context.Context) (history.Logs, error) {
	logs := history.Logs{}
	for id, s := range sc.Conversations() {
		for _, t := range chat.Tracks() {
			log, err := s.api.Log(ctx, s.supervisor.Token, id, t)
			if err != nil && chat.CodeOf(err) != chat.CodeNotFound { // a start that was given up
				return nil, fmt.Errorf("rig: log of %s: %w", id, err)
			}
			logs[history.Key{Conversation: id, Track: t}] = log
		}
	}
	return logs, nil
}

// linearLimit is how long the search for an order of one track may take.
const linearLimit = 20 * time.Second

// Judge judges what the people did and saw. They must be at rest (Rest), without faults. Whoever does not show
// everything by the end of ctx is found out, too. What the server still appends of its own accord, such as the promise
// to somebody who has waited for ten seconds, makes the judgement begin anew.
func (sc *Scene) Judge(ctx context.Context) (history.Findings, history.Logs, error) {
	logs, err := sc.Logs(ctx)
	for {
		if err != nil {
			return nil, nil, err
		}
		views, err := sc.converged(ctx, logs)
		if err != nil {
			return nil, nil, err
		}
		found := sc.Check(logs, views)
		found = append(found, sc.Linearizable(logs, linearLimit)...)
		if len(found) == 0 {
			return nil, logs, nil
		}
		select {
		case <-ctx.Done(): // whatever was found is found
			return found, logs, nil
		default:
		}
		before := logs
		logs, err = sc.Logs(ctx)
		if err == nil && sameHeads(before, logs) {
			return found, before, nil
		}
	}
}

// sameHeads says whether no log has grown.
func sameHeads(a, b history.Logs) bool {
	return maps.EqualFunc(a, b, func(x, y []protocol.Event) bool { return len(x) == len(y) })
}

// converged waits until everybody shows all of every conversation that they take part in, or ctx ends, and returns
// the views.
func (sc *Scene) converged(ctx context.Context, logs history.Logs) ([]history.View, error) {
	heads, err := sc.heads(ctx)
	if err != nil {
		return nil, err
	}
	var views []history.View
	for _, p := range sc.People() {
		var mine []history.Key
		for id, h := range heads {
			if _, in := h.Participants[p.User]; !in {
				continue
			}
			mine = append(mine, history.Key{Conversation: id, Track: chat.Public})
			if p.Staff {
				mine = append(mine, history.Key{Conversation: id, Track: chat.Desk})
			}
		}
		late := p.until(ctx, "shown everything", func(m *client.Machine) bool {
			return !slices.ContainsFunc(mine, func(k history.Key) bool {
				v := m.View(k.Conversation)
				return v == nil || v.Applied(k.Track) < uint64(len(logs[k]))
			})
		})
		if late != nil && !errors.Is(late, context.DeadlineExceeded) {
			return nil, late
		}
		views = append(views, p.views(mine)...)
	}
	return views, nil
}

func (sc *Scene) heads(ctx context.Context) (map[chat.ConversationID]*chat.Head, error) {
	heads := map[chat.ConversationID]*chat.Head{}
	for id, s := range sc.Conversations() {
		h, err := sc.Rig.Store.Head(ctx, chat.Ref{Workspace: s.ID, Conversation: id})
		if err != nil {
			return nil, err
		}
		if h != nil {
			heads[id] = h
		}
	}
	return heads, nil
}

// views copies what the person shows of the tracks; one without a view is shown as empty.
func (p *Person) views(keys []history.Key) (views []history.View) {
	p.Do(func(m *client.Machine) {
		for _, k := range keys {
			view := history.View{Key: k, Client: p.Number}
			if v := m.View(k.Conversation); v != nil {
				view.Base, view.Events = v.Base(k.Track), append([]protocol.Event(nil), v.Events(k.Track)...)
			}
			views = append(views, view)
		}
	})
	return views
}

// JudgeJobs waits until the integrator was told of every event, or ctx ends, and judges what it was told. logs are those
// of before: they are read again while the integrator knows more, or less.
func (sc *Scene) JudgeJobs(ctx context.Context, logs history.Logs) history.Findings {
	subs := map[chat.ConversationID][]string{}
	for id, s := range sc.Conversations() {
		subs[id] = []string{s.Subscription}
	}
	for {
		found := history.CheckJobs(sc.jobs(), logs, subs)
		if len(found) == 0 || ctx.Err() != nil {
			return found
		}
		pause(ctx, 200*time.Millisecond)
		if now, err := sc.Logs(ctx); err == nil {
			logs = now
		}
	}
}

// jobs returns those of the scene's workspaces, in the order in which they came.
func (sc *Scene) jobs() (jobs []queue.IntegrationMessage) {
	sc.Rig.mu.Lock()
	defer sc.Rig.mu.Unlock()
	sc.mu.Lock()
	defer sc.mu.Unlock()
	for _, s := range sc.spaces {
		jobs = append(jobs, sc.Rig.jobs[s.ID]...)
	}
	return jobs
}

// Told returns how many different jobs the integrator has received.
func (sc *Scene) Told() int {
	told := map[string]bool{}
	for _, j := range sc.jobs() {
		told[j.Subscription+" "+j.Event] = true
	}
	return len(told)
}
