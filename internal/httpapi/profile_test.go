package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// What somebody says about themselves is theirs to change, and nothing else of their account is.
func TestProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, token := w.operator()
	first := w.do("GET", "/v1/me", "", "Authorization", token)
	me := decodeAs[Profile](t, first)
	if me.User != operatorOne || me.Email != "one@example.com" || me.WorkspaceName != "One" || me.May["join"] != "department" || me.May["keys"] != "" {
		t.Errorf("%+v", me)
	}
	patch := func(body, match string) answer {
		return w.do("PATCH", "/v1/me", body, "Authorization", token, "If-Match", match)
	}
	w.problem("without If-Match", w.do("PATCH", "/v1/me", `{"name":"Ada"}`, "Authorization", token), 428, chat.CodeInvalid, "")
	changed := patch(`{"name":"Ada King","publicName":"Ada","avatar":"https://cdn.example/ada.png","locale":"en-GB","timeZone":"Europe/London"}`, first.Header.Get("ETag"))
	me = decodeAs[Profile](t, changed)
	if me.Name != "Ada King" || me.PublicName != "Ada" || me.Avatar == "" || me.Locale != "en-GB" || me.TimeZone != "Europe/London" || me.Version != 1 {
		t.Errorf("%d %s", changed.StatusCode, changed.body)
	}
	w.problem("an old version", patch(`{"name":"Ada"}`, first.Header.Get("ETag")), 412, chat.CodeConflict, "")
	for _, body := range []string{
		`{"role":"admin"}`, `{"departments":[]}`, `{"email":"x@example.com"}`, `{"disabled":false}`, `{"version":9}`, `{"name":""}`,
		`{"name":"a\u202eb"}`, `{"avatar":"http://cdn.example/a.png"}`, `{"avatar":"javascript:alert(1)"}`, `{"avatar":"data:image/svg+xml,x"}`,
		`{"avatar":"https://u:p@cdn.example/a.png"}`, `{"avatar":"https://cdn.example/\"onload=x"}`, `{"locale":"de_CH!"}`, `{"timeZone":"Mars/Olympus"}`, `{"timeZone":"../../etc/passwd"}`,
	} {
		w.problem(body, patch(body, "*"), 400, chat.CodeInvalid, "")
	}
	if after := decodeAs[Profile](t, w.do("GET", "/v1/me", "", "Authorization", token)); after.Version != 1 || after.Role != chat.RoleOperator {
		t.Errorf("what was refused has changed something: %+v", after)
	}
	me = decodeAs[Profile](t, patch(`{"publicName":"","avatar":"","locale":"","timeZone":""}`, "*"))
	if me.PublicName != "" || me.Avatar != "" || me.Locale != "" || me.TimeZone != "" || me.Name != "Ada King" {
		t.Errorf("taken off: %+v", me)
	}
	if s := decodeAs[Session](t, w.do("GET", "/v1/sessions/current", "", "Authorization", token)); s.Name != "Ada King" {
		t.Errorf("the session is called %q", s.Name)
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, token := w.operator()
	empty := w.do("GET", "/v1/me/preferences", "", "Authorization", token)
	if p := decodeAs[Preferences](t, empty); p.Version != 0 || p.Values == nil {
		t.Errorf("%s", empty.body)
	}
	put := func(body, match string) answer {
		return w.do("PUT", "/v1/me/preferences", body, "Authorization", token, "If-Match", match)
	}
	a := put(`{"values":{"sound":"on","layout":"{\"left\":300}"}}`, empty.Header.Get("ETag"))
	if p := decodeAs[Preferences](t, a); p.Version != 1 || p.Values["sound"] != "on" {
		t.Errorf("%s", a.body)
	}
	w.problem("another window was faster", put(`{"values":{"sound":"off"}}`, empty.Header.Get("ETag")), 412, chat.CodeConflict, "")
	w.problem("no values", put(`{}`, "*"), 400, chat.CodeInvalid, "")
	w.problem("a long one", put(`{"values":{"a":"`+strings.Repeat("x", identity.MaxPreference+1)+`"}}`, "*"), 400, chat.CodeInvalid, "")
	var many []string
	for i := range identity.MaxPreferences + 1 {
		many = append(many, `"`+strconv.Itoa(i)+`":""`)
	}
	w.problem("many", put(`{"values":{`+strings.Join(many, ",")+`}}`, "*"), 400, chat.CodeInvalid, "")
	var much []string
	for i := range 20 {
		much = append(much, `"`+strconv.Itoa(i)+`":"`+strings.Repeat("x", identity.MaxPreference)+`"`)
	}
	w.problem("much", put(`{"values":{`+strings.Join(much, ",")+`}}`, "*"), 400, chat.CodeInvalid, "")
	w.problem("a customer's", func() answer { _, c := w.customer(); return w.do("GET", "/v1/me/preferences", "", "Authorization", c) }(), 403, chat.CodeForbidden, "")
	if p := decodeAs[Preferences](t, w.do("GET", "/v1/me/preferences", "", "Authorization", token)); p.Version != 1 || len(p.Values) != 2 {
		t.Errorf("%+v", p)
	}
}

