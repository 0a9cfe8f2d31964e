package identity_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

func TestTicketOpensOneSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		opened identity.Opened
		origin string
	}{
		"customer": {w.customer(), shop}, "operator": {w.operator(), desk}, "operator without a page": {w.operator(), ""},
	} {
		issued := w.ticket(c.opened, c.origin)
		if len(issued.Text) != identity.TicketLength || !issued.Expires.Equal(w.now.Add(30*time.Second)) {
			t.Errorf("%s: ticket of %d bytes until %s", name, len(issued.Text), issued.Expires)
		}
		ticket, err := w.tickets.Redeem(t.Context(), issued.Text, c.origin)
		w.must(err)
		if ticket.Principal != c.opened.Session.Principal() {
			t.Errorf("%s: ticket %+v", name, ticket)
		}
		_, err = w.tickets.Redeem(t.Context(), issued.Text, c.origin)
		w.refused(name+" again", err, chat.CodeUnauthenticated, identity.ReasonTicketInvalid)
	}
}

func TestTicketRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issued := w.ticket(w.customer(), shop)
	var won atomic.Int32
	var done sync.WaitGroup
	for range 16 {
		done.Go(func() {
			if _, err := w.tickets.Redeem(t.Context(), issued.Text, shop); err == nil {
				won.Add(1)
			}
		})
	}
	done.Wait()
	if won.Load() != 1 {
		t.Errorf("%d handshakes got the ticket", won.Load())
	}
}

func TestTicketOriginIsBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer, operator := w.customer(), w.operator()
	for _, c := range []struct {
		opened identity.Opened
		origin string
	}{{customer, evil}, {customer, ""}, {customer, desk}, {operator, evil}, {operator, shop}, {operator, "null"}} {
		_, err := w.tickets.Issue(t.Context(), c.opened, c.origin)
		w.refused(string(c.opened.Session.Role)+" from "+c.origin, err, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	}
	for _, origin := range []string{evil, "", "http://localhost:1", shop + "/", strings.ToUpper(shop)} {
		issued := w.ticket(customer, shop)
		_, err := w.tickets.Redeem(t.Context(), issued.Text, origin)
		w.refused("presented from "+origin, err, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
		_, err = w.tickets.Redeem(t.Context(), issued.Text, shop)
		w.refused("and then from the right one", err, chat.CodeUnauthenticated, identity.ReasonTicketInvalid)
	}
}

// Taking an origin off the widget's list works at once, for sessions that exist too.
func TestWithdrawnOriginGetsNoTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.customer()
	w.must(w.store.PutWidget(t.Context(), identity.Widget{Key: "wk_one", Workspace: w.one, Origins: []string{desk}}))
	_, err := w.tickets.Issue(t.Context(), o, shop)
	w.refused("withdrawn", err, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
}

func TestTicketExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issued := w.ticket(w.customer(), shop)
	w.now = w.now.Add(30 * time.Second)
	_, err := w.tickets.Redeem(t.Context(), issued.Text, shop)
	w.refused("after 30 s", err, chat.CodeUnauthenticated, identity.ReasonTicketExpired)
}

func TestTamperedTickets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := w.ticket(w.customer(), shop).Text
	for i := range text {
		for _, c := range []byte("ABz9_-=\n ") {
			tampered := text[:i] + string(c) + text[i+1:]
			if tampered == text {
				continue
			}
			_, err := w.tickets.Redeem(t.Context(), tampered, shop)
			w.refused(fmt.Sprintf("byte %d changed to %q", i, c), err, chat.CodeUnauthenticated, identity.ReasonTicketInvalid)
		}
	}
	if w.store.Tickets() != 1 {
		t.Error("a tampered ticket consumed the real one")
	}
	for _, bad := range []string{"", "ptk_", text + "A", text[1:], strings.Repeat("ptk_", 1<<16), w.customer().Token.Text()} {
		_, err := w.tickets.Redeem(t.Context(), bad, shop)
		w.refused(fmt.Sprintf("%.40q", bad), err, chat.CodeUnauthenticated, identity.ReasonTicketInvalid)
	}
	_, err := w.tickets.Redeem(t.Context(), text, shop)
	w.must(err)
}

// explains checks what Explain says.
func (w *world) explains(what string, token identity.Token, ticket string, want identity.Fate) {
	w.t.Helper()
	got, err := w.tickets.Explain(w.t.Context(), token, ticket)
	if err != nil || got != want {
		w.t.Errorf("%s: %s, %v; want %s", what, got, err, want)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.customer()
	used, late, leaked := w.ticket(o, shop).Text, w.ticket(o, shop).Text, w.ticket(o, shop).Text
	if _, err := w.tickets.Redeem(t.Context(), used, shop); err != nil {
		t.Fatal(err)
	}
	_, _ = w.tickets.Redeem(t.Context(), leaked, evil)
	w.explains("used", o.Token, used, identity.FateUsed)
	w.explains("presented from a wrong origin", o.Token, leaked, identity.FateUsed)
	w.explains("not yet used", o.Token, late, identity.FateUnused)
	w.explains("malformed", o.Token, "ptk_x", identity.FateInvalid)
	w.explains("of another session", w.customer().Token, used, identity.FateInvalid)
	w.explains("tampered", o.Token, used[:60]+"AAAA"+used[64:], identity.FateInvalid)
	w.now = w.now.Add(identity.TicketLife)
	w.explains("expired", o.Token, late, identity.FateExpired)
	w.explains("used, asked after its life", o.Token, used, identity.FateUsed)
	w.now = w.now.Add(identity.TicketMemory)
	w.explains("used, too long ago to know", o.Token, used, identity.FateExpired)
}

// Asking about another's ticket neither consumes it nor tells anything.
func TestExplainTellsNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	victim := w.ticket(w.operator(), desk)
	w.explains("another's", w.customer().Token, victim.Text, identity.FateInvalid)
	_, err := w.tickets.Redeem(t.Context(), victim.Text, desk)
	w.must(err)
}
