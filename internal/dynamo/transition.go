package dynamo

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// Transition appends and changes the state, the memberships, the waiting list and the operators' loads in one
// transaction. HEAD comes first and the loads last, so that the reasons of a cancelled one can be told apart.
func (s *Store) Transition(ctx context.Context, a chat.Append, c chat.Change) error {
	if c.Aside {
		c.Status = c.Old.Status
	}
	x := newExpression()
	x.appendEvents(a)
	x.appendOther(c.Old, otherTrack(a.Track), c.Other, c.Still)
	x.rule(a.Rule)
	next := x.change(a, c)
	items := []types.TransactWriteItem{{Update: &types.Update{
		TableName: &s.Chat, Key: headKey(a.Ref).item(),
		UpdateExpression: x.update(), ConditionExpression: x.condition(),
		ExpressionAttributeNames: x.placeholders(), ExpressionAttributeValues: x.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}}
	items = append(items, s.stateTx(a, c)...)
	items = append(items, s.memberships(a, c)...)
	if !c.Aside || next != nil {
		items = append(items, s.waiting(a.Ref, c.Old, next)...)
	}
	for _, p := range c.Places {
		items = append(items, s.place(a.Workspace, p))
	}
	_, err := s.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return s.placeFailure(s.transactionFailure(err), err, c.Places)
}

func otherTrack(t chat.Track) chat.Track {
	if t == chat.Desk {
		return chat.Public
	}
	return chat.Desk
}

// placeFailure tells which operator had no place: HEAD's own condition may have held.
func (s *Store) placeFailure(failure, cause error, places []chat.Place) error {
	var cancelled *types.TransactionCanceledException
	if !errors.As(cause, &cancelled) {
		return failure
	}
	first := len(cancelled.CancellationReasons) - len(places)
	for i, p := range places {
		if first+i > 0 && aws.ToString(cancelled.CancellationReasons[first+i].Code) == "ConditionalCheckFailed" {
			refused := &chat.Refused{}
			errors.As(failure, &refused)
			refused.NoPlace = p.User
			return refused
		}
	}
	return failure
}

// change adds the state transition to an append, and returns the waiting entry that it leaves; nil for none.
func (x *expression) change(a chat.Append, c chat.Change) *chat.Waiting {
	if x.values[":v"] == nil {
		x.require = append(x.require, "v = "+x.value("v", num(c.Old.Version)))
	}
	if c.Old.Asides > 0 {
		x.require = append(x.require, "av = "+x.value("av", num(c.Old.Asides)))
	} else {
		x.require = append(x.require, "attribute_not_exists(av)")
	}
	if c.Aside {
		return x.aside(a, c)
	}
	x.set = append(x.set, "st = "+x.value("st", str(statusCodes[c.Status])), "v = v + "+x.value("one", num(1)))
	assignee := x.assignee(c)
	if c.Old.Status.Control() != c.Status.Control() || c.Old.Assignee != assignee {
		x.set = append(x.set, "ep = ep + "+x.value("one", num(1)))
	}
	if c.Status == chat.StatusOffered {
		x.set = append(x.set, x.name("of", "of")+" = "+x.value("of", userBytes(c.OfferedTo)))
	} else if c.Old.OfferedTo != "" {
		x.remove = append(x.remove, x.name("of", "of"))
	}
	if c.Department != "" {
		x.set = append(x.set, "dp = "+x.value("dp", str(string(c.Department))))
	}
	if c.Priority != nil {
		x.set = append(x.set, "pr = "+x.value("pr", num(*c.Priority)))
	}
	x.people(a.Rule.Actor, c)
	return x.queue(a.Ref, c)
}

// aside changes people and the priority, and returns the waiting entry if the priority has moved it.
func (x *expression) aside(a chat.Append, c chat.Change) *chat.Waiting {
	if c.Raises() {
		x.set = append(x.set, "av = "+x.value("an", num(c.Old.Asides+1)))
	}
	x.people(a.Rule.Actor, c)
	if c.Priority == nil {
		return nil
	}
	x.set = append(x.set, "pr = "+x.value("pr", num(*c.Priority)))
	if !c.Status.Waits() {
		return nil
	}
	e := waitingEntry(a.Ref, c.Entry.Keep(c.Old), c.Status, cmp.Or(c.Customer, customerOf(c.Old)), c.Old.Department, *c.Priority, c.Old.QueuedAt, c.Old.Version)
	return &e
}

func (x *expression) assignee(c chat.Change) chat.UserID {
	switch {
	case c.Assignee != "":
		x.set = append(x.set, x.name("as", "as")+" = "+x.value("as", userBytes(c.Assignee)))
		return c.Assignee
	case c.Unassign && c.Old.Assignee != "":
		x.set = append(x.set, "lo = "+x.value("lo", userBytes(c.Old.Assignee)))
		x.remove = append(x.remove, x.name("as", "as"))
		return ""
	}
	return c.Old.Assignee
}

// people adds and removes participants and listeners.
func (x *expression) people(actor chat.UserID, c chat.Change) {
	if _, in := c.Old.Participants[actor]; c.Join != "" && !in {
		p := participant(c.Join, 0)
		if c.Watching {
			p.(*types.AttributeValueMemberM).Value["w"] = num(1)
		}
		x.set = append(x.set, "P."+x.name("u", mapKey(actor))+" = "+x.value("p", p))
	}
	n := 0
	for u, role := range c.Add {
		n++
		i := strconv.Itoa(n)
		x.set = append(x.set, "P."+x.name("u"+i, mapKey(u))+" = "+x.value("p"+i, participant(role, c.Old.Participants[u].Cursor)))
	}
	for _, u := range c.Watchers {
		if _, in := c.Old.Participants[u]; in {
			n++
			x.set = append(x.set, "P."+x.name("u"+strconv.Itoa(n), mapKey(u))+".w = "+x.value("w", num(1)))
		}
	}
	if c.Listen != "" {
		x.set = append(x.set, "L."+x.name("l", string(c.Listen))+" = "+x.value("l", bin(packListener(c.Listener))))
	}
	for _, u := range c.Remove {
		if _, in := c.Old.Participants[u]; !in {
			continue
		}
		n++
		x.remove = append(x.remove, "P."+x.name("u"+strconv.Itoa(n), mapKey(u)))
		for connection, l := range c.Old.Listeners {
			if l.User == u {
				n++
				x.remove = append(x.remove, "L."+x.name("l"+strconv.Itoa(n), string(connection)))
			}
		}
	}
}

// queue keeps the attributes of the waiting entry.
func (x *expression) queue(ref chat.Ref, c chat.Change) *chat.Waiting {
	if !c.Status.Waits() {
		if !c.Old.QueuedAt.IsZero() {
			x.remove = append(x.remove, "q")
		}
		if len(c.Old.Tried) > 0 && !c.Status.Loads() {
			x.remove = append(x.remove, "tr", "tt")
		}
		return nil
	}
	kept := c.Entry.Keep(c.Old)
	x.listed("ks", len(c.Old.Skills), len(kept.Skills), texts(kept.Skills))
	x.listed("tr", len(c.Old.Tried), len(kept.Tried), bin(packUsers(kept.Tried)))
	x.listed("tt", len(c.Old.Tried), len(kept.Tried), num(millisOf(kept.TriedAt)))
	since := c.Old.QueuedAt
	if since.IsZero() {
		since = c.QueuedAt
		x.set = append(x.set, "q = "+x.value("q", num(since.UnixMilli())), "fq = "+x.value("q", num(since.UnixMilli())))
	}
	priority := c.Old.Priority
	if c.Priority != nil {
		priority = *c.Priority
	}
	e := waitingEntry(ref, kept, c.Status, customerOf(c.Old), cmp.Or(c.Department, c.Old.Department), priority, since, c.Old.Version+1)
	return &e
}

// listed sets an attribute that is absent for an empty list. Nothing is written where nothing was and nothing is.
func (x *expression) listed(name string, was, is int, v types.AttributeValue) {
	switch {
	case is > 0:
		x.set = append(x.set, name+" = "+x.value(name, v))
	case was > 0:
		x.remove = append(x.remove, name)
	}
}

// memberships moves the participants' rows between open and closed, adds whoever joins and drops whoever leaves.
func (s *Store) memberships(a chat.Append, c chat.Change) []types.TransactWriteItem {
	var items []types.TransactWriteItem
	was, is := c.Old.Status.Over(), c.Status.Over()
	row := func(user chat.UserID, over bool) key {
		if over {
			return closedKey(a.Workspace, user, a.Conversation)
		}
		return openKey(a.Workspace, user, a.Conversation)
	}
	leaves := map[chat.UserID]bool{}
	for _, user := range c.Remove {
		if _, in := c.Old.Participants[user]; in {
			leaves[user] = true
			items = append(items, s.deleteTx(row(user, was)))
		}
	}
	for user := range c.Old.Participants {
		if was != is && !leaves[user] {
			items = append(items, s.deleteTx(row(user, was)), s.putTx(row(user, is).item()))
		}
	}
	joins := map[chat.UserID]bool{}
	for user := range c.Add {
		joins[user] = true
	}
	if c.Join != "" {
		joins[a.Rule.Actor] = true
	}
	for user := range joins {
		if _, in := c.Old.Participants[user]; !in {
			items = append(items, s.putTx(row(user, is).item()))
		}
	}
	return items
}

// waiting replaces the entry of the waiting list. A transaction cannot write one item twice, so an entry whose key
// stays is only put.
func (s *Store) waiting(ref chat.Ref, old *chat.Head, next *chat.Waiting) []types.TransactWriteItem {
	var items []types.TransactWriteItem
	if !old.QueuedAt.IsZero() {
		was := waitingKey(ref, chat.Waiting{Department: old.Department, Priority: old.Priority, Since: old.QueuedAt})
		if next == nil || waitingKey(ref, *next) != was {
			items = append(items, s.deleteTx(was))
		}
	}
	if next != nil {
		items = append(items, s.putTx(waitingItem(ref, *next)))
	}
	return items
}

func waitingEntry(ref chat.Ref, e chat.Waiting, status chat.Status, customer chat.UserID, d chat.DepartmentID, priority int, since time.Time, version uint64) chat.Waiting {
	e.Conversation, e.Customer, e.Department, e.Priority, e.Since = ref.Conversation, customer, d, priority, since
	e.Version, e.Offered = version, status == chat.StatusOffered
	return e
}

func rankOf(e chat.Waiting) int64 { return e.Rank().UnixMilli() }

func waitingItem(ref chat.Ref, e chat.Waiting) item {
	it := waitingKey(ref, e).item()
	it["u"], it["q"], it["v"] = str(string(e.Customer)), num(e.Since.UnixMilli()), num(e.Version)
	if e.Priority != 0 {
		it["p"] = num(e.Priority)
	}
	if e.Offered {
		it["of"] = num(1)
	}
	if len(e.Skills) > 0 {
		it["s"] = texts(e.Skills)
	}
	if e.Told > 0 {
		it["tp"], it["ta"] = num(e.Told), num(millisOf(e.ToldAt))
	}
	if e.Preferred != "" {
		it["pu"], it["pe"] = str(string(e.Preferred)), num(millisOf(e.PreferredUntil))
	}
	if len(e.Tried) > 0 {
		tried := make([]string, len(e.Tried))
		for i, u := range e.Tried {
			tried[i] = string(u)
		}
		it["t"], it["tt"] = texts(tried), num(millisOf(e.TriedAt))
	}
	if !e.Again.IsZero() {
		it["ag"] = num(millisOf(e.Again))
	}
	return it
}

func readWaiting(d chat.DepartmentID, it item) chat.Waiting {
	_, conversation := splitWaitingKey(getS(it, "sk"))
	e := chat.Waiting{
		Conversation: conversation, Customer: chat.UserID(getS(it, "u")), Department: d, Priority: getInt(it, "p"),
		Since: timeOf(int64(getN(it, "q"))), Version: getN(it, "v"), Offered: getN(it, "of") != 0, Skills: getTexts(it, "s"),
		Preferred: chat.UserID(getS(it, "pu")), PreferredUntil: timeOf(int64(getN(it, "pe"))),
		Told: getInt(it, "tp"), ToldAt: timeOf(int64(getN(it, "ta"))), TriedAt: timeOf(int64(getN(it, "tt"))), Again: timeOf(int64(getN(it, "ag"))),
	}
	for _, u := range getTexts(it, "t") {
		e.Tried = append(e.Tried, chat.UserID(u))
	}
	return e
}

func customerOf(h *chat.Head) chat.UserID { return h.Customer() }