// A customer learns under which name and picture somebody answers them, and nothing else of anybody.
func TestPeopleAsCustomersSeeThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := identity.Account{
		Workspace: workspaceOne, User: operatorOne, Address: "one@example.com", Name: "Augusta Ada King", PublicName: "Ada", Avatar: "https://cdn.example/ada.png",
		Role: chat.RoleAdmin, Disabled: false,
	}
	w.must(w.store.PutStaff(t.Context(), account, "hash:right"))
	bot, _, err := w.api.Keys.Make(t.Context(), w.admin(), identity.KeyOrder{Role: chat.RoleBot, Name: "Helper", Grants: []chat.Grant{chat.GrantReadContacts}})
	w.must(err)
	key, _, err := w.api.Keys.Make(t.Context(), w.admin(), identity.KeyOrder{Role: chat.RoleAPIKey, Name: "Internal CRM", Grants: []chat.Grant{chat.GrantReadContacts}})
	w.must(err)
	visitor, token := w.customer()
	ids := []string{string(operatorOne), string(bot.ID), string(key.ID), string(visitor.User), string(chat.SystemUser), string(operatorOne)}
	ask := func(token string) map[chat.UserID]Person {
		a := w.do("GET", "/v1/people?users="+strings.Join(ids, ","), "", "Authorization", token)
		out := map[chat.UserID]Person{}
		for _, p := range decodeAs[PersonList](t, a).People {
			out[p.User] = p
		}
		return out
	}
	seen := ask(token)
	if p := seen[operatorOne]; len(seen) != 2 || p != (Person{User: operatorOne, Role: chat.RoleOperator, Name: "Ada", Avatar: account.Avatar}) || seen[bot.ID].Role != chat.RoleBot {
		t.Errorf("a customer sees %+v", seen)
	}
	_, staff := w.operator()
	seen = ask(staff)
	if p := seen[operatorOne]; len(seen) != 3 || p.Name != account.Name || p.PublicName != "Ada" || p.Role != chat.RoleAdmin || seen[key.ID].Name != "Internal CRM" {
		t.Errorf("a colleague sees %+v", seen)
	}
	for _, users := range []string{"", "x", strings.Repeat(string(operatorOne)+",", identity.MaxPeople+1)} {
		w.problem(users, w.do("GET", "/v1/people?users="+users, "", "Authorization", token), 400, chat.CodeInvalid, "")
	}
}

// TestTheDeskKnowsItsColleagues: whoever answers customers finds all of the staff, page by page, to mention them and to
// pass on to them; a customer, and whoever has no grant, does not.
func TestTheDeskKnowsItsColleagues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []chat.UserID
	for n := range 5 {
		u := chat.UserID(fmt.Sprintf("u_01kaw3v4x0nnnnnnnn%08d", n))
		w.must(w.store.PutStaff(t.Context(), identity.Account{
			Workspace: workspaceOne, User: u, Address: fmt.Sprint(n, "@example.com"), Name: fmt.Sprint("Colleague ", n), Role: chat.RoleOperator, Disabled: n == 4}, "hash:right"))
		want = append(want, u)
	}
	_, staff := w.operator()
	var got []chat.UserID
	for after, pages := "", 0; pages < 20; pages++ {
		target := "/v1/people?limit=2"
		if after != "" {
			target += "&after=" + after
		}
		page := decodeAs[PersonList](t, w.do("GET", target, "", "Authorization", staff))
		for _, p := range page.People {
			if slices.Contains(want, p.User) {
				got = append(got, p.User)
				if p.Name == "" || p.Disabled != (p.User == want[4]) {
					t.Errorf("%+v", p)
				}
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	next := decodeAs[PersonList](t, w.do("GET", "/v1/people?limit=2", "", "Authorization", staff)).Next
	_, customer := w.customer()
	w.problem("a customer", w.do("GET", "/v1/people", "", "Authorization", customer), 400, chat.CodeInvalid, "")
	w.problem("both", w.do("GET", "/v1/people?after="+next+"&users="+string(operatorOne), "", "Authorization", staff), 400, chat.CodeInvalid, "")
	w.problem("a cursor of nobody's", w.do("GET", "/v1/people?after=x", "", "Authorization", staff), 400, chat.CodeInvalid, "")
	key, secret, err := w.api.Keys.Make(t.Context(), w.admin(), identity.KeyOrder{Role: chat.RoleAPIKey, Name: "CRM", Grants: []chat.Grant{chat.GrantReadContacts}})
	w.must(err)
	w.problem(string(key.ID), w.do("GET", "/v1/people", "", "Authorization", "Bearer "+secret), 403, chat.CodeForbidden, "")
}
