package chat

import (
	"context"
	"time"
)

// Follow lists what routing has to look at after an append, and what is to be told of what routing itself did: the one
// who did it tells both at once, but may have died right after the commit. before is nil for a new conversation. Most
// appends change no state, and call for neither.
func (r *Relay) Follow(before, after *Head) (routes []RouteJob, tell []Job) {
	if before != nil && before.Version == after.Version {
		return nil, nil
	}
	if after.Status == StatusQueued {
		routes = append(routes, RouteJob{Workspace: after.Workspace, Department: after.Department, Reason: "queued"})
	}
	if before == nil {
		return routes, nil
	}
	if had := before.holder(); had != "" && had != after.holder() {
		routes = append(routes, RouteJob{Workspace: after.Workspace, Department: after.Department, Operator: had, Reason: "freed"})
	}
	for _, t := range Tracks() {
		track := after.Track(t)
		for _, e := range track.Tail {
			if e.Seq > before.Track(t).Last && e.Sender == SystemUser && e.Subject != "" && e.To != "" && changesState(e.Type) {
				tell = append(tell, Job{Ref: after.Ref, Track: t, From: e.Seq, To: e.Seq, Announce: true})
			}
		}
	}
	return routes, tell
}

// holder is whose place the conversation takes; "" for none.
func (h *Head) holder() UserID {
	switch h.Status {
	case StatusActive:
		return h.Assignee
	case StatusOffered:
		return h.OfferedTo
	default:
	}
	return ""
}

// Route hands on what Follow listed, of several records: one call takes ten. An error means that all of it is to be
// handed on again.
func (r *Relay) Route(ctx context.Context, routes []RouteJob, tell []Job) error {
	if r.Routing != nil && len(routes) > 0 {
		if err := r.Routing.Route(ctx, distinct(routes)...); err != nil {
			return err
		}
	}
	if r.Deliver != nil && len(tell) > 0 {
		return r.Deliver.Enqueue(ctx, 0, tell...)
	}
	return nil
}

// distinct leaves out jobs that ask for the same.
func distinct(jobs []RouteJob) []RouteJob {
	var out []RouteJob
	seen := map[RouteJob]bool{}
	for _, j := range jobs {
		j.Sent = time.Time{}
		if !seen[j] {
			seen[j] = true
			out = append(out, j)
		}
	}
	return out
}

// announceAgain tells the job's events to everybody who is to know of them, as whoever appended them did or should
// have done. Who knows them already drops them by their seqs.
func (d *Delivery) announceAgain(ctx context.Context, head *Head, j Job) error {
	s := Service{Reader: d.Reader}
	last := min(j.To, head.Track(j.Track).Last)
	if j.From > last {
		return nil // the log was restored to an earlier time
	}
	events, err := s.events(ctx, head, j.Track, j.From-1, last)
	if err != nil {
		return err
	}
	quiet := *d // routing and the live desk hear of it from the stream itself (Follow, Show)
	quiet.Routing, quiet.Desk = nil, nil
	return quiet.Committed(ctx, system(j.Workspace), &Outcome{Head: head, Track: j.Track, Push: events})
}

// Show asks for one broadcast to the live desk of each workspace in which an append of a batch has changed what it shows.
// An error means that they are to be asked for again.
func (r *Relay) Show(ctx context.Context, workspaces ...WorkspaceID) error {
	if r.Desk == nil || len(workspaces) == 0 {
		return nil
	}
	jobs := make([]DeskJob, len(workspaces))
	for i, w := range workspaces {
		jobs[i].Workspace = w
	}
	return r.Desk.Enqueue(ctx, jobs...)
}
