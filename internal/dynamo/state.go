package dynamo

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// STATE's attributes:
//
//	at started (ms)   by customer    page    st status (as in HEAD)   as assignee   dp department   pr priority
//	ch changed (ms)   fq first queued (ms)   fa first assigned (ms)   cl closed (ms; absent: not over)   un snoozed until (ms)
//	eg engagement     rv revision (both absent: 0)
//	tg tags (list)    fd fields (map)        ln merged into           lk merged into this one (list)
//	ra rating {s score, c comment, at (ms), e engagement, o operator}
//	gd, go, gc, gt    keys of the indexes
func stateItem(c chat.Creation, status chat.Status) item {
	it := stateKey(c.Ref).item()
	it["at"], it["by"], it["ch"] = num(c.At.UnixMilli()), str(string(c.Customer)), num(c.At.UnixMilli())
	it["st"] = str(statusCodes[status])
	setText(it, "page", c.Page)
	setText(it, "dp", string(c.Department))
	if c.Priority != 0 {
		it["pr"] = num(c.Priority)
	}
	if status.Waits() {
		it["fq"] = num(c.At.UnixMilli())
	}
	if len(c.Fields) > 0 {
		it["fd"] = textMap(c.Fields)
	}
	it["gd"] = str(shelfPartition(chat.Shelf{Workspace: c.Workspace, Kind: chat.ShelfDepartment, Name: string(c.Department)}))
	it["gc"] = str(shelfPartition(chat.Shelf{Workspace: c.Workspace, Kind: chat.ShelfCustomer, Name: string(c.Customer)}))
	it["gt"] = str(listedKey(chat.Listed{Started: c.At, Conversation: c.Conversation}))
	return it
}

// stateTx lets STATE follow a transition, and stores facts. Changes of people leave it alone.
func (s *Store) stateTx(a chat.Append, c chat.Change) []types.TransactWriteItem {
	x := newExpression()
	if !c.Aside {
		x.follow(a, c, s.timeOf(a))
	}
	if c.Customer != "" {
		shelf := chat.Shelf{Workspace: a.Workspace, Kind: chat.ShelfCustomer, Name: string(c.Customer), Over: c.Old.Status.Over()}
		x.set = append(x.set, x.name("by", "by")+" = "+x.value("by", str(string(c.Customer))), "gc = "+x.value("gc", str(shelfPartition(shelf))))
	}
	if c.Priority != nil {
		x.set = append(x.set, "pr = "+x.value("pr", num(*c.Priority)))
	}
	items := x.facts(a.Ref, s, c.Facts)
	if len(x.set)+len(x.remove) == 0 {
		return nil
	}
	update := &types.Update{
		TableName: &s.Chat, Key: stateKey(a.Ref).item(), UpdateExpression: x.update(),
		ExpressionAttributeNames: x.placeholders(), ExpressionAttributeValues: x.values,
	}
	if len(x.require) > 0 {
		update.ConditionExpression = x.condition()
	}
	return append([]types.TransactWriteItem{{Update: update}}, items...)
}

// timeOf is when the append happens.
func (s *Store) timeOf(a chat.Append) time.Time {
	if len(a.Events) > 0 {
		return a.Events[0].At
	}
	return s.now()
}

// follow sets what a transition changes, and the keys of the indexes if the conversation moves to other shelves.
func (x *expression) follow(a chat.Append, c chat.Change, at time.Time) {
	now := x.value("at", num(at.UnixMilli()))
	x.set = append(x.set, x.name("st", "st")+" = "+x.value("st", str(statusCodes[c.Status])), "ch = "+now)
	assignee, department := c.Old.Assignee, c.Old.Department
	if c.Unassign {
		assignee = ""
	}
	if c.Assignee != "" {
		assignee = c.Assignee
		x.set = append(x.set, "fa = if_not_exists(fa, "+now+")")
	}
	if c.Department != "" {
		department = c.Department
		x.set = append(x.set, "dp = "+x.value("dp", str(string(department))))
	}
	was, is := c.Old.Status.Over(), c.Status.Over()
	x.shelves(a.Ref, c, assignee, department)
	if c.Status.Waits() {
		since := c.Old.QueuedAt
		if since.IsZero() {
			since = c.QueuedAt
		}
		x.set = append(x.set, "fq = if_not_exists(fq, "+x.value("q", num(since.UnixMilli()))+")")
	}
	switch {
	case is && !was:
		x.set = append(x.set, "cl = "+now)
	case was && !is:
		x.remove = append(x.remove, "cl")
		x.set = append(x.set, "eg = if_not_exists(eg, "+x.value("zero", num(0))+") + "+x.value("one", num(1)))
	}
	if c.Status == chat.StatusSnoozed {
		x.set = append(x.set, "un = "+x.value("un", num(c.Until.UnixMilli())))
	} else if c.Old.Status == chat.StatusSnoozed {
		x.remove = append(x.remove, "un")
	}
}

