package wsapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	id      = "m_01kaw3v4x0mmmmmmmmm0000099"
	there   = `"conversation":"` + string(conversation) + `"`
	message = `"messages":[{"id":"` + id + `","text":"x"}]`
)

// badInput maps what must be refused to the code of the answer.
var badInput = []struct {
	name, body string
	code       chat.Code
}{
	{"empty", ``, chat.CodeInvalid},
	{"space", ` `, chat.CodeInvalid},
	{"null", `null`, chat.CodeInvalid},
	{"number", `7`, chat.CodeInvalid},
	{"array", `[{"action":"send"}]`, chat.CodeInvalid},
	{"cut", `{"action":"send",` + there, chat.CodeInvalid},
	{"two frames", `{"action":"ping"}{"action":"ping"}`, chat.CodeInvalid},
	{"oversized", `{"action":"send",` + there + `,"after":5,"x":"` + strings.Repeat("x", chat.MaxFrame) + `",` + message + `}`, chat.CodeInvalid},
	{"deep", `{"action":"send",` + there + `,"after":5,"x":` + strings.Repeat(`{"x":`, 9999) + `1` + strings.Repeat(`}`, 9999) + `,` + message + `}`, chat.CodeInvalid},
	{"invalid UTF-8", "{\"action\":\"send\"," + there + ",\"after\":5,\"messages\":[{\"id\":\"" + id + "\",\"text\":\"\xc3\x28\"}]}", chat.CodeInvalid},
	{"long ref", `{"action":"ping","ref":"` + strings.Repeat("r", 65) + `"}`, chat.CodeInvalid},
	{"ref of another type", `{"action":"ping","ref":{}}`, chat.CodeInvalid},
	{"no action", `{"ref":"r"}`, chat.CodeUnknownAction},
	{"unknown action", `{"action":"drop"}`, chat.CodeUnknownAction},
	{"action of a method", `{"action":"Handle"}`, chat.CodeUnknownAction},
	{"route key of the gateway", `{"action":"$disconnect"}`, chat.CodeUnknownAction},
	{"action in capitals", `{"action":"SEND",` + there + `}`, chat.CodeUnknownAction},
	{"action of another type", `{"action":["send"]}`, chat.CodeInvalid},

	{"send: no conversation", `{"action":"send","after":5,` + message + `}`, chat.CodeInvalid},
	{"send: malformed conversation", `{"action":"send","conversation":"c_1#H","after":5,` + message + `}`, chat.CodeInvalid},
	{"send: conversation of another type", `{"action":"send","conversation":7,"after":5,` + message + `}`, chat.CodeInvalid},
	{"send: no messages", `{"action":"send",` + there + `,"after":5}`, chat.CodeInvalid},
	{"send: no id", `{"action":"send",` + there + `,"after":5,"messages":[{"text":"x"}]}`, chat.CodeInvalid},
	{"send: no text", `{"action":"send",` + there + `,"after":5,"messages":[{"id":"` + id + `"}]}`, chat.CodeInvalid},
	{"send: text of another type", `{"action":"send",` + there + `,"after":5,"messages":[{"id":"` + id + `","text":["x"]}]}`, chat.CodeInvalid},
	{"send: messages of another type", `{"action":"send",` + there + `,"after":5,"messages":"x"}`, chat.CodeInvalid},
	{"send: negative after", `{"action":"send",` + there + `,"after":-1,` + message + `}`, chat.CodeInvalid},
	{"send: fraction", `{"action":"send",` + there + `,"after":5.5,` + message + `}`, chat.CodeInvalid},
	{"send: overflow", `{"action":"send",` + there + `,"after":99999999999999999999,` + message + `}`, chat.CodeInvalid},
	{"send: largest after", `{"action":"send",` + there + `,"after":18446744073709551615,` + message + `}`, chat.CodeOutOfSync},
	{"send: unknown track", `{"action":"send",` + there + `,"track":"secret","after":5,` + message + `}`, chat.CodeInvalid},
	{"send: desk track by a customer", `{"action":"send",` + there + `,"track":"desk","after":0,` + message + `}`, chat.CodeForbidden},
	{"send: unknown conversation", `{"action":"send","conversation":"c_01kaw3v4x0zzzzzzzzzzzzzzzz","after":5,` + message + `}`, chat.CodeNotFound},
	{"send: a text of control characters", `{"action":"send",` + there + `,"after":5,"messages":[{"id":"` + id + `","text":"` + strings.Repeat(`\u0001`, 4000) + `"}]}`, chat.CodeInvalid},
	{"start: no messages", `{"action":"start","conversation":"c_01kaw3v4x0zzzzzzzzzzzzzzzz"}`, chat.CodeInvalid},
	{"start: long page", `{"action":"start","conversation":"c_01kaw3v4x0zzzzzzzzzzzzzzzz","page":"` + strings.Repeat("x", 3000) + `",` + message + `}`, chat.CodeInvalid},
	{"edit: no target", `{"action":"edit",` + there + `,"after":5,"id":"` + id + `","text":"x"}`, chat.CodeInvalid},
	{"edit: not one's own", `{"action":"edit",` + there + `,"after":5,"id":"` + id + `","target":3,"text":"x"}`, chat.CodeInvalid},
	{"edit: no text", `{"action":"edit",` + there + `,"after":5,"id":"` + id + `","target":4}`, chat.CodeInvalid},
	{"delete: beyond the log", `{"action":"delete",` + there + `,"after":5,"id":"` + id + `","target":99}`, chat.CodeInvalid},
	{"delete: unknown track", `{"action":"delete",` + there + `,"track":"x","after":5,"id":"` + id + `","target":4}`, chat.CodeInvalid},
	{"page: both ends", `{"action":"page",` + there + `,"after":1,"before":3}`, chat.CodeInvalid},
	{"page: negative limit", `{"action":"page",` + there + `,"limit":-1}`, chat.CodeInvalid},
	{"page: huge limit", `{"action":"page",` + there + `,"limit":100000}`, chat.CodeInvalid},
	{"page: desk by a customer", `{"action":"page",` + there + `,"track":"desk"}`, chat.CodeForbidden},
	{"typing: no conversation", `{"action":"typing"}`, chat.CodeInvalid},
	{"typing: reads beyond the log", `{"action":"typing",` + there + `,"read":99}`, chat.CodeInvalid},
	{"read: nothing", `{"action":"read",` + there + `}`, chat.CodeInvalid},
	{"read: beyond the log", `{"action":"read",` + there + `,"seq":18446744073709551615}`, chat.CodeInvalid},
	{"ping: malformed cursor", `{"action":"ping","cursors":{"x":{"public":1}}}`, chat.CodeInvalid},
	{"ping: cursor of another type", `{"action":"ping","cursors":{"` + string(conversation) + `":7}}`, chat.CodeInvalid},
	{"hello: malformed cursor", `{"action":"hello","cursors":{"w_01kaw3v4x00123456789abcdef#":{"public":1}}}`, chat.CodeInvalid},
	{"hello: forged more", `{"action":"hello","more":"O"}`, chat.CodeInvalid},
	{"hello: more of another type", `{"action":"hello","more":{}}`, chat.CodeInvalid},
	{"hello: generation too large", `{"action":"hello","cursors":{"` + string(conversation) + `":{"gen":4294967296}}}`, chat.CodeInvalid},
	{"join: by a customer", `{"action":"join",` + there + `,"after":5,"id":"` + id + `"}`, chat.CodeForbidden},
	{"reopen: by a customer", `{"action":"reopen",` + there + `,"after":5,"id":"` + id + `"}`, chat.CodeForbidden},
	{"close: no id", `{"action":"close",` + there + `,"after":5}`, chat.CodeInvalid},
	{"close: long reason", `{"action":"close",` + there + `,"after":5,"id":"` + id + `","reason":"` + strings.Repeat("x", 300) + `"}`, chat.CodeInvalid},
}

