package chat

import "context"

// Subject is somebody who has a log of their own, of one track: an operator, named by their user id, or a contact.
type Subject struct {
	Workspace WorkspaceID
	ID        string
}

// OwnSpan is a part of such a log: the events with seq in (From, To].
type OwnSpan struct {
	Subject
	From, To uint64
}

// OwnEvent is what the relay has to know of an event of such a log.
type OwnEvent struct {
	Seq  uint64
	Gen  uint32 // the generation under which it was appended
	Type EventType
}

// OwnLogs reads the logs of subjects.
type OwnLogs interface {
	// OwnEvents returns the span's events, all of them, oldest first, consistently.
	OwnEvents(context.Context, OwnSpan) ([]OwnEvent, error)
}

// RecordOwn handles one append to a subject's own log, or repairs what the relay gave up on: it returns when every
// subscription that wants it has a job for each event of the span. Records come at least once, those of one subject in
// order; what it tells again has the same key.
func (r *Relay) RecordOwn(ctx context.Context, span OwnSpan) error {
	subs, err := r.Subscriptions.Subscriptions(ctx, span.Workspace)
	if err != nil || len(subs) == 0 {
		return err
	}
	for last := span.To; span.From < last; span.From = span.To {
		span.To = min(span.From+repairPage, last)
		events, err := r.Own.OwnEvents(ctx, span)
		if err != nil {
			return err
		}
		if err := r.Queue.Enqueue(ctx, ownJobs(subs, span.Subject, events)); err != nil {
			return err
		}
	}
	return nil
}

func ownJobs(subs []Subscription, subject Subject, events []OwnEvent) []IntegrationJob {
	var jobs []IntegrationJob
	for _, e := range events {
		for _, s := range subs {
			if s.Wants(e.Type) {
				jobs = append(jobs, IntegrationJob{
					Ref: Ref{Workspace: subject.Workspace}, Subject: subject.ID, Subscription: s.ID, Seq: e.Seq, Gen: e.Gen, Type: e.Type,
				})
			}
		}
	}
	return jobs
}
