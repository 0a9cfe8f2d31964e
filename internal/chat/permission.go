package chat

// Command names something that a principal may ask for. Socket actions and HTTP routes both map to commands.
type Command string

// The commands.
const (
	CommandHello      Command = "hello"
	CommandPing       Command = "ping"
	CommandStart      Command = "start"
	CommandSend       Command = "send"
	CommandNote       Command = "note" // send on the desk track
	CommandEdit       Command = "edit"
	CommandEditNote   Command = "edit.note"
	CommandDelete     Command = "delete"
	CommandDeleteNote Command = "delete.note"
	CommandPage       Command = "page"
	CommandPageDesk   Command = "page.desk"
	CommandTyping     Command = "typing"
	CommandRead       Command = "read"
	CommandJoin       Command = "join"
	CommandClose      Command = "close"
	CommandReopen     Command = "reopen"
	CommandMute       Command = "mute"
	CommandWaiting    Command = "waiting" // see the list of waiting conversations
	CommandMine       Command = "mine"    // list one's own conversations
)

// Scope says how far a permission reaches.
type Scope uint8

// The scopes.
const (
	// Denied: not at all.
	Denied Scope = iota
	// Own: conversations in which the principal takes part. Checked by the very write, not before it.
	Own
	// Workspace: every conversation of the principal's workspace.
	Workspace
)

// permissions is the one table of who may do what. A missing cell is Denied.
// Authorship is checked besides: only the author edits, and only the author or a supervisor deletes.
var permissions = map[Command]map[Role]Scope{
	CommandHello:      {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandPing:       {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandStart:      {RoleCustomer: Own},
	CommandSend:       {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandNote:       {RoleOperator: Own, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandEdit:       {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandEditNote:   {RoleOperator: Own, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandDelete:     {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandDeleteNote: {RoleOperator: Own, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandPage:       {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandPageDesk:   {RoleOperator: Own, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandTyping:     {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandRead:       {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandJoin:       {RoleOperator: Workspace, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandClose:      {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandReopen:     {RoleOperator: Own, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandMute:       {RoleOperator: Own, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandWaiting:    {RoleOperator: Workspace, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandMine:       {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
}

// Commands lists every command, for tests that every one of them has a row.
func Commands() []Command {
	return []Command{CommandHello, CommandPing, CommandStart, CommandSend, CommandNote, CommandEdit, CommandEditNote,
		CommandDelete, CommandDeleteNote, CommandPage, CommandPageDesk, CommandTyping, CommandRead, CommandJoin,
		CommandClose, CommandReopen, CommandMute, CommandWaiting, CommandMine}
}

// Allowed returns how far the role may issue the command.
func Allowed(role Role, c Command) Scope { return permissions[c][role] }

// authorize returns the scope, or CodeForbidden.
func authorize(p Principal, c Command) (Scope, error) {
	if !p.Workspace.Valid() || !p.User.Valid() {
		return Denied, Errorf(CodeUnauthenticated, "no valid principal")
	}
	scope := Allowed(p.Role, c)
	if scope == Denied {
		return Denied, Errorf(CodeForbidden, "a %s may not %s", p.Role, c)
	}
	return scope, nil
}

// onTrack returns the command that stands for c on the track.
func onTrack(c Command, t Track) Command {
	if t != Desk {
		return c
	}
	switch c {
	case CommandSend:
		return CommandNote
	case CommandEdit:
		return CommandEditNote
	case CommandDelete:
		return CommandDeleteNote
	case CommandPage:
		return CommandPageDesk
	default:
		return c
	}
}
