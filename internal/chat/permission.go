package chat

import (
	"slices"
	"strings"
)

// Command names something that a principal may ask for. Socket actions and HTTP routes both map to commands.
type Command string

// The commands.
const (
	// A socket, and one's own conversations.
	CommandHello Command = "hello"
	CommandPing  Command = "ping"
	CommandMine  Command = "mine" // list one's own conversations

	// Talking.
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

	// A conversation's life.
	CommandWaiting  Command = "waiting"  // see the list of waiting conversations
	CommandJoin     Command = "join"     // take a conversation that nobody has
	CommandAccept   Command = "accept"   // accept or decline an offer
	CommandAssign   Command = "assign"   // give a conversation to an operator, also one who is not eligible but has room
	CommandTransfer Command = "transfer" // pass a conversation to an operator, a department or a bot
	CommandWatch    Command = "watch"    // follow a conversation without being assigned
	CommandTakeOver Command = "takeover" // become the assignee in place of another
	CommandClose    Command = "close"
	CommandReopen   Command = "reopen"
	CommandSnooze   Command = "snooze" // put off until a time, and wake
	CommandLeave    Command = "leave"  // leave the queue
	CommandPerson   Command = "person" // ask for a person in place of a bot or a form
	CommandRate     Command = "rate"
	CommandForm     Command = "form" // fill in the form before a chat, or leave an address
	CommandTag      Command = "tag"
	CommandPriority Command = "priority"
	CommandFields   Command = "fields" // set the conversation's fields
	CommandLink     Command = "link"   // merge by link
	CommandMacro    Command = "macro"  // apply a macro
	CommandMute     Command = "mute"
	CommandDetails  Command = "details" // read tags, fields, times and decisions
	CommandHistory  Command = "history" // list conversations by department, operator, customer, tag or view

	// Operators and the live desk.
	CommandDuty       Command = "duty"       // set one's own status
	CommandColleagues Command = "colleagues" // see who is on duty, and how loaded
	CommandSupervise  Command = "supervise"  // set somebody else's status, capacity, departments or skills
	CommandDesk       Command = "desk"       // follow the live desk
	CommandVisitors   Command = "visitors"   // see who is on the site now
	CommandVisit      Command = "visit"      // tell the page that one is on

	// Contacts.
	CommandContacts     Command = "contacts" // look up customers
	CommandEditContact  Command = "contacts.edit"
	CommandMergeContact Command = "contacts.merge"
	CommandBan          Command = "ban"      // keep a customer or an address out, and let back in
	CommandIdentify     Command = "identify" // prove who one is, by the business's token

	// The workspace.
	CommandLibrary      Command = "library"       // read departments, hours, tags, canned responses, macros and articles
	CommandEditLibrary  Command = "library.edit"  // write shared canned responses, macros, tags, articles and views
	CommandOwnLibrary   Command = "library.own"   // write one's own canned responses and views
	CommandArticles     Command = "articles"      // read and search published help articles
	CommandSettings     Command = "settings"      // read settings, rules, forms and policies
	CommandEditSettings Command = "settings.edit" // write settings, departments, hours, rules, forms and policies
	CommandStaff        Command = "staff"         // list members of staff
	CommandEditStaff    Command = "staff.edit"    // invite, change and disable members of staff, and revoke their sessions
	CommandProfile      Command = "profile"       // read and change one's own account and preferences
	CommandPeople       Command = "people"        // see the names of those who answer
	CommandOwnSessions  Command = "sessions.own"  // list and revoke one's own sessions
	CommandKeys         Command = "keys"          // make and revoke API keys, bots and widget keys
	CommandAudit        Command = "audit"         // read the audit log
)

// Scope says how far a permission reaches.
type Scope uint8

// The scopes, each of which includes those before it.
const (
	// Denied: not at all.
	Denied Scope = iota
	// Own: conversations in which the principal takes part, or what is the principal's. Checked by the very
	// write, not before it.
	Own
	// Department: also the conversations of the departments that the principal works in.
	Department
	// Workspace: everything of the principal's workspace.
	Workspace
)

