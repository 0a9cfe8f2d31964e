package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// Secrets are random, so a plain SHA-256 protects what is stored; a slow hash is for passwords.
const (
	secretSize = 32 // bytes, 256 bits
	idSize     = 16

	tokenPrefix   = "pst_" // recognisable to scanners that look for leaked secrets
	tokenBytes    = 3*idSize + secretSize
	refreshPrefix = "prt_"
	refreshBytes  = 3*idSize + 4 + secretSize + markSize
	markSize      = 16
	ticketPrefix  = "ptk_"
	ticketBytes   = 2*idSize + sha256.Size
)

// Lengths of the texts.
var (
	// TokenLength is the length in bytes of every session token.
	TokenLength = len(tokenPrefix) + spelling.EncodedLen(tokenBytes)
	// TicketLength is the length in bytes of every socket ticket.
	TicketLength = len(ticketPrefix) + spelling.EncodedLen(ticketBytes)
)

// spelling is URL-safe and admits one text per value: Strict refuses stray trailing bits.
var spelling = base64.RawURLEncoding.Strict()

// Digest is the SHA-256 of a secret: what is stored in its place.
type Digest [sha256.Size]byte

// Token is a bearer session token. Formatting one, by any verb or logger, shows the session's id only; Text
// reveals it.
type Token struct {
	Workspace chat.WorkspaceID
	User      chat.UserID
	Session   chat.SessionID
	secret    [secretSize]byte
}

// RefreshToken gets the next pair of tokens of a session, once. Formatting one shows the session's id only; Text
// reveals it.
type RefreshToken struct {
	Workspace chat.WorkspaceID
	User      chat.UserID
	Session   chat.SessionID
	// Number is that of its pair.
	Number uint32
	secret [secretSize]byte
	// mark shows that we made this very token, even when its pair is long forgotten.
	mark [markSize]byte
}

// ParseRefreshToken reads a token's text. It proves nothing: Sessions.Refresh does.
func ParseRefreshToken(text string) (RefreshToken, error) {
	var raw [refreshBytes]byte
	if !decode(raw[:], refreshPrefix, text) {
		return RefreshToken{}, sessionUnknown()
	}
	t := RefreshToken{
		Workspace: chat.WorkspaceID(chat.FormatID(chat.WorkspacePrefix, [idSize]byte(raw[0:]))),
		User:      chat.UserID(chat.FormatID(chat.UserPrefix, [idSize]byte(raw[idSize:]))),
		Session:   chat.SessionID(chat.FormatID(chat.SessionPrefix, [idSize]byte(raw[2*idSize:]))),
		Number:    binary.BigEndian.Uint32(raw[3*idSize:]),
	}
	copy(t.secret[:], raw[3*idSize+4:])
	copy(t.mark[:], raw[3*idSize+4+secretSize:])
	return t, nil
}

// Text reveals the token; "" for the zero token.
func (t RefreshToken) Text() string {
	if t.Session == "" {
		return ""
	}
	raw := make([]byte, 0, refreshBytes)
	raw = appendID(raw, chat.WorkspacePrefix, string(t.Workspace))
	raw = appendID(raw, chat.UserPrefix, string(t.User))
	raw = appendID(raw, chat.SessionPrefix, string(t.Session))
	raw = binary.BigEndian.AppendUint32(raw, t.Number)
	raw = append(raw, t.secret[:]...)
	return refreshPrefix + spelling.EncodeToString(append(raw, t.mark[:]...))
}

// Format implements fmt.Formatter so that no verb prints the secret.
func (t RefreshToken) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "refresh token of %s", t.Session) }

// LogValue implements slog.LogValuer.
func (t RefreshToken) LogValue() slog.Value {
	return slog.StringValue("refresh token of " + string(t.Session))
}

// newToken makes a token with a fresh secret.
func newToken(w chat.WorkspaceID, u chat.UserID, s chat.SessionID) Token {
	t := Token{Workspace: w, User: u, Session: s}
	rand.Read(t.secret[:]) // never fails: crypto/rand crashes the program instead (Go 1.24)
	return t
}

