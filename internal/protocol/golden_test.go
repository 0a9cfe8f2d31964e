package protocol

import (
	"encoding/json"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

var update = flag.Bool("update", false, "add the golden frames that are missing")

// golden holds each frame as it was written when it was new, with every member set. Clients that write and read such
// frames are out there for as long as a page stays open: members are added, what is here is never changed.
const golden = "testdata/frames.golden.json"

// requests are the frames of clients by their action, answers those of the server by their type.
func requests() map[string]any {
	return map[string]any{
		ActionHello: Hello{}, ActionStart: Start{}, ActionSend: Send{}, ActionEdit: Edit{}, ActionDelete: Delete{}, ActionPage: Page{},
		ActionTyping: Typing{}, ActionRead: Read{}, ActionPing: Ping{}, ActionJoin: Join{}, ActionClose: Close{}, ActionReopen: Reopen{},
		ActionDuty: Duty{}, ActionAccept: Accept{}, ActionDecline: Decline{}, ActionTransfer: Transfer{}, ActionAssign: Assign{},
		ActionWatch: Watch{}, ActionUnwatch: Unwatch{}, ActionTakeOver: TakeOver{}, ActionLeave: Leave{}, ActionPerson: Person{},
		ActionSnooze: Snooze{}, ActionWake: Wake{}, ActionRate: Rate{}, ActionForm: Form{}, ActionTag: Tag{}, ActionFields: Fields{},
		ActionPriority: Priority{}, ActionLink: Link{}, ActionMute: Mute{}, ActionDesk: Desk{}, ActionVisit: Visit{},
	}
}

func answers() map[string]any {
	return map[string]any{
		TypeWelcome: Welcome{}, TypeAck: Ack{}, TypePage: PageReply{}, TypePong: Pong{}, TypeDone: Done{}, TypeError: Error{}, TypeEvents: Events{},
		TypeTyping: TypingPush{}, TypeRead: ReadPush{}, TypeWaiting: WaitingPush{}, TypeBye: Bye{}, TypeDuty: DutyReply{}, TypePosition: PositionPush{},
		TypeMention: MentionPush{}, TypeGone: GonePush{}, TypeDesk: DeskPush{}, TypeVisit: VisitReply{},
	}
}

// complete sets every member of a value that JSON can hold, by its name: what is added changes nothing else.
func complete(v reflect.Value, name string) {
	number := int64(crc32.ChecksumIEEE([]byte(name))%1000) + 1
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.UnixMilli(1_790_000_000_000 + number).UTC()))
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				complete(v.Field(i), f.Name)
			}
		}
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint64, reflect.Uint32:
		v.SetUint(uint64(number))
	case reflect.Int64, reflect.Int:
		v.SetInt(number)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		complete(v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		complete(v.Index(0), name)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		complete(key, name)
		complete(value, name)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		panic("no way to fill a " + v.Type().String())
	}
}

func completed[T any](v T) T {
	p := reflect.New(reflect.TypeOf(v))
	complete(p.Elem(), "")
	return p.Elem().Interface().(T)
}

// written are the frames that this version writes: of every struct, and of what the server makes of the domain's values.
func written() map[string]any {
	out := map[string]any{}
	for direction, list := range map[string]map[string]any{"client": requests(), "server": answers()} {
		for name, frame := range list {
			p := reflect.New(reflect.TypeOf(frame))
			complete(p.Elem(), "")
			p.Elem().Field(0).SetString(name) // Action, or Type
			out[direction+"."+name] = p.Elem().Interface()
		}
	}
	raw := func(frame []byte) any { return json.RawMessage(frame) }
	desk := completed(chat.DeskFrame{})
	desk.Open = len(chat.DeskViews())
	ref := chat.Ref{Workspace: "w_1", Conversation: "c_1"}
	out["encoder.desk"] = raw(Encoder{}.Desk(desk))
	out["encoder.position"] = raw(Encoder{}.Position(chat.Standing{Waiting: chat.Waiting{Conversation: "c_1"}, Position: 3, Estimate: 2 * time.Minute, Basis: "rate"}))
	out["encoder.gone"] = raw(Encoder{}.Notice(ref, chat.Notice{Kind: chat.NoticeGone, User: "u_1", By: "u_2"}))
	out["encoder.mention"] = raw(Encoder{}.Notice(ref, chat.Notice{Kind: chat.NoticeMention, User: "u_1", By: "u_2", Track: chat.Desk, Seq: 4}))
	out["encoder.operator"] = OperatorOf(completed(chat.Operator{}), true)
	out["encoder.event"] = EventOf(completed(chat.Event{}))
	return out
}

