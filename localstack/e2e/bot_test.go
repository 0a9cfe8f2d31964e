package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// helper makes the workspace's bot, and starts conversations until one is led by it: warm functions know of it within
// half a minute.
func helper(t *testing.T, b *boss) (bot httpapi.Bot, c *world.Party, id chat.ConversationID) {
	t.Helper()
	b.do(http.StatusCreated, "POST", "/v1/bots", `{"name":"Parrot","grants":["conversations:read","conversations:write","conversations:route"]}`, &bot)
	var set struct{ Version uint64 }
	b.do(http.StatusOK, "GET", "/v1/settings", "", &set)
	b.do(http.StatusOK, "PUT", "/v1/settings", `{"bot":"`+string(bot.Bot)+`","routing":{"botReplySeconds":10}}`, nil, "If-Match", "*")
	c = customer(t, b.ws, fast())
	eventually(t, "the bot leads", func() bool {
		var err error
		id, err = c.Start(within(t), "where is my parcel?")
		must(t, err)
		return hasEvent(c, id, chat.Public, func(e protocol.Event) bool { return e.Type == chat.EventBotEngaged && e.Subject == bot.Bot })
	})
	return bot, c, id
}

// TestBotLeads: a bot finds what it leads, answers once however often it posts, and is silent from the very write on by
// which a person is asked for.
func TestBotLeads(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	bot, c, id := helper(t, newBoss(t, suite, ws))
	ask := func(method, path, body string, out any) int {
		return inquire(t, suite, ws, bot.Secret, method, path, body, out).StatusCode
	}
	var mine struct {
		Conversations []struct {
			Conversation chat.ConversationID
		}
	}
	if status := ask("GET", "/v1/conversations", "", &mine); status != http.StatusOK || len(mine.Conversations) == 0 || mine.Conversations[0].Conversation != id {
		t.Fatalf("%d %+v", status, mine)
	}
	var state struct {
		Status chat.Status
		Epoch  uint64
		Public struct{ Head uint64 }
	}
	if status := ask("GET", "/v1/conversations/"+string(id), "", &state); status != http.StatusOK || state.Status != chat.StatusBot {
		t.Fatalf("%d %+v", status, state)
	}
	answer := func(text string) (int, chat.Code) {
		var problem struct{ Code chat.Code }
		body := fmt.Sprintf(`{"epoch":%d,"inReplyTo":%d,"messages":[{"text":%q}]}`, state.Epoch, state.Public.Head, text)
		return ask("POST", "/v1/conversations/"+string(id)+"/messages", body, &problem), problem.Code
	}
	for _, text := range []string{"It is on its way.", "It is on its way!"} { // the second is a retry, in other words
		if status, code := answer(text); status != http.StatusOK {
			t.Fatalf("%d %s", status, code)
		}
	}
	replies := func(m *client.Machine) (n int) {
		for _, e := range m.View(id).Events(chat.Public) {
			if e.Type == chat.EventMessage && e.Sender == bot.Bot && e.Role == chat.RoleBot {
				n++
			}
		}
		return n
	}
	must(t, c.Until(within(t), func(m *client.Machine) bool { return replies(m) == 1 }))

	var err error
	c.Do(func(m *client.Machine) { _, err = client.Queue(m, protocol.Person{Conversation: id}) })
	must(t, err)
	must(t, c.Acked(within(t)))
	state.Public.Head += 2
	if status, code := answer("But let me just say"); status != http.StatusConflict || code != chat.CodeStaleEpoch {
		t.Errorf("a bot that leads no more writes: %d %s", status, code)
	}
	o := operator(t, ws, 0, fast())
	must(t, o.Take(within(t), id))
	must(t, o.Say(id, "Here I am."))
	must(t, o.Acked(within(t)))
	if texts := converge(t, id, chat.Public, c, o); len(texts) != 3 {
		t.Errorf("%q", texts)
	}
}

// TestBotThatIsDisabled: its key is refused from the next request on, and a customer whom it led gets a person by waiting
// or, at once, by asking.
func TestBotThatIsDisabled(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	b := newBoss(t, suite, ws)
	bot, c, id := helper(t, b)
	b.do(http.StatusOK, "PATCH", "/v1/bots/"+string(bot.Bot), `{"disabled":true}`, nil, "If-Match", "*")
	if status := inquire(t, suite, ws, bot.Secret, "GET", "/v1/conversations", "", nil).StatusCode; status != http.StatusUnauthorized {
		t.Errorf("its key is good for %d", status)
	}
	shows(t, c, id, "people take over", func(v *client.View) bool {
		return slices.ContainsFunc(v.Events(chat.Public), func(e protocol.Event) bool {
			return e.Type == chat.EventHandedOff && e.Reason == chat.ReasonBotSilent
		})
	})
	other, err := c.Start(within(t), "and another thing")
	must(t, err)
	c.Do(func(m *client.Machine) { _, err = client.Queue(m, protocol.Person{Conversation: other}) })
	must(t, err)
	must(t, c.Acked(within(t)))
	o := operator(t, ws, 0, fast())
	must(t, o.Take(within(t), id))
	must(t, o.Take(within(t), other))
}