// permissions is the one table of who may do what. A missing cell is Denied.
// Authorship is checked besides: only the author edits, and only the author or a supervisor deletes. Bots and API
// keys need the grant of the command too.
var permissions = map[Command]map[Role]Scope{
	// A socket, and one's own conversations.
	CommandHello: {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandPing:  {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandMine:  {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own, RoleBot: Own},

	// Talking.
	CommandStart:      {RoleCustomer: Own, RoleAPIKey: Workspace},
	CommandSend:       {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own, RoleBot: Own, RoleAPIKey: Own},
	CommandNote:       {RoleOperator: Department, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandEdit:       {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own, RoleBot: Own, RoleAPIKey: Own},
	CommandEditNote:   {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandDelete:     {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandDeleteNote: {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandPage:       {RoleCustomer: Own, RoleOperator: Department, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandPageDesk:   {RoleOperator: Department, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandTyping:     {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own, RoleBot: Own},
	CommandRead:       {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},

	// A conversation's life.
	CommandWaiting:  {RoleOperator: Department, RoleSupervisor: Department, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandJoin:     {RoleOperator: Department, RoleSupervisor: Department, RoleAdmin: Workspace},
	CommandAccept:   {RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own}, // whoever is on duty may be offered one
	CommandAssign:   {RoleSupervisor: Department, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandTransfer: {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandWatch:    {RoleSupervisor: Department, RoleAdmin: Workspace},
	CommandTakeOver: {RoleSupervisor: Department, RoleAdmin: Workspace},
	CommandClose:    {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandReopen:   {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandSnooze:   {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandLeave:    {RoleCustomer: Own},
	CommandPerson:   {RoleCustomer: Own},
	CommandRate:     {RoleCustomer: Own},
	CommandForm:     {RoleCustomer: Own},
	CommandTag:      {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandPriority: {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandFields:   {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandLink:     {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace},
	CommandMacro:    {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace},
	CommandMute:     {RoleOperator: Own, RoleSupervisor: Department, RoleAdmin: Workspace},
	CommandDetails:  {RoleOperator: Department, RoleSupervisor: Department, RoleAdmin: Workspace, RoleBot: Own, RoleAPIKey: Workspace},
	CommandHistory:  {RoleOperator: Department, RoleSupervisor: Department, RoleAdmin: Workspace, RoleAPIKey: Workspace},

	// Operators and the live desk.
	CommandDuty:       {RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandColleagues: {RoleOperator: Workspace, RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandSupervise:  {RoleSupervisor: Department, RoleAdmin: Workspace},
	CommandDesk:       {RoleOperator: Department, RoleSupervisor: Department, RoleAdmin: Workspace},
	CommandVisitors:   {RoleOperator: Workspace, RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandVisit:      {RoleCustomer: Own},

	// Contacts.
	CommandContacts:     {RoleOperator: Workspace, RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandEditContact:  {RoleOperator: Workspace, RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandMergeContact: {RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandBan:          {RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandIdentify:     {RoleCustomer: Own},

	// The workspace.
	CommandLibrary:      {RoleOperator: Workspace, RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleBot: Workspace, RoleAPIKey: Workspace},
	CommandEditLibrary:  {RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandOwnLibrary:   {RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandArticles:     {RoleCustomer: Workspace, RoleOperator: Workspace, RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleBot: Workspace, RoleAPIKey: Workspace},
	CommandSettings:     {RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandEditSettings: {RoleAdmin: Workspace, RoleAPIKey: Workspace},
	CommandStaff:        {RoleSupervisor: Workspace, RoleAdmin: Workspace},
	CommandEditStaff:    {RoleAdmin: Workspace},
	CommandProfile:      {RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandPeople:       {RoleCustomer: Workspace, RoleOperator: Workspace, RoleSupervisor: Workspace, RoleAdmin: Workspace, RoleBot: Workspace, RoleAPIKey: Workspace},
	CommandOwnSessions:  {RoleCustomer: Own, RoleOperator: Own, RoleSupervisor: Own, RoleAdmin: Own},
	CommandKeys:         {RoleAdmin: Workspace},
	CommandAudit:        {RoleAdmin: Workspace},
}

// Grant is a right of a bot or an API key, given when it is made.
type Grant string

// The grants.
const (
	GrantReadConversations  Grant = "conversations:read"
	GrantWriteConversations Grant = "conversations:write"
	GrantRoute              Grant = "conversations:route"
	GrantReadContacts       Grant = "contacts:read"
	GrantWriteContacts      Grant = "contacts:write"
	GrantReadWorkspace      Grant = "workspace:read"
	GrantWriteWorkspace     Grant = "workspace:write"
)

// Lists separated by commas: texts, so that principals can be compared and travel in the authorizer's context, whose
// values are texts.
type (
	// GrantList holds grants.
	GrantList string
	// DepartmentList holds departments; "" stands for all.
	DepartmentList string
)

// JoinGrants makes a list.
func JoinGrants(list ...Grant) GrantList { return GrantList(join(list)) }

// JoinDepartments makes a list.
func JoinDepartments(list ...DepartmentID) DepartmentList { return DepartmentList(join(list)) }

// All returns the list's members.
func (l GrantList) All() []Grant { return split[Grant](string(l)) }

// All returns the list's members.
func (l DepartmentList) All() []DepartmentID { return split[DepartmentID](string(l)) }

// Has says whether the list has the grant.
func (l GrantList) Has(g Grant) bool { return slices.Contains(l.All(), g) }

// Has says whether the list has the department.
func (l DepartmentList) Has(d DepartmentID) bool { return slices.Contains(l.All(), d) }

func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = string(v)
	}
	return strings.Join(texts, ",")
}

func split[T ~string](list string) []T {
	if list == "" {
		return nil
	}
	var out []T
	for text := range strings.SplitSeq(list, ",") {
		out = append(out, T(text))
	}
	return out
}

// Grants lists every grant.
func Grants() []Grant {
	return []Grant{GrantReadConversations, GrantWriteConversations, GrantRoute, GrantReadContacts, GrantWriteContacts,
		GrantReadWorkspace, GrantWriteWorkspace}
}

// grants says which grant a bot or an API key needs for a command. A command that is not here is theirs to issue
// only if the table says so, which it does not.
var grants = map[Command]Grant{
	CommandStart:        GrantWriteConversations,
	CommandSend:         GrantWriteConversations,
	CommandNote:         GrantWriteConversations,
	CommandEdit:         GrantWriteConversations,
	CommandEditNote:     GrantWriteConversations,
	CommandDelete:       GrantWriteConversations,
	CommandDeleteNote:   GrantWriteConversations,
	CommandMine:         GrantReadConversations,
	CommandPage:         GrantReadConversations,
	CommandPageDesk:     GrantReadConversations,
	CommandTyping:       GrantWriteConversations,
	CommandWaiting:      GrantReadConversations,
	CommandAssign:       GrantRoute,
	CommandTransfer:     GrantRoute,
	CommandClose:        GrantWriteConversations,
	CommandReopen:       GrantWriteConversations,
	CommandSnooze:       GrantWriteConversations,
	CommandTag:          GrantWriteConversations,
	CommandPriority:     GrantWriteConversations,
	CommandFields:       GrantWriteConversations,
	CommandDetails:      GrantReadConversations,
	CommandHistory:      GrantReadConversations,
	CommandColleagues:   GrantReadConversations,
	CommandPeople:       GrantReadConversations,
	CommandContacts:     GrantReadContacts,
	CommandEditContact:  GrantWriteContacts,
	CommandMergeContact: GrantWriteContacts,
	CommandBan:          GrantWriteContacts,
	CommandLibrary:      GrantReadWorkspace,
	CommandEditLibrary:  GrantWriteWorkspace,
	CommandArticles:     GrantReadWorkspace,
	CommandSettings:     GrantReadWorkspace,
	CommandEditSettings: GrantWriteWorkspace,
}

// Commands lists every command, for tests that every one of them has a row.
func Commands() []Command {
	return []Command{
		CommandHello, CommandPing, CommandMine, CommandStart, CommandSend, CommandNote, CommandEdit, CommandEditNote,
		CommandDelete, CommandDeleteNote, CommandPage, CommandPageDesk, CommandTyping, CommandRead, CommandWaiting,
		CommandJoin, CommandAccept, CommandAssign, CommandTransfer, CommandWatch, CommandTakeOver, CommandClose,
		CommandReopen, CommandSnooze, CommandLeave, CommandPerson, CommandRate, CommandForm, CommandTag,
		CommandPriority, CommandFields, CommandLink, CommandMacro, CommandMute, CommandDetails, CommandHistory,
		CommandDuty, CommandColleagues, CommandSupervise, CommandDesk, CommandVisitors, CommandVisit, CommandContacts,
		CommandEditContact, CommandMergeContact, CommandBan, CommandIdentify, CommandLibrary, CommandEditLibrary,
		CommandOwnLibrary, CommandArticles, CommandSettings, CommandEditSettings, CommandStaff, CommandEditStaff,
		CommandProfile, CommandPeople, CommandOwnSessions, CommandKeys, CommandAudit,
	}
}

// Allowed returns how far the role may issue the command.
func Allowed(role Role, c Command) Scope { return permissions[c][role] }

// authorize returns the scope, or CodeForbidden.
func authorize(p Principal, c Command) (Scope, error) {
	if !p.Workspace.Valid() || !p.User.Valid() {
		return Denied, Errorf(CodeUnauthenticated, "no valid principal")
	}
	scope := Allowed(p.Role, c)
	if p.Role == RoleSystem && p.Rule != "" && slices.Contains(automated, c) {
		scope = Workspace
	}
	if scope == Denied {
		return Denied, Errorf(CodeForbidden, "the role %s does not allow: %s", p.Role, c)
	}
	if !p.Granted(c) {
		return Denied, Errorf(CodeForbidden, "this %s lacks the scope %s", p.Role, grants[c])
	}
	return scope, nil
}

// automated lists what automation rules may do: what the steps of macros are. They act in nobody's name (see ByRule), for
// the workspace whose admin made them.
var automated = []Command{
	CommandSend, CommandNote, CommandTag, CommandPriority, CommandFields, CommandTransfer, CommandAssign, CommandSnooze, CommandClose,
}

// Authorize returns how far the principal may issue the command, or CodeForbidden; CodeUnauthenticated without a
// valid principal.
func Authorize(p Principal, c Command) (Scope, error) { return authorize(p, c) }

// Granted says whether the principal's grants allow the command: people need none.
func (p Principal) Granted(c Command) bool {
	if p.Role != RoleBot && p.Role != RoleAPIKey {
		return true
	}
	g := grants[c]
	return g != "" && p.Grants.Has(g)
}

// WorksIn says whether the principal works in the department. Who is given no department works in all of them, so
// that a small team never has to think of departments.
func (p Principal) WorksIn(d DepartmentID) bool {
	return p.Departments == "" || p.Departments.Has(d)
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
