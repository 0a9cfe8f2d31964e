package workspace

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Kind says what an entry is. Kinds are stored.
type Kind string

// The kinds.
const (
	KindSettings   Kind = "settings" // one per workspace
	KindDepartment Kind = "department"
	KindField      Kind = "field"
	KindForm       Kind = "form"
	KindGreeting   Kind = "greeting"
	KindRule       Kind = "rule"
	KindTag        Kind = "tag"
	KindCanned     Kind = "canned"
	KindMacro      Kind = "macro"
	KindView       Kind = "view"
)

// SettingsID is the id of the workspace's one entry of settings.
const SettingsID = "settings"

// Shelf says where entries lie together: what the hooks need, which is read as a whole and remembered; what people look
// up; and what is somebody's own.
type Shelf string

// The shelves.
const (
	ShelfConfig  Shelf = "config"
	ShelfLibrary Shelf = "library"
	ShelfOwn     Shelf = "own"
)

// kind is what there is to know of a kind.
type kind struct {
	shelf  Shelf
	prefix string // of ids
	max    int    // entries of a workspace, or of a user where they are their own
	read   chat.Command
	write  chat.Command
	make   func() Entity
}

// kinds is the one table of kinds. The limits keep a workspace's configuration within a few pages of a query.
var kinds = map[Kind]kind{
	KindSettings:   {ShelfConfig, "", 1, chat.CommandSettings, chat.CommandEditSettings, func() Entity { return &Settings{} }},
	KindDepartment: {ShelfConfig, chat.DepartmentPrefix, 100, chat.CommandLibrary, chat.CommandEditSettings, func() Entity { return &Department{} }},
	KindField:      {ShelfConfig, "f_", 100, chat.CommandLibrary, chat.CommandEditSettings, func() Entity { return &Field{} }},
	KindForm:       {ShelfConfig, "q_", 50, chat.CommandSettings, chat.CommandEditSettings, func() Entity { return &Form{} }},
	KindGreeting:   {ShelfConfig, "g_", 50, chat.CommandSettings, chat.CommandEditSettings, func() Entity { return &Greeting{} }},
	KindRule:       {ShelfConfig, "r_", MaxRules, chat.CommandSettings, chat.CommandEditSettings, func() Entity { return &Rule{} }},
	KindTag:        {ShelfLibrary, "t_", 500, chat.CommandLibrary, chat.CommandEditLibrary, func() Entity { return &Tag{} }},
	KindCanned:     {ShelfLibrary, "n_", 1000, chat.CommandLibrary, chat.CommandEditLibrary, func() Entity { return &Canned{} }},
	KindMacro:      {ShelfLibrary, "x_", 200, chat.CommandLibrary, chat.CommandEditLibrary, func() Entity { return &Macro{} }},
	KindView:       {ShelfLibrary, "v_", 100, chat.CommandLibrary, chat.CommandEditLibrary, func() Entity { return &View{} }},
}

// maxOwn is how many canned responses, and how many views, a user has of their own.
const maxOwn = 200

// Kinds lists every kind, sorted.
func Kinds() []Kind {
	out := make([]Kind, 0, len(kinds))
	for k := range kinds {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Ownable says whether somebody may have entries of the kind of their own.
func (k Kind) Ownable() bool { return k == KindCanned || k == KindView }

// Prefix of the ids of a kind.
func (k Kind) Prefix() string { return kinds[k].prefix }

// Reads and Writes are the commands that reading and writing entries of the kind stand for, where they are shared.
func (k Kind) Reads() chat.Command { return kinds[k].read }

// Writes is described at Reads.
func (k Kind) Writes() chat.Command { return kinds[k].write }

// ValidID says whether an entry of the kind may have the id.
func (k Kind) ValidID(id string) bool {
	if k == KindSettings {
		return id == SettingsID
	}
	_, ok := chat.IDBytes(kinds[k].prefix, id)
	return ok
}

// Place is where entries of a kind lie: those of a workspace, or with Owner those of somebody's own.
type Place struct {
	Workspace chat.WorkspaceID
	Kind      Kind
	Owner     chat.UserID
}

// Shelf of the place.
func (p Place) Shelf() Shelf {
	if p.Owner != "" {
		return ShelfOwn
	}
	return kinds[p.Kind].shelf
}

func (p Place) max() int {
	if p.Owner != "" {
		return maxOwn
	}
	return kinds[p.Kind].max
}

// Entry is a document with what storage keeps beside it.
type Entry struct {
	Place
	ID       string
	Version  uint64
	Document []byte // JSON
	Changed  time.Time
	By       chat.UserID
}

// By is who changes something, and from which network address, as the gateway saw it.
type By struct {
	chat.Principal
	Source string
}

// Act is an administrative act, for the audit log.
type Act struct {
	By By
	// Name is "<kind>.<done>", such as "rule.changed".
	Name    string
	Subject string
	// Before and After sum up what changed: a title, a version, and the document, at most maxAudited bytes of each.
	Before, After map[string]string
}

// Store keeps entries. Times have millisecond precision. Errors wrap chat.ErrUnknownOutcome where a repetition may help.
type Store interface {
	// Entry reads one, consistently; nil when there is none.
	Entry(ctx context.Context, p Place, id string) (*Entry, error)
	// Entries lists those of a place, by id, consistently.
	Entries(ctx context.Context, p Place) ([]Entry, error)
	// Config lists everything on the shelf of configuration, in any order. It may be some moments behind.
	Config(ctx context.Context, w chat.WorkspaceID) ([]Entry, error)
	// PutEntry writes the entry if the stored version is one less than its own (for version 1: if there is none), with
	// the act. False when it is not so.
	PutEntry(ctx context.Context, e Entry, act Act) (bool, error)
	// DropEntry removes the entry if it has the version, with the act. False when it has not.
	DropEntry(ctx context.Context, p Place, id string, version uint64, act Act) (bool, error)
}

// fold makes names comparable: two that differ in case or in spaces around them are the same.
func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