// ParseToken reads a token's text. It proves nothing: Sessions.Authenticate does. The error is a *Refusal with
// ReasonSessionUnknown.
func ParseToken(text string) (Token, error) {
	var raw [tokenBytes]byte
	if !decode(raw[:], tokenPrefix, text) {
		return Token{}, sessionUnknown()
	}
	t := Token{
		Workspace: chat.WorkspaceID(chat.FormatID(chat.WorkspacePrefix, [idSize]byte(raw[0:]))),
		User:      chat.UserID(chat.FormatID(chat.UserPrefix, [idSize]byte(raw[idSize:]))),
		Session:   chat.SessionID(chat.FormatID(chat.SessionPrefix, [idSize]byte(raw[2*idSize:]))),
	}
	copy(t.secret[:], raw[3*idSize:])
	return t, nil
}

// Text reveals the token.
func (t Token) Text() string {
	raw := make([]byte, 0, tokenBytes)
	raw = appendID(raw, chat.WorkspacePrefix, string(t.Workspace))
	raw = appendID(raw, chat.UserPrefix, string(t.User))
	raw = appendID(raw, chat.SessionPrefix, string(t.Session))
	raw = append(raw, t.secret[:]...)
	return tokenPrefix + spelling.EncodeToString(raw)
}

// Format implements fmt.Formatter so that no verb prints the secret.
func (t Token) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "token of %s", t.Session) }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue("token of " + string(t.Session)) }

// Digest returns what is stored of the token.
func (t Token) Digest() Digest { return sha256.Sum256(t.secret[:]) }

// matches compares in constant time.
func (t Token) matches(d Digest) bool {
	own := t.Digest()
	return subtle.ConstantTimeCompare(own[:], d[:]) == 1
}

// ticketText is the content of a ticket: its workspace, its id (whose first 48 bits are the time of issue in
// milliseconds) and a code that only the holder of the session's secret can make, so that the endpoint can tell
// later whether it had ever issued it, without keeping used tickets.
type ticketText struct {
	workspace, id [idSize]byte
	code          [sha256.Size]byte
}

func parseTicket(text string) (ticketText, bool) {
	var raw [ticketBytes]byte
	if !decode(raw[:], ticketPrefix, text) {
		return ticketText{}, false
	}
	return ticketText{[idSize]byte(raw[0:]), [idSize]byte(raw[idSize:]), [sha256.Size]byte(raw[2*idSize:])}, true
}

func (t ticketText) bytes() []byte {
	raw := make([]byte, 0, ticketBytes)
	raw = append(raw, t.workspace[:]...)
	raw = append(raw, t.id[:]...)
	return append(raw, t.code[:]...)
}

func (t ticketText) text() string { return ticketPrefix + spelling.EncodeToString(t.bytes()) }

// hash names the ticket in storage.
func (t ticketText) hash() string {
	sum := sha256.Sum256(t.bytes())
	return spelling.EncodeToString(sum[:])
}

func (t ticketText) issuedMillis() int64 {
	var ms int64
	for _, b := range t.id[:6] {
		ms = ms<<8 | int64(b)
	}
	return ms
}

// ticketCode authenticates a ticket id under the session's secret.
func (t Token) ticketCode(id [idSize]byte) [sha256.Size]byte {
	mac := hmac.New(sha256.New, t.secret[:])
	mac.Write([]byte("parley socket ticket\x00"))
	mac.Write(id[:])
	mac.Write([]byte(t.Workspace))
	mac.Write([]byte(t.User))
	mac.Write([]byte(t.Session))
	return [sha256.Size]byte(mac.Sum(nil))
}

// decode reads prefix and base64 into dst, which it must fill exactly. The length check also refuses the line
// breaks that base64 decoding skips.
func decode(dst []byte, prefix, text string) bool {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) != spelling.EncodedLen(len(dst)) {
		return false
	}
	n, err := spelling.Decode(dst, []byte(rest))
	return err == nil && n == len(dst)
}

// appendID appends the 16 bytes of an id; one that is not valid becomes zeros, which name nobody.
func appendID(raw []byte, prefix, id string) []byte {
	b, _ := chat.IDBytes(prefix, id)
	return append(raw, b[:]...)
}
