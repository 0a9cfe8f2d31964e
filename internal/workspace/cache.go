package workspace

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Staleness is how long a warm function acts on settings as it has read them: a change of departments, hours, policies
// or rules holds everywhere after at most this, and at once in the process that made it. Who changes settings sees them
// at once: the API reads them consistently.
const Staleness = 30 * time.Second

const (
	// retryAfter is how long settings that could not be read anew serve before the next try.
	retryAfter = 5 * time.Second
	// maxCached bounds the memory of a cache: a workspace's settings are seldom more than some 10 KB.
	maxCached = 1000
)

// Cache remembers workspaces' configuration: one query of a few KB every Staleness, however much happens. When
// storage does not answer, what is known goes on serving.
type Cache struct {
	Store Store
	// Now is the clock, time.Now if nil.
	Now func() time.Time

	// Bots says whether there is a bot that is not disabled; nil takes the settings' word. It is asked once every Staleness
	// of a workspace that has one.
	Bots func(context.Context, chat.WorkspaceID, chat.UserID) (bool, error)

	known Memory[*Config]
	bots  Memory[bool]
}

// Config returns the configuration, at most Staleness old unless storage is away.
func (c *Cache) Config(ctx context.Context, w chat.WorkspaceID) (*Config, error) {
	config, err := c.known.Get(w, c.now(), func() (*Config, error) {
		entries, err := c.Store.Config(ctx, w)
		if err != nil {
			return nil, err
		}
		return NewConfig(entries)
	})
	return config, unavailable(err)
}

// Writes is the store for those who change configuration in the same process: what they write, the cache reads anew.
func (c *Cache) Writes() Store { return forgetting{c.Store, c} }

type forgetting struct {
	Store
	cache *Cache
}

// PutEntry implements Store.
func (f forgetting) PutEntry(ctx context.Context, e Entry, act Act) (bool, error) {
	defer f.cache.known.Forget(e.Workspace) // also when nobody knows what came of it
	return f.Store.PutEntry(ctx, e, act)
}

// DropEntry implements Store.
func (f forgetting) DropEntry(ctx context.Context, p Place, id string, version uint64, act Act) (bool, error) {
	defer f.cache.known.Forget(p.Workspace)
	return f.Store.DropEntry(ctx, p, id, version, act)
}

func (c *Cache) now() time.Time { return clock(c.Now) }

// AuditLife is how long the workspace keeps what is recorded in its audit log now; 0, for ever, when that cannot be told
// within a second: better an entry too many than one that is missing.
func (c *Cache) AuditLife(w chat.WorkspaceID) time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	config, err := c.Config(ctx, w)
	if err != nil {
		return 0
	}
	return time.Duration(cmp.Or(config.Settings.AuditDays, DefaultAuditDays)) * 24 * time.Hour
}

// Config is a workspace's configuration, ready to be asked. It is never changed.
type Config struct {
	Settings    Settings
	Departments []Department // by id, so by age
	Fields      []Field
	Forms       []Form
	Greetings   []Greeting // in order
	Rules       []Rule     // in order

	calendar  *Calendar
	calendars map[chat.DepartmentID]*Calendar
	// Wanted lists the types of event that an enabled rule waits for.
	wanted []chat.EventType
}

