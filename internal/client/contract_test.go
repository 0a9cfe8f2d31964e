package client

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const schemas = "../../events/schemas"

// contracted lists the frames of one direction, client or server, that the contract has.
func contracted(t *testing.T, direction string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(schemas, direction+".*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no schemas of %s: %v", direction, err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), direction+"."), ".json"))
	}
	return names
}

// valid fails the test unless the frame is as the contract says.
func valid(t *testing.T, file string, frame string) {
	t.Helper()
	schema, err := validator.NewCompiler().Compile(filepath.Join(schemas, file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	value, err := validator.UnmarshalJSON(strings.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s is not as the contract says: %v", frame, err)
	}
}

// example is a frame that the contract shows.
type example struct {
	Name    string
	Payload json.RawMessage
}

// examples are those of a frame of one direction, by its action or type.
func examples(t *testing.T, field, name string) (found []example) {
	t.Helper()
	raw, err := os.ReadFile("../../events/socket.asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Components struct {
			Messages map[string]struct{ Examples []example }
		}
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	for _, m := range document.Components.Messages {
		for _, e := range m.Examples {
			if fieldOf(t, e.Payload, field) == name {
				found = append(found, e)
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("the contract shows no %s %s", field, name)
	}
	return found
}

func fieldOf(t *testing.T, frame []byte, field string) string {
	t.Helper()
	var f map[string]json.RawMessage
	if err := json.Unmarshal(frame, &f); err != nil {
		t.Fatal(err)
	}
	var text string
	if json.Unmarshal(f[field], &text) != nil {
		return ""
	}
	return text
}

func as[T any](t *testing.T, frame []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(frame, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// play has the machine say what an example says.
type play struct {
	*stage
	frame []byte
}

func queued[C Command](s play) error {
	_, err := Queue(s.m, as[C](s.t, s.frame))
	return err
}

func textsOf(messages []protocol.NewMessage) (out []string) {
	for _, m := range messages {
		out = append(out, m.Text)
	}
	return out
}

func sayStart(s play) error {
	f := as[protocol.Start](s.t, s.frame)
	_, _, err := s.m.StartWith(f, textsOf(f.Messages)...)
	return err
}

func saySend(s play) (err error) {
	f := as[protocol.Send](s.t, s.frame)
	if len(f.Messages[0].Mentions) > 0 {
		_, err = s.m.Mention(f.Conversation, f.Messages[0].Text, f.Messages[0].Mentions...)
		return err
	}
	track, err := protocol.TrackOf(f.Track)
	if err == nil {
		_, err = s.m.Send(f.Conversation, track, textsOf(f.Messages)...)
	}
	return err
}

func sayEdit(s play) error {
	f := as[protocol.Edit](s.t, s.frame)
	track, err := protocol.TrackOf(f.Track)
	if err == nil {
		_, err = s.m.Edit(f.Conversation, track, f.Target, f.Text)
	}
	return err
}

func sayDelete(s play) error {
	f := as[protocol.Delete](s.t, s.frame)
	track, err := protocol.TrackOf(f.Track)
	if err == nil {
		_, err = s.m.Delete(f.Conversation, track, f.Target)
	}
	return err
}

// commands says how the machine is made to send each command of the contract.
func commands() map[string]func(play) error {
	return map[string]func(play) error{
		protocol.ActionStart: sayStart, protocol.ActionSend: saySend, protocol.ActionEdit: sayEdit, protocol.ActionDelete: sayDelete,
		protocol.ActionJoin: queued[protocol.Join], protocol.ActionClose: queued[protocol.Close], protocol.ActionReopen: queued[protocol.Reopen],
		protocol.ActionAccept: queued[protocol.Accept], protocol.ActionDecline: queued[protocol.Decline], protocol.ActionTransfer: queued[protocol.Transfer],
		protocol.ActionAssign: queued[protocol.Assign], protocol.ActionWatch: queued[protocol.Watch], protocol.ActionUnwatch: queued[protocol.Unwatch],
		protocol.ActionTakeOver: queued[protocol.TakeOver], protocol.ActionLeave: queued[protocol.Leave], protocol.ActionPerson: queued[protocol.Person],
		protocol.ActionSnooze: queued[protocol.Snooze], protocol.ActionWake: queued[protocol.Wake], protocol.ActionRate: queued[protocol.Rate],
		protocol.ActionForm: queued[protocol.Form], protocol.ActionTag: queued[protocol.Tag], protocol.ActionFields: queued[protocol.Fields],
		protocol.ActionPriority: queued[protocol.Priority], protocol.ActionLink: queued[protocol.Link], protocol.ActionMute: queued[protocol.Mute],
		protocol.ActionDuty: func(s play) error { s.m.Duty(as[protocol.Duty](s.t, s.frame).Status); return nil },
		protocol.ActionDesk: func(s play) error {
			f := as[protocol.Desk](s.t, s.frame)
			s.m.Watch(f.Views, f.Departments...)
			return nil
		},
		protocol.ActionVisit: func(s play) error { s.m.Visit(as[protocol.Visit](s.t, s.frame)); return nil },
		protocol.ActionTyping: func(s play) error {
			id := as[protocol.Typing](s.t, s.frame).Conversation
			s.receive(1, protocol.TypingPush{Type: protocol.TypeTyping, Conversation: id, User: other})
			s.m.Typing(id)
			return nil
		},
		protocol.ActionRead: func(s play) error {
			id := as[protocol.Read](s.t, s.frame).Conversation
			s.receive(1, protocol.TypingPush{Type: protocol.TypeTyping, Conversation: id, User: other})
			s.m.MarkRead(id, 2)
			s.pass(s.m.cfg.Read)
			return nil
		},
		protocol.ActionPage: func(s play) error {
			f := as[protocol.Page](s.t, s.frame)
			s.receive(1, protocol.Events{Type: protocol.TypeEvents, Conversation: f.Conversation, Track: chat.Public, Gen: 1, Events: []protocol.Event{fromOther(9, "far ahead")}})
			s.pass(s.m.cfg.Gap)
			return nil
		},
		protocol.ActionPing:  func(s play) error { s.pass(s.m.pingPause()); return nil },
		protocol.ActionHello: func(s play) error { s.m.wantHello(); s.pass(s.m.cfg.RetryBase); return nil },
	}
}

// own are the members of a frame that the machine makes by itself.
var own = []string{"ref", "after", "id", "seq", "cursors", "limit", "before", "read", "more"}

// spoken is a frame without what the machine makes by itself.
func spoken(t *testing.T, frame []byte) map[string]any {
	t.Helper()
	f := as[map[string]any](t, frame)
	for _, name := range own {
		delete(f, name)
	}
	if f["track"] == "public" {
		delete(f, "track") // the default
	}
	if f["action"] == protocol.ActionStart {
		delete(f, "conversation")
	}
	messages, _ := f["messages"].([]any)
	for _, m := range messages {
		delete(m.(map[string]any), "id")
	}
	maps.DeleteFunc(f, func(name string, v any) bool { return name != "action" && (v == float64(0) || v == false) })
	return f
}

// The client can say everything that the contract shows, word for word, and says nothing that it does not allow.
func TestTheClientKnowsEveryCommand(t *testing.T) {
	t.Parallel()
	known := commands()
	for _, action := range contracted(t, "client") {
		do := known[action]
		if do == nil {
			t.Errorf("the client does not know the command %s", action)
			continue
		}
		for _, e := range examples(t, "action", action) {
			t.Run(action+"/"+e.Name, func(t *testing.T) {
				t.Parallel()
				sent := saidAs(t, do, e)
				valid(t, "client."+action, sent.Raw)
				if action == protocol.ActionPage || action == protocol.ActionRead {
					return // when is the machine's own business
				}
				if d := cmp.Diff(spoken(t, e.Payload), spoken(t, []byte(sent.Raw))); d != "" {
					t.Errorf("-contract +client\n%s", d)
				}
			})
		}
	}
}

// saidAs plays one example and returns the frame that the machine sent.
func saidAs(t *testing.T, do func(play) error, e example) sentFrame {
	t.Helper()
	action := fieldOf(t, e.Payload, "action")
	s := newStage(t)
	s.m.cfg.NewID = func(prefix string) string { return chat.NewID(prefix, s.now) }
	snap := snapshot(1, message(1, "a"), message(2, "b"))
	if id := fieldOf(t, e.Payload, "conversation"); id != "" && action != protocol.ActionStart {
		snap.Conversation = chat.ConversationID(id)
	} else {
		snap.Conversation = chat.ConversationID(chat.NewID(chat.ConversationPrefix, s.now))
	}
	s.connect(chat.RoleOperator, snap)
	if err := do(play{s, e.Payload}); err != nil {
		t.Fatal(err)
	}
	s.run()
	if action == protocol.ActionPing {
		return s.pings[0]
	}
	return s.take(action)
}

// effects says, for each frame of the contract that the server sends, what the machine makes of it.
func effects() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		protocol.TypeWelcome: func(t *testing.T) {
			if s := welcomed(t, chat.RoleOperator); !s.m.Ready() || s.m.View(conv) == nil {
				t.Error("not welcomed")
			}
		},
		protocol.TypeAck:   TestSendIsAcknowledgedAndShown,
		protocol.TypePage:  TestGapIsFetched,
		protocol.TypePong:  TestPing,
		protocol.TypeError: TestErrors,
		protocol.TypeDone: func(t *testing.T) {
			s := welcomed(t, chat.RoleOperator)
			s.receive(1, protocol.TypingPush{Type: protocol.TypeTyping, Conversation: conv, User: other})
			s.m.MarkRead(conv, 2)
			s.m.Typing(conv)
			s.run()
			s.receive(1, protocol.Done{Type: protocol.TypeDone, Ref: s.take(protocol.ActionTyping).Ref})
			if s.m.View(conv).untold() != 0 || len(s.m.requests) != 0 {
				t.Error("the read cursor that rode on it is to be told again")
			}
		},
		protocol.TypeEvents: func(t *testing.T) {
			s := welcomed(t, chat.RoleOperator)
			s.push(fromOther(3, "c"))
			if s.m.View(conv).Applied(chat.Public) != 3 {
				t.Error("not applied")
			}
		},
		protocol.TypeTyping:   TestTyping,
		protocol.TypeRead:     seenRead,
		protocol.TypeWaiting:  TestWaitingList,
		protocol.TypeDuty:     dutyAnswered,
		protocol.TypePosition: TestPositionOfWhoWaits,
		protocol.TypeMention:  TestMentioned,
		protocol.TypeGone:     TestGone,
		protocol.TypeDesk:     deskShown,
		protocol.TypeVisit:    visitAnswered,
		protocol.TypeBye:      TestBye,
		"gateway":             TestGatewayErrorMeansUnknownForAllOfTheSocket,
	}
}

// Every frame that the contract has from the server means something to the client, and every one that it shows is taken.
func TestTheClientKnowsEveryFrame(t *testing.T) {
	t.Parallel()
	known := effects()
	for _, name := range contracted(t, "server") {
		check := known[name]
		if check == nil {
			t.Errorf("the client does not know the frame %s", name)
			continue
		}
		t.Run(name, check)
	}
}

func seenRead(t *testing.T) {
	s := welcomed(t, chat.RoleOperator)
	s.receive(1, protocol.ReadPush{Type: protocol.TypeRead, Conversation: conv, User: other, Seq: 2})
	if n, ok := s.told(ReadSeen); !ok || n.Seq != 2 || s.m.View(conv).Participants[other].Read != 2 {
		t.Errorf("%+v", n)
	}
}

func dutyAnswered(t *testing.T) {
	s := welcomed(t, chat.RoleOperator)
	s.m.Duty(chat.DutyAccepting)
	s.run()
	f := s.take(protocol.ActionDuty)
	s.receive(1, protocol.DutyReply{Type: protocol.TypeDuty, Ref: f.Ref, Operator: protocol.Operator{User: me, Status: chat.DutyAccepting, Load: 2}})
	if refused, settled := s.m.DutySettled(); refused != "" || !settled || s.m.Operator().Load != 2 {
		t.Errorf("%s, %v, %+v", refused, settled, s.m.Operator())
	}
}

func deskShown(t *testing.T) {
	s := welcomed(t, chat.RoleOperator)
	s.m.Watch([]chat.DeskView{chat.ViewQueue})
	s.run()
	f := s.take(protocol.ActionDesk)
	s.receive(1, protocol.DeskPush{Type: protocol.TypeDesk, Ref: f.Ref, Revision: 5, Queue: &protocol.DeskQueue{Entries: []protocol.WaitingEntry{{Conversation: "c_2"}}}})
	s.receive(1, protocol.DeskPush{Type: protocol.TypeDesk, Revision: 4, Queue: &protocol.DeskQueue{}})
	if shown, _ := s.m.LiveDesk(); shown.Revision != 5 || len(s.m.Waiting()) != 1 {
		t.Errorf("%+v", shown)
	}
}

func visitAnswered(t *testing.T) {
	s := welcomed(t, chat.RoleCustomer)
	s.m.Visit(protocol.Visit{Page: "/"})
	s.run()
	f := s.take(protocol.ActionVisit)
	s.receive(1, protocol.VisitReply{Type: protocol.TypeVisit, Ref: f.Ref, Until: 7})
	if refused, settled := s.m.VisitSettled(); refused != "" || !settled {
		t.Errorf("%s, %v", refused, settled)
	}
}
