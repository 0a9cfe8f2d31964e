package wsauth

import (
	"slices"
	"strconv"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Names in the authorizer's context. API Gateway keeps it for the socket's life and merges it into
// requestContext.authorizer of $connect, every message and $disconnect, each value as a text.
const (
	contextWorkspace = "workspace"
	contextUser      = "user"
	contextRole      = "role"
	contextSession   = "session"

	contextDepartments = "departments"
	contextUntil       = "until"
)

// contextOf returns the flat context that Principal reads back.
func contextOf(t identity.Ticket) map[string]any {
	out := map[string]any{
		contextWorkspace: string(t.Principal.Workspace),
		contextUser:      string(t.Principal.User),
		contextRole:      string(t.Principal.Role),
		contextSession:   string(t.Principal.Session),
	}
	if t.Principal.Departments != "" {
		out[contextDepartments] = string(t.Principal.Departments)
	}
	if t.Principal.Until != 0 {
		out[contextUntil] = strconv.FormatInt(t.Principal.Until, 10)
	}
	return out
}

// Principal reads who a socket belongs to from requestContext.authorizer. Connection is left for the caller to
// set, from requestContext.connectionId. The error is CodeUnauthenticated: a socket without a whole principal can
// only come from a route that was deployed without its authorizer.
func Principal(authorizer map[string]any) (chat.Principal, error) {
	text := func(name string) string {
		s, _ := authorizer[name].(string)
		return s
	}
	p := chat.Principal{
		Workspace: chat.WorkspaceID(text(contextWorkspace)),
		User:      chat.UserID(text(contextUser)),
		Role:      chat.Role(text(contextRole)),
		Session:   chat.SessionID(text(contextSession)),

		Departments: chat.DepartmentList(text(contextDepartments)),
	}
	var err error
	if until := text(contextUntil); until != "" {
		p.Until, err = strconv.ParseInt(until, 10, 64)
	}
	if err != nil || !p.Workspace.Valid() || !p.User.Valid() || !p.Session.Valid() || !slices.Contains(chat.Roles(), p.Role) {
		return chat.Principal{}, chat.Errorf(chat.CodeUnauthenticated, "the socket has no principal")
	}
	return p, nil
}
