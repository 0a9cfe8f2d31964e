package chat_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// permitted is the table again, written by hand: one letter per role in the order of chat.Roles
// (customer, operator, supervisor, admin, bot, API key): o own conversations, d the department's, w the workspace's, - denied.
var permitted = map[chat.Command]string{
	chat.CommandHello:        "oooo--",
	chat.CommandPing:         "oooo--",
	chat.CommandMine:         "ooooo-",
	chat.CommandStart:        "o----w",
	chat.CommandSend:         "oooooo",
	chat.CommandNote:         "-ddwow",
	chat.CommandEdit:         "oooooo",
	chat.CommandEditNote:     "-odwow",
	chat.CommandDelete:       "oodwow",
	chat.CommandDeleteNote:   "-odwow",
	chat.CommandPage:         "oddwow",
	chat.CommandPageDesk:     "-ddwow",
	chat.CommandTyping:       "ooooo-",
	chat.CommandRead:         "oooo--",
	chat.CommandWaiting:      "-ddw-w",
	chat.CommandJoin:         "-ddw--",
	chat.CommandAccept:       "-ooo--",
	chat.CommandAssign:       "--dw-w",
	chat.CommandTransfer:     "-odwow",
	chat.CommandWatch:        "--dw--",
	chat.CommandTakeOver:     "--dw--",
	chat.CommandClose:        "oodwow",
	chat.CommandReopen:       "-odw-w",
	chat.CommandSnooze:       "-odw-w",
	chat.CommandLeave:        "o-----",
	chat.CommandPerson:       "o-----",
	chat.CommandRate:         "o-----",
	chat.CommandForm:         "o-----",
	chat.CommandTag:          "-odwow",
	chat.CommandPriority:     "-odw-w",
	chat.CommandFields:       "-odwow",
	chat.CommandLink:         "-odw--",
	chat.CommandMacro:        "-odw--",
	chat.CommandMute:         "-odw--",
	chat.CommandDetails:      "-ddwow",
	chat.CommandHistory:      "-ddw-w",
	chat.CommandDuty:         "-ooo--",
	chat.CommandColleagues:   "-www-w",
	chat.CommandSupervise:    "--dw--",
	chat.CommandDesk:         "-ddw--",
	chat.CommandVisitors:     "-www--",
	chat.CommandVisit:        "o-----",
	chat.CommandContacts:     "-www-w",
	chat.CommandEditContact:  "-www-w",
	chat.CommandMergeContact: "--ww-w",
	chat.CommandBan:          "--ww-w",
	chat.CommandIdentify:     "o-----",
	chat.CommandLibrary:      "-wwwww",
	chat.CommandEditLibrary:  "--ww-w",
	chat.CommandOwnLibrary:   "-ooo--",
	chat.CommandArticles:     "wwwwww",
	chat.CommandSettings:     "--ww-w",
	chat.CommandEditSettings: "---w-w",
	chat.CommandStaff:        "--ww--",
	chat.CommandEditStaff:    "---w--",
	chat.CommandProfile:      "-ooo--",
	chat.CommandPeople:       "wwwwww",
	chat.CommandOwnSessions:  "oooo--",
	chat.CommandKeys:         "---w--",
	chat.CommandAudit:        "---w--",
}

