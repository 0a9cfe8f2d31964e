package main

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/customertoken"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
)

// addContacts lets the API know customers: contacts, bans, and the business's word of who somebody is.
func addContacts(api *httpapi.API, store *dynamo.Store, service *chat.Service) {
	ids, contacts := dynamo.Identity{Store: store}, dynamo.Contacts{Store: store}
	api.Customers.Attempts = ids
	api.CustomerTokens = &identity.CustomerTokens{Store: contacts, Checker: customertoken.Checker{}, Audit: api.Audit}
	api.Contacts = &contact.Service{
		Store: contacts, Customers: api.Customers, Verifier: api.CustomerTokens, Accounts: ids, Directory: store, Conversations: service,
		Audit: api.Audit, Log: api.Log,
	}
	service.Leads = api.Contacts
}
