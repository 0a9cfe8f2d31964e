package rig

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/localstack/e2e/history"
)

// JudgeStack looks for what must not be left on the stack whatever was played on it: dead letters, and calls that
// policies did not allow.
func (r *Rig) JudgeStack(ctx context.Context) (found history.Findings, err error) {
	denied, err := r.Denied(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range denied {
		found = append(found, history.Finding{Kind: history.Denied, Text: fmt.Sprintf("%s: %s on %s, %d times", d.Function, d.Action, d.Resource, d.Count)})
	}
	state, err := r.State(ctx)
	for _, q := range state.Queues {
		if (len(q.DeadLettersOf) > 0 || q.LogicalID == "RelayFailures") && q.Visible+q.InFlight+q.Delayed > 0 {
			found = append(found, history.Finding{Kind: history.DeadLetter, Text: fmt.Sprintf("%s: %d, such as %+v", q.LogicalID, q.Visible, q.Sample)})
		}
	}
	return found, err
}

// DeadRows returns the rows of sockets that are not open any more, of all workspaces, and finds those without a
// proper expiry. Items whose time has come are deleted first.
func (r *Rig) DeadRows(ctx context.Context) (dead []string, found history.Findings, err error) {
	if err := r.Expire(ctx); err != nil {
		return nil, nil, err
	}
	live, err := r.live(ctx)
	if err != nil {
		return nil, nil, err
	}
	latest := time.Now().Add(chat.ListenerLife + time.Minute).Unix()
	pages := dynamodb.NewScanPaginator(r.table, &dynamodb.ScanInput{TableName: &r.Store.Connections})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, row := range page.Items {
			pk, sk := text(row["pk"]), text(row["sk"])
			if sk == "T" || sk == "N" || sk == "V" || live[chat.ConnectionID(sk)] { // tickets, counters of sign-ins and the live desk expire, too
				continue
			}
			last := latest
			if row["g"] != nil { // a tombstone: there was no row when the socket ended
				last = time.Now().Add(dynamo.TombstoneLife).Unix()
			} else {
				dead = append(dead, pk+" "+sk)
			}
			if x := number(row["x"]); x <= time.Now().Unix()-1 || x > last {
				found = append(found, history.Finding{Kind: history.Residue, Text: fmt.Sprintf("%s %s expires at %d", pk, sk, x)})
			}
		}
	}
	return dead, found, nil
}

// live lists the open sockets.
func (r *Rig) live(ctx context.Context) (map[chat.ConnectionID]bool, error) {
	open, err := r.Connections(ctx)
	live := map[chat.ConnectionID]bool{}
	for _, c := range open {
		live[chat.ConnectionID(c.ID)] = true
	}
	return live, err
}

func text(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func number(v types.AttributeValue) int64 {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	x, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return 0
	}
	return x
}

// Farewell has each customer say a last word in each conversation of theirs, so that every listener that is gone is
// found gone and what was closed is open, and waits for rest. It finds the listeners that are gone all the same. Who
// was restarted after a conversation was closed says it without a view, and the others hear of a conversation that
// they do not know any more.
//
// A socket that ends between that word and the look (a client that gave up waiting for a lost answer comes back on
// another one) is found gone by the next word, so that only what a second one leaves as well is a finding.
func (sc *Scene) Farewell(ctx context.Context) (history.Findings, error) {
	if err := sc.sayAll(ctx, "good bye"); err != nil {
		return nil, err
	}
	first, err := sc.deadListeners(ctx)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	if err := sc.sayAll(ctx, "good bye again"); err != nil {
		return nil, err
	}
	second, err := sc.deadListeners(ctx)
	return slices.DeleteFunc(second, func(f history.Finding) bool { return !slices.Contains(first, f) }), err
}

// sayAll has each customer say something in each conversation of theirs, and waits for rest.
func (sc *Scene) sayAll(ctx context.Context, words string) error {
	heads, err := sc.heads(ctx)
	if err != nil {
		return err
	}
	for _, p := range sc.People() {
		if p.Staff {
			continue
		}
		for id, h := range heads {
			if _, in := h.Participants[p.User]; !in {
				continue
			}
			if err := p.Send(id, chat.Public, words); err != nil {
				return err
			}
		}
	}
	return sc.Rest(ctx)
}

// deadListeners finds the listeners in HEADs whose sockets are not open.
func (sc *Scene) deadListeners(ctx context.Context) (found history.Findings, err error) {
	heads, err := sc.heads(ctx)
	if err != nil {
		return nil, err
	}
	live, err := sc.Rig.live(ctx)
	if err != nil {
		return nil, err
	}
	for id, h := range heads {
		for c, l := range h.Listeners {
			if !live[c] {
				found = append(found, history.Finding{Kind: history.Residue, Text: fmt.Sprintf("%s: listener %s of %s is gone", id, c, l.User)})
			}
		}
	}
	return found, nil
}

// rows of a workspace among all.
func (s *Space) rows(all []string) (own []string) {
	for _, row := range all {
		if strings.HasPrefix(row, string(s.ID)+"#") {
			own = append(own, row)
		}
	}
	return own
}

// Rows returns those of the scene's workspaces.
func (sc *Scene) Rows(all []string) (own []string) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	for _, s := range sc.spaces {
		own = append(own, s.rows(all)...)
	}
	return own
}
