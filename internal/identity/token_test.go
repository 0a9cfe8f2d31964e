package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Every character of a token counts: whatever one is changed into whatever else, the token is refused, and the
// answer does not tell which field was wrong.
func TestTamperedTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := w.customer().Token.Text()
	if len(text) != identity.TokenLength {
		t.Errorf("token of %d bytes", len(text))
	}
	for i := range text {
		for _, c := range []byte(alphabet[:8] + "_-9z=\n ") {
			tampered := text[:i] + string(c) + text[i+1:]
			if tampered == text {
				continue
			}
			_, err := w.sessions.Authenticate(t.Context(), tampered)
			w.refused(fmt.Sprintf("byte %d changed to %q", i, c), err, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
		}
	}
	if _, err := w.sessions.Authenticate(t.Context(), text); err != nil {
		t.Error(err)
	}
}

func TestMalformedTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := w.customer().Token.Text()
	ticket := w.ticket(w.customer(), shop).Text
	for _, bad := range []string{
		"", " ", "pst_", text[4:], text + "A", text[:len(text)-1], text + "=", "\n" + text, text + "\n", "PST_" + text[4:],
		text[:50] + "\r\n" + text[52:], strings.Repeat("pst_", 1000), strings.Repeat("A", 1<<20), ticket, "pst_" + ticket[4:], "\x00",
	} {
		_, err := w.sessions.Authenticate(t.Context(), bad)
		w.refused(fmt.Sprintf("%.60q", bad), err, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	}
}

// The secret of one session is worth nothing with the ids of another, of the same workspace or not.
func TestSecretsDoNotMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.customer().Token, w.customer().Token
	other, err := w.customers.Start(t.Context(), "wk_two", shop, "")
	w.must(err)
	for name, victim := range map[string]identity.Token{"another customer": b, "another workspace": other.Token} {
		mixed := a // a's secret
		mixed.Workspace, mixed.User, mixed.Session = victim.Workspace, victim.User, victim.Session
		_, err := w.sessions.Authenticate(t.Context(), mixed.Text())
		w.refused(name, err, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	}
	moved := a
	moved.Workspace = w.two
	_, err = w.sessions.Authenticate(t.Context(), moved.Text())
	w.refused("moved to another workspace", err, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
}

// What is stored is no token, and what is printed by accident is none either.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.customer()
	secret := o.Token.Text()[len(o.Token.Text())-43:]
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, o.Token)
		fmt.Fprintf(&out, verb, o)
		fmt.Fprintf(&out, verb, &o)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "token", o.Token, "opened", o)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "token", o.Token, "opened", o)
	if err := json.NewEncoder(&out).Encode(o); err != nil {
		t.Fatal(err)
	}
	raw := fmt.Sprintf("%+v", w.store.Sessions())
	if strings.Contains(out.String()+raw, secret) || strings.Contains(raw, o.Token.Text()) {
		t.Error("the secret shows")
	}
	if parsed, err := identity.ParseToken(o.Token.Text()); err != nil || parsed != o.Token {
		t.Errorf("round trip: %v", err)
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add("pst_" + strings.Repeat("A", 107))
	f.Add("pst_" + strings.Repeat("_", 106) + "w")
	f.Add("ptk_" + strings.Repeat("A", 86))
	f.Fuzz(func(t *testing.T, text string) {
		token, err := identity.ParseToken(text)
		if err != nil {
			if chat.CodeOf(err) != chat.CodeUnauthenticated {
				t.Errorf("%v", err)
			}
			return
		}
		if token.Text() != text {
			t.Errorf("%q is another spelling of %q", text, token.Text())
		}
		if !token.Workspace.Valid() || !token.User.Valid() || !token.Session.Valid() {
			t.Errorf("%q holds invalid ids: %+v", text, token)
		}
	})
}

func FuzzTicket(f *testing.F) {
	f.Add("ptk_" + strings.Repeat("A", 86))
	f.Add("ptk_" + strings.Repeat("A", 85) + "B")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		w := newWorld(t)
		_, err := w.tickets.Redeem(t.Context(), text, shop)
		w.refused(text, err, chat.CodeUnauthenticated, identity.ReasonTicketInvalid)
		fate, err := w.tickets.Explain(t.Context(), w.customer().Token, text)
		if err != nil || fate != identity.FateInvalid {
			t.Errorf("%q: %s, %v", text, fate, err)
		}
	})
}