func goldenFrames(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	frames := map[string]json.RawMessage{}
	raw, err := os.ReadFile(golden)
	if err == nil {
		err = json.Unmarshal(raw, &frames)
	}
	if err != nil && !*update {
		t.Fatal(err)
	}
	return frames
}

// TestGoldenFrames: every frame is still written as it was when it was new, but for what was added.
func TestGoldenFrames(t *testing.T) {
	t.Parallel()
	frames, now := goldenFrames(t), written()
	if *update {
		for name, frame := range now {
			if frames[name] == nil {
				frames[name] = Encode(frame)
			}
		}
		raw, err := json.MarshalIndent(frames, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(raw, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := slices.Sorted(maps.Keys(now))
	if d := cmp.Diff(slices.Sorted(maps.Keys(frames)), names); d != "" {
		t.Errorf("frames without a golden one (-update adds them), or gone:\n%s", d)
	}
	for _, name := range names {
		if d := lacks("", tree(t, frames[name]), tree(t, Encode(now[name]))); d != "" && frames[name] != nil {
			t.Errorf("%s is written otherwise than it was:\n%s", name, d)
		}
	}
}

// TestGoldenFramesAreStillRead: whole, by this version's structs, with what a version to come adds.
func TestGoldenFramesAreStillRead(t *testing.T) {
	t.Parallel()
	for name, raw := range goldenFrames(t) {
		direction, kind, _ := strings.Cut(name, ".")
		list := map[string]map[string]any{"client": requests(), "server": answers()}[direction]
		if list == nil {
			continue // written from the domain's values, as the structs of the server
		}
		stillRead(t, name, list[kind], raw)
	}
}

// TestReleasedFramesAreStillRead: the frames that the last release shows are read whole by this version's structs.
func TestReleasedFramesAreStillRead(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../events/released/v1/socket.asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var released struct {
		Components struct {
			Messages map[string]struct {
				Examples []struct {
					Name    string
					Payload json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &released); err != nil {
		t.Fatal(err)
	}
	read := 0
	for name, m := range released.Components.Messages {
		for _, e := range m.Examples {
			var kind struct{ Action, Type string }
			if err := json.Unmarshal(e.Payload, &kind); err != nil {
				t.Fatal(err)
			}
			frame := answers()[kind.Type]
			if kind.Action != "" {
				frame = requests()[kind.Action]
			}
			if frame == nil {
				if name != "Gateway" {
					t.Errorf("%s: there is no %s%s any more", name, kind.Action, kind.Type)
				}
				continue
			}
			stillRead(t, name+": "+e.Name, frame, e.Payload)
			read++
		}
	}
	if read < 30 {
		t.Errorf("only %d frames", read)
	}
}

// TestGoldenFramesAreComplete: whoever adds a frame to the contract adds it here.
func TestGoldenFramesAreComplete(t *testing.T) {
	t.Parallel()
	have := goldenFrames(t)
	for _, direction := range []string{"client", "server"} {
		files, err := filepath.Glob("../../events/schemas/" + direction + ".*.json")
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		for _, f := range files {
			if name := strings.TrimSuffix(filepath.Base(f), ".json"); have[name] == nil && name != "server.gateway" {
				t.Errorf("no golden frame of %s", name)
			}
		}
	}
}

// stillRead reads a frame into its struct and back: nothing of it may be lost, whatever else a newer version adds.
func stillRead(t *testing.T, name string, frame any, raw json.RawMessage) {
	t.Helper()
	if frame == nil {
		t.Errorf("%s: no struct", name)
		return
	}
	newer, _ := tree(t, raw).(map[string]any)
	newer["zz"] = map[string]any{"of": []any{1.5, nil}}
	p := reflect.New(reflect.TypeOf(frame))
	if err := json.Unmarshal(Encode(newer), p.Interface()); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if d := lacks("", tree(t, raw), tree(t, Encode(p.Interface()))); d != "" {
		t.Errorf("%s is not read whole:\n%s", name, d)
	}
}

func tree(t *testing.T, raw []byte) (v any) {
	t.Helper()
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

// lacks tells what of one value is missing, or other, in the next, which may have more members.
func lacks(path string, old, now any) string {
	switch was := old.(type) {
	case map[string]any:
		is, ok := now.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: an object before, now %v\n", path, now)
		}
		text := ""
		for k, v := range was {
			text += lacks(path+"."+k, v, is[k])
		}
		return text
	case []any:
		is, ok := now.([]any)
		if !ok || len(is) != len(was) {
			return fmt.Sprintf("%s: %v before, now %v\n", path, was, now)
		}
		text := ""
		for i := range was {
			text += lacks(fmt.Sprintf("%s[%d]", path, i), was[i], is[i])
		}
		return text
	}
	if old != now {
		return fmt.Sprintf("%s: %v before, now %v\n", path, old, now)
	}
	return ""
}
