package dynamodb

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/journal"
)

// expiryGrace is the age beyond which an expiry is taken for a mistake: "Using time to live": items whose time
// is more than five years in the past are not deleted.
const expiryGrace = 5 * 365 * 24 * time.Hour

// expiryKey returns the key of the expiry tree, and false for an item that does not expire. AWS looks at
// numbers only, as seconds.
func (t *table) expiryKey(r *record) (string, bool) {
	if r == nil || t.ttl == "" {
		return "", false
	}
	v := r.item[t.ttl]
	if v.Kind() != attr.N {
		return "", false
	}
	seconds, whole := v.Number().Int64()
	if !whole || seconds < 0 {
		return "", false
	}
	return expiryPrefix(seconds) + r.key, true
}

func expiryPrefix(seconds int64) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(seconds)))
}

// reschedule moves an item to its place in the expiry tree. The stripe is locked for writing.
func (t *table) reschedule(s *stripe, old, next *record) {
	if t.ttl == "" {
		return
	}
	from, was := t.expiryKey(old)
	to, is := t.expiryKey(next)
	if was && (!is || from != to) {
		s.expiry.Delete(from)
	}
	if is {
		s.expiry.Set(to, next)
	}
}

// setTTL switches time to live to an attribute, or off with "". No stripe is locked.
func (t *table) setTTL(attribute string) {
	defer t.lockAll()()
	t.ttl = attribute
	for i := range t.stripes {
		s := &t.stripes[i]
		s.expiry.Clear()
		s.items.Scan(func(_ string, r *record) bool {
			t.reschedule(s, nil, r)
			return true
		})
	}
}

// ExpireNow deletes the items whose time to live has passed, as AWS does some time later: until it is called
// they can be read and written like any others. Their stream records bear AWS's user identity. It returns how
// many it deleted, which are durable when the journal's next Wait returns. The stack calls it on a ticker;
// a sweep with nothing to delete costs about a microsecond per table.
func (e *Engine) ExpireNow() int {
	deleted := 0
	for _, t := range e.sortedTables() {
		for i := range t.stripes {
			deleted += e.sweep(t, &t.stripes[i])
		}
	}
	return deleted
}

// sweep deletes what has expired in one stripe, item by item: each is a write of its own.
func (e *Engine) sweep(t *table, s *stripe) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiry.Len() == 0 {
		return 0
	}
	now := e.now()
	var due []*record
	s.expiry.Ascend(expiryPrefix(max(0, now.Add(-expiryGrace).Unix())), func(key string, r *record) bool {
		if key >= expiryPrefix(min(now.Unix(), math.MaxInt64-1)+1) {
			return false
		}
		if !s.ongoing[r.key] {
			due = append(due, r)
		}
		return true
	})
	for _, r := range due {
		e.commit([]change{{table: t, stripe: s, old: r, expired: true}}, nil)
	}
	return len(due)
}

func (x *exchange) updateTimeToLive(body []byte) ([]byte, *apiError) {
	name, attribute, enabled, err := parseTimeToLive(body)
	if err != nil {
		return nil, err
	}
	t, err := x.engine.table(name)
	if err != nil {
		return nil, err
	}
	current := t.lifetime()
	switch {
	case enabled && current == attribute:
		return nil, invalid("TimeToLive is already enabled")
	case enabled && current != "":
		return nil, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", current)
	case !enabled && current == "":
		return nil, invalid("TimeToLive is already disabled")
	case !enabled && current != attribute:
		return nil, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", current)
	}
	next := attribute
	if !enabled {
		next = ""
	}
	t.setTTL(next)
	x.log(journal.AppendText(journal.AppendText([]byte{entryLifetime}, t.id), next))
	out := attr.AppendString([]byte(`{"TimeToLiveSpecification":{"AttributeName":`), attribute)
	if enabled {
		return append(out, `,"Enabled":true}}`...), nil
	}
	return append(out, `,"Enabled":false}}`...), nil
}

func parseTimeToLive(body []byte) (name, attribute string, enabled bool, err *apiError) {
	d := attr.NewDecoder(body)
	unknown := ""
	for member := range d.Members() {
		switch string(member) {
		case "TableName":
			name = d.Text()
		case "TimeToLiveSpecification":
			for field := range d.Members() {
				switch string(field) {
				case "AttributeName":
					attribute = d.Text()
				case "Enabled":
					enabled = d.Bool()
				default:
					unknown = string(field)
					d.Skip()
				}
			}
		default:
			unknown = string(member)
			d.Skip()
		}
	}
	switch bad := d.Finish(); {
	case bad != nil:
		return "", "", false, refusal(bad)
	case unknown != "":
		return "", "", false, unsupported(unknown)
	case attribute == "":
		return "", "", false, missing("timeToLiveSpecification.attributeName")
	}
	return name, attribute, enabled, nil
}

// lifetime returns the attribute of time to live, "" when it is off.
func (t *table) lifetime() string {
	s := &t.stripes[0]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return t.ttl
}

func (x *exchange) describeTimeToLive(body []byte) ([]byte, *apiError) {
	t, err := x.named(body)
	if err != nil {
		return nil, err
	}
	attribute := t.lifetime()
	if attribute == "" {
		return []byte(`{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}`), nil
	}
	out := attr.AppendString([]byte(`{"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":`), attribute)
	return append(out, "}}"...), nil
}
