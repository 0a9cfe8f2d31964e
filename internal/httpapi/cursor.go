package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"

	"github.com/parley-chat/parley/internal/chat"
)

// A cursor says where a list goes on. It is opaque to clients: base64 of JSON with a version, a mark of the list that
// it belongs to, and parts of sort keys. It is not signed, and need not be: every partition key is made from the
// caller's own principal and the documented parameters, so a forged cursor can only name another place in a list that
// the caller may read anyway. Whoever reads one checks its parts like any other input.
type cursor struct {
	Version int      `json:"v"`
	List    string   `json:"l"`
	Keys    []string `json:"k"`
}

const (
	cursorVersion = 1
	// maxCursor bounds what is decoded, in characters.
	maxCursor = 1024
)

// listOf marks the list that the request asks for: workspace, user, path and the parameters but after and limit.
func (c *call) listOf() string {
	q, _ := url.ParseQuery(c.URL.RawQuery) // routes have checked it before they make a cursor
	q.Del("after")
	q.Del("limit")
	p := c.principal()
	sum := sha256.Sum256([]byte(string(p.Workspace) + "\x00" + string(p.User) + "\x00" + c.URL.Path + "\x00" + q.Encode()))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// next makes the cursor behind an entry with these sort keys.
func (c *call) next(keys ...string) string {
	raw, _ := json.Marshal(cursor{cursorVersion, c.listOf(), keys}) // texts only
	return base64.RawURLEncoding.EncodeToString(raw)
}

// after reads the parameter after: n sort keys, nil when it is absent. A cursor of another list, of another user or of
// nobody's making is chat.CodeInvalid.
func (c *call) after(q *query, n int) []string {
	text := q.text("after")
	if text == "" || q.err != nil {
		return nil
	}
	var found cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if len(text) > maxCursor || err != nil || json.Unmarshal(raw, &found) != nil || found.Version != cursorVersion ||
		len(found.Keys) != n || found.List != c.listOf() {
		q.err = badCursor()
		return nil
	}
	return found.Keys
}

// badCursor is also for keys that are none.
func badCursor() *chat.Error {
	return chat.Errorf(chat.CodeInvalid, "after: the next of a page of this very list; begin anew without it")
}
