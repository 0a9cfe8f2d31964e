package chat

import (
	"context"
	"slices"
)

// NoticeKind is what a notice tells.
type NoticeKind string

// The kinds of notice.
const (
	// NoticeMention: a note mentions the user.
	NoticeMention NoticeKind = "mention"
	// NoticeGone: the user takes part in the conversation no more.
	NoticeGone NoticeKind = "gone"
)

// Notice is something to tell one user on all their sockets, whether these listen to the conversation or not. It holds
// nothing of what was said: who may read it does.
type Notice struct {
	Kind NoticeKind
	User UserID
	// By is who brought it about.
	By UserID
	// Track and Seq name the note that mentions the user.
	Track Track
	Seq   uint64
}

// notices lists whom the outcome concerns by name: those whom a note mentions, and those whose part has ended.
func notices(p Principal, out *Outcome) []Notice {
	var list []Notice
	for _, e := range out.Push {
		if e.Type != EventNote || e.Detail == nil || e.Sender != p.User {
			continue
		}
		for _, u := range e.Detail.Mentions {
			list = append(list, Notice{Kind: NoticeMention, User: u, By: e.Sender, Track: out.Track, Seq: e.Seq})
		}
	}
	for _, u := range out.Gone {
		list = append(list, Notice{Kind: NoticeGone, User: u, By: p.User})
	}
	return list
}

// tell pushes a notice to the user's sockets, and queues what cannot be pushed now. The socket on which it was brought
// about has its acknowledgement.
func (d *Delivery) tell(ctx context.Context, ref Ref, n Notice, except ConnectionID) error {
	sockets, err := d.Sockets.OfUser(ctx, ref.Workspace, n.User)
	if err != nil {
		return Errorf(CodeUnavailable, "storage did not answer in time; send the same again")
	}
	sockets = slices.DeleteFunc(sockets, func(c ConnectionID) bool { return c == except })
	if len(sockets) == 0 {
		return nil
	}
	left := d.pushNotice(ctx, ref, n, sockets)
	if len(left) == 0 {
		return nil
	}
	if err := d.Queue.Enqueue(ctx, 0, Job{Ref: ref, Notice: &n, Connections: left}); err != nil {
		return Errorf(CodeUnavailable, "delivery could not be queued; send the same again")
	}
	return nil
}

func (d *Delivery) pushNotice(ctx context.Context, ref Ref, n Notice, sockets []ConnectionID) []ConnectionID {
	to := make([]Target, len(sockets))
	for i, c := range sockets {
		to[i] = Target{c, Listener{User: n.User, Role: RoleOperator}}
	}
	return d.push(ctx, to, [][]byte{d.Encode.Notice(ref, n)}, d.budget(), func(ctx context.Context, t Target) {
		d.forgetSocket(ctx, ref.Workspace, t)
	})
}
