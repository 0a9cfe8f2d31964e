package chat_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// led is a conversation that a bot leads.
type led struct {
	*clockwork
	bot chat.Principal
}

func newLed(t *testing.T) *led {
	t.Helper()
	c := newClockwork(t)
	l := &led{c, c.principal(c.customer.Workspace, chat.RoleBot, "")}
	c.svc.Bot = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.UserID, error) {
		return l.bot.User, nil
	}
	l.bot.Grants = chat.JoinGrants(chat.Grants()...)
	l.start("where is my parcel?")
	l.stream()
	return l
}

func (l *led) botSays(text string) {
	l.Helper()
	h := l.head()
	epoch := h.Epoch
	_, err := l.svc.Post(l.Context(), l.bot, chat.Sending{Conversation: l.conv, Track: chat.Public, After: h.Public.Last, Messages: l.messages(text), Epoch: &epoch})
	l.must(err)
}

// TestSilentBot: a customer whom a bot leaves waiting goes to people, once, after BotReply since the first word that
// nobody answered.
func TestSilentBot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		talk func(*led)
		in   time.Duration // from then on until people have it; 0: they never have
	}{
		"says nothing at all":  {func(*led) {}, chat.BotReply},
		"answers":              {func(l *led) { l.botSays("Let me see.") }, 0},
		"does not answer more": {func(l *led) { l.botSays("Which?"); l.say(l.customer, "the blue one") }, chat.BotReply},
		"the customer goes on": {func(l *led) {
			l.botSays("Which?")
			l.say(l.customer, "the blue one")
			l.run(40 * time.Second)
			l.say(l.customer, "hello?") // the wait is that for an answer to the first
		}, chat.BotReply - 40*time.Second},
		"answers in time": {func(l *led) { l.run(chat.BotReply - time.Second); l.botSays("There."); l.run(time.Second) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLed(t)
			c.talk(l)
			if c.in > 0 {
				l.run(c.in - time.Second)
			} else {
				l.run(3 * time.Hour)
			}
			if h := l.head(); h.Status != chat.StatusBot {
				t.Fatalf("%s too early", h.Status)
			}
			if c.in == 0 {
				return
			}
			epoch := l.head().Epoch
			l.run(chat.BotReply) // the timer was set for another time, and is set anew
			h := l.head()
			if h.Status != chat.StatusQueued || h.Epoch == epoch {
				t.Fatalf("%s, epoch %d after %d", h.Status, h.Epoch, epoch)
			}
			all := readLog(t, l.store, l.ref(), chat.Public)
			handed := slices.DeleteFunc(slices.Clone(all), func(e chat.Event) bool { return e.Type != chat.EventHandedOff })
			if len(handed) != 1 || handed[0].Reason != chat.ReasonBotSilent || handed[0].Sender != chat.SystemUser {
				t.Errorf("%+v", handed)
			}
			l.must(l.svc.BotSilent(t.Context(), l.ref(), h.Version-1)) // the timer comes again
			l.same(l.head().Version, h.Version)
		})
	}
}

// TestQuietBotIsLookedAtLessOften: a conversation in which nobody writes costs next to nothing, and a customer who comes
// back to a bot that has died meanwhile still gets a person.
func TestQuietBotIsLookedAtLessOften(t *testing.T) {
	t.Parallel()
	l := newLed(t)
	l.botSays("It comes tomorrow.")
	l.run(24 * time.Hour)
	if n := l.fired[chat.TimerBot]; n > 24*4+10 {
		t.Errorf("looked at %d times in a day", n)
	}
	l.say(l.customer, "it is tomorrow, and it has not come")
	l.run(chat.MaxDelay + chat.BotReply + time.Minute)
	if h := l.head(); h.Status != chat.StatusQueued {
		t.Errorf("%s", h.Status)
	}
}

// TestBotAnswersInTheLastMoment: an answer that is stored between the look and the write keeps the conversation.
func TestBotAnswersInTheLastMoment(t *testing.T) {
	t.Parallel()
	l := newLed(t)
	l.run(chat.BotReply - time.Second)
	once := false
	l.store.Fault = func(call string, after bool) error {
		if call == "Transition" && !after && !once {
			once = true
			l.botSays("Sorry, here I am.")
		}
		return nil
	}
	l.run(10 * time.Minute)
	if h := l.head(); !once || h.Status != chat.StatusBot {
		t.Errorf("%s, tried %v", h.Status, once)
	}
	l.say(l.customer, "and now?")
	l.run(20 * time.Minute)
	if h := l.head(); h.Status != chat.StatusQueued {
		t.Errorf("%s: it is not looked after any more", h.Status)
	}
}
