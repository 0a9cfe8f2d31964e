package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
)

// List returns a user's sessions that hold, newest first.
func (s *Sessions) List(ctx context.Context, w chat.WorkspaceID, u chat.UserID) ([]Session, error) {
	all, err := s.Store.SessionsOf(ctx, w, u)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var out []Session
	now := s.now()
	for _, session := range all {
		if session.holds(now) == nil {
			out = append(out, session)
		}
	}
	return out, nil
}

// MaxSessions is how many sessions a member of staff has at once: a browser and a telephone or two, with room for those
// that were closed and not signed out. It bounds what following an account costs.
const MaxSessions = 20

// displace ends the oldest sessions of a member of staff who has more than MaxSessions with the one that was opened, and
// writes each down. Every sign-in looks after its own row was stored: of any number at once the last one sees them all.
func (s *Sessions) displace(ctx context.Context, opened Session) error {
	list, err := s.List(ctx, opened.Workspace, opened.User)
	if err != nil || len(list) <= MaxSessions {
		return err
	}
	for _, old := range list[MaxSessions:] {
		if err := s.dropped(s.Revoke(ctx, old)); err != nil {
			return err
		}
		if s.Audit == nil {
			continue
		}
		by := By{chat.Principal{Workspace: opened.Workspace, User: opened.User, Role: opened.Role}, opened.Source}
		if err := s.Audit.Record(ctx, by, ActSessionDisplaced, string(old.ID), nil, map[string]string{"by": string(opened.ID)}); err != nil {
			return err
		}
	}
	return nil
}

// RevokeOne signs one of a user's sessions out; chat.CodeNotFound when they have no such session that holds.
func (s *Sessions) RevokeOne(ctx context.Context, w chat.WorkspaceID, u chat.UserID, id chat.SessionID) error {
	missing := chat.Errorf(chat.CodeNotFound, "there is no such session")
	if !id.Valid() {
		return missing
	}
	session, ok, err := s.Store.Session(ctx, w, u, id)
	if err != nil {
		return fmt.Errorf("reading a session: %w", err)
	}
	if !ok || session.holds(s.now()) != nil {
		return missing
	}
	return s.Revoke(ctx, session)
}

// RevokeAll signs all of a user's sessions out but one, "" for none. An error that wraps ErrSocketsLeft means that
// they are revoked all the same.
func (s *Sessions) RevokeAll(ctx context.Context, w chat.WorkspaceID, u chat.UserID, but chat.SessionID) error {
	list, err := s.List(ctx, w, u)
	if err != nil {
		return err
	}
	var left []error
	for _, session := range list {
		if session.ID == but {
			continue
		}
		if err := s.Revoke(ctx, session); errors.Is(err, ErrSocketsLeft) {
			left = append(left, err)
		} else if err != nil {
			return err
		}
	}
	return errors.Join(left...)
}

// Follow has the sessions and the desk of an account follow a change of it by somebody: the sessions of a disabled
// account are revoked, and its conversations handed back; those under another role or in other departments get the new
// ones, and their sockets are closed, to be opened anew. Call it when the account is stored; it may be repeated. The
// session named by but is left alone, "" for none. An error that wraps ErrSocketsLeft means that all has been done but
// for sockets.
func (s *Sessions) Follow(ctx context.Context, by chat.Principal, a Account, but chat.SessionID) error {
	if a.Disabled {
		return s.dismiss(ctx, by, a.User, but, "the account is disabled")
	}
	if s.Desk != nil {
		if err := s.Desk.FollowAccount(ctx, by, chat.Posting{User: a.User, Name: a.Name, Role: a.Role, Departments: a.Departments}); err != nil {
			return fmt.Errorf("telling the desk: %w", err)
		}
	}
	list, err := s.List(ctx, a.Workspace, a.User)
	if err != nil {
		return err
	}
	var left []error
	for _, session := range list {
		if session.ID == but {
			continue
		}
		if err := s.follow(ctx, session, a); errors.Is(err, ErrSocketsLeft) {
			left = append(left, err)
		} else if err != nil {
			return err
		}
	}
	return errors.Join(left...)
}

// dismiss signs somebody out everywhere, and then has the desk let them go: an open socket could go on duty again.
func (s *Sessions) dismiss(ctx context.Context, by chat.Principal, u chat.UserID, but chat.SessionID, reason string) error {
	left := s.RevokeAll(ctx, by.Workspace, u, but)
	if left != nil && !errors.Is(left, ErrSocketsLeft) || s.Desk == nil {
		return left
	}
	if err := s.Desk.Dismiss(ctx, by, u, reason); err != nil {
		return fmt.Errorf("handing conversations back: %w", err)
	}
	return left
}

func (s *Sessions) follow(ctx context.Context, session Session, a Account) error {
	for range swapTries {
		if session.Role == a.Role && session.Departments == a.Departments && session.Name == a.Name {
			return nil
		}
		next := session
		next.Role, next.Departments, next.Name = a.Role, a.Departments, a.Name
		err := s.Store.SwapSession(ctx, session, next)
		if err == nil {
			if session.Role == a.Role && session.Departments == a.Departments {
				return nil
			}
			return s.endSockets(ctx, session, chat.CodeConflict)
		}
		if !errors.Is(err, ErrConflict) {
			return fmt.Errorf("changing a session: %w", err)
		}
		var ok bool
		if session, ok, err = s.Store.Session(ctx, session.Workspace, session.User, session.ID); err != nil || !ok || session.holds(s.now()) != nil {
			return err
		}
	}
	return s.Revoke(ctx, session) // rather out than under an old role
}

// endSockets closes a session's sockets. The error wraps ErrSocketsLeft.
func (s *Sessions) endSockets(ctx context.Context, session Session, reason chat.Code) error {
	if s.Sockets == nil {
		return nil
	}
	if err := s.Sockets.EndSession(ctx, session.Principal(), reason); err != nil {
		return fmt.Errorf("%w: %w", ErrSocketsLeft, err)
	}
	return nil
}

// AdminSessions lists another's sessions for an admin of the same workspace.
func (p *People) AdminSessions(ctx context.Context, by By, u chat.UserID) ([]Session, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandEditStaff); err != nil {
		return nil, err
	}
	if _, err := p.account(ctx, by.Workspace, u); err != nil {
		return nil, err
	}
	return p.Sessions.List(ctx, by.Workspace, u)
}

// SignOutEverywhere revokes another's sessions for an admin of the same workspace, and then writes it down.
func (p *People) SignOutEverywhere(ctx context.Context, by By, u chat.UserID) error {
	list, err := p.AdminSessions(ctx, by, u)
	if err != nil {
		return err
	}
	left := p.Sessions.RevokeAll(ctx, by.Workspace, u, "")
	if left != nil && !errors.Is(left, ErrSocketsLeft) {
		return left
	}
	before := map[string]string{"sessions": fmt.Sprint(len(list))}
	return errors.Join(p.Audit.Record(ctx, by, ActSessionsRevoked, string(u), before, nil), left)
}
