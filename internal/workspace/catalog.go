package workspace

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Catalog reads and writes what a business sets for itself. Every method checks who asks: what is shared by the kind's
// commands, what is one's own by library.own.
type Catalog struct {
	Store Store
	// Knows answers for people and bots, and for who works in a department; nil takes what documents say of them.
	Knows Knows
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// tries is how often a change without a version is made again when somebody else's came between.
const tries = 5

func (c *Catalog) now() time.Time { return clock(c.Now).Truncate(time.Millisecond) }

// place is where the principal reads or writes.
func place(p chat.Principal, k Kind, own bool, command chat.Command) (Place, error) {
	at := Place{Workspace: p.Workspace, Kind: k}
	if own {
		at.Owner, command = p.User, chat.CommandOwnLibrary
		if !k.Ownable() {
			return at, chat.Errorf(chat.CodeInvalid, "nobody has a %s of their own", k)
		}
	}
	_, err := chat.Authorize(p, command)
	return at, err
}

// List returns the shared entities of a kind, by id; with own, the principal's own.
func (c *Catalog) List(ctx context.Context, p chat.Principal, k Kind, own bool) ([]Entity, error) {
	at, err := place(p, k, own, kinds[k].read)
	if err != nil {
		return nil, err
	}
	entries, err := c.Store.Entries(ctx, at)
	if err != nil {
		return nil, unavailable(err)
	}
	return decodeAll(entries)
}

func decodeAll(entries []Entry) ([]Entity, error) {
	out := make([]Entity, len(entries))
	for i, e := range entries {
		out[i] = kinds[e.Kind].make()
		if err := decodeInto(e, out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Get returns one entity, or CodeNotFound. Settings that nobody has changed are those of version 0.
func (c *Catalog) Get(ctx context.Context, p chat.Principal, k Kind, own bool, id string) (Entity, error) {
	at, err := place(p, k, own, kinds[k].read)
	if err != nil {
		return nil, err
	}
	e, err := c.entry(ctx, at, id)
	if err != nil {
		return nil, err
	}
	out := kinds[k].make()
	return out, decodeInto(*e, out)
}

// entry reads one that must be there.
func (c *Catalog) entry(ctx context.Context, at Place, id string) (*Entry, error) {
	if !at.Kind.ValidID(id) {
		return nil, missing(at.Kind)
	}
	e, err := c.Store.Entry(ctx, at, id)
	switch {
	case err != nil:
		return nil, unavailable(err)
	case e != nil:
		return e, nil
	case at.Kind == KindSettings:
		return &Entry{Place: at, ID: SettingsID, Document: []byte("{}")}, nil
	}
	return nil, missing(at.Kind)
}

func missing(k Kind) error { return chat.Errorf(chat.CodeNotFound, "no such %s", k) }

// unavailable says of a read or a write that storage did not answer that it may be tried again.
func unavailable(err error) error {
	if errors.Is(err, chat.ErrUnknownOutcome) {
		return chat.Errorf(chat.CodeUnavailable, "storage did not answer in time; send the same again")
	}
	return err
}

// Create stores a new entity. The same id with the same document again is the same request: it answers what is stored.
func (c *Catalog) Create(ctx context.Context, by By, k Kind, own bool, id string, e Entity) (Entity, error) {
	at, err := place(by.Principal, k, own, kinds[k].write)
	if err != nil {
		return nil, err
	}
	if err := e.Check(); err != nil {
		return nil, err
	}
	if !k.ValidID(id) || k == KindSettings {
		return nil, chat.Errorf(chat.CodeInvalid, "id: not one of a %s", k)
	}
	if err := c.fits(ctx, at, id, e); err != nil {
		return nil, err
	}
	if err := c.holds(ctx, at.Workspace, e); err != nil {
		return nil, err
	}
	next, err := c.next(by, at, id, 0, e)
	if err != nil {
		return nil, err
	}
	done, err := c.Store.PutEntry(ctx, next, act(by, k, "made", id, nil, &next, e.title()))
	if err != nil {
		return nil, unavailable(err)
	}
	if !done {
		known, err := c.entry(ctx, at, id)
		if err != nil {
			return nil, err
		}
		if known.By != by.User || !bytes.Equal(known.Document, next.Document) {
			return nil, chat.Errorf(chat.CodeConflict, "it was made before, and has changed since; read it")
		}
		next = *known
	}
	return e, decodeInto(next, e)
}

// Replace stores another document in place of the version; nil for whatever version there is. CodeConflict when it is
// another.
func (c *Catalog) Replace(ctx context.Context, by By, k Kind, own bool, id string, e Entity, version *uint64) (Entity, error) {
	at, err := place(by.Principal, k, own, kinds[k].write)
	if err != nil {
		return nil, err
	}
	if err := e.Check(); err != nil {
		return nil, err
	}
	if err := c.fits(ctx, at, id, e); err != nil {
		return nil, err
	}
	if err := c.holds(ctx, at.Workspace, e); err != nil {
		return nil, err
	}
	var next Entry
	err = c.change(ctx, at, id, version, func(was *Entry) (bool, error) {
		if err := keeps(was, e); err != nil {
			return false, err
		}
		if next, err = c.next(by, at, id, was.Version, e); err != nil {
			return false, err
		}
		if was.Version > 0 && bytes.Equal(was.Document, next.Document) { // nothing changes
			next = *was
			return true, nil
		}
		return c.Store.PutEntry(ctx, next, act(by, k, "changed", id, was, &next, e.title()))
	})
	if err != nil {
		return nil, err
	}
	return e, decodeInto(next, e)
}

// keeps refuses a change of what others refer to by name.
func keeps(was *Entry, e Entity) error {
	field, ok := e.(*Field)
	if !ok || was.Version == 0 {
		return nil
	}
	var old Field
	if err := decodeInto(*was, &old); err != nil {
		return err
	}
	if old.Name != field.Name || old.Of != field.Of {
		return chat.Errorf(chat.CodeInvalid, "name: a field keeps its name, since conversations hold it; make another, or change its label")
	}
	return nil
}

// Remove removes the version of an entity; nil for whatever version there is. CodeConflict when it is another, CodeInUse,
// whose Fields list what refers to it, for a department that somebody or something still refers to.
func (c *Catalog) Remove(ctx context.Context, by By, k Kind, own bool, id string, version *uint64) error {
	at, err := place(by.Principal, k, own, kinds[k].write)
	if err != nil {
		return err
	}
	return c.change(ctx, at, id, version, func(was *Entry) (bool, error) {
		if was.Version == 0 {
			return true, nil
		}
		e := kinds[k].make()
		if err := decodeInto(*was, e); err != nil {
			return false, err
		}
		if err := c.unused(ctx, at, id); err != nil {
			return false, err
		}
		return c.Store.DropEntry(ctx, at, id, was.Version, act(by, k, "removed", id, was, nil, e.title()))
	})
}

func (c *Catalog) change(ctx context.Context, at Place, id string, version *uint64, make func(*Entry) (bool, error)) error {
	read := func() (*Entry, error) { return c.entry(ctx, at, id) }
	return change(read, func(e *Entry) uint64 { return e.Version }, version, make)
}

// change reads what there is and lets make change it, again when somebody else was faster and any version will do: make
// says whether it was in time.
func change[T any](read func() (*T, error), versionOf func(*T) uint64, version *uint64, make func(*T) (bool, error)) error {
	for range tries {
		was, err := read()
		if err != nil {
			return err
		}
		if version != nil && versionOf(was) != *version {
			break
		}
		done, err := make(was)
		if err != nil {
			return unavailable(err)
		}
		if done {
			return nil
		}
		if version != nil {
			break
		}
	}
	return chat.Errorf(chat.CodeConflict, "somebody else has changed it; read it again")
}

// fits looks whether there is room for the entity, and whether its name is free. Two that are made in the same moment
// may both fit: the limits are no promise to the byte.
func (c *Catalog) fits(ctx context.Context, at Place, id string, e Entity) error {
	if at.Kind == KindSettings {
		return nil
	}
	entries, err := c.Store.Entries(ctx, at)
	if err != nil {
		return unavailable(err)
	}
	isNew := !slices.ContainsFunc(entries, func(o Entry) bool { return o.ID == id })
	if isNew && len(entries) >= at.max() {
		return chat.Errorf(chat.CodeInvalid, "at most %d of the kind %s; remove one first", at.max(), at.Kind)
	}
	for _, o := range entries {
		other := kinds[at.Kind].make()
		if o.ID == id || decodeInto(o, other) != nil {
			continue
		}
		if other.key() == e.key() {
			return chat.Errorf(chat.CodeInvalid, "%s: %q is taken already, by %s", keyField(at.Kind), e.title(), o.ID)
		}
	}
	return nil
}

// keyField is the field that no two share.
func keyField(k Kind) string {
	switch k {
	case KindCanned:
		return "shortcut"
	case KindForm:
		return "use"
	default:
	}
	return "name"
}

func (c *Catalog) next(by By, at Place, id string, version uint64, e Entity) (Entry, error) {
	document, err := encode(e)
	return Entry{Place: at, ID: id, Version: version + 1, Document: document, Changed: c.now(), By: by.User}, err
}

// maxAudited bounds the document in an audit entry, in bytes.
const maxAudited = 4 << 10

func act(by By, k Kind, done, id string, before, after *Entry, title string) Act {
	sum := func(e *Entry) map[string]string {
		if e == nil || e.Version == 0 {
			return nil
		}
		document := string(e.Document)
		if len(document) > maxAudited {
			document = fmt.Sprintf("%d bytes", len(document))
		}
		return map[string]string{"title": title, "version": strconv.FormatUint(e.Version, 10), "document": document}
	}
	return Act{By: by, Name: string(k) + "." + done, Subject: id, Before: sum(before), After: sum(after)}
}

// ByOrder sorts rules and greetings as they are applied.
func ByOrder[T any](list []T, order func(T) int, id func(T) string) {
	slices.SortStableFunc(list, func(a, b T) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(id(a), id(b)))
	})
}
