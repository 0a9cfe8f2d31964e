package workspace

import (
	"encoding/json"
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of what most entities have.
const (
	MaxName  = 100  // bytes
	MaxText  = 2000 // bytes of a text that customers see
	MaxOrder = 1000 // of what is tried, or shown, in an order
	// MaxDocument is the longest document but an article's, in bytes of JSON: 200 holidays with their hours fit in, and a
	// hundred of them into an answer.
	MaxDocument = 32 << 10
)

// Meta is what every entity has beside what the business says. It may be sent back with a change: only what the server
// knows counts.
type Meta struct {
	// ID is made by the server.
	ID string `json:"id,omitempty"`
	// Version counts the changes; the ETag is made of it.
	Version uint64 `json:"version,omitempty"`
	// Owner is whose own it is; none for what the workspace shares.
	Owner chat.UserID `json:"owner,omitempty"`
	// ChangedAt is when it was changed last, Unix milliseconds.
	ChangedAt int64 `json:"changedAt,omitempty"`
	// ChangedBy is by whom.
	ChangedBy chat.UserID `json:"changedBy,omitempty"`
}

func (m *Meta) meta() *Meta { return m }

// Entity is a document of one of the kinds.
type Entity interface {
	// Check returns CodeInvalid, naming the field, unless the document is well-formed.
	Check() error
	meta() *Meta
	// title is what an audit log calls it, and key what no two of its kind and shelf share; "" for nothing.
	title() string
	key() string
}

func (d *Department) title() string { return d.Name }
func (d *Department) key() string   { return fold(d.Name) }
func (s *Settings) title() string   { return "settings" }
func (s *Settings) key() string     { return "" }
func (f *Field) title() string      { return f.Name }
func (f *Field) key() string        { return string(f.Of) + "." + f.Name }
func (t *Tag) title() string        { return t.Name }
func (t *Tag) key() string          { return fold(t.Name) }
func (c *Canned) title() string     { return c.Shortcut }
func (c *Canned) key() string       { return fold(c.Shortcut) }
func (m *Macro) title() string      { return m.Name }
func (m *Macro) key() string        { return fold(m.Name) }
func (r *Rule) title() string       { return r.Name }
func (r *Rule) key() string         { return fold(r.Name) }
func (v *View) title() string       { return v.Name }
func (v *View) key() string         { return fold(v.Name) }
func (f *Form) title() string       { return string(f.Use) + " form" }
func (f *Form) key() string         { return string(f.Use) + "." + string(f.Department) }
func (g *Greeting) title() string   { return g.Name }
func (g *Greeting) key() string     { return fold(g.Name) }

// encode makes the document of an entity, without what the entry says beside it.
func encode(e Entity) ([]byte, error) {
	m := *e.meta()
	*e.meta() = Meta{}
	raw, err := json.Marshal(e)
	*e.meta() = m
	if err != nil {
		return nil, fmt.Errorf("encoding a document: %w", err)
	}
	if len(raw) > MaxDocument {
		return nil, chat.Errorf(chat.CodeInvalid, "body: at most %d bytes of JSON", MaxDocument)
	}
	return raw, nil
}

// decodeInto reads an entry. What a newer version of this code has written beside what this one knows is left out.
func decodeInto(e Entry, into Entity) error {
	if err := json.Unmarshal(e.Document, into); err != nil {
		return fmt.Errorf("document %s %s: %w", e.Kind, e.ID, err)
	}
	*into.meta() = Meta{ID: e.ID, Version: e.Version, Owner: e.Owner, ChangedBy: e.By}
	if !e.Changed.IsZero() { // the settings that nobody has written yet
		into.meta().ChangedAt = e.Changed.UnixMilli()
	}
	return nil
}

func checkName(name string) error {
	if name == "" || len(name) > MaxName {
		return chat.Errorf(chat.CodeInvalid, "name: 1 to %d bytes", MaxName)
	}
	return nil
}

func checkDepartment(d chat.DepartmentID) error {
	if d != "" && !d.Valid() {
		return chat.Errorf(chat.CodeInvalid, "department: not a department")
	}
	return nil
}

// checkTexts bounds texts that customers see.
func checkTexts(texts map[string]string) error {
	for name, text := range texts {
		if len(text) > MaxText {
			return chat.Errorf(chat.CodeInvalid, "%s: at most %d bytes", name, MaxText)
		}
	}
	return nil
}

// MetaOf returns what the entity has beside what the business says.
func MetaOf(e Entity) Meta { return *e.meta() }
