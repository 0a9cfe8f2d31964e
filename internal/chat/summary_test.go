package chat_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// TestTheNewestMessageIsShown: a list shows the newest message as last edited, none that was withdrawn, no note, and the
// same after the tail was moved into chunks.
func TestTheNewestMessageIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	shown := func() chat.Excerpt {
		t.Helper()
		found, err := w.svc.Summaries(t.Context(), w.operator, []chat.ConversationID{w.conv, w.newConversation()})
		w.must(err)
		if len(found) != 1 || found[w.conv].Last == nil || found[w.conv].Customer != w.customer.User {
			t.Fatalf("%+v", found)
		}
		return *found[w.conv].Last
	}
	w.say(w.operator, "first")
	w.must(w.sendOn(w.operator, chat.Desk))
	w.same(shown().Text, "first")
	w.say(w.customer, strings.Repeat("ü", chat.MaxExcerpt))
	if got := shown(); got.Text != strings.Repeat("ü", chat.MaxExcerpt/2) || got.Role != chat.RoleCustomer || got.Seq != w.last() || got.Sender != w.customer.User {
		t.Errorf("%+v", got)
	}
	seq := w.last()
	_, err := w.svc.Edit(t.Context(), w.customer, w.revision(chat.Public, seq, "edited"))
	w.must(err)
	w.same(shown().Text, "edited")
	_, err = w.svc.Edit(t.Context(), w.customer, w.revision(chat.Public, seq, "edited twice"))
	w.must(err)
	w.same(shown().Text, "edited twice")
	w.moveTail(chat.Public, 0)
	w.same(shown().Text, "edited twice")
	_, err = w.svc.Delete(t.Context(), w.customer, w.revision(chat.Public, seq, ""))
	w.must(err)
	w.same(shown().Text, "first")
}

// TestSummariesAreForReaders: nothing of a conversation is shown to who may not read it: another customer, an operator
// elsewhere, a key without the grant; who takes part is shown it.
func TestSummariesAreForReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	key := w.principal(w.customer.Workspace, chat.RoleAPIKey, "")
	reading := key
	reading.Grants = chat.JoinGrants(chat.GrantReadConversations)
	key.Grants = chat.JoinGrants(chat.GrantReadContacts)
	elsewhere := w.operator
	elsewhere.Departments = chat.JoinDepartments(chat.DepartmentID(w.id(chat.DepartmentPrefix)))
	for name, c := range map[string]struct {
		p    chat.Principal
		sees bool
	}{
		"customer": {w.customer, true}, "another customer": {w.principal(w.customer.Workspace, chat.RoleCustomer, ""), false},
		"operator": {w.operator, true}, "operator elsewhere": {elsewhere, false},
		"key that may read": {reading, true}, "key that may not": {key, false},
	} {
		found, err := w.svc.Summaries(t.Context(), c.p, []chat.ConversationID{w.conv})
		w.must(err)
		if _, sees := found[w.conv]; sees != c.sees {
			t.Errorf("%s sees it: %v", name, sees)
		}
	}
}
