package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// maker is a route that makes something, as often as it is run.
type maker struct {
	*world
	made    []string // ids
	failure error
	during  func()
}

func newMaker(t *testing.T) *maker {
	m := &maker{world: newWorld(t)}
	serve := func(a *API, c *call) (int, any, error) {
		if m.during != nil {
			m.during()
		}
		body, err := decode[TicketRequest](c.Request, true)
		if err != nil {
			return 0, nil, err
		}
		m.made = append(m.made, a.newID(c, chat.UserPrefix, ""))
		if m.failure != nil {
			return 0, nil, m.failure
		}
		if body.Previous == "long" {
			body.Previous = strings.Repeat("x", maxReplay)
		}
		c.answer.Set("Location", "/things/1")
		return http.StatusCreated, Ticket{Ticket: fmt.Sprintf("%s %d", body.Previous, len(m.made))}, nil
	}
	m.handler = m.api.handler([]route{
		{pattern: "POST /things", idempotent: true, serve: serve}, {pattern: "POST /secrets", idempotent: true, secret: true, serve: serve},
		{pattern: "POST /plain", serve: serve},
	})
	return m
}

func (m *maker) post(token, path, key, body string) answer {
	return m.do("POST", path, body, "Authorization", token, "Idempotency-Key", key)
}

func (m *maker) signIn() string {
	m.t.Helper()
	handler := m.handler
	m.handler = m.api.handler(routes())
	_, token := m.customer()
	m.handler = handler
	return token
}

func TestARequestIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	token, other := m.signIn(), m.signIn()
	first := m.post(token, "/things", "k1", `{"previous":"a"}`)
	again := m.post(token, "/things", `"k1"`, `{"previous":"a"}`) // quoted, as the draft has it
	if first.StatusCode != http.StatusCreated || first.Header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("%d %s", first.StatusCode, first.body)
	}
	if again.StatusCode != http.StatusCreated || string(again.body) != string(first.body) || again.Header.Get("Idempotency-Replayed") != "true" ||
		again.Header.Get("Location") != "/things/1" || again.Header.Get("Content-Type") != "application/json" || len(m.made) != 1 {
		t.Errorf("%d %v %s, made %d", again.StatusCode, again.Header, again.body, len(m.made))
	}
	m.problem("another body", m.post(token, "/things", "k1", `{"previous":"b"}`), 422, chat.CodeKeyReused, "")
	m.problem("another path", m.post(token, "/secrets", "k1", `{"previous":"a"}`), 422, chat.CodeKeyReused, "")
	for _, a := range []answer{
		m.post(other, "/things", "k1", `{"previous":"a"}`), m.post(token, "/things", "k2", `{"previous":"a"}`),
		m.do("POST", "/things", `{"previous":"a"}`, "Authorization", token), m.post(token, "/plain", "k1", `{"previous":"a"}`),
	} {
		if a.StatusCode != http.StatusCreated || a.Header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	m.now = m.now.Add(IdempotencyLife)
	if a := m.post(token, "/things", "k1", `{"previous":"c"}`); a.StatusCode != http.StatusCreated {
		t.Errorf("a day later: %d %s", a.StatusCode, a.body)
	}
}

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	token := m.signIn()
	m.during = func() {
		m.during = nil
		a := m.post(token, "/things", "k", "{}")
		m.problem("meanwhile", a, 409, chat.CodeInProgress, "")
		if a.Header.Get("Retry-After") != "1" {
			t.Errorf("retry after %q", a.Header.Get("Retry-After"))
		}
		m.now = m.now.Add(chat.RequestLease) // this function is taken for dead
		if a := m.post(token, "/things", "k", "{}"); a.StatusCode != http.StatusCreated {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	m.post(token, "/things", "k", "{}")
	if len(m.made) != 2 || m.made[0] != m.made[1] || !chat.UserID(m.made[0]).Valid() {
		t.Errorf("two tries of one request made %q", m.made)
	}
}

func TestSecretsAreNotKept(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	token := m.signIn()
	if a := m.post(token, "/secrets", "k", `{"previous":"hush"}`); a.StatusCode != http.StatusCreated || !strings.Contains(string(a.body), "hush") {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	m.problem("again", m.post(token, "/secrets", "k", `{"previous":"hush"}`), 409, chat.CodeAlreadyDone, "")
	if a := m.post(token, "/things", "long", `{"previous":"long"}`); a.StatusCode != http.StatusCreated {
		t.Fatalf("%d", a.StatusCode)
	}
	m.problem("a long answer", m.post(token, "/things", "long", `{"previous":"long"}`), 409, chat.CodeAlreadyDone, "")
}

func TestWhatFailedIsNotRemembered(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	token := m.signIn()
	for name, failure := range map[string]error{
		"refused": chat.Errorf(chat.CodeConflict, "no"), "unknown": chat.ErrUnknownOutcome, "unnamed": errors.New("?"),
	} {
		m.failure, m.made = failure, nil
		if a := m.post(token, "/things", name, "{}"); a.StatusCode < 400 {
			t.Fatalf("%d", a.StatusCode)
		}
		m.failure = nil
		if a := m.post(token, "/things", name, "{}"); a.StatusCode != http.StatusCreated || a.Header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
		if len(m.made) != 2 || m.made[0] != m.made[1] {
			t.Errorf("%s: the second try made another: %q", name, m.made)
		}
	}
	m.during = func() { m.during = nil; panic("?") }
	m.problem("panic", m.post(token, "/things", "p", "{}"), 500, chat.CodeInternal, "")
	if a := m.post(token, "/things", "p", "{}"); a.StatusCode != http.StatusCreated {
		t.Errorf("after a panic: %d %s", a.StatusCode, a.body)
	}
	m.requests.Failure = chat.Errorf(chat.CodeUnavailable, "away")
	made := len(m.made)
	m.problem("no store", m.post(token, "/things", "s", "{}"), 503, chat.CodeUnavailable, "")
	if len(m.made) != made {
		t.Error("done without a note")
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"8e03978e-40d5-43dd-bc93-6894a57f9324": "8e03978e-40d5-43dd-bc93-6894a57f9324", `"a"`: "a", " a ": "a",
		"": "!", `""`: "!", `"`: "!", "a b": "!", "ä": "!", "a\x00": "!", strings.Repeat("k", MaxIdempotencyKey): strings.Repeat("k", MaxIdempotencyKey),
		strings.Repeat("k", MaxIdempotencyKey+1): "!",
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Idempotency-Key", header)
		got, err := idempotencyKey(r)
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%q: %q, %v", header, got, err)
		}
	}
	if got, err := idempotencyKey(httptest.NewRequest(http.MethodPost, "/", nil)); got != "" || err != nil {
		t.Errorf("no header: %q, %v", got, err)
	}
}

// The answer is given even if it could not be kept.
func TestAnAnswerThatCannotBeKept(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	token := m.signIn()
	m.during = func() { m.during = nil; m.requests.Failure = errors.New("away") }
	if a := m.post(token, "/things", "k", "{}"); a.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if !strings.Contains(m.logged.String(), "answer not kept") {
		t.Error("and nobody hears of it")
	}
	m.requests.Failure = nil
	m.now = m.now.Add(chat.RequestLease + time.Second)
	if a := m.post(token, "/things", "k", "{}"); a.StatusCode != http.StatusCreated || m.made[0] != m.made[1] {
		t.Errorf("%d, made %q", a.StatusCode, m.made)
	}
}
