package main

import (
	"encoding/json"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/oidc"
)

// newSignOn builds what talks to identity providers: this function alone does. Environment: OIDC_SECRETS (a JSON object
// of client secrets by name) and OIDC_LOCAL ("true" admits issuers on this machine), both optional.
func newSignOn(env *config.Reader, ids dynamo.Identity, settings identity.Workspaces, sessions *identity.Sessions, audit *identity.Audit) *identity.SignOn {
	secrets := map[string]string{}
	if err := json.Unmarshal([]byte(env.Optional("OIDC_SECRETS", "{}")), &secrets); err != nil {
		env.Refuse("OIDC_SECRETS: not a JSON object of texts") // the error would quote them
	}
	local := env.Optional("OIDC_LOCAL", "") == "true"
	s := &identity.SignOn{
		Providers: ids, Issuer: &oidc.Issuers{HTTP: oidc.Client(local), Secrets: secrets}, Accounts: ids, Roster: ids,
		Workspaces: settings, Sessions: sessions, Audit: audit, Local: local,
	}
	sessions.Providers = s
	return s
}
