package dynamo

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// HEAD's attributes. Names are short because they are billed with every write.
//
//	st status (one letter) v version         ep control epoch     as assignee (16 bytes; absent: nobody)
//	q  queued since (ms; absent: not waiting)                     g  count of erasures (absent: 0)
//	av count of asides (absent: 0)
//	fq first queued (ms)  dp department      pr priority (absent: 0)
//	w  since when the customer waits for a person's answer (ms; absent: does not)
//	wn public events that w accounts for; n of them, else w is not to be relied on
//	of offered to (16 bytes)                 lo last operator (16 bytes)
//	ks skills needed (absent: none)          tr operators tried (16 bytes each; absent: none)
//	n  last public seq    f  first public seq in the tail         rn public seq relayed
//	d  last desk seq      e  first desk seq in the tail           rd desk seq relayed
//	T  public tail        D  desk tail (lists of packed events)   F  desk seq → public seq it follows
//	P  participants: user → {r role index, c read cursor, m muted until (ms), w 1: watching}
//	L  listeners: connection → user (16 bytes), role index, expiry (4 bytes, Unix seconds)
//	ls listener shards (absent: 0)
//	k  kind of the last write: a append, l listener, c cursor, m mute, t trim. The stream is filtered by it.
const (
	kindAppend   = "a"
	kindListener = "l"
	kindCursor   = "c"
	kindMute     = "m"
	kindTrim     = "t"
)

type trackNames struct{ last, from, relayed, tail string }

func namesOf(t chat.Track) trackNames {
	if t == chat.Desk {
		return trackNames{"d", "e", "rd", "D"}
	}
	return trackNames{"n", "f", "rn", "T"}
}

var statusCodes = map[chat.Status]string{
	chat.StatusQueued: "q", chat.StatusActive: "a", chat.StatusClosed: "c", chat.StatusBot: "b", chat.StatusOffered: "o",
	chat.StatusIdle: "i", chat.StatusSnoozed: "s", chat.StatusOffline: "m", chat.StatusAbandoned: "x",
}

func statusOf(code string) chat.Status {
	for s, c := range statusCodes {
		if c == code {
			return s
		}
	}
	return ""
}

// mapKey is how a user is named inside HEAD: without the prefix, which says nothing there.
func mapKey(u chat.UserID) string { return strings.TrimPrefix(string(u), chat.UserPrefix) }

// readHead decodes HEAD. epoch is the deployment's restore epoch.
func readHead(it item, epoch uint32) (*chat.Head, error) {
	ref, err := refOf(getS(it, "pk"))
	if err != nil {
		return nil, err
	}
	h := &chat.Head{
		Ref: ref, Status: statusOf(getS(it, "st")), Version: getN(it, "v"), Epoch: getN(it, "ep"), Asides: getN(it, "av"),
		Gen:            epoch<<16 | uint32(getN(it, "g"))&0xffff,
		ListenerShards: int(getN(it, "ls")),
		Participants:   readParticipants(getM(it, "P")),
		Listeners:      readListeners(getM(it, "L")),
	}
	h.Assignee, h.OfferedTo, h.LastOperator = getUser(it, "as"), getUser(it, "of"), getUser(it, "lo")
	h.Department, h.Priority = chat.DepartmentID(getS(it, "dp")), getInt(it, "pr")
	h.FirstQueued, h.Skills, h.Tried = timeOf(int64(getN(it, "fq"))), getTexts(it, "ks"), unpackUsers(getB(it, "tr"))
	h.TriedAt = timeOf(int64(getN(it, "tt")))
	h.Wait = chat.Wait{Since: timeOf(int64(getN(it, "w"))), Known: getN(it, "wn") == getN(it, "n")}
	if q := getN(it, "q"); q > 0 {
		h.QueuedAt = time.UnixMilli(int64(q))
	}
	if code := getS(it, "st"); code != "" && h.Status == "" { // of a newer version: what it allows is not known
		return nil, fmt.Errorf("%s: %w: status %q", ref.Conversation, errCorrupt, code)
	}
	for _, t := range chat.Tracks() {
		if err := readTrack(it, t, h.Track(t)); err != nil {
			return nil, fmt.Errorf("%s %s: %w", ref.Conversation, t, err)
		}
	}
	readFollows(getM(it, "F"), h.Desk.Tail)
	return h, nil
}

func refOf(pk string) (chat.Ref, error) {
	w, c, ok := strings.Cut(pk, "#")
	ref := chat.Ref{Workspace: chat.WorkspaceID(w), Conversation: chat.ConversationID(c)}
	if !ok || !ref.Workspace.Valid() || !ref.Conversation.Valid() {
		return ref, fmt.Errorf("%w: partition key of a HEAD", errCorrupt)
	}
	return ref, nil
}

