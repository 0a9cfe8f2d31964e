package chattest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

// Requests is the in-memory double of chat.Requests. The zero value is empty and ready.
type Requests struct {
	// Failure, when set, is every call's answer: an outage.
	Failure error

	mu    sync.Mutex
	notes map[chat.RequestKey]chat.RequestNote
}

// BeginRequest implements chat.Requests.
func (r *Requests) BeginRequest(_ context.Context, k chat.RequestKey, n chat.RequestNote) (*chat.RequestNote, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.notes[k]; ok && old.Refuses(n.Begun) || r.Failure != nil {
		return &old, r.Failure
	}
	r.put(k, n)
	return nil, nil
}

// FinishRequest implements chat.Requests.
func (r *Requests) FinishRequest(_ context.Context, k chat.RequestKey, n chat.RequestNote) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Failure == nil {
		r.put(k, n)
	}
	return r.Failure
}

func (r *Requests) put(k chat.RequestKey, n chat.RequestNote) {
	if r.notes == nil {
		r.notes = map[chat.RequestKey]chat.RequestNote{}
	}
	r.notes[k] = n
}

// ForgetRequest implements chat.Requests.
func (r *Requests) ForgetRequest(_ context.Context, k chat.RequestKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.notes, k)
	return r.Failure
}

// ConformRequests holds an adapter of chat.Requests to what the port promises. now is the adapter's clock, if it has
// one.
func ConformRequests(t *testing.T, store chat.Requests, now time.Time) {
	t.Helper()
	begun := now.Truncate(time.Millisecond)
	key := func(name string) chat.RequestKey {
		return chat.RequestKey{
			Workspace: chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, now)), User: chat.UserID(chat.NewID(chat.UserPrefix, now)), Key: name,
		}
	}
	note := func(fingerprint string, at time.Time) chat.RequestNote {
		return chat.RequestNote{Fingerprint: fingerprint, Begun: at, Expires: at.Add(24 * time.Hour)}
	}
	for name, test := range map[string]func(*testing.T, func(chat.RequestKey, chat.RequestNote) *chat.RequestNote){
		"once": func(t *testing.T, begin func(chat.RequestKey, chat.RequestNote) *chat.RequestNote) {
			k, n := key("k"), note("f", begun)
			sameNote(t, begin(k, n), nil)
			sameNote(t, begin(k, note("g", begun)), &n)
			n.Answer = []byte(`{"status":201}`)
			if err := store.FinishRequest(t.Context(), k, n); err != nil {
				t.Fatal(err)
			}
			sameNote(t, begin(k, note("f", begun.Add(time.Hour))), &n)
			sameNote(t, begin(k, note("f", begun.Add(24*time.Hour))), nil) // a day later it is another request
		},
		"others": func(t *testing.T, begin func(chat.RequestKey, chat.RequestNote) *chat.RequestNote) {
			k := key("k")
			sameNote(t, begin(k, note("f", begun)), nil)
			for _, other := range []chat.RequestKey{
				{Workspace: key("").Workspace, User: k.User, Key: k.Key}, {Workspace: k.Workspace, User: key("").User, Key: k.Key},
				{Workspace: k.Workspace, User: k.User, Key: "l"},
			} {
				sameNote(t, begin(other, note("f", begun)), nil)
			}
		},
		"whoever began it has died": func(t *testing.T, begin func(chat.RequestKey, chat.RequestNote) *chat.RequestNote) {
			k, n := key("k"), note("f", begun)
			sameNote(t, begin(k, n), nil)
			sameNote(t, begin(k, note("f", begun.Add(chat.RequestLease-time.Millisecond))), &n)
			sameNote(t, begin(k, note("f", begun.Add(chat.RequestLease))), nil)
		},
		"forgotten": func(t *testing.T, begin func(chat.RequestKey, chat.RequestNote) *chat.RequestNote) {
			k := key("k")
			sameNote(t, begin(k, note("f", begun)), nil)
			if err := errors.Join(store.ForgetRequest(t.Context(), k), store.ForgetRequest(t.Context(), k)); err != nil {
				t.Fatal(err)
			}
			sameNote(t, begin(k, note("g", begun)), nil)
		},
		"one of many": func(t *testing.T, _ func(chat.RequestKey, chat.RequestNote) *chat.RequestNote) {
			k := key("k")
			var won atomic.Int32
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					if known, err := store.BeginRequest(t.Context(), k, note("f", begun)); err == nil && known == nil {
						won.Add(1)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				t.Errorf("%d began it", won.Load())
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			test(t, func(k chat.RequestKey, n chat.RequestNote) *chat.RequestNote {
				t.Helper()
				known, err := store.BeginRequest(t.Context(), k, n)
				if err != nil {
					t.Fatal(err)
				}
				return known
			})
		})
	}
}

func sameNote(t *testing.T, got, want *chat.RequestNote) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
