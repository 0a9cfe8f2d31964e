package dynamodb

import "sync"

// maxPage is how many bytes of items a Query or Scan evaluates: "Paginating table query results" in the
// developer guide. The item that reaches the limit is the last.
const maxPage = 1 << 20

// walk is a way through a tree.
type walk struct {
	low, high string // low <= key < high; high "" is no bound
	after     string // start behind this key, in the direction of the walk; "" for the beginning
	backward  bool
	limit     int // items to evaluate; 0 for no limit
}

// page is what a walk has met.
type page struct {
	found   []*record // that passed the filter
	scanned int
	bytes   int
	last    *record // the last one evaluated
	full    bool    // stopped by a limit: there may be more
}

// part returns the part of a table's or an index's tree that lies in a stripe.
func (t *table) part(x *index, i int) (entries *tree, lock *sync.RWMutex, position *uint64) {
	s := &t.stripes[i]
	switch {
	case x == nil:
		return &s.items, &s.mu, &s.position
	case x.local:
		return &s.locals[x.slot], &s.mu, &s.position
	}
	g := &x.stripes[i]
	return &g.entries, &g.mu, &g.position
}

// walkStripe adds what the reading wants of one stripe to the page.
func (x *exchange) walkStripe(q *reading, i int, p *page) {
	entries, lock, position := q.table.part(q.index, i)
	lock.RLock()
	defer lock.RUnlock()
	x.saw(*position)
	q.each(entries, func(r *record) bool { return q.evaluate(r, p) })
}

// each visits the entries of the walk until visit returns false.
func (w *walk) each(entries *tree, visit func(*record) bool) {
	if !w.backward {
		entries.Ascend(max(w.low, w.after), func(key string, r *record) bool {
			if w.high != "" && key >= w.high {
				return false
			}
			return key == w.after || visit(r)
		})
		return
	}
	back := func(key string, r *record) bool {
		if key < w.low {
			return false
		}
		return key == w.after || w.high != "" && key >= w.high || visit(r)
	}
	switch {
	case w.after != "":
		entries.Descend(w.after, back)
	case w.high != "":
		entries.Descend(w.high, back)
	default:
		entries.Reverse(back)
	}
}

// evaluate counts an item and keeps it if it passes the filter; it returns false when the page is full.
func (q *reading) evaluate(r *record, p *page) bool {
	p.scanned++
	p.last = r
	if q.index == nil {
		p.bytes += r.size
	} else {
		p.bytes += q.index.size(r.item)
	}
	if q.filter == nil || q.filter.Eval(q.visible(r)) {
		p.found = append(p.found, r)
	}
	p.full = p.scanned == q.limit || p.bytes >= maxPage
	return !p.full
}