// uses issues each command through the service. Commands that have no use case here are issued through the
// packages that have theirs.
var uses = map[chat.Command]func(*world, chat.Principal) error{
	chat.CommandHello: func(w *world, p chat.Principal) error {
		out, err := w.svc.Hello(w.Context(), p, map[chat.ConversationID]chat.Cursor{w.conv: {}}, "")
		if err == nil && len(out.Conversations) == 0 {
			return chat.Errorf(chat.CodeNotFound, "gone: %v", out.Gone)
		}
		return err
	},
	chat.CommandPing: func(w *world, p chat.Principal) error {
		out, err := w.svc.Ping(w.Context(), p, map[chat.ConversationID]chat.Cursor{w.conv: {Read: 1}})
		if err == nil && len(out.Heads) == 0 {
			return chat.Errorf(chat.CodeNotFound, "no head")
		}
		return err
	},
	chat.CommandStart: func(w *world, p chat.Principal) error {
		n := chat.NewConversation{ID: w.newConversation(), Messages: w.messages("x")}
		if p.Role == chat.RoleAPIKey {
			n.Customer = w.customer.User
		}
		_, err := w.svc.Start(w.Context(), p, n)
		return err
	},
	chat.CommandSend:       func(w *world, p chat.Principal) error { return w.sendOn(p, chat.Public) },
	chat.CommandNote:       func(w *world, p chat.Principal) error { return w.sendOn(p, chat.Desk) },
	chat.CommandEdit:       func(w *world, p chat.Principal) error { return w.edit(p, chat.Public) },
	chat.CommandEditNote:   func(w *world, p chat.Principal) error { return w.edit(p, chat.Desk) },
	chat.CommandDelete:     func(w *world, p chat.Principal) error { return w.delete(p, chat.Public) },
	chat.CommandDeleteNote: func(w *world, p chat.Principal) error { return w.delete(p, chat.Desk) },
	chat.CommandPage:       func(w *world, p chat.Principal) error { return w.page(p, chat.Public) },
	chat.CommandPageDesk:   func(w *world, p chat.Principal) error { return w.page(p, chat.Desk) },
	chat.CommandTyping: func(w *world, p chat.Principal) error {
		_, err := w.svc.Typing(w.Context(), p, w.conv, 0)
		return err
	},
	chat.CommandRead: func(w *world, p chat.Principal) error {
		_, err := w.svc.Read(w.Context(), p, w.conv, 1)
		return err
	},
	chat.CommandJoin: func(w *world, p chat.Principal) error {
		_, err := w.svc.Join(w.Context(), p, w.step())
		return err
	},
	chat.CommandClose: func(w *world, p chat.Principal) error {
		_, err := w.svc.Close(w.Context(), p, w.step())
		return err
	},
	chat.CommandReopen: func(w *world, p chat.Principal) error {
		if h, err := w.store.Head(w.Context(), w.ref()); err == nil && h.Status != chat.StatusClosed {
			w.close(w.customer)
		}
		_, err := w.svc.Reopen(w.Context(), p, w.step())
		return err
	},
	chat.CommandMute: func(w *world, p chat.Principal) error {
		_, err := w.svc.Mute(w.Context(), p, w.muting(time.Minute))
		return err
	},
	chat.CommandTransfer: func(w *world, p chat.Principal) error {
		_, err := w.svc.Transfer(w.Context(), p, chat.Transfer{Step: w.step(), Operator: w.operator.User})
		return err
	},
	chat.CommandAssign: func(w *world, p chat.Principal) error {
		_, err := w.svc.Assign(w.Context(), p, w.step(), w.operator.User)
		return err
	},
	chat.CommandWatch: func(w *world, p chat.Principal) error {
		_, err := w.svc.Watch(w.Context(), p, w.step())
		return err
	},
	chat.CommandTakeOver: func(w *world, p chat.Principal) error {
		_, err := w.svc.TakeOver(w.Context(), p, w.step(), false)
		return err
	},
	chat.CommandSnooze: func(w *world, p chat.Principal) error {
		if w.head().Status == chat.StatusQueued {
			w.join()
		}
		_, err := w.svc.Snooze(w.Context(), p, w.step(), w.clock.Now().Add(time.Hour))
		return err
	},
	chat.CommandLeave: func(w *world, p chat.Principal) error {
		_, err := w.svc.Leave(w.Context(), p, w.step())
		return err
	},
	chat.CommandPerson: func(w *world, p chat.Principal) error {
		_, err := w.svc.Person(w.Context(), p, w.step())
		return err
	},
	chat.CommandRate: func(w *world, p chat.Principal) error {
		_, err := w.svc.SubmitRating(w.Context(), p, w.step(), 5, "")
		return err
	},
	chat.CommandForm: func(w *world, p chat.Principal) error {
		_, err := w.svc.SubmitForm(w.Context(), p, w.step(), chat.Form{Mail: "ada@shop.example"})
		return err
	},
	chat.CommandTag: func(w *world, p chat.Principal) error {
		_, err := w.svc.Tag(w.Context(), p, w.step(), []string{"vip"}, nil)
		return err
	},
	chat.CommandPriority: func(w *world, p chat.Principal) error {
		_, err := w.svc.SetPriority(w.Context(), p, w.step(), 2)
		return err
	},
	chat.CommandFields: func(w *world, p chat.Principal) error {
		_, err := w.svc.SetFields(w.Context(), p, w.step(), map[string]string{"order": "17"})
		return err
	},
	chat.CommandLink: func(w *world, p chat.Principal) error {
		into := w.newConversation()
		c := w.customer
		if c.Workspace = p.Workspace; c.Workspace.Valid() {
			_, err := w.begin(w.Context(), c, into, "", w.messages("x"))
			w.must(err)
			if _, in := w.head().Participants[p.User]; in {
				w.admitTo(p, chat.Ref{Workspace: p.Workspace, Conversation: into})
			}
		}
		_, err := w.svc.Link(w.Context(), p, w.step(), into)
		return err
	},
	chat.CommandDetails: func(w *world, p chat.Principal) error {
		_, err := w.svc.Details(w.Context(), p, w.conv)
		return err
	},
	chat.CommandHistory: func(w *world, p chat.Principal) error {
		none := chat.DepartmentID("")
		page, err := w.svc.List(w.Context(), p, chat.ListQuery{Department: &none})
		if err == nil && len(page.Conversations) == 0 {
			return chat.Errorf(chat.CodeForbidden, "does not see the list")
		}
		return err
	},
	chat.CommandWaiting: func(w *world, p chat.Principal) error {
		out, err := w.svc.Waiting(w.Context(), p, 9)
		if err == nil && !slices.ContainsFunc(out, func(e chat.Waiting) bool { return e.Conversation == w.conv }) {
			return chat.Errorf(chat.CodeForbidden, "does not see the list")
		}
		return err
	},
}

