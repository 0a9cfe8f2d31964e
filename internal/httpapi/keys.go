package httpapi

import (
	"net/http"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// KeyRequest is the body of POST /v1/api-keys.
type KeyRequest struct {
	// Name has at most 100 bytes.
	Name string `json:"name"`
	// Grants are what the key may do, at least one.
	Grants []chat.Grant `json:"grants"`
	// ExpiresAt is when the key ends; absent for never.
	ExpiresAt int64 `json:"expiresAt,omitempty"`
}

// APIKey is a key. Its id is a user's: what the key does, that user did.
type APIKey struct {
	Key    chat.UserID  `json:"key"`
	Name   string       `json:"name"`
	Grants []chat.Grant `json:"grants"`
	// By is who made it.
	By        chat.UserID `json:"by"`
	CreatedAt int64       `json:"createdAt"`
	ExpiresAt int64       `json:"expiresAt,omitempty"`
	// UsedAt is the day of the last use.
	UsedAt int64 `json:"usedAt,omitempty"`
	// Secret is the key itself, "pak_…", for "Authorization: Bearer". It cannot be had again.
	Secret string `json:"secret,omitempty"`
}

// APIKeyList answers GET /v1/api-keys, oldest first, at most 200.
type APIKeyList struct {
	Keys []APIKey `json:"keys"`
}

// BotRequest is the body of POST /v1/bots.
type BotRequest struct {
	// Name is shown to customers.
	Name   string       `json:"name"`
	Grants []chat.Grant `json:"grants"`
}

// Bot takes part in conversations like an operator, and says that it is one. Its ETag names its version.
type Bot struct {
	Bot      chat.UserID  `json:"bot"`
	Name     string       `json:"name"`
	Grants   []chat.Grant `json:"grants"`
	Disabled bool         `json:"disabled"`
	// By is who made it.
	By        chat.UserID `json:"by"`
	CreatedAt int64       `json:"createdAt"`
	UsedAt    int64       `json:"usedAt,omitempty"`
	Version   uint64      `json:"version"`
	// Secret is the bot's key, "pbk_…". It cannot be had again.
	Secret string `json:"secret,omitempty"`
}

// BotList answers GET /v1/bots, oldest first, at most 200.
type BotList struct {
	Bots []Bot `json:"bots"`
}

// BotChange is the body of PATCH /v1/bots/{id}; what is absent stays.
type BotChange struct {
	Name     *string       `json:"name,omitempty"`
	Grants   *[]chat.Grant `json:"grants,omitempty"`
	Disabled *bool         `json:"disabled,omitempty"`
	// Renew makes a new key; the old one ends at once.
	Renew bool `json:"renew,omitempty"`
}

func keyRoutes() []route {
	ok, made, none := http.StatusOK, http.StatusCreated, http.StatusNoContent
	key := []Segment{{Name: "id", Summary: "The key.", Prefix: chat.UserPrefix}}
	bot := []Segment{{Name: "id", Summary: "The bot.", Prefix: chat.UserPrefix}}
	missing := []chat.Code{chat.CodeNotFound}
	return []route{
		{pattern: "GET /v1/api-keys", command: chat.CommandKeys, serve: (*API).listKeys,
			says: says{name: "listAPIKeys", summary: "List the API keys.", answers: map[int]any{ok: APIKeyList{}}}},
		{pattern: "POST /v1/api-keys", command: chat.CommandKeys, idempotent: true, secret: true, serve: (*API).makeKey,
			says: says{name: "makeAPIKey", summary: "Make an API key; its secret is shown this once.", request: KeyRequest{}, answers: map[int]any{made: APIKey{}}}},
		{pattern: "DELETE /v1/api-keys/{id}", command: chat.CommandKeys, serve: (*API).revokeKey,
			says: says{name: "revokeAPIKey", summary: "Revoke an API key: it is refused from now on.", answers: map[int]any{none: nil}, segments: key, codes: missing}},
		{pattern: "GET /v1/bots", command: chat.CommandKeys, serve: (*API).listBots,
			says: says{name: "listBots", summary: "List the bots.", answers: map[int]any{ok: BotList{}}}},
		{pattern: "POST /v1/bots", command: chat.CommandKeys, idempotent: true, secret: true, serve: (*API).makeBot,
			says: says{name: "makeBot", summary: "Make a bot; its key is shown this once.", request: BotRequest{}, answers: map[int]any{made: Bot{}}}},
		{pattern: "GET /v1/bots/{id}", command: chat.CommandKeys, serve: (*API).bot,
			says: says{name: "bot", summary: "Read a bot.", answers: map[int]any{ok: Bot{}}, segments: bot, codes: missing}},
		{pattern: "PATCH /v1/bots/{id}", command: chat.CommandKeys, serve: (*API).changeBot,
			says: says{name: "changeBot", summary: "Change or disable a bot, or renew its key.", request: BotChange{}, answers: map[int]any{ok: Bot{}},
				segments: bot, demands: true, codes: missing}},
		{pattern: "DELETE /v1/bots/{id}", command: chat.CommandKeys, serve: (*API).removeBot,
			says: says{name: "removeBot", summary: "Remove a bot: its key is refused from now on.", answers: map[int]any{none: nil}, segments: bot, codes: missing}},
	}
}

func keyOf(k identity.Key, secret string) APIKey {
	return APIKey{
		Key: k.ID, Name: k.Name, Grants: k.Grants.All(), By: k.By, CreatedAt: k.Created.UnixMilli(),
		ExpiresAt: millis(k.Expires), UsedAt: millis(k.Used), Secret: secret,
	}
}

func botOf(k identity.Key, secret string) Bot {
	return Bot{
		Bot: k.ID, Name: k.Name, Grants: k.Grants.All(), Disabled: k.Disabled, By: k.By, CreatedAt: k.Created.UnixMilli(),
		UsedAt: millis(k.Used), Version: k.Version, Secret: secret,
	}
}

func (a *API) listKeys(c *call) (int, any, error) {
	list, err := a.Keys.List(c.Context(), c.actor(), chat.RoleAPIKey)
	out := APIKeyList{Keys: []APIKey{}}
	for _, k := range list {
		out.Keys = append(out.Keys, keyOf(k, ""))
	}
	return http.StatusOK, out, err
}

func (a *API) makeKey(c *call) (int, any, error) {
	body, err := decode[KeyRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	var expires time.Time
	if body.ExpiresAt != 0 {
		expires = time.UnixMilli(body.ExpiresAt)
	}
	k, secret, err := a.Keys.Make(c.Context(), c.actor(), identity.KeyOrder{
		ID: chat.UserID(a.newID(c, chat.UserPrefix, "key")), Role: chat.RoleAPIKey, Name: body.Name, Grants: body.Grants, Expires: expires,
	})
	return http.StatusCreated, keyOf(k, secret), err
}

func (a *API) revokeKey(c *call) (int, any, error) {
	return http.StatusNoContent, nil, a.Keys.Revoke(c.Context(), c.actor(), chat.RoleAPIKey, chat.UserID(c.PathValue("id")))
}

func (a *API) listBots(c *call) (int, any, error) {
	list, err := a.Keys.List(c.Context(), c.actor(), chat.RoleBot)
	out := BotList{Bots: []Bot{}}
	for _, k := range list {
		out.Bots = append(out.Bots, botOf(k, ""))
	}
	return http.StatusOK, out, err
}

func (a *API) makeBot(c *call) (int, any, error) {
	body, err := decode[BotRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	k, secret, err := a.Keys.Make(c.Context(), c.actor(), identity.KeyOrder{
		ID: chat.UserID(a.newID(c, chat.UserPrefix, "bot")), Role: chat.RoleBot, Name: body.Name, Grants: body.Grants,
	})
	return http.StatusCreated, botOf(k, secret), err
}

func (a *API) bot(c *call) (int, any, error) {
	k, err := a.Keys.Get(c.Context(), c.actor(), chat.RoleBot, chat.UserID(c.PathValue("id")))
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(k.Version)
	return http.StatusOK, botOf(k, ""), nil
}

func (a *API) changeBot(c *call) (int, any, error) {
	version, found, err := c.needVersion()
	if err != nil {
		return 0, nil, err
	}
	body, err := decode[BotChange](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	id := chat.UserID(c.PathValue("id"))
	if !found {
		k, err := a.Keys.Get(c.Context(), c.actor(), chat.RoleBot, id)
		if err != nil {
			return 0, nil, err
		}
		version = k.Version
	}
	k, secret, err := a.Keys.Change(c.Context(), c.actor(), chat.RoleBot, id, version, identity.KeyChange(body))
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(k.Version)
	return http.StatusOK, botOf(k, secret), nil
}

func (a *API) removeBot(c *call) (int, any, error) {
	return http.StatusNoContent, nil, a.Keys.Revoke(c.Context(), c.actor(), chat.RoleBot, chat.UserID(c.PathValue("id")))
}

// authenticateKey finds the key of the request. Keys have no session of their own to read or end.
func (a *API) authenticateKey(c *call, command chat.Command) (err error) {
	if c.session, err = a.Keys.Authenticate(c.Context(), bearer(c.Request), source(c.Request)); err != nil {
		return err
	}
	if command == "" {
		return chat.Errorf(chat.CodeForbidden, "a key has no session")
	}
	if _, err = chat.Authorize(c.principal(), command); err != nil {
		a.Keys.Refused(c.Context(), c.actor(), string(command))
	}
	return err
}