// shelves moves the conversation to the shelves where it belongs. A key is written only if it changes: each that does
// costs two writes of its index.
func (x *expression) shelves(ref chat.Ref, c chat.Change, assignee chat.UserID, department chat.DepartmentID) {
	moved := c.Old.Status.Over() != c.Status.Over()
	put := func(attribute string, kind chat.ShelfKind, name string) {
		x.set = append(x.set, x.name(attribute, attribute)+" = "+x.value(attribute, str(shelfPartition(chat.Shelf{
			Workspace: ref.Workspace, Kind: kind, Name: name, Over: c.Status.Over(),
		}))))
	}
	if moved || department != c.Old.Department {
		put("gd", chat.ShelfDepartment, string(department))
	}
	if moved {
		put("gc", chat.ShelfCustomer, string(customerOf(c.Old)))
	}
	switch {
	case assignee == "" && c.Old.Assignee != "":
		x.remove = append(x.remove, x.name("go", "go"), x.name("as", "as"))
	case assignee != "" && (moved || assignee != c.Old.Assignee):
		put("go", chat.ShelfOperator, string(assignee))
		x.set = append(x.set, x.name("as", "as")+" = "+x.value("as", str(string(assignee))))
	}
}

// facts stores the facts, and returns the rows of tags that come and go.
func (x *expression) facts(ref chat.Ref, s *Store, f *chat.Facts) []types.TransactWriteItem {
	if f == nil {
		return nil
	}
	if f.Old.Revision > 0 {
		x.require = append(x.require, "rv = "+x.value("rv", num(f.Old.Revision)))
	} else {
		x.require = append(x.require, "attribute_not_exists(rv)")
	}
	x.set = append(x.set, "rv = "+x.value("rn", num(f.Old.Revision+1)))
	x.listed("tg", len(f.Old.Tags), len(f.New.Tags), texts(f.New.Tags))
	x.listed("fd", len(f.Old.Fields), len(f.New.Fields), textMap(f.New.Fields))
	linked := make([]string, len(f.New.Linked))
	for i, c := range f.New.Linked {
		linked[i] = string(c)
	}
	x.listed("lk", len(f.Old.Linked), len(linked), texts(linked))
	x.listed("ln", len(f.Old.Link), len(f.New.Link), str(string(f.New.Link)))
	if r := f.New.Rating; r != nil {
		x.set = append(x.set, "ra = "+x.value("ra", ratingMap(*r)))
	}
	var items []types.TransactWriteItem
	for _, tag := range f.New.Tags {
		if !slices.Contains(f.Old.Tags, tag) {
			items = append(items, s.putTx(tagKey(ref, tag, f.Old.Started).item()))
		}
	}
	for _, tag := range f.Old.Tags {
		if !slices.Contains(f.New.Tags, tag) {
			items = append(items, s.deleteTx(tagKey(ref, tag, f.Old.Started)))
		}
	}
	return items
}

func ratingMap(r chat.Rating) types.AttributeValue {
	it := item{"s": num(r.Score), "at": num(r.At.UnixMilli()), "e": num(r.Engagement)}
	setText(it, "c", r.Comment)
	setText(it, "o", string(r.Operator))
	return &types.AttributeValueMemberM{Value: it}
}

func textMap(m map[string]string) types.AttributeValue {
	it := make(item, len(m))
	for k, v := range m {
		it[k] = str(v)
	}
	return &types.AttributeValueMemberM{Value: it}
}

func readState(it item) (chat.State, error) {
	ref, err := refOf(getS(it, "pk"))
	if err != nil {
		return chat.State{}, err
	}
	ms := func(name string) time.Time { return timeOf(int64(getN(it, name))) }
	s := chat.State{
		Ref: ref, Customer: chat.UserID(getS(it, "by")), Page: getS(it, "page"), Status: statusOf(getS(it, "st")), Assignee: chat.UserID(getS(it, "as")),
		Department: chat.DepartmentID(getS(it, "dp")), Priority: getInt(it, "pr"), Started: ms("at"), FirstQueued: ms("fq"), FirstAssigned: ms("fa"),
		Closed: ms("cl"), Changed: ms("ch"), Engagement: getInt(it, "eg"), Until: ms("un"), Revision: getN(it, "rv"), Tags: getTexts(it, "tg"),
		Link: chat.ConversationID(getS(it, "ln")),
	}
	for k := range getM(it, "fd") {
		if s.Fields == nil {
			s.Fields = map[string]string{}
		}
		s.Fields[k] = getS(getM(it, "fd"), k)
	}
	for _, c := range getTexts(it, "lk") {
		s.Linked = append(s.Linked, chat.ConversationID(c))
	}
	if r := getM(it, "ra"); r != nil {
		s.Rating = &chat.Rating{
			Score: getInt(r, "s"), Comment: getS(r, "c"), At: timeOf(int64(getN(r, "at"))), Engagement: getInt(r, "e"), Operator: chat.UserID(getS(r, "o")),
		}
	}
	return s, nil
}

