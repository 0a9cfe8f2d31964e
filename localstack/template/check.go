package template

// check looks at what the parts of a plan promise each other.
func (l *loader) check() {
	for _, q := range l.plan.Queues {
		l.checkDeadLetters(q)
	}
	for _, f := range l.plan.Functions {
		for _, m := range f.Queues {
			l.checkQueueMapping(f, m)
		}
		for _, m := range f.Streams {
			l.checkStreamMapping(m)
		}
	}
	l.checkNames()
}

func (l *loader) checkDeadLetters(q Queue) {
	if q.DeadLetterARN == "" {
		return
	}
	place := l.byID[q.LogicalID].place
	target := l.queueByARN(q.DeadLetterARN)
	switch {
	case target == nil:
		l.fail(place, "the dead-letter queue %q is no queue of this template", q.DeadLetterARN)
	case target.LogicalID == q.LogicalID:
		l.fail(place, "a queue cannot be its own dead-letter queue")
	case target.FIFO != q.FIFO:
		l.fail(place, "the dead-letter queue of a FIFO queue must be a FIFO queue, that of a standard queue a standard queue")
	case target.Retention < q.Retention && !q.FIFO:
		// A standard queue's message keeps its first time stamp when it moves (SQS developer guide, "Using dead-letter queues").
		l.warn(place, "%s keeps messages for a shorter time than %s: a dead letter expires by its original time", target.LogicalID, q.LogicalID)
	}
}

// shortVisibility names, in a queue's Metadata, the reason for a visibility timeout below what AWS advises (Lambda
// developer guide, "Creating and configuring an Amazon SQS event source mapping": six times the function's timeout and the
// batching window). Whoever has written a reason is not warned.
const shortVisibility = "ShortVisibility"

func (l *loader) checkQueueMapping(f Function, m QueueMapping) {
	place := l.byID[m.LogicalID].place
	q := l.queueByARN(m.QueueARN)
	if q.Visibility < f.Timeout {
		// Lambda refuses to create such a mapping ("Queue visibility timeout ... is less than Function timeout").
		l.fail(place, "the visibility timeout of %s (%v) is shorter than the timeout of %s (%v)", q.LogicalID, q.Visibility, f.LogicalID, f.Timeout)
	} else if reason := l.byID[q.LogicalID].notes.get(shortVisibility); q.Visibility < 6*f.Timeout+m.Window && reason.scalar("") == "" {
		l.warn(place, "the visibility timeout of %s (%v) is less than six times the timeout of %s (%v) and its batching window (%v)", q.LogicalID, q.Visibility, f.LogicalID, f.Timeout, m.Window)
	}
	if q.DeadLetterARN == "" {
		l.warn(place, "%s has no dead-letter queue", q.LogicalID)
	}
}

func (l *loader) checkStreamMapping(m StreamMapping) {
	place := l.byID[m.LogicalID].place
	found := false
	for _, t := range l.plan.Tables {
		found = found || (t.StreamARN != "" && t.StreamARN == m.StreamARN)
	}
	if !found {
		l.fail(place, "%q is no stream of this template", m.StreamARN)
	}
	if m.OnFailureQueueARN == "" {
		l.warn(place, "records that %s gives up on are lost: it has no OnFailure destination", m.LogicalID)
		return
	}
	switch q := l.queueByARN(m.OnFailureQueueARN); {
	case q == nil:
		l.fail(place, "the OnFailure destination %q is no queue of this template", m.OnFailureQueueARN)
	case q.FIFO:
		l.fail(place, "an OnFailure destination cannot be a FIFO queue")
	}
}

// checkNames reports two resources that would be one.
func (l *loader) checkNames() {
	taken := map[string]string{}
	claim := func(id, kind, name string) {
		if other, ok := taken[kind+name]; ok {
			l.fail(l.byID[id].place, "%s and %s have the same name %q", other, id, name)
		}
		taken[kind+name] = id
	}
	for _, t := range l.plan.Tables {
		claim(t.LogicalID, "table ", t.Name)
	}
	for _, q := range l.plan.Queues {
		claim(q.LogicalID, "queue ", q.Name)
	}
	for _, f := range l.plan.Functions {
		claim(f.LogicalID, "function ", f.Name)
	}
}