func (w *world) sendOn(p chat.Principal, t chat.Track) error {
	_, err := w.svc.Send(w.Context(), p, w.conv, t, 0, w.messages("x"))
	return err
}

func (w *world) edit(p chat.Principal, t chat.Track) error {
	_, err := w.svc.Edit(w.Context(), p, w.revision(t, w.head().Track(t).Last, "x"))
	return err
}

func (w *world) delete(p chat.Principal, t chat.Track) error {
	_, err := w.svc.Delete(w.Context(), p, w.revision(t, w.head().Track(t).Last, ""))
	return err
}

func (w *world) page(p chat.Principal, t chat.Track) error {
	_, err := w.svc.Page(w.Context(), p, chat.PageQuery{Conversation: w.conv, Track: t})
	return err
}

// admit makes the principal a participant without any use case.
func (w *world) admit(p chat.Principal) {
	w.Helper()
	w.admitTo(p, w.ref())
}

func (w *world) admitTo(p chat.Principal, ref chat.Ref) {
	w.Helper()
	h, err := w.store.Head(w.Context(), ref)
	w.must(err)
	w.must(w.store.Transition(w.Context(), chat.Append{Ref: ref, Track: chat.Public, After: h.Public.Last, Rule: chat.Rule{Actor: p.User}},
		chat.Change{Old: h, Status: h.Status, Join: p.Role}))
}

// author appends a message and a note of the principal, for those who change their own.
func (w *world) author(p chat.Principal) {
	w.Helper()
	for _, t := range chat.Tracks() {
		h := w.head()
		_, err := w.store.Append(w.Context(), chat.Append{Ref: w.ref(), Track: t, After: h.Track(t).Last, Events: []chat.Event{
			{Seq: h.Track(t).Last + 1, ID: w.eventID(), Type: chat.EventMessage, Sender: p.User, Role: p.Role, Text: "mine"},
		}})
		w.must(err)
	}
}

// relations are how a principal may stand to the conversation.
var relations = []string{"participant", "not a participant", "of another department", "of another workspace"}

// expected says which code a cell must answer with, by the table above.
func expected(cmd chat.Command, scope byte, relation string) chat.Code {
	lists := cmd == chat.CommandWaiting || cmd == chat.CommandHistory
	switch {
	case scope == '-':
		return chat.CodeForbidden
	case cmd == chat.CommandStart || relation == "participant" && !lists:
		return ""
	case lists && (relation == "of another workspace" || scope == 'd' && relation == "of another department"):
		return chat.CodeForbidden // sees a list, but not this one
	case relation == "of another workspace" || scope == 'o' || scope == 'd' && relation == "of another department":
		return chat.CodeNotFound
	}
	return ""
}

