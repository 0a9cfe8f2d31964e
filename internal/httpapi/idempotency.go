package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header).
const (
	// MaxIdempotencyKey is its longest length in characters.
	MaxIdempotencyKey = 128
	// IdempotencyLife is how long a key is remembered.
	IdempotencyLife = 24 * time.Hour
	// maxReplay is the longest answer that is kept, in bytes; a longer one is treated like one with a secret.
	maxReplay = 64 << 10
)

// kept is the answer as it is stored; a body that is not kept is nil.
type kept struct {
	Status int               `json:"s"`
	Header map[string]string `json:"h,omitempty"`
	Kind   string            `json:"t,omitempty"`
	Body   []byte            `json:"b,omitempty"`
	// Withheld says that there was a body which was not kept.
	Withheld bool `json:"w,omitempty"`
}

// replayed are the headers of an answer that belong to it, and not to the request that got it.
var replayed = []string{"Etag", "Location"}

// once carries a request out, or answers it from what is remembered of it. Refusals (4xx) are not remembered: nothing
// was done, so a corrected request may use the key again. After a failure of ours (5xx) the request may be sent again
// at once, and is carried out again: what it makes is named by call.newID, so that it is made once.
func (a *API) once(c *call, r route) (int, any, error) {
	key, err := idempotencyKey(c.Request)
	if err != nil || key == "" {
		if err != nil {
			return 0, nil, err
		}
		return r.serve(a, c)
	}
	note := chat.RequestNote{Begun: a.now().Truncate(time.Millisecond)}
	note.Expires = note.Begun.Add(IdempotencyLife)
	if note.Fingerprint, err = fingerprint(c.Request); err != nil {
		return 0, nil, err
	}
	p := c.principal()
	c.once = chat.RequestKey{Workspace: p.Workspace, User: p.User, Key: digest(key)}
	known, err := a.Requests.BeginRequest(c.Context(), c.once, note)
	if err != nil {
		return 0, nil, err
	}
	if known != nil {
		return c.replay(*known, note.Fingerprint)
	}
	return a.carryOut(c, r, note)
}

func (a *API) carryOut(c *call, r route, note chat.RequestNote) (status int, body any, err error) {
	// The note is settled even if the client has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 2*time.Second)
	defer cancel()
	settled := false
	defer func() { // a panic, too, leaves no note that says "in progress" for a minute
		if !settled {
			_ = a.Requests.ForgetRequest(ctx, c.once)
		}
	}()
	status, body, err = r.serve(a, c)
	if err != nil {
		return status, body, err
	}
	if note.Answer, body, err = keep(c, r, status, body); err != nil {
		return 0, nil, err
	}
	settled = true
	if err := a.Requests.FinishRequest(ctx, c.once, note); err != nil {
		// It is done, and says so; a retry within a minute hears "in progress", a later one does it again, by the same ids.
		a.Log.WarnContext(c.Context(), "answer not kept", "route", r.pattern, "error", err)
	}
	return status, body, nil
}

// keep encodes an answer for the store, and for the client.
func keep(c *call, r route, status int, body any) (stored []byte, out any, err error) {
	k := kept{Status: status, Header: map[string]string{}}
	for _, name := range replayed {
		if v := c.answer.Get(name); v != "" {
			k.Header[name] = v
		}
	}
	out = body
	if body != nil {
		d, err := documentOf(body)
		if err != nil {
			return nil, nil, err
		}
		out = d
		if k.Withheld = r.secret || len(d.content) > maxReplay; !k.Withheld {
			k.Kind, k.Body = d.kind, d.content
		}
	}
	stored, err = json.Marshal(k)
	return stored, out, err
}

// replay answers a request that was sent before.
func (c *call) replay(known chat.RequestNote, fingerprint string) (int, any, error) {
	var k kept
	switch {
	case known.Fingerprint != fingerprint:
		return 0, nil, chat.Errorf(chat.CodeKeyReused, "idempotency-key: it was sent with another request; make one for each")
	case known.Answer == nil:
		return 0, nil, &chat.Error{Code: chat.CodeInProgress, Message: "the same request is being carried out", RetryAfter: time.Second}
	}
	if err := json.Unmarshal(known.Answer, &k); err != nil {
		return 0, nil, err
	}
	if k.Withheld {
		return 0, nil, chat.Errorf(chat.CodeAlreadyDone, "this request was carried out; its answer was not kept, since it held a secret or was too long")
	}
	for name, v := range k.Header {
		c.answer.Set(name, v)
	}
	c.answer.Set("Idempotency-Replayed", "true")
	if k.Body == nil {
		return k.Status, nil, nil
	}
	return k.Status, document{k.Kind, k.Body}, nil
}

// newID makes an id for what the request makes: at random, or, for a request with an Idempotency-Key, the same for
// every try of it. what tells several of one request apart. Give it to a conditional put: then a try whose outcome was
// unknown is not done twice.
func (a *API) newID(c *call, prefix, what string) string {
	if c.once.Key == "" {
		return chat.NewID(prefix, a.now())
	}
	sum := sha256.Sum256([]byte(string(c.once.Workspace) + "\x00" + string(c.once.User) + "\x00" + c.once.Key + "\x00" + what))
	return chat.FormatID(prefix, [16]byte(sum[:16]))
}

// idempotencyKey reads the header; "" when it is absent. The draft wants a quoted text, most clients send a bare one.
func idempotencyKey(r *http.Request) (string, error) {
	key := strings.TrimSpace(r.Header.Get("Idempotency-Key"))
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	if key == "" && len(r.Header.Values("Idempotency-Key")) > 0 || len(key) > MaxIdempotencyKey ||
		strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' }) {
		return "", chat.Errorf(chat.CodeInvalid, "idempotency-key: 1 to %d visible characters of ASCII, such as a UUID", MaxIdempotencyKey)
	}
	return key, nil
}

// fingerprint tells the request from others with the same key, and leaves its body to be read.
func fingerprint(r *http.Request) (string, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnyBody+1))
	if err != nil {
		return "", chat.Errorf(chat.CodeInvalid, "body: could not be read")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return digest(r.Method + " " + r.URL.RequestURI() + "\x00" + string(body)), nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
