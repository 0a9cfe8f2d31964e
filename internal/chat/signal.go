package chat

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// TypingLife is how long a typing signal is shown; clients repeat it every 10 s while it goes on.
const TypingLife = 15 * time.Second

// Signal is something to push that is not logged.
type Signal struct {
	Head *Head
	// To lists who is to see it, Tabs the user's own other sockets: what is read in one is read in all.
	To, Tabs []Target
	// Moved says, for a read cursor, that it moved.
	Moved bool
}

// Typing finds out who is to see that the principal types. read, when set, moves the read cursor with it.
func (s *Service) Typing(ctx context.Context, p Principal, id ConversationID, read uint64) (*Signal, error) {
	scope, err := authorize(p, CommandTyping)
	if err != nil {
		return nil, err
	}
	ref := Ref{p.Workspace, id}
	if read > 0 {
		sig, err := s.readCursor(ctx, p, ref, read)
		if err == nil {
			s.typesFirstReply(ctx, p, sig.Head)
		}
		return sig, err
	}
	head, err := s.visible(ctx, p, ref, scope)
	if err != nil {
		return nil, err
	}
	s.typesFirstReply(ctx, p, head)
	return s.signal(p, head), nil
}

// typesFirstReply notes that an operator on duty types who has not answered yet: that puts off the end of their time for
// the first reply. It is a hint; a signal does not fail for it. Once they have answered it costs nothing while the tail
// shows so, and one read when it does not.
func (s *Service) typesFirstReply(ctx context.Context, p Principal, h *Head) {
	if s.Staff == nil || h.Status != StatusActive || h.Assignee != p.User {
		return
	}
	if wrote, err := s.wroteSince(ctx, h, p.User); err == nil && !wrote {
		_ = s.Staff.OperatorTypes(ctx, p.Workspace, p.User, s.now().Add(TypingLife))
	}
}

// Read moves the principal's read cursor up to seq. It only grows, and never beyond the log.
func (s *Service) Read(ctx context.Context, p Principal, id ConversationID, seq uint64) (*Signal, error) {
	if _, err := authorize(p, CommandRead); err != nil {
		return nil, err
	}
	return s.readCursor(ctx, p, Ref{p.Workspace, id}, seq)
}

func (s *Service) readCursor(ctx context.Context, p Principal, ref Ref, seq uint64) (*Signal, error) {
	if !ref.Conversation.Valid() || seq == 0 {
		return nil, Errorf(CodeInvalid, "conversation and seq: a well-formed id and a seq from 1")
	}
	return s.moveCursor(ctx, p, ref, seq)
}

func (s *Service) moveCursor(ctx context.Context, p Principal, ref Ref, seq uint64) (*Signal, error) {
	var head *Head
	err := s.retry(ctx, func() (err error) {
		head, err = s.Subs.MoveCursor(ctx, ref, p.User, seq)
		return err
	})
	var refused *Refused
	if errors.As(err, &refused) {
		return s.cursorRefused(p, refused.Old, seq)
	}
	if err != nil {
		return nil, err
	}
	sig := s.signal(p, head)
	sig.Moved = true
	return sig, nil
}

func (s *Service) cursorRefused(p Principal, old *Head, seq uint64) (*Signal, error) {
	if old == nil {
		return nil, errNotFound()
	}
	if _, ok := old.Participants[p.User]; !ok {
		return nil, errNotFound()
	}
	if seq > old.Public.Last {
		return nil, Errorf(CodeInvalid, "seq: the log ends at %d", old.Public.Last)
	}
	return s.signal(p, old), nil // it was there already
}

func (s *Service) signal(p Principal, head *Head) *Signal {
	sig, unseen := &Signal{Head: head}, head.Unseen(p.User)
	for _, t := range Targets(head, Public, p.Connection, s.now()) {
		switch {
		case t.Listener.User == p.User:
			sig.Tabs = append(sig.Tabs, t)
		case !unseen || t.Listener.Role.Staff():
			sig.To = append(sig.To, t)
		}
	}
	return sig
}

// Unseen says whether customers are not to know that the participant is there: whoever watches, and whoever is asked to
// take the conversation.
func (h *Head) Unseen(u UserID) bool { return h.Participants[u].Watching || u == h.OfferedTo }

// Signal pushes a frame that nobody is owed: who does not get it now never does.
func (d *Delivery) Signal(ctx context.Context, sig *Signal, frame []byte) {
	d.push(ctx, sig.To, [][]byte{frame}, d.budget(), d.forgetListener(sig.Head.Ref))
}

// Pong is the answer to a ping.
type Pong struct {
	Heads map[ConversationID]*Head
	// Moved holds the read cursors that moved, for those who are to see it.
	Moved []*Signal
}

// Ping rechecks the session and returns the heads of what the client should know: the conversations of its
// cursors and the user's open ones. Read cursors in it ride along.
func (s *Service) Ping(ctx context.Context, p Principal, cursors map[ConversationID]Cursor) (*Pong, error) {
	if _, err := authorize(p, CommandPing); err != nil {
		return nil, err
	}
	if err := checkCursors(cursors, ""); err != nil {
		return nil, err
	}
	if err := s.checkSession(ctx, p); err != nil {
		return nil, err
	}
	if _, err := s.Arrived(ctx, p); err != nil {
		return nil, err
	}
	var open []ConversationID
	err := s.retry(ctx, func() (err error) {
		open, err = s.Dir.Open(ctx, p.Workspace, p.User, "", MaxSubscriptions)
		return err
	})
	if err != nil {
		return nil, err
	}
	ids := slices.Collect(maps.Keys(cursors))
	for _, c := range open {
		if _, known := cursors[c]; !known {
			ids = append(ids, c)
		}
	}
	return s.heads(ctx, p, ids, cursors)
}

func (s *Service) heads(ctx context.Context, p Principal, ids []ConversationID, cursors map[ConversationID]Cursor) (*Pong, error) {
	found, err := parallel(ctx, ids, func(ctx context.Context, id ConversationID) (*Signal, error) {
		ref := Ref{p.Workspace, id}
		if read := cursors[id].Read; read > 0 {
			if sig, err := s.moveCursor(ctx, p, ref, read); err == nil {
				return sig, nil
			} // not this user's, or beyond the log: a ping is no place to complain
		}
		head, err := s.visible(ctx, p, ref, Own)
		if CodeOf(err) == CodeNotFound {
			return nil, nil
		}
		return &Signal{Head: head}, err
	})
	if err != nil {
		return nil, err
	}
	pong := &Pong{Heads: map[ConversationID]*Head{}}
	for i, sig := range found {
		if sig == nil {
			continue
		}
		pong.Heads[ids[i]] = sig.Head
		if sig.Moved {
			pong.Moved = append(pong.Moved, sig)
		}
	}
	return pong, nil
}