// NewConfig makes a configuration of its entries.
func NewConfig(entries []Entry) (*Config, error) {
	c := &Config{calendars: map[chat.DepartmentID]*Calendar{}}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	for _, e := range entries {
		var err error
		switch e.Kind {
		case KindSettings:
			err = decodeInto(e, &c.Settings)
		case KindDepartment:
			c.Departments, err = with(c.Departments, e, func(d *Department) Entity { return d })
		case KindField:
			c.Fields, err = with(c.Fields, e, func(f *Field) Entity { return f })
		case KindForm:
			c.Forms, err = with(c.Forms, e, func(f *Form) Entity { return f })
		case KindGreeting:
			c.Greetings, err = with(c.Greetings, e, func(g *Greeting) Entity { return g })
		case KindRule:
			c.Rules, err = with(c.Rules, e, func(r *Rule) Entity { return r })
		default:
		}
		if err != nil {
			return nil, err
		}
	}
	ByOrder(c.Greetings, func(g Greeting) int { return g.Order }, func(g Greeting) string { return g.ID })
	ByOrder(c.Rules, func(r Rule) int { return r.Order }, func(r Rule) string { return r.ID })
	for _, r := range c.Rules {
		if r.Enabled && !slices.Contains(c.wanted, r.On) {
			c.wanted = append(c.wanted, r.On)
		}
	}
	return c, c.open()
}

// with appends the entity of an entry.
func with[T any](list []T, e Entry, entity func(*T) Entity) ([]T, error) {
	var v T
	err := decodeInto(e, entity(&v))
	return append(list, v), err
}

// open makes the calendars.
func (c *Config) open() (err error) {
	if c.calendar, err = NewCalendar(c.Settings.Hours); err != nil {
		return err
	}
	for _, d := range c.Departments {
		if d.Hours == nil {
			continue
		}
		if c.calendars[chat.DepartmentID(d.ID)], err = NewCalendar(*d.Hours); err != nil {
			return err
		}
	}
	return nil
}

// Department returns the one with the id; nil for none.
func (c *Config) Department(d chat.DepartmentID) *Department {
	i := slices.IndexFunc(c.Departments, func(o Department) bool { return chat.DepartmentID(o.ID) == d })
	if d == "" || i < 0 {
		return nil
	}
	return &c.Departments[i]
}

// DefaultDepartment is where conversations go whose customers chose none; "" for a workspace without departments.
func (c *Config) DefaultDepartment() chat.DepartmentID {
	if len(c.Departments) == 0 {
		return ""
	}
	i := slices.IndexFunc(c.Departments, func(d Department) bool { return d.Default })
	return chat.DepartmentID(c.Departments[max(i, 0)].ID)
}

// Calendar is the department's hours, else the workspace's.
func (c *Config) Calendar(d chat.DepartmentID) *Calendar {
	if own := c.calendars[d]; own != nil {
		return own
	}
	return c.calendar
}

// Policy is how the department routes.
func (c *Config) Policy(d chat.DepartmentID) chat.RoutingPolicy {
	p := c.Settings.Routing.over(chat.DefaultRoutingPolicy())
	if own := c.Department(d); own != nil {
		p = own.Routing.over(p)
	}
	return p
}

// SLA is what the department promises.
func (c *Config) SLA(d chat.DepartmentID) chat.SLAPolicy {
	if own := c.Department(d); own != nil && own.SLA != nil {
		return own.SLA.policy(c.Calendar(d))
	}
	return c.Settings.SLA.policy(c.Calendar(d))
}

// Required lists the names of the fields that a conversation of the department must have before it closes, sorted.
func (c *Config) Required(d chat.DepartmentID) []string {
	var names []string
	for _, f := range c.Fields {
		if f.Of == OfConversation && f.Required && (len(f.Departments) == 0 || slices.Contains(f.Departments, d)) {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Field returns a field's definition; nil for none.
func (c *Config) Field(of FieldOf, name string) *Field {
	i := slices.IndexFunc(c.Fields, func(f Field) bool { return f.Of == of && f.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Fields[i]
}

// Form returns the enabled form for the use: the department's own, else the one for all; nil for none.
func (c *Config) Form(use FormUse, d chat.DepartmentID) *Form {
	for _, at := range []chat.DepartmentID{d, ""} {
		for i, f := range c.Forms {
			if f.Enabled && f.Use == use && f.Department == at {
				return &c.Forms[i]
			}
		}
	}
	return nil
}

// Wanted lists the types of event that an enabled rule waits for.
func (c *Config) Wanted() []chat.EventType { return c.wanted }
