package client

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Keeper holds a session and keeps its token good: those of staff last minutes and are exchanged with a refresh token
// that is good for one exchange; a customer's lasts, and is extended by being used. It is safe for concurrent use.
//
// Invariant: a session is saved before its token is used. Whoever dies with the answer to a refresh, or loses it, still
// has the refresh token that gets the same answer again; once a token was used the one before would sign the session out
// (identity.Sessions.Refresh).
type Keeper struct {
	api  *API
	save func(Session) error
	now  func() time.Time

	mu      sync.Mutex // held while a refresh is under way, so that there is one at a time
	session Session
}

// NewKeeper keeps a session. save, unless nil, is called with each session that takes its place, before its use; when it
// fails the session is not used.
func NewKeeper(api *API, s Session, save func(Session) error) *Keeper {
	return &Keeper{api: api, session: s, save: save, now: time.Now}
}

// refreshAhead is how long before its end a token is exchanged: longer than a slow call takes, and shorter than the
// least life of a token, which is that of a quarter of an hour (identity.AccessLife).
const refreshAhead = time.Minute

// refreshTries is how often a refresh is tried when there is no answer: the pauses double from refreshPause.
const (
	refreshTries = 4
	refreshPause = 250 * time.Millisecond
)

// Session returns the present session.
func (k *Keeper) Session() Session {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.session
}

// Do calls f with a good token, and once more with the next one when the first is refused as unauthenticated. Errors are
// those of f and of the refresh: chat.CodeUnauthenticated says that somebody has to sign in again.
func (k *Keeper) Do(ctx context.Context, f func(token string) error) error {
	token, err := k.good(ctx)
	if err != nil {
		return err
	}
	if err = f(token); chat.CodeOf(err) != chat.CodeUnauthenticated {
		return err
	}
	if token, err = k.after(ctx, token, err); err != nil {
		return err
	}
	return f(token)
}

// Renew exchanges the token although it may be good: the socket said that the session must be vouched for again.
func (k *Keeper) Renew(ctx context.Context) error {
	_, err := k.after(ctx, k.Session().Token, chat.Errorf(chat.CodeUnauthenticated, "the session has ended; sign in again"))
	return err
}

// good returns the token, exchanged if it ends soon. If that fails while it still holds, it is good enough.
func (k *Keeper) good(ctx context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	left := time.UnixMilli(k.session.TokenExpiresAt).Sub(k.now())
	if k.session.RefreshToken == "" || left > refreshAhead {
		return k.session.Token, nil
	}
	err := k.refresh(ctx)
	if err != nil && left > 0 && chat.CodeOf(err) != chat.CodeUnauthenticated {
		err = nil
	}
	return k.session.Token, err
}

// after returns the token after one that was refused for the reason given. Somebody else may have got it already.
func (k *Keeper) after(ctx context.Context, refused string, why error) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.session.Token != refused:
		return k.session.Token, nil
	case k.session.RefreshToken == "":
		return "", why
	}
	return k.session.Token, k.refresh(ctx)
}

// refresh exchanges the tokens. Without an answer the same refresh token is sent again.
func (k *Keeper) refresh(ctx context.Context) (err error) {
	var next Session
	for try := range refreshTries {
		if try > 0 && !wait(ctx, refreshPause<<(try-1)) {
			return err
		}
		if next, err = k.api.Refresh(ctx, k.session.RefreshToken); err == nil || !worthRetrying(err) {
			break
		}
	}
	if err != nil {
		return err
	}
	if k.save != nil {
		if err := k.save(next); err != nil {
			return err
		}
	}
	k.session = next
	return nil
}

// worthRetrying says whether an error of a call leaves open what happened, or passes by itself.
func worthRetrying(err error) bool { return chat.CodeOf(err).Retryable() }

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