// State reads STATE consistently.
func (s *Store) State(ctx context.Context, ref chat.Ref) (*chat.State, error) {
	out, err := s.API.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: stateKey(ref).item(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, failure(err)
	}
	if len(out.Item) == 0 {
		return nil, nil
	}
	state, err := readState(out.Item)
	return &state, err
}

// Entry reads the waiting entry of an image consistently.
func (s *Store) Entry(ctx context.Context, h *chat.Head) (*chat.Waiting, error) {
	if h.QueuedAt.IsZero() {
		return nil, nil
	}
	k := waitingKey(h.Ref, chat.Waiting{Department: h.Department, Priority: h.Priority, Since: h.QueuedAt})
	out, err := s.API.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: k.item(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, failure(err)
	}
	if len(out.Item) == 0 {
		return nil, nil
	}
	e := readWaiting(h.Department, out.Item)
	return &e, nil
}

// shelfIndexes names the index of each kind of shelf and its partition key.
var shelfIndexes = map[chat.ShelfKind][2]string{
	chat.ShelfDepartment: {"departments", "gd"}, chat.ShelfOperator: {"operators", "go"}, chat.ShelfCustomer: {"customers", "gc"},
}

// Shelf lists what stands on a shelf, by an index; tags have rows of their own.
func (s *Store) Shelf(ctx context.Context, shelf chat.Shelf, before chat.Listed, from time.Time, limit int) ([]chat.Listed, error) {
	in := &dynamodb.QueryInput{TableName: &s.Chat, ScanIndexForward: aws.Bool(false), ExpressionAttributeNames: map[string]string{"#p": "pk", "#s": "sk"}}
	if index, ok := shelfIndexes[shelf.Kind]; ok {
		in.IndexName = &index[0]
		in.ExpressionAttributeNames["#p"], in.ExpressionAttributeNames["#s"] = index[1], "gt"
	} else {
		in.ConsistentRead = aws.Bool(true)
	}
	upper := "9999999999999#"
	if before.Conversation != "" {
		upper = listedKey(before)
	}
	// BETWEEN includes its bounds: one more than wanted, for the place itself.
	in.KeyConditionExpression = aws.String("#p = :p AND #s BETWEEN :f AND :b")
	in.ExpressionAttributeValues = item{":p": str(shelfPartition(shelf)), ":f": str(listedKey(chat.Listed{Started: timeOf(max(millisOf(from), 1))})), ":b": str(upper)}
	var list []chat.Listed
	for len(list) < limit {
		in.Limit = aws.Int32(int32(limit - len(list) + 1))
		out, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		for _, it := range out.Items {
			if sk := getS(it, in.ExpressionAttributeNames["#s"]); sk != upper && len(list) < limit {
				list = append(list, splitListedKey(sk))
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			break
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	return list, nil
}

// StatesOf reads up to chat.MaxStates items.
func (s *Store) StatesOf(ctx context.Context, w chat.WorkspaceID, ids []chat.ConversationID) ([]chat.State, error) {
	return batch(ctx, s, w, ids, stateKey, false, readState)
}

// HeadsOf reads up to chat.MaxStates items.
func (s *Store) HeadsOf(ctx context.Context, w chat.WorkspaceID, ids []chat.ConversationID) ([]*chat.Head, error) {
	return batch(ctx, s, w, ids, headKey, true, func(it item) (*chat.Head, error) { return readHead(it, s.Epoch) })
}

// batch reads one item of each conversation.
func batch[T any](ctx context.Context, s *Store, w chat.WorkspaceID, ids []chat.ConversationID, of func(chat.Ref) key, consistent bool, read func(item) (T, error)) ([]T, error) {
	keys := map[chat.ConversationID]item{}
	for _, id := range ids {
		keys[id] = of(chat.Ref{Workspace: w, Conversation: id}).item()
	}
	left := map[string]types.KeysAndAttributes{s.Chat: {Keys: slices.Collect(maps.Values(keys)), ConsistentRead: &consistent}}
	var list []T
	for try := 0; len(left[s.Chat].Keys) > 0; try++ {
		if try > len(ids) {
			return nil, chat.ErrUnknownOutcome // DynamoDB gives some of them with every answer, unless it is throttling
		}
		out, err := s.API.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: left})
		if err != nil {
			return nil, failure(err)
		}
		for _, it := range out.Responses[s.Chat] {
			v, err := read(it)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		left = out.UnprocessedKeys
	}
	return list, nil
}

// Colleague is chat.Service's Colleague: a member of staff who is not disabled.
func (i Identity) Colleague(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (*chat.Colleague, error) {
	account, found, err := i.Account(ctx, w, u)
	if err != nil || !found || account.Disabled {
		return nil, err
	}
	return &chat.Colleague{User: u, Role: account.Role, Departments: account.Departments}, nil
}
