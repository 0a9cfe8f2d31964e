package chat

import (
	"context"
	"time"
)

// RequestKey names a request that is to be carried out once, however often it is sent: by the client's own key,
// which means nothing to other users.
type RequestKey struct {
	Workspace WorkspaceID
	User      UserID
	// Key is the client's key, or a hash of it.
	Key string
}

// RequestNote is what is remembered of such a request.
type RequestNote struct {
	// Fingerprint tells the request from others.
	Fingerprint string
	// Answer to the request; nil while it is being carried out.
	Answer []byte
	// Begun is when it was begun, Expires when it is forgotten.
	Begun, Expires time.Time
}

// RequestLease is how long a request without an answer is taken to be under way. Whoever carries it out has died
// after that (API Gateway gives up on a function after 30 s), and the next one to come begins it again.
const RequestLease = time.Minute

// Requests remembers requests that are to be carried out once. Times have millisecond precision.
type Requests interface {
	// BeginRequest notes that the request is under way, in one conditional write. It returns what is noted already, and
	// then changes nothing: a note that has expired by now, or one without an answer that is older than RequestLease, is
	// replaced. nil: the caller is to carry the request out.
	BeginRequest(context.Context, RequestKey, RequestNote) (*RequestNote, error)
	// FinishRequest replaces the note.
	FinishRequest(context.Context, RequestKey, RequestNote) error
	// ForgetRequest removes the note of a request of which nothing was done.
	ForgetRequest(context.Context, RequestKey) error
}

// Refuses says whether a note that is there at the time keeps a request from being carried out.
func (n RequestNote) Refuses(now time.Time) bool {
	if !now.Before(n.Expires) {
		return false
	}
	return n.Answer != nil || now.Before(n.Begun.Add(RequestLease))
}
