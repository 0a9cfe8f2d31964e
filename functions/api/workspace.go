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
	settings := &workspace.Cache{Store: kept}
	api.Audit.Keep = settings.AuditLife
	kept.Audit = *api.Audit
	settings.Serve(service)
	api.Live.Departments = settings.Departments
	api.Settings, api.Catalog, api.Articles = settings, &workspace.Catalog{Store: settings.Writes()}, &workspace.Articles{Store: kept}
	api.Automation = &workspace.Automation{
		Settings: settings, Catalog: api.Catalog, Runs: kept, Chat: service, Log: store, States: store, Directory: store, Deliver: delivery, Who: kept.Who,
	}
}
