package chat

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Ids are a prefix that says what they name, "_", and 26 characters of Crockford base32 (lower case): 48 bits
// of Unix milliseconds and 80 random bits, so that they sort by time. Clients make conversation and message
// ids themselves; everything else is made here.
type (
	// WorkspaceID names a tenant. Every key in storage begins with it.
	WorkspaceID string
	// UserID names a principal: a customer, a member of staff, a bot or an API key.
	UserID string
	// ConversationID is made by the client that starts the conversation, so that a retried start cannot make two.
	ConversationID string
	// EventID is made by whoever appends the event and is unique per conversation, track and sender.
	EventID string
	// SessionID names one sign-in of one user.
	SessionID string
	// DepartmentID names a department (team) of a workspace.
	DepartmentID string
	// ConnectionID is API Gateway's name for a socket; it is opaque and at most 128 bytes.
	ConnectionID string
)

// Prefixes of ids.
const (
	WorkspacePrefix    = "w_"
	UserPrefix         = "u_"
	ConversationPrefix = "c_"
	EventPrefix        = "m_"
	SessionPrefix      = "s_"
	DepartmentPrefix   = "d_"
)

// IDLength is the length in bytes of every id but a ConnectionID.
const IDLength = 2 + 26

const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

var crockfordValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range len(crockford) {
		t[crockford[i]] = byte(i)
	}
	return t
}()

// NewID returns a fresh id with the prefix.
func NewID(prefix string, now time.Time) string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand crashes the program instead (Go 1.24)
	binary.BigEndian.PutUint16(b[0:], uint16(now.UnixMilli()>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(now.UnixMilli()))
	return FormatID(prefix, b)
}

// FormatID writes 16 bytes as an id with the prefix.
func FormatID(prefix string, b [16]byte) string {
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	out := make([]byte, len(prefix)+26)
	copy(out, prefix)
	for i := len(out) - 1; i >= len(prefix); i-- {
		out[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out)
}

// IDBytes returns the 16 bytes of an id. The second result is false when it is not an id with that prefix in
// its one canonical spelling.
func IDBytes(prefix, id string) (b [16]byte, ok bool) {
	if len(id) != len(prefix)+26 || id[:len(prefix)] != prefix || id[len(prefix)] > '7' {
		return b, false
	}
	var hi, lo uint64
	for _, c := range []byte(id[len(prefix):]) {
		v := crockfordValue[c]
		if v == 0xff {
			return b, false
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	return b, true
}

// Valid says whether the id is well-formed. It never reaches storage otherwise.
func (id WorkspaceID) Valid() bool { return validID(WorkspacePrefix, string(id)) }

// Valid says whether the id is well-formed.
func (id UserID) Valid() bool { return validID(UserPrefix, string(id)) }

// Valid says whether the id is well-formed.
func (id ConversationID) Valid() bool { return validID(ConversationPrefix, string(id)) }

// Valid says whether the id is well-formed.
func (id EventID) Valid() bool { return validID(EventPrefix, string(id)) }

// Valid says whether the id is well-formed.
func (id SessionID) Valid() bool { return validID(SessionPrefix, string(id)) }

// Valid says whether the id is well-formed.
func (id DepartmentID) Valid() bool { return validID(DepartmentPrefix, string(id)) }

func validID(prefix, id string) bool {
	_, ok := IDBytes(prefix, id)
	return ok
}
