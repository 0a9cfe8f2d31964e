package dynamo

import (
	"testing"

	"github.com/parley-chat/parley/internal/contact/contacttest"
)

func TestContacts(t *testing.T) {
	t.Parallel()
	contacttest.Suite(t, func(t *testing.T) contacttest.Store {
		ids, _ := newIdentity(t)
		return Contacts(ids)
	})
}
