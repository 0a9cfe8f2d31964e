package main

// Mutant is a bug to plant: New in place of Old in File. Packages are those whose ordinary tests must find it.
type Mutant struct {
	Name     string
	File     string
	Old, New string
	Packages []string
}

var (
	domain  = []string{"./internal/chat/..."}
	store   = []string{"./internal/dynamo"}
	socket  = []string{"./internal/wsapi"}
	workers = []string{"./internal/worker", "./internal/queue"}
	// What takes a schedule to find: the simulation is the only test of these.
	schedules = []string{"./internal/sim"}
)

// Mutants returns the list. Each is a mistake that a published chat or a peer has made, or that the design
// warns of.
func Mutants() []Mutant {
	return append([]Mutant{
		{"ack before push", "internal/wsapi/action.go",
			"	if err := h.Delivery.Committed(ctx, r.principal, out); err != nil {\n		return nil, err\n	}\n	return protocol.AckOf(r.Ref, out), nil",
			"	go func() { _ = h.Delivery.Committed(ctx, r.principal, out) }()\n	return protocol.AckOf(r.Ref, out), nil", socket},
		{"append without its condition", "internal/dynamo/expression.go",
			`x.require = append(x.require, n.last+" = "+x.value("a", num(a.After)))`,
			`x.require = append(x.require, n.last+" >= "+x.value("a", num(a.After)))`, store},
		{"dedupe without sender", "internal/chat/append.go",
			"d.ID == e.ID && d.Sender == e.Sender", "d.ID == e.ID", domain},
		{"no dedupe", "internal/chat/append.go",
			"	if err := c.find(between); err != nil {\n		return err\n	}\n	c.After = last", "	_ = between\n	c.After = last", domain},
		{"a reused id is taken for a retry", "internal/chat/append.go",
			"if !c.loose && !meant.SameContent(e) {", "if false {", domain},
		{"a retry is not pushed again", "internal/chat/append.go",
			"		out.Push = append(out.Push, a.Event)", "		if !a.Duplicate {\n			out.Push = append(out.Push, a.Event)\n		}", domain},
		{"the cursor rides on a later commit", "internal/chat/append.go",
			"	if c.After != c.first {\n		c.Cursor = 0", "	if false {\n		c.Cursor = 0", domain},
		{"learning from the log ends an outbox entry", "internal/client/receive.go",
			"m.mutant == learnIsAck", "m.mutant != learnIsAck", []string{"./internal/client"}},
		{"after raised on retry", "internal/client/outbox.go",
			"l.mutant == raiseAfter", "l.mutant != raiseAfter", []string{"./internal/client"}},
		{"two frames in flight", "internal/client/request.go",
			"m.mutant != twoInFlight", "m.mutant == twoInFlight", []string{"./internal/client"}},
		{"tail trimmed without its condition", "internal/dynamo/log.go",
			`x.require = append(x.require, n.from+" = "+x.value("f", num(first)))`,
			`x.require = append(x.require, n.from+" >= "+x.value("f", num(first)))`, store},
		{"chunk overwritten", "internal/dynamo/log.go",
			"TableName: &s.Chat, Item: it, ConditionExpression: aws.String(\"attribute_not_exists(pk)\"),",
			"TableName: &s.Chat, Item: it, ConditionExpression: aws.String(\"attribute_not_exists(zz)\"),", store},
		{"listeners read before the transaction commits", "internal/chat/transition.go",
			"	after, err := s.headAfter(ctx, c.Ref)", "	after, err := head, error(nil)", domain},
		{"410 treated as success", "internal/gateway/gateway.go",
			"	if errors.As(err, &gone) {\n		return chat.ErrGone\n	}", "	if errors.As(err, &gone) {\n		return nil\n	}", []string{"./internal/gateway"}},
		{"listener kept after 410", "internal/chat/delivery.go",
			"		_ = d.Subs.Unsubscribe(ctx, ref, t.Connection)\n", "", domain},
		{"the sender's connection deleted on 410", "internal/chat/delivery.go",
			"			forget(context.WithoutCancel(ctx), t)\n			return true", "			return true", domain},
		{"a failed push is forgotten", "internal/chat/delivery.go",
			"		if err != nil {\n			return false\n		}\n	}\n	return true", "		if err != nil {\n			return true\n		}\n	}\n	return true", domain},
		{"ack although delivery could not be queued", "internal/chat/delivery.go",
			"	if err := d.Queue.Enqueue(ctx, 0, jobs...); err != nil {\n		return Errorf(", "	if err := d.Queue.Enqueue(ctx, 0, jobs...); err != nil {\n		_ = Errorf(", domain},
		{"batch failure swallowed", "internal/worker/batch.go",
			"	b.out.BatchItemFailures = append(b.out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})\n", "", workers},
		{"relay goes on behind a failed record", "internal/worker/relay.go",
			"			break\n", "			continue\n", workers},
		{"refused entries of a batch send ignored", "internal/queue/queue.go",
			"if len(out.Failed) > 0 {", "if len(out.Failed) > n {", workers},
		{"two of a group in one FIFO batch", "internal/queue/integration.go",
			"if len(round) == batchSize || seen[g] {", "if len(round) == batchSize {", workers},
		{"desk event sent to a customer", "internal/chat/delivery.go",
			"takesPart && l.Expires.After(now) && (t == Public || p.Role.Staff())", "takesPart && l.Expires.After(now) && (t == Public || p.Role != \"\")", domain},
		{"pushed to someone transferred away", "internal/chat/delivery.go",
			"return takesPart && l.Expires", "return (takesPart || l.Role.Staff()) && l.Expires", domain},
		{"expired listeners pushed to", "internal/chat/delivery.go",
			"takesPart && l.Expires.After(now) &&", "takesPart && (l.Expires.After(now) || true) &&", domain},
		{"key without workspace", "internal/dynamo/keys.go",
			"	return string(ref.Workspace) + \"#\" + string(ref.Conversation)\n", "	return \"w_00000000000000000000000000#\" + string(ref.Conversation)\n", store},
		{"anybody may edit", "internal/chat/message.go",
			"	if target.Sender == p.User || cmd", "	if target.Sender == p.User || cmd == CommandEdit || cmd", domain},
		{"a stranger reads a conversation", "internal/chat/message.go",
			"	if !p.reaches(head, scope) {", "	if scope == Denied {", domain},
		{"a limited view passed off as complete", "internal/chat/hello.go",
			"	if len(events) == 0 || events[0].Seq != after+1 {\n		v.Limited = true\n	}\n", "", domain},
		{"a ticket used twice", "internal/dynamo/identity_ticket.go",
			`aws.String("e > :now")`, `aws.String("e > :now OR attribute_not_exists(pk)")`, []string{"./internal/dynamo", "./internal/identity/..."}},

		{"the first after is not saved before it is used", "internal/client/request.go",
			"	} else {\n		m.dirty = true\n	}\n	ref := m.ref()", "	}\n	ref := m.ref()", schedules},
		{"a snapshot undoes what came behind it", "internal/client/view.go",
			"		v.state(s) // before", "		defer v.state(s) // before", []string{"./internal/client"}},
		{"a note is pushed without its place", "internal/chat/append.go", "		c.follow(head)\n", "", schedules},
		{"only the tail is searched for a retry", "internal/chat/append.go",
			"between, err := s.events(ctx, h, c.Track, c.After, last)",
			"between, err := s.events(ctx, h, c.Track, max(c.After, h.Track(c.Track).From-1), last)", schedules},
		{"an operator's own log passes the stream's filter by", "internal/dynamo/operators.go", "		x.kind(kindAppend)\n", "", store},
		{"a lease reaches the relay as an append", "internal/dynamo/operators.go", `u, "SET lx = :t REMOVE k"`, `u, "SET lx = :t"`, store},
		{"relayedSeq raised over a hole", "internal/chat/handled.go", "; ok && r.from <= stored {", "; ok {", schedules},
		{"a record's first events are not relayed", "internal/chat/relay.go",
			"			from = before.Track(t).Last\n", "			from = max(before.Track(t).Last, after.Track(t).Last-min(after.Track(t).Last, 1))\n", schedules},
		{"hello reads, then listens", "internal/chat/hello.go",
			"		head, err = s.Subs.Subscribe(ctx, ref, p.Connection, s.listener(p))\n		return err\n",
			"		if head, err = s.Reader.Head(ctx, ref); err != nil || head == nil {\n			return err\n		}\n		_, err = s.Subs.Subscribe(ctx, ref, p.Connection, s.listener(p))\n		return err\n", schedules},
		{"only the last event is queued", "internal/chat/delivery.go",
			"From: out.Push[0].Seq,", "From: out.Push[len(out.Push)-1].Seq,", schedules},
		{"a retried start does not listen", "internal/chat/start.go",
			"head, _, err := s.subscribe(ctx, p, c.Ref, 0)", "head, err := s.headAfter(ctx, c.Ref)", schedules},
		{"who takes nothing for too long stays connected", "internal/chat/work.go",
			"		if err := d.Push.Disconnect(ctx, c); err != nil {\n			return err\n		}\n", "		_ = c\n", schedules},
		{"posts without a budget", "internal/chat/delivery.go",
			"	ctx, cancel := context.WithTimeout(ctx, budget)\n", "	ctx, cancel := context.WithTimeout(ctx, 100*budget)\n", schedules},

		{"a timer that failed waits for its visibility timeout", "internal/worker/batch.go", "b.retry != nil && len(b.back) > 0", "b.retry == nil && len(b.back) > 0", workers},
		{"a failed job comes back without its group", "internal/worker/automate.go", `b.again(m, pause(first.Attributes["ApproximateReceiveCount"]))`, `b.again(m, 0*pause(first.Attributes["ApproximateReceiveCount"]))`, workers},

		{"nobody looks after a silent bot", "internal/chat/timer_arming.go", "		s.add(TimerBot, policy.BotReply)\n", "", domain},
		{"a bot that answers loses the conversation", "internal/chat/bot_silent.go", "		default:\n			return false\n", "		default:\n", domain},
		{"a mention that could not be kept is forgotten", "internal/chat/relay.go", "r.Mentions.PutMention(ctx, head.Workspace, m); err != nil {", "r.Mentions.PutMention(ctx, head.Workspace, m); err != nil && false {", domain},

		{"above capacity", "internal/dynamo/operators.go", " OR attribute_not_exists(ld) OR ld < cp)", " OR attribute_not_exists(ld) OR ld <= cp)", store},
		{"an offer goes to who missed it", "internal/chat/decide.go", "	case w.letPass(o):\n\t\treturn excludedTried\n", "", domain},
		{"who is disconnected is eligible", "internal/chat/decide.go", "	case !o.Connected(now):\n		return excludedMissing\n", "", domain},
		{"a stale timer acts", "internal/chat/timer_fire.go", "	if head.Version != t.Version {\n		return nil\n	}\n	switch t.Kind {\n	case TimerOffer", "	switch t.Kind {\n	case TimerOffer", domain},
		{"a bot talks over a person", "internal/chat/message.go", "	case r == RoleBot:\n		return botLeads\n", "", domain},
		{"customers see offers", "internal/chat/transition.go", "		if c.Track == Public {\n			events[i].From, events[i].To = events[i].From.Shown(), events[i].To.Shown()\n", "		if c.Track == Public {\n			_ = i\n", domain},
		{"a scope of another department", "internal/chat/message.go", "scope == Department && p.WorksIn(h.Department)", "scope == Department", domain},
		{"a key without its grant", "internal/chat/permission.go", `return g != "" && p.Grants.Has(g)`, `return g != ""`, []string{"./internal/chat/...", "./internal/httpapi"}},
		{"an identity token used twice", "internal/identity/customer_identity.go", "	if !first {\n", "	if !first && false {\n", []string{"./internal/contact"}},
		{"a stolen refresh token goes unnoticed", "internal/identity/refresh.go", "	if err := s.Revoke(ctx, session); err != nil && !errors.Is(err, ErrSocketsLeft) {\n		return Opened{}, err\n	}\n	return Opened{}, refuse(chat.CodeUnauthenticated, ReasonRefreshReused,",
			"	return Opened{}, refuse(chat.CodeUnauthenticated, ReasonRefreshReused,", []string{"./internal/identity/..."}},
	}, abuse()...)
}
