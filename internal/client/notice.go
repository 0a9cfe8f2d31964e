package client

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// NoticeKind says what a notice tells.
type NoticeKind string

// The kinds of notice.
const (
	// Connected: the socket was welcomed. Disconnected: it is gone, another will be opened.
	Connected    NoticeKind = "connected"
	Disconnected NoticeKind = "disconnected"
	// Stopped: the server does not want this session any more; Code says why.
	Stopped NoticeKind = "stopped"
	// Learned: Events were applied to a view. Reloaded: the view was replaced, since the log's generation
	// changed or too much was missing.
	Learned  NoticeKind = "learned"
	Reloaded NoticeKind = "reloaded"
	// Acked: the entry is stored at Seq for good. Refused: it will never be; Code says why.
	Acked   NoticeKind = "acked"
	Refused NoticeKind = "refused"
	// Resent: entries went out again, since an answer was missing. Fetched: the view lacked events and asked.
	Resent  NoticeKind = "resent"
	Fetched NoticeKind = "fetched"
	// Rotated: a new socket took over from one that grew old.
	Rotated NoticeKind = "rotated"
	// TypingSeen and ReadSeen are signals of others. WaitingChanged: the waiting list has changed.
	TypingSeen     NoticeKind = "typing"
	ReadSeen       NoticeKind = "read"
	WaitingChanged NoticeKind = "waiting"
	// Mentioned: User mentions the client's user in the note at Seq of Track. Left: the client's user takes part in the
	// conversation no more; User took it, if somebody did. PositionSeen: the view's Position has changed.
	Mentioned    NoticeKind = "mentioned"
	Left         NoticeKind = "left"
	PositionSeen NoticeKind = "position"
	// LiveChanged: a view of the live desk was shown.
	LiveChanged NoticeKind = "live"
)

// Notice tells the user's side what happened. Only the fields that its kind names are set.
type Notice struct {
	Kind         NoticeKind
	Conversation chat.ConversationID
	Track        chat.Track
	Events       []protocol.Event // Learned
	ID           chat.EventID     // Acked, Refused
	Seq          uint64           // Acked, ReadSeen, Mentioned; Fetched: after which
	Duplicate    bool             // Acked: an earlier try had stored it
	Count        int              // Resent: entries
	User         chat.UserID      // TypingSeen, ReadSeen, Mentioned, Left
	Code         chat.Code        // Refused, Stopped
	Message      string           // Refused: for developers
}
