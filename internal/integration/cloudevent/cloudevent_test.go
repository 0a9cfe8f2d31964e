package cloudevent_test

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/integration/cloudevent"
)

var ref = chat.Ref{Workspace: "w_01kaw3v4x00123456789abcdef", Conversation: "c_01kaw3v4x0aaaaaaaaaaaaaaaa"}

func TestEveryTypeHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^parley(\.[a-z_]+){2}\.v1$`)
	seen := map[string]chat.EventType{}
	for _, typ := range chat.EventTypes() {
		got := cloudevent.TypeOf(typ)
		if !name.MatchString(got) {
			t.Errorf("%s: type %q", typ, got)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%s and %s are both %q", typ, other, got)
		}
		seen[got] = typ
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	e := chat.Event{
		Seq: 42, ID: "m_01kaw3v4x0bbbbbbbbbbbbbbbb", Type: chat.EventNote, Gen: 65536, At: time.UnixMilli(1764000000042).In(time.FixedZone("", 3600)),
		Sender: "u_01kaw3v4x0adaadaadaadaadaa", Role: chat.RoleOperator, Follows: 41, Text: "VIP <b>",
	}
	got := cloudevent.Of(ref, chat.Desk, e)
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"specversion":"1.0","id":"w_01kaw3v4x00123456789abcdef.c_01kaw3v4x0aaaaaaaaaaaaaaaa.65536.desk.42",` +
		`"source":"/workspaces/w_01kaw3v4x00123456789abcdef/conversations/c_01kaw3v4x0aaaaaaaaaaaaaaaa/desk",` +
		`"type":"parley.note.created.v1","subject":"c_01kaw3v4x0aaaaaaaaaaaaaaaa","time":"2025-11-24T16:00:00.042Z",` +
		`"datacontenttype":"application/json","sequence":"000000000042","partitionkey":"c_01kaw3v4x0aaaaaaaaaaaaaaaa",` +
		`"data":{"workspace":"w_01kaw3v4x00123456789abcdef","conversation":"c_01kaw3v4x0aaaaaaaaaaaaaaaa","track":"desk","seq":42,"gen":65536,` +
		`"id":"m_01kaw3v4x0bbbbbbbbbbbbbbbb","at":1764000000042,"sender":"u_01kaw3v4x0adaadaadaadaadaa","role":"operator","follows":41,"text":"VIP \u003cb\u003e"}}`
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
	if at, err := time.Parse(time.RFC3339, got.Time); err != nil || !at.Equal(e.At) {
		t.Errorf("time %v, %v; want %v", at, err, e.At)
	}
}

func TestARestoreMakesOtherIDs(t *testing.T) {
	t.Parallel()
	before := cloudevent.Of(ref, chat.Public, chat.Event{Seq: 7, Gen: 0})
	after := cloudevent.Of(ref, chat.Public, chat.Event{Seq: 7, Gen: 1 << 16})
	if before.ID == after.ID {
		t.Errorf("both are %s", before.ID)
	}
}

func TestOfOwnLogs(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1764000000042)
	const user, id = chat.UserID("u_01kaw3v4x0adaadaadaadaadaa"), contact.ID("ct_01kaw3v4x0adaadaadaadaadaa")
	for _, c := range []struct {
		event cloudevent.OwnEvent
		want  string
	}{
		{cloudevent.OfOperator(ref.Workspace, user, 65536, chat.OperatorEvent{
			Seq: 3, Type: chat.OperatorStatus, At: at, Sender: chat.SystemUser, Role: chat.RoleSystem, From: chat.DutyAccepting, To: chat.DutyAway, Reason: "missed",
		}), `{"specversion":"1.0","id":"w_01kaw3v4x00123456789abcdef.u_01kaw3v4x0adaadaadaadaadaa.65536.3",` +
			`"source":"/workspaces/w_01kaw3v4x00123456789abcdef/operators/u_01kaw3v4x0adaadaadaadaadaa","type":"parley.operator.status.v1",` +
			`"subject":"u_01kaw3v4x0adaadaadaadaadaa","time":"2025-11-24T16:00:00.042Z","datacontenttype":"application/json","sequence":"000000000003",` +
			`"partitionkey":"u_01kaw3v4x0adaadaadaadaadaa","data":{"workspace":"w_01kaw3v4x00123456789abcdef","operator":"u_01kaw3v4x0adaadaadaadaadaa",` +
			`"seq":3,"gen":65536,"at":1764000000042,"sender":"` + string(chat.SystemUser) + `","role":"system","from":"accepting","to":"away","reason":"missed"}}`},
		{cloudevent.OfContact(ref.Workspace, id, 0, contact.Event{Seq: 1, Type: contact.EventLead, At: at, Sender: user, Role: chat.RoleCustomer, User: user, Changed: []string{"name"}}),
			`{"specversion":"1.0","id":"w_01kaw3v4x00123456789abcdef.ct_01kaw3v4x0adaadaadaadaadaa.0.1",` +
				`"source":"/workspaces/w_01kaw3v4x00123456789abcdef/contacts/ct_01kaw3v4x0adaadaadaadaadaa","type":"parley.lead.captured.v1",` +
				`"subject":"ct_01kaw3v4x0adaadaadaadaadaa","time":"2025-11-24T16:00:00.042Z","datacontenttype":"application/json","sequence":"000000000001",` +
				`"partitionkey":"ct_01kaw3v4x0adaadaadaadaadaa","data":{"workspace":"w_01kaw3v4x00123456789abcdef","contact":"ct_01kaw3v4x0adaadaadaadaadaa",` +
				`"seq":1,"gen":0,"at":1764000000042,"sender":"u_01kaw3v4x0adaadaadaadaadaa","role":"customer","changed":["name"],"user":"u_01kaw3v4x0adaadaadaadaadaa"}}`},
	} {
		raw, err := json.Marshal(c.event)
		if err != nil || string(raw) != c.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, raw, c.want)
		}
	}
}