// Whatever a client sends, the answer is typed and nothing changes, is pushed, queued or logged.
func TestBadInput(t *testing.T) {
	t.Parallel()
	w := begun(t)
	before := w.store.Dump()
	for _, c := range badInput {
		for _, encoded := range []bool{false, true} {
			e := sample(t, "send")
			if e.Body = c.body; encoded {
				e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(c.body)), true
			}
			frame := w.handle(e)
			if frame["type"] != "error" || frame["code"] != string(c.code) || frame["message"] == "" {
				t.Errorf("%s: %v", c.name, frame)
			}
			w.untouched(c.name, before)
		}
	}
	w.handle(Event{Body: "not base64!", IsBase64Encoded: true})
	w.untouched("not base64", before)
}

func (w *world) untouched(name, before string) {
	w.Helper()
	if w.store.Dump() != before {
		w.Fatalf("%s: something was stored", name)
	}
	if pushed, queued := w.push.take(), w.queue.take(); len(queued) > 0 || len(pushed) > 0 && !strings.HasSuffix(pushed[0], "unauthenticated\",\"reconnect\":false}") {
		w.Fatalf("%s: pushed %v, queued %v", name, pushed, queued)
	}
	if w.logged.Len() > 0 {
		w.Fatalf("%s: logged %s", name, w.logged)
	}
}

