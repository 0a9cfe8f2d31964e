package client

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Settings are the times of a Machine. The zero value of each takes the protocol's.
type Settings struct {
	// Answer is how long to wait for the answer to a frame before sending it again. Default 10 s.
	Answer time.Duration
	// Ping is how often to ping. Default: a random 4 to 5 min, since API Gateway cuts sockets that were idle
	// for 10; 60 s for staff, whose lease lasts 150.
	Ping time.Duration
	// RotateFrom and RotateTo bound the age at which a socket is replaced. Default 105 and 115 min: API
	// Gateway cuts sockets at 2 h.
	RotateFrom, RotateTo time.Duration
	// Gap is how long to wait for what is missing before asking for it: pushes may overtake each other.
	// Default 250 ms.
	Gap time.Duration
	// RetryBase and RetryCap bound the pauses before a frame is sent again (full jitter). Default 500 ms, 10 s.
	RetryBase, RetryCap time.Duration
	// ConnectBase and ConnectCap bound the pauses before a new connection. Default 500 ms, 30 s.
	ConnectBase, ConnectCap time.Duration
	// Read is how long a read cursor waits for a frame to ride on. Default 10 s.
	Read time.Duration
	// Typing is how often typing is told while it goes on. Default 10 s; the server lets it expire at 15.
	Typing time.Duration
	// Live is how often the open views of the live desk are asked for again, which heals what was lost. Default 1 min.
	Live time.Duration
	// Present is how long after its last sign of life another participant counts as listening. Default 5 min.
	Present time.Duration
}

func (s Settings) withDefaults() Settings {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	or(&s.Answer, 10*time.Second)
	or(&s.RotateFrom, 105*time.Minute)
	or(&s.RotateTo, 115*time.Minute)
	or(&s.Gap, 250*time.Millisecond)
	or(&s.RetryBase, 500*time.Millisecond)
	or(&s.RetryCap, 10*time.Second)
	or(&s.ConnectBase, 500*time.Millisecond)
	or(&s.ConnectCap, 30*time.Second)
	or(&s.Read, 10*time.Second)
	or(&s.Typing, 10*time.Second)
	or(&s.Live, time.Minute)
	or(&s.Present, 5*time.Minute)
	return s
}

// Config is what a Machine needs from outside.
type Config struct {
	Settings
	Now   func() time.Time           // default time.Now
	Rand  *rand.Rand                 // default seeded from the system
	NewID func(prefix string) string // default chat.NewID
	// Saved is the outbox of an earlier life.
	Saved []Entry
	// Renews says that the runner can renew the session: a socket that is told that it has ended is replaced by one of
	// the session renewed. Else, and when that is refused, the machine stops.
	Renews bool
}

// ActionKind says what the runner is to do.
type ActionKind int

// The kinds of action.
const (
	Dial   ActionKind = iota // open a socket and report Opened or Closed with its number
	Write                    // send Frame on Socket
	Hangup                   // close Socket; no Closed is expected for it
	Save                     // keep Entries; before any Write that follows
	Tell                     // tell the user
)

// Action is something that the runner is to do, in the order in which it came.
type Action struct {
	Kind   ActionKind
	Socket int
	Frame  []byte
	// Renew, of a Dial, says that the session is to be renewed first.
	Renew   bool
	Entries []Entry
	Notice  Notice
}

// Machine is the client's protocol as a pure state machine: methods are the events that go in, Actions what
// comes out, Deadline when the next Tick is due. It is not safe for concurrent use.
type Machine struct {
	cfg     Config
	actions []Action
	mutant  mutant

	wanted   bool // to be connected
	stopped  chat.Code
	current  *socket // frames go here
	next     *socket // is to replace current
	old      []*socket
	serial   int
	redial   time.Time
	attempt  int
	renew    bool // the session, before the next dial
	user     chat.UserID
	role     chat.Role
	views    []*View
	byID     map[chat.ConversationID]*View
	lanes    []*lane
	failed   []Entry
	requests map[string]*request
	order    []*request // by age
	refs     uint64
	dirty    bool // the outbox is to be saved
	waiting  map[chat.ConversationID]protocol.WaitingEntry
	// strange holds pushes that no view can take yet: of an unknown conversation, or of a newer generation.
	// A snapshot that is under way was perhaps read before them, so they must not be forgotten.
	strange map[chat.ConversationID][]protocol.Events
	pings   int
	duty    duty
	live    live
	visit   visiting
}

