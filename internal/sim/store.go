package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// errStorage is what the adapter makes of throttling, conflicts and lost answers.
var errStorage = fmt.Errorf("sim: no answer: %w", chat.ErrUnknownOutcome)

// store is the storage as one invocation sees it: the in-memory double, with a stop at every call.
type store struct{ *invocation }

func key(ref chat.Ref) string {
	return string(ref.Workspace[24:]) + "/" + string(ref.Conversation[24:])
}

// changes runs an effect on one conversation and checks what it did to it.
func (s store) changes(ctx context.Context, k kind, name string, ref chat.Ref, detail string, effect func() error) error {
	return s.do(ctx, k, name, key(ref)+detail, errStorage, func() error {
		before := s.w.head(ref)
		err := effect()
		if err != nil {
			return err
		}
		s.w.changed(s.invocation, name, before, s.w.head(ref))
		return nil
	})
}

func (s store) Create(ctx context.Context, c chat.Creation) error {
	return s.changes(ctx, transaction, "Create", c.Ref, "", func() error { return s.w.memory.Create(ctx, c) })
}

func (s store) Append(ctx context.Context, a chat.Append) (out *chat.Head, err error) {
	err = s.changes(ctx, write, "Append", a.Ref, fmt.Sprintf(" %s after %d +%d", a.Track, a.After, len(a.Events)), func() (err error) {
		out, err = s.w.memory.Append(ctx, a)
		return err
	})
	return out, err
}

func (s store) Transition(ctx context.Context, a chat.Append, c chat.Change) error {
	return s.changes(ctx, transaction, "Transition", a.Ref, fmt.Sprintf(" after %d to %s", a.After, c.Status), func() error {
		return s.w.memory.Transition(ctx, a, c)
	})
}

func (s store) Head(ctx context.Context, ref chat.Ref) (out *chat.Head, err error) {
	err = s.do(ctx, read, "Head", key(ref), errStorage, func() (err error) {
		out, err = s.w.memory.Head(ctx, ref)
		return err
	})
	return out, err
}

func (s store) After(ctx context.Context, ref chat.Ref, t chat.Track, after uint64, limit int) (out []chat.Event, err error) {
	err = s.do(ctx, read, "After", fmt.Sprintf("%s %s %d", key(ref), t, after), errStorage, func() (err error) {
		// A query's page may end anywhere.
		out, err = s.w.memory.After(ctx, ref, t, after, min(limit, 1+s.w.effects%7))
		return err
	})
	return out, err
}

func (s store) MoveTail(ctx context.Context, head *chat.Head, t chat.Track, upTo, relayed uint64) error {
	return s.changes(ctx, write, "MoveTail", head.Ref, fmt.Sprintf(" %s to %d, relayed %d", t, upTo, relayed), func() error {
		if s.conn != nil {
			s.w.count(HandlerTrimmed)
		}
		return s.w.memory.MoveTail(ctx, head, t, upTo, relayed)
	})
}

func (s store) SetRelayed(ctx context.Context, ref chat.Ref, t chat.Track, relayed uint64) error {
	return s.changes(ctx, write, "SetRelayed", ref, fmt.Sprintf(" %s %d", t, relayed), func() error {
		return s.w.memory.SetRelayed(ctx, ref, t, relayed)
	})
}

func (s store) Subscribe(ctx context.Context, ref chat.Ref, c chat.ConnectionID, l chat.Listener) (out *chat.Head, err error) {
	err = s.changes(ctx, write, "Subscribe", ref, " "+string(c), func() (err error) {
		out, err = s.w.memory.Subscribe(ctx, ref, c, l)
		return err
	})
	return out, err
}

func (s store) Unsubscribe(ctx context.Context, ref chat.Ref, c chat.ConnectionID) error {
	return s.changes(ctx, write, "Unsubscribe", ref, " "+string(c), func() error { return s.w.memory.Unsubscribe(ctx, ref, c) })
}

func (s store) MoveCursor(ctx context.Context, ref chat.Ref, u chat.UserID, seq uint64) (out *chat.Head, err error) {
	err = s.changes(ctx, write, "MoveCursor", ref, fmt.Sprintf(" %d", seq), func() (err error) {
		out, err = s.w.memory.MoveCursor(ctx, ref, u, seq)
		return err
	})
	return out, err
}

