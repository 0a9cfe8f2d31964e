package main

import (
	_ "time/tzdata" // business hours have time zones; the image need not

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/workspace"
)

// addWorkspace lets the API serve what businesses set for themselves, and its conversations go by it.
func addWorkspace(api *httpapi.API, store *dynamo.Store, service *chat.Service, delivery *chat.Delivery) {
	kept := &dynamo.Workspace{Store: store}
	settings := &workspace.Cache{Store: kept, Bots: dynamo.WorkspaceKnows{Store: store}.Bot}
	api.Audit.Keep = settings.AuditLife
	kept.Audit = *api.Audit
	settings.Serve(service)
	api.Contacts.Fields = settings.ContactFieldsFit
	api.Live.Departments = settings.Departments
	api.Settings, api.Catalog, api.Articles = settings, &workspace.Catalog{Store: settings.Writes(), Knows: dynamo.WorkspaceKnows{Store: store}}, &workspace.Articles{Store: kept}
	api.People.Departments, api.SignOn.Departments = api.Catalog.Departments, api.Catalog.Departments
	api.Automation = &workspace.Automation{
		Settings: settings, Catalog: api.Catalog, Runs: kept, Chat: service, Log: store, States: store, Directory: store, Deliver: delivery, Who: kept.Who,
	}
}