// NewMachine makes a machine that is not connected yet.
func NewMachine(cfg Config) *Machine {
	cfg.Settings = cfg.withDefaults()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if cfg.NewID == nil {
		cfg.NewID = func(prefix string) string { return chat.NewID(prefix, cfg.Now()) }
	}
	m := &Machine{cfg: cfg, byID: map[chat.ConversationID]*View{}, requests: map[string]*request{},
		waiting: map[chat.ConversationID]protocol.WaitingEntry{}, strange: map[chat.ConversationID][]protocol.Events{}}
	for _, e := range cfg.Saved {
		if e.Failed != "" {
			m.failed = append(m.failed, e)
			continue
		}
		l := m.lane(e.Conversation, e.Track)
		l.entries = append(l.entries, &e)
	}
	return m
}

// User returns who the server says this client is, "" before the first welcome.
func (m *Machine) User() chat.UserID { return m.user }

// Role returns the user's role, "" before the first welcome.
func (m *Machine) Role() chat.Role { return m.role }

// Ready says whether frames go out at once: the socket is open and was welcomed.
func (m *Machine) Ready() bool { return m.current != nil && m.current.ready }

// Stopped returns why the machine gave up connecting, "" when it did not.
func (m *Machine) Stopped() chat.Code { return m.stopped }

// View returns a conversation, nil when it is not known.
func (m *Machine) View(id chat.ConversationID) *View { return m.byID[id] }

// Views returns all conversations, in the order in which they became known.
func (m *Machine) Views() []*View { return m.views }

// Waiting returns the conversations that wait for an operator; staff only, a hint.
func (m *Machine) Waiting() []protocol.WaitingEntry {
	out := make([]protocol.WaitingEntry, 0, len(m.waiting))
	for _, w := range m.waiting {
		out = append(out, w)
	}
	return out
}

// Outbox returns what is not acknowledged yet, in the order of each lane, the refused ones last.
func (m *Machine) Outbox() []Entry {
	var out []Entry
	for _, l := range m.lanes {
		for _, e := range l.entries {
			out = append(out, *e)
		}
	}
	return append(out, m.failed...)
}

// Pending counts the entries that are neither acknowledged nor refused.
func (m *Machine) Pending() int {
	n := 0
	for _, l := range m.lanes {
		n += len(l.entries)
	}
	return n
}

// Actions returns what is to be done since the last call, in order.
func (m *Machine) Actions() []Action {
	m.pump()
	out := m.actions
	m.actions = nil
	return out
}

// Tick says that time has passed. Call it at Deadline; earlier or later does no harm.
func (m *Machine) Tick() {
	now := m.cfg.Now()
	m.expire(now)
	m.rotate(now)
}

// pump does what is due and possible.
func (m *Machine) pump() {
	now := m.cfg.Now()
	m.connect(now)
	m.helloAgain(now)
	if m.Ready() {
		m.sendEntries(now)
		m.fetchGaps(now)
		m.sendReads(now)
		m.sendPing(now)
		m.sendDuty(now)
		m.sendLive(now)
	}
	m.drain(now)
	if m.dirty {
		m.save()
	}
}

func (m *Machine) save() {
	m.dirty = false
	m.do(Action{Kind: Save, Entries: m.Outbox()})
}

func (m *Machine) do(a Action) { m.actions = append(m.actions, a) }

func (m *Machine) tell(n Notice) { m.do(Action{Kind: Tell, Notice: n}) }

// view returns the conversation, making it when it is new.
func (m *Machine) view(id chat.ConversationID) (v *View, known bool) {
	if v, ok := m.byID[id]; ok {
		return v, true
	}
	v = newView(id, m.mutant)
	m.byID[id], m.views = v, append(m.views, v)
	return v, false
}

func (m *Machine) lane(id chat.ConversationID, t chat.Track) *lane {
	for _, l := range m.lanes {
		if l.conversation == id && l.name == t {
			return l
		}
	}
	l := &lane{conversation: id, name: t, mutant: m.mutant}
	m.lanes = append(m.lanes, l)
	return l
}

// jitter is a full-jitter pause: anything up to base·2^attempt, at most limit (Marc Brooker, "Exponential
// Backoff And Jitter", AWS Architecture Blog).
func (m *Machine) jitter(base, limit time.Duration, attempt int) time.Duration {
	top := limit
	if attempt < 16 {
		top = min(limit, base<<attempt)
	}
	return time.Duration(m.cfg.Rand.Int64N(int64(top) + 1))
}

func (m *Machine) ref() string {
	m.refs++
	return strconv.FormatUint(m.refs, 36)
}

// encode writes a frame. The structs hold nothing that cannot be encoded.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