func (s store) Mute(ctx context.Context, ref chat.Ref, u chat.UserID, until time.Time) error {
	return s.changes(ctx, write, "Mute", ref, "", func() error {
		s.w.count(Muted)
		return s.w.memory.Mute(ctx, ref, u, until)
	})
}

func (s store) ListenerRows(ctx context.Context, ref chat.Ref, shard int) (out map[chat.ConnectionID]chat.Listener, err error) {
	err = s.do(ctx, read, "ListenerRows", key(ref), errStorage, func() (err error) {
		out, err = s.w.memory.ListenerRows(ctx, ref, shard)
		return err
	})
	return out, err
}

func (s store) DropListenerRow(ctx context.Context, ref chat.Ref, shard int, c chat.ConnectionID) error {
	return s.do(ctx, write, "DropListenerRow", key(ref)+string(c), errStorage, func() error {
		return s.w.memory.DropListenerRow(ctx, ref, shard, c)
	})
}

func (s store) Open(ctx context.Context, w chat.WorkspaceID, u chat.UserID, after chat.ConversationID, limit int) (out []chat.ConversationID, err error) {
	err = s.do(ctx, read, "Open", "", errStorage, func() (err error) {
		out, err = s.w.memory.Open(ctx, w, u, after, limit)
		return err
	})
	return out, err
}

func (s store) Closed(ctx context.Context, w chat.WorkspaceID, u chat.UserID, after chat.ConversationID, limit int) (out []chat.ConversationID, err error) {
	err = s.do(ctx, read, "Closed", "", errStorage, func() (err error) {
		out, err = s.w.memory.Closed(ctx, w, u, after, limit)
		return err
	})
	return out, err
}

func (s store) Waiting(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, limit int) (out []chat.Waiting, err error) {
	err = s.do(ctx, read, "Waiting", "", errStorage, func() (err error) {
		out, err = s.w.memory.Waiting(ctx, w, d, limit)
		return err
	})
	return out, err
}

func (s store) Opened(ctx context.Context, p chat.Principal, expires time.Time) (known bool, err error) {
	err = s.do(ctx, write, "Opened", "", errStorage, func() (err error) {
		known, err = s.w.memory.Opened(ctx, p, expires)
		return err
	})
	return known, err
}

func (s store) HeadsOf(ctx context.Context, w chat.WorkspaceID, ids []chat.ConversationID) (out []*chat.Head, err error) {
	err = s.do(ctx, read, "HeadsOf", "", errStorage, func() (err error) {
		out, err = s.w.memory.HeadsOf(ctx, w, ids)
		return err
	})
	return out, err
}

func (s store) SocketClosed(ctx context.Context, p chat.Principal) error {
	return s.do(ctx, write, "SocketClosed", string(p.Connection), errStorage, func() error { return s.w.memory.SocketClosed(ctx, p) })
}

func (s store) SocketEnded(ctx context.Context, p chat.Principal) error {
	return s.do(ctx, write, "SocketEnded", string(p.Connection), errStorage, func() error { return s.w.memory.SocketEnded(ctx, p) })
}

func (s store) OfUser(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (out []chat.ConnectionID, err error) {
	err = s.do(ctx, read, "OfUser", "", errStorage, func() (err error) {
		out, err = s.w.memory.OfUser(ctx, w, u)
		return err
	})
	return out, err
}

func (s store) OfDesk(ctx context.Context, w chat.WorkspaceID) (out []chat.Principal, err error) {
	err = s.do(ctx, read, "OfDesk", "", errStorage, func() (err error) {
		out, err = s.w.memory.OfDesk(ctx, w)
		return err
	})
	return out, err
}

func (s store) Subscriptions(ctx context.Context, w chat.WorkspaceID) (out []chat.Subscription, err error) {
	err = s.do(ctx, read, "Subscriptions", "", errStorage, func() (err error) {
		out, err = s.w.memory.Subscriptions(ctx, w)
		return err
	})
	return out, err
}

// Check implements chat.SessionChecker: every session of a run holds.
func (s store) Check(ctx context.Context, _ chat.Principal) error {
	return s.do(ctx, read, "Check", "", errStorage, func() error { return nil })
}
