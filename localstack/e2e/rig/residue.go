package rig

import (
	"context"
	"fmt"
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
// found gone and what was closed is open, and waits for rest. Who was restarted after a conversation was closed says
// it without a view, and the others hear of a conversation that they do not know any more.
func (sc *Scene) Farewell(ctx context.Context) error {
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
			if err := p.Send(id, chat.Public, "good bye"); err != nil {
				return err
			}
		}
	}
	return sc.Rest(ctx)
}

// DeadListeners finds the listeners in HEADs whose sockets are not open. After a Farewell there must be none.
func (sc *Scene) DeadListeners(ctx context.Context) (found history.Findings, err error) {
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
