package dynamo

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

var zero = time.UnixMilli(1_790_000_000_000)

// Stored bytes: what is in tables must stay readable, and cost what it costs.
func TestPackedEventsAreStoredData(t *testing.T) {
	t.Parallel()
	message := chat.Event{
		Seq: 7, ID: "m_01kaw3v4x0mmmmmmmmm0000001", Type: chat.EventMessage, At: zero, Sender: goldenUser, Role: chat.RoleCustomer, Text: "hi",
	}
	full := chat.Event{
		Seq: 8, ID: "m_01kaw3v4x0mmmmmmmmm0000002", Type: chat.EventReopened, At: zero, Gen: 3, Sender: goldenUser, Role: chat.RoleAPIKey, Follows: 300, Target: 2,
		From: chat.StatusClosed, To: chat.StatusActive, Reason: "because", Subject: goldenUser, Text: "é",
	}
	for _, c := range []struct {
		event chat.Event
		want  string
	}{
		{message, "010000" + // format, message, customer without flags
			"019ab83d93a0a5294a5294a000000001" + "019ab83d93a07b9ac5a928398a418820" + // id, sender
			"80d8c1a28c34" + "00" + "6869"}, // time, generation, text
		{full, "0107f5" + // format, reopened, API key with all flags
			"019ab83d93a0a5294a5294a000000002" + "019ab83d93a07b9ac5a928398a418820" +
			"80d8c1a28c34" + "03" + "ac02" + "02" + // time, generation, follows, target
			"0302" + "07" + "62656361757365" + // from closed to active, reason
			"019ab83d93a07b9ac5a928398a418820" + "c3a9"}, // subject, text
	} {
		got := hex.EncodeToString(pack(c.event))
		if c.want != got {
			t.Errorf("packed as %s, want %s", got, c.want)
		}
	}
}

func anyEvent(t *rapid.T) chat.Event {
	id := func(prefix string) string {
		return chat.FormatID(prefix, [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, prefix)))
	}
	e := chat.Event{
		Seq: rapid.Uint64().Draw(t, "seq"), ID: chat.EventID(id(chat.EventPrefix)), Type: rapid.SampledFrom(chat.EventTypes()).Draw(t, "type"),
		At: time.UnixMilli(rapid.Int64Range(0, 1<<50).Draw(t, "at")), Gen: rapid.Uint32().Draw(t, "gen"), Sender: chat.UserID(id(chat.UserPrefix)),
		Role: rapid.SampledFrom(chat.Roles()).Draw(t, "role"), Follows: rapid.Uint64().Draw(t, "follows"), Target: rapid.Uint64().Draw(t, "target"),
		Text: rapid.String().Draw(t, "text"), From: rapid.SampledFrom(statuses).Draw(t, "from"), To: rapid.SampledFrom(statuses).Draw(t, "to"),
		Reason: rapid.String().Draw(t, "reason"),
	}
	if rapid.Bool().Draw(t, "has subject") {
		e.Subject = chat.UserID(id(chat.UserPrefix))
	}
	return e
}

func TestPackRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent(t)
		b := pack(e)
		got, err := unpack(b, e.Seq)
		if err != nil || !cmp.Equal(got, e) {
			t.Fatalf("%v\n%s", err, cmp.Diff(e, got))
		}
		n := rapid.IntRange(0, len(b)-len(e.Text)-1).Draw(t, "cut")
		if _, err := unpack(b[:n], e.Seq); !errors.Is(err, errCorrupt) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(b), err)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack(chat.Event{ID: "m_01kaw3v4x0mmmmmmmmm0000001", Type: chat.EventMessage, At: zero, Sender: goldenUser, Role: chat.RoleCustomer, Text: "hi"}))
	f.Add(pack(chat.Event{
		ID: "m_01kaw3v4x0mmmmmmmmm0000001", Type: chat.EventClosed, At: zero, Sender: goldenUser, Role: chat.RoleOperator, Follows: 1, Target: 1,
		From: chat.StatusActive, To: chat.StatusClosed, Reason: "r", Subject: goldenUser,
	}))
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0})
	f.Add(bytes.Repeat([]byte{0xff}, 99))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := unpack(b, 1)
		if err != nil {
			if !errors.Is(err, errCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again, err := unpack(pack(e), 1)
		if err != nil || !cmp.Equal(again, e) {
			t.Fatalf("%x is not the same when written again: %v\n%s", b, err, cmp.Diff(e, again))
		}
	})
}

func TestListenersRoundTrip(t *testing.T) {
	t.Parallel()
	for _, role := range chat.Roles() {
		l := chat.Listener{User: goldenUser, Role: role, Expires: time.Unix(1_790_000_000, 0)}
		b := packListener(l)
		got, ok := unpackListener(b)
		if !ok || !cmp.Equal(got, l) || len(b) != listenerSize {
			t.Errorf("%+v, %v", got, ok)
		}
		if _, ok := unpackListener(b[:20]); ok {
			t.Error("a cut listener is taken")
		}
	}
}
