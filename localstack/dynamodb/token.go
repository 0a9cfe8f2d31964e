package dynamodb

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/journal"
)

// tokenLifetime is how long a client request token makes a transaction idempotent: "Idempotency" in
// "DynamoDB transactions: how it works".
const tokenLifetime = 10 * time.Minute

// token is a client request token with what it was used for.
type token struct {
	name        string
	fingerprint uint64
	until       time.Time
	// position is the journal's, of the transaction; running until it is known.
	position uint64
	running  bool
}

// append writes the token, or its absence.
func (k *token) append(out []byte) []byte {
	if k == nil {
		return append(out, 0)
	}
	out = journal.AppendText(out, k.name)
	out = binary.AppendUvarint(out, k.fingerprint)
	return binary.AppendUvarint(out, uint64(k.until.UnixNano()))
}

func (r *entryReader) token() *token {
	name := r.Text()
	if name == "" {
		return nil
	}
	return &token{name: name, fingerprint: r.Number(), until: r.time()}
}

// tokens remembers the transactions of the last ten minutes.
type tokens struct {
	mu    sync.Mutex
	known map[string]*token
	order []*token // oldest first
}

// claim starts a transaction under a token. It returns the earlier use of the token, if it was for the same
// request and has succeeded, or the token to settle.
func (ts *tokens) claim(name string, fingerprint uint64, now time.Time) (earlier, mine *token, err *apiError) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.expire(now)
	switch known := ts.known[name]; {
	case known == nil:
	case known.fingerprint != fingerprint:
		return nil, nil, &apiError{kind: tokenMismatch, message: "The request uses the same client token as a previous, but non-identical request. " +
			"Do not reuse a client token with different requests, unless the requests are identical"}
	case known.running:
		return nil, nil, &apiError{kind: transactionRunning, message: "Transaction is in progress for the given client token"}
	default:
		return known, nil, nil
	}
	mine = &token{name: name, fingerprint: fingerprint, until: now.Add(tokenLifetime), running: true}
	ts.add(mine)
	return nil, mine, nil
}

// settle ends a claim: the token is remembered if the transaction succeeded, else forgotten.
func (ts *tokens) settle(k *token, succeeded bool, position uint64) {
	if k == nil {
		return
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	k.running, k.position = false, position
	if !succeeded && ts.known[k.name] == k {
		delete(ts.known, k.name)
	}
}

func (ts *tokens) add(k *token) {
	if ts.known == nil {
		ts.known = make(map[string]*token)
	}
	ts.known[k.name] = k
	ts.order = append(ts.order, k)
}

// expire forgets old tokens. The cache is locked.
func (ts *tokens) expire(now time.Time) {
	for len(ts.order) > 0 && !now.Before(ts.order[0].until) {
		k := ts.order[0]
		ts.order = ts.order[1:]
		if ts.known[k.name] == k {
			delete(ts.known, k.name)
		}
	}
}

// fingerprint hashes a JSON value regardless of the order of members, which clients choose at random. It is
// stable across runs, as it is kept in the journal. The document has been decoded before: it is well formed.
func fingerprint(document []byte) uint64 {
	d := attr.NewDecoder(document)
	switch document[0] {
	case '{':
		sum := uint64(1)
		for name := range d.Members() {
			h := spread(name)
			sum += spread(binary.BigEndian.AppendUint64(nil, h^bits.RotateLeft64(fingerprint(d.Raw()), 1)))
		}
		return sum
	case '[':
		out := []byte{'['}
		for range d.Elements() {
			out = binary.BigEndian.AppendUint64(out, fingerprint(d.Raw()))
		}
		return spread(out)
	case '"':
		return spread(append([]byte{'"'}, d.Bytes()...))
	}
	return spread(document)
}