func TestEveryCellOfThePermissionTable(t *testing.T) {
	t.Parallel()
	cells := 0
	for cmd, row := range permitted {
		for i, role := range chat.Roles() {
			row := row + "-" // the last is RoleSystem, which is no principal
			want := map[byte]chat.Scope{'o': chat.Own, 'd': chat.Department, 'w': chat.Workspace, '-': chat.Denied}[row[i]]
			if got := chat.Allowed(role, cmd); got != want {
				t.Errorf("%s by %s: the table says %d, want %c", cmd, role, got, row[i])
			}
			use, ok := uses[cmd]
			if !ok {
				continue
			}
			for _, relation := range relations {
				cells++
				t.Run(fmt.Sprintf("%s by %s, %s", cmd, role, relation), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					w.start("hello")
					p := w.principal(w.customer.Workspace, role, "somebody")
					p.Grants = chat.JoinGrants(chat.Grants()...)
					switch relation {
					case "participant":
						w.admit(p)
					case "of another department":
						p.Departments = chat.JoinDepartments(chat.DepartmentID(w.id(chat.DepartmentPrefix)))
					case "of another workspace":
						p.Workspace = chat.WorkspaceID(w.id(chat.WorkspacePrefix))
					}
					w.author(p)
					want := expected(cmd, row[i], relation)
					if role == chat.RoleBot && relation == "participant" && (cmd == chat.CommandSend || cmd == chat.CommandEdit) {
						want = chat.CodeStaleEpoch // it takes part, but does not lead
					}
					if err := use(w, p); chat.CodeOf(err) != want {
						t.Errorf("%v, want %q", err, want)
					}
				})
			}
		}
	}
	if want := len(uses) * len(chat.Roles()) * len(relations); cells != want {
		t.Errorf("%d cells were tried, want %d", cells, want)
	}
}

// A command that somebody adds must get a row here, a row in the table, and a place in Commands.
func TestEveryCommandHasARow(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "permission.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || fmt.Sprint(spec.Type) != "Command" {
			return true
		}
		for _, v := range spec.Values {
			name, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared++
			if !slices.Contains(chat.Commands(), chat.Command(name)) {
				t.Errorf("%s is not in Commands", name)
			}
		}
		return true
	})
	if declared != len(chat.Commands()) || declared != len(permitted) {
		t.Errorf("%d commands are declared, %d listed, %d have a row here", declared, len(chat.Commands()), len(permitted))
	}
	for _, cmd := range chat.Commands() {
		if len(permitted[cmd]) != len(chat.Roles())-1 {
			t.Errorf("%s has no row in this test", cmd)
		}
		if !slices.ContainsFunc(chat.Roles(), func(r chat.Role) bool { return chat.Allowed(r, cmd) != chat.Denied }) {
			t.Errorf("%s has no row in the table: nobody may issue it", cmd)
		}
	}
}

func TestNoPrincipalNoCommand(t *testing.T) {
	t.Parallel()
	for cmd, use := range uses {
		for name, spoil := range map[string]func(*chat.Principal){
			"no workspace": func(p *chat.Principal) { p.Workspace = "" },
			"no user":      func(p *chat.Principal) { p.User = "u_" },
			"no role":      func(p *chat.Principal) { p.Role = "" },
			"unknown role": func(p *chat.Principal) { p.Role = "root" },
		} {
			w := newWorld(t)
			w.start("hello")
			p := w.customer
			if chat.Allowed(p.Role, cmd) == chat.Denied {
				p = w.operator
				w.admit(p)
			}
			w.author(p)
			spoil(&p)
			if code := chat.CodeOf(use(w, p)); code != chat.CodeUnauthenticated && code != chat.CodeForbidden {
				t.Errorf("%s, %s: %q", cmd, name, code)
			}
		}
	}
}

// Each command that keys and bots may issue takes one grant: that one lets them, all the others together do not.
func TestGrantsAreToldApart(t *testing.T) {
	t.Parallel()
	for _, role := range []chat.Role{chat.RoleBot, chat.RoleAPIKey} {
		for cmd := range permitted {
			if chat.Allowed(role, cmd) == chat.Denied {
				continue
			}
			var lets []chat.Grant
			for _, g := range chat.Grants() {
				if (chat.Principal{Role: role, Grants: chat.JoinGrants(g)}).Granted(cmd) {
					lets = append(lets, g)
				}
			}
			others := slices.DeleteFunc(chat.Grants(), func(g chat.Grant) bool { return slices.Contains(lets, g) })
			if len(lets) != 1 || (chat.Principal{Role: role, Grants: chat.JoinGrants(others...)}).Granted(cmd) {
				t.Errorf("%s by %s: let by %q, or by all the others", cmd, role, lets)
			}
		}
	}
}