func readTrack(it item, t chat.Track, into *chat.TrackHead) error {
	names := namesOf(t)
	into.Last, into.From, into.Relayed = getN(it, names.last), getN(it, names.from), getN(it, names.relayed)
	tail, err := unpackList(getL(it, names.tail), into.From)
	into.Tail = tail
	return err
}

func unpackList(list []types.AttributeValue, first uint64) ([]chat.Event, error) {
	events := make([]chat.Event, 0, len(list))
	for i, v := range list {
		b, ok := v.(*types.AttributeValueMemberB)
		if !ok {
			return nil, errCorrupt
		}
		e, err := unpack(b.Value, first+uint64(i))
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

func packList(events []chat.Event) types.AttributeValue {
	list := make([]types.AttributeValue, len(events))
	for i, e := range events {
		list[i] = bin(pack(e))
	}
	return &types.AttributeValueMemberL{Value: list}
}

// readFollows gives desk events the public seq they follow: HEAD notes it once per write, under the write's
// first seq, because only the write itself knows it.
func readFollows(m item, tail []chat.Event) {
	follows := uint64(0)
	for i := range tail {
		if v, ok := m[strconv.FormatUint(tail[i].Seq, 10)].(*types.AttributeValueMemberN); ok {
			follows, _ = strconv.ParseUint(v.Value, 10, 64)
		}
		tail[i].Follows = follows
	}
}

func readParticipants(m item) map[chat.UserID]chat.Participant {
	out := make(map[chat.UserID]chat.Participant, len(m))
	for k, v := range m {
		p, ok := v.(*types.AttributeValueMemberM)
		if !ok {
			continue
		}
		part := chat.Participant{Role: roleAt(getN(p.Value, "r")), Cursor: getN(p.Value, "c"), Watching: getN(p.Value, "w") != 0}
		if until := getN(p.Value, "m"); until > 0 {
			part.MutedUntil = time.UnixMilli(int64(until))
		}
		out[chat.UserID(chat.UserPrefix+k)] = part
	}
	return out
}

// getUser reads a user's 16 bytes.
func getUser(it item, name string) chat.UserID {
	if b := getB(it, name); len(b) == 16 {
		return chat.UserID(chat.FormatID(chat.UserPrefix, [16]byte(b)))
	}
	return ""
}

// packUsers writes users as 16 bytes each.
func packUsers(list []chat.UserID) []byte {
	var b []byte
	for _, u := range list {
		b = appendID(b, chat.UserPrefix, string(u))
	}
	return b
}

func unpackUsers(b []byte) []chat.UserID {
	var list []chat.UserID
	for ; len(b) >= 16; b = b[16:] {
		list = append(list, chat.UserID(chat.FormatID(chat.UserPrefix, [16]byte(b))))
	}
	return list
}

func userBytes(u chat.UserID) types.AttributeValue {
	raw, _ := chat.IDBytes(chat.UserPrefix, string(u))
	return bin(raw[:])
}

func participant(role chat.Role, cursor uint64) types.AttributeValue {
	p := item{"r": num(slices.Index(chat.Roles(), role))}
	if cursor > 0 {
		p["c"] = num(cursor)
	}
	return &types.AttributeValueMemberM{Value: p}
}

func roleAt(i uint64) chat.Role {
	if i < uint64(len(chat.Roles())) {
		return chat.Roles()[i]
	}
	return ""
}

const listenerSize = 16 + 1 + 4

func packListener(l chat.Listener) []byte {
	b := make([]byte, 0, listenerSize)
	b = appendID(b, chat.UserPrefix, string(l.User))
	b = append(b, byte(slices.Index(chat.Roles(), l.Role)))
	return binary.BigEndian.AppendUint32(b, uint32(l.Expires.Unix()))
}

func unpackListener(b []byte) (chat.Listener, bool) {
	if len(b) != listenerSize {
		return chat.Listener{}, false
	}
	return chat.Listener{
		User:    chat.UserID(chat.FormatID(chat.UserPrefix, [16]byte(b[:16]))),
		Role:    roleAt(uint64(b[16])),
		Expires: time.Unix(int64(binary.BigEndian.Uint32(b[17:])), 0),
	}, true
}

func readListeners(m item) map[chat.ConnectionID]chat.Listener {
	out := make(map[chat.ConnectionID]chat.Listener, len(m))
	for k := range m {
		if l, ok := unpackListener(getB(m, k)); ok {
			out[chat.ConnectionID(k)] = l
		}
	}
	return out
}
