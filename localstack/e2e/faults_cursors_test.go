package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// TestOldCursors: whatever a client claims to have, a hello answers with what follows it without a hole, or says that
// the view must be dropped and gives the newest page.
func TestOldCursors(t *testing.T) {
	t.Parallel()
	c, o, id := pair(t, fast())
	for i := range 3 { // all of it fits into a welcome
		var texts []string
		for j := range 18 {
			texts = append(texts, fmt.Sprint("message ", i, " ", j))
		}
		must(t, o.Say(id, texts...))
	}
	converge(t, id, chat.Public, c, o)
	log, err := c.Log(within(t), id, chat.Public)
	must(t, err)
	n := uint64(len(log))
	const unknown = chat.ConversationID("c_00000000000000000000000000")
	tests := []struct {
		name    string
		cursors map[chat.ConversationID]protocol.Cursor
		after   uint64 // the seq before the first event
		limited bool
	}{
		{"none", nil, n - 50, true},
		{"nothing applied", map[chat.ConversationID]protocol.Cursor{id: {}}, 0, false},
		{"in chunks", map[chat.ConversationID]protocol.Cursor{id: {Public: 3}}, 3, false},
		{"nearly all", map[chat.ConversationID]protocol.Cursor{id: {Public: n - 1}}, n - 1, false},
		{"all", map[chat.ConversationID]protocol.Cursor{id: {Public: n}}, n, false},
		{"more than there is", map[chat.ConversationID]protocol.Cursor{id: {Public: n + 7}}, n - 50, true},
		{"of another generation", map[chat.ConversationID]protocol.Cursor{id: {Gen: 9, Public: n - 1}}, n - 50, true},
		{"of a conversation that is not there", map[chat.ConversationID]protocol.Cursor{id: {Public: n - 1}, unknown: {Public: 3}}, n - 1, false},
	}
	for _, tt := range tests {
		w := hello(t, raw(t, c.API, c.Session.Token), tt.cursors)
		if len(w.Conversations) != 1 {
			t.Errorf("%s: %d conversations", tt.name, len(w.Conversations))
			continue
		}
		got := w.Conversations[0].Public
		if got.Head != n || got.Limited != tt.limited {
			t.Errorf("%s: head %d of %d, limited %t", tt.name, got.Head, n, got.Limited)
		}
		if d := cmp.Diff(append([]protocol.Event(nil), log[tt.after:]...), got.Events); d != "" {
			t.Errorf("%s: (-log +welcome)\n%s", tt.name, d)
		}
		if _, asked := tt.cursors[unknown]; asked != (len(w.Gone) == 1) {
			t.Errorf("%s: gone %v", tt.name, w.Gone)
		}
	}
}

func hello(t *testing.T, conn *websocket.Conn, cursors map[chat.ConversationID]protocol.Cursor) (w protocol.Welcome) {
	t.Helper()
	frame, err := json.Marshal(protocol.Hello{Action: protocol.ActionHello, Ref: "1", Cursors: cursors})
	must(t, err)
	must(t, conn.Write(within(t), websocket.MessageText, frame))
	conn.SetReadLimit(chat.MaxFrame)
	_, b, err := conn.Read(within(t))
	must(t, err)
	if err := json.Unmarshal(b, &w); err != nil || w.Type != protocol.TypeWelcome {
		t.Fatalf("%s: %v", b, err)
	}
	return w
}
