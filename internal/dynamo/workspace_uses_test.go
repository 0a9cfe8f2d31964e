package dynamo

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// What refers to a department outside the workspace's documents is found, and what refers to another one is not.
func TestUsesOfADepartment(t *testing.T) {
	t.Parallel()
	ids, _ := newIdentity(t)
	ctx, now := t.Context(), time.UnixMilli(1_790_000_000_000)
	user := func() chat.UserID { return chat.UserID(chat.NewID(chat.UserPrefix, now)) }
	d, other := chat.DepartmentID(chat.NewID(chat.DepartmentPrefix, now)), chat.DepartmentID(chat.NewID(chat.DepartmentPrefix, now))
	in, elsewhere := chat.JoinDepartments(other, d), chat.JoinDepartments(other)
	member, routed := user(), user()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	staff := func(u chat.UserID, address string, list chat.DepartmentList, disabled bool) {
		must(ids.PutStaff(ctx, identity.Account{Workspace: goldenWorkspace, User: u, Address: address, Name: "Ada", Role: chat.RoleOperator, Departments: list, Disabled: disabled}, "hash"))
	}
	gone := user()
	staff(member, "a@shop.example", in, false)
	staff(user(), "b@shop.example", elsewhere, false)
	staff(gone, "c@shop.example", elsewhere, true)
	staff(user(), "d@shop.example", "", false)
	must(ids.Store.ChangeOperator(ctx, nil, chat.Operator{Workspace: goldenWorkspace, User: routed, Role: chat.RoleOperator, Departments: in, Duty: chat.DutyAway, Capacity: 1}))
	entry := (&identity.Audit{}).Entry(identity.By{Principal: chat.Principal{Workspace: goldenWorkspace}}, "", "", nil, nil)
	must(ids.PutInvitation(ctx, identity.Invitation{Workspace: goldenWorkspace, ID: chat.NewID(identity.InvitationPrefix, now), Address: "e@shop.example", Departments: in, Expires: now.Add(time.Hour)}, entry))
	must(ids.PutProvider(ctx, identity.Provider{Workspace: goldenWorkspace, Version: 1, Mappings: []identity.GroupMapping{{Group: "x", Departments: elsewhere}, {Group: "y", Departments: in}}}, 0, entry))
	conversation := chat.ConversationID(chat.NewID(chat.ConversationPrefix, now))
	must(ids.Store.Create(ctx, chat.Creation{
		Ref: chat.Ref{Workspace: goldenWorkspace, Conversation: conversation}, Customer: user(), Role: chat.RoleCustomer, Status: chat.StatusQueued, Department: d, At: now,
		Events: []chat.Event{{ID: chat.EventID(chat.NewID(chat.EventPrefix, now)), Type: chat.EventStarted, Seq: 1, At: now}},
	}))
	knows := WorkspaceKnows(ids)
	uses, err := knows.UsesOf(ctx, goldenWorkspace, d)
	must(err)
	want := map[string]string{"staff": string(member) + " (Ada)", "operators": string(routed), "oidc": "mappings[1]", "waiting": string(conversation)}
	for name, use := range want {
		if !slices.Equal(uses[name], []string{use}) {
			t.Errorf("%s: %q, want %q", name, uses[name], use)
		}
	}
	if len(uses["invitations"]) != 1 || len(uses) != len(want)+1 {
		t.Errorf("%v", uses)
	}
	if uses, err = knows.UsesOf(ctx, goldenWorkspace, chat.DepartmentID(chat.NewID(chat.DepartmentPrefix, now))); err != nil || len(uses) != 0 {
		t.Errorf("%v, %v", uses, err)
	}
	bot := identity.Key{Workspace: goldenWorkspace, ID: user(), Role: chat.RoleBot, Name: "Helper", Version: 1, Created: now}
	must(ids.PutKey(ctx, bot, 0, entry))
	for _, c := range []struct {
		user       chat.UserID
		staff, bot bool
	}{{member, true, false}, {gone, false, false}, {bot.ID, false, true}, {user(), false, false}} {
		isStaff, err := knows.Staff(ctx, goldenWorkspace, c.user)
		must(err)
		isBot, err := knows.Bot(ctx, goldenWorkspace, c.user)
		must(err)
		if isStaff != c.staff || isBot != c.bot {
			t.Errorf("%s: staff %v, bot %v", c.user, isStaff, isBot)
		}
	}
}