// Another workspace's ids name nothing: no answer tells them from ids that are not there at all.
func TestAnotherWorkspace(t *testing.T) {
	t.Parallel()
	w := begun(t)
	before := w.store.Dump()
	for _, role := range []string{"customer", "operator", "supervisor", "admin"} {
		for action, rest := range map[string]string{
			"send": `,"after":5,` + message, "edit": `,"after":5,"id":"` + id + `","target":4,"text":"x"`, "delete": `,"after":5,"id":"` + id + `","target":4`,
			"page": ``, "typing": ``, "read": `,"seq":1`, "join": `,"after":5,"id":"` + id + `"`, "close": `,"after":5,"id":"` + id + `"`, "reopen": `,"after":5,"id":"` + id + `"`,
		} {
			answers := map[string]bool{}
			for _, conv := range []string{string(conversation), "c_01kaw3v4x0zzzzzzzzzzzzzzzz"} {
				e := sample(t, "send")
				e.RequestContext.Authorizer["workspace"], e.RequestContext.Authorizer["role"] = "w_01kaw3v4x0zzzzzzzzzzzzzzzz", role
				e.Body = `{"action":"` + action + `","conversation":"` + conv + `"` + rest + `}`
				frame := w.handle(e)
				delete(frame, "conversation")
				answers[fmt.Sprint(frame)] = true
				if code := frame["code"]; code != "not_found" && code != "forbidden" {
					t.Errorf("%s by %s: %v", action, role, frame)
				}
			}
			if len(answers) != 1 {
				t.Errorf("%s by %s tells another workspace's conversation from none: %v", action, role, answers)
			}
		}
	}
	w.untouched("another workspace", before)
	e := sample(t, "hello-resume")
	e.RequestContext.Authorizer["workspace"] = "w_01kaw3v4x0zzzzzzzzzzzzzzzz"
	e.RequestContext.ConnectionID = "elsewhere"
	if frame := w.handle(e); len(frame["conversations"].([]any)) != 0 || len(frame["gone"].([]any)) != 1 {
		t.Errorf("%v", frame)
	}
}

// A frame cannot say who sends it: names of the authorizer's context in it mean nothing.
func TestFramesCannotNameTheirSender(t *testing.T) {
	t.Parallel()
	w := begun(t)
	frame := w.say(`{"action":"send","user":"` + string(operator) + `","sender":"` + string(operator) + `","role":"admin","workspace":"w_01kaw3v4x0zzzzzzzzzzzzzzzz",` + there + `,"after":5,` + message + `,"at":1}`)
	if frame["type"] != "ack" {
		t.Fatalf("%v", frame)
	}
	h, err := w.store.Head(t.Context(), chat.Ref{Workspace: workspace, Conversation: conversation})
	if err != nil {
		t.Fatal(err)
	}
	e := h.Public.Tail[len(h.Public.Tail)-1]
	if e.Sender != customer || e.Role != chat.RoleCustomer || !e.At.Equal(w.now) {
		t.Fatalf("%+v", e)
	}
}

// Texts are pasted by people: passwords, card numbers. None of it may reach a log.
func TestNothingOfAFrameIsLogged(t *testing.T) {
	t.Parallel()
	const secret = "hunter2secret"
	w := begun(t)
	w.store.Fault = func(call string, _ bool) error {
		if call == "Append" {
			panic(errors.New("the store blew up"))
		}
		return nil
	}
	w.say(`{"action":"send","ref":"` + secret + `",` + there + `,"after":5,"messages":[{"id":"` + id + `","text":"` + secret + `"}]}`)
	w.store.Fault = func(string, bool) error { return errors.New("permanent") }
	w.say(`{"action":"page",` + there + `,"x":"` + secret + `"}`)
	w.say(`{"action":"` + secret + `"}`)
	w.say(`{"` + secret)
	if logged := w.logged.String(); strings.Contains(logged, secret) || strings.Count(logged, "\n") != 2 {
		t.Fatalf("%s", logged)
	}
}

func FuzzHandle(f *testing.F) {
	for _, c := range badInput {
		if len(c.body) < 1000 {
			f.Add(c.body)
		}
	}
	f.Add(`{"action":"hello","ref":"1","cursors":{"` + string(conversation) + `":{"public":2,"read":3}}}`)
	f.Add(`{"action":"send",` + there + `,"after":5,` + message + `}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := begun(t)
		frame := w.say(body)
		if frame["type"] == nil || len(protocol.Encode(frame)) > chat.MaxFrame {
			t.Fatalf("%v", frame)
		}
		if code := frame["code"]; code == string(chat.CodeInternal) || code == string(chat.CodeUnavailable) || w.logged.Len() > 0 {
			t.Fatalf("%v, logged %s", frame, w.logged)
		}
		if _, err := json.Marshal(frame); err != nil {
			t.Fatal(err)
		}
	})
}
