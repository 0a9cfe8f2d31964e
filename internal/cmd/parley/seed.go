package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/cmd/parley/week"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
)

// demoPassword is everybody's on a machine's own endpoint. Elsewhere a password is made up for each run.
const demoPassword = "parley-demo"

// maxWorkspaces bounds -workspaces: each costs ten password hashes and a week.
const maxWorkspaces = 100

// demoStaff of every workspace. Departments, skills and capacity are those of the week.
var demoStaff = []struct {
	login, name string
	role        chat.Role
	departments []string
	skills      []string
	capacity    int
}{
	{"ada", "Ada Lovelace", chat.RoleOperator, []string{week.Orders, week.Sizes}, []string{"french", "shipping"}, 4},
	{"grace", "Grace Hopper", chat.RoleOperator, []string{week.Orders}, []string{"shipping"}, 5},
	{"alan", "Alan Turing", chat.RoleOperator, []string{week.Sizes}, []string{"german", "knitwear"}, 4},
	{"katherine", "Katherine Johnson", chat.RoleOperator, []string{week.Returns}, []string{"refunds"}, 4},
	{"edsger", "Edsger Dijkstra", chat.RoleOperator, []string{week.Orders, week.Returns}, []string{"german", "refunds"}, 3},
	{"barbara", "Barbara Liskov", chat.RoleOperator, []string{week.Orders}, []string{"spanish"}, 4},
	{"annie", "Annie Easley", chat.RoleOperator, []string{week.Sizes, week.Returns}, []string{"knitwear"}, 3},
	{"hedy", "Hedy Lamarr", chat.RoleSupervisor, []string{week.Orders, week.Sizes}, nil, 0},
	{"radia", "Radia Perlman", chat.RoleSupervisor, []string{week.Returns, week.Invoices}, nil, 0},
	{"margaret", "Margaret Hamilton", chat.RoleAdmin, nil, nil, 0},
}

// Seeded is what seed made: the document that -json prints.
type Seeded struct {
	ChatTable  string            `json:"chatTable"`
	Workspaces []SeededWorkspace `json:"workspaces"`
}

// SeededWorkspace is one demo tenant.
type SeededWorkspace struct {
	Workspace chat.WorkspaceID `json:"workspace"`
	Name      string           `json:"name"`
	WidgetKey string           `json:"widgetKey"`
	// Origin is one that Origins allows, for callers that need an Origin header.
	Origin  string        `json:"origin"`
	Origins []string      `json:"origins"`
	Staff   []SeededStaff `json:"staff"`
	// Week is what was made up for it; none with -conversations 0.
	Week *week.Summary `json:"week,omitempty"`
}

// SeededStaff is one member of staff.
type SeededStaff struct {
	User     chat.UserID `json:"user"`
	Name     string      `json:"name"`
	Role     chat.Role   `json:"role"`
	Email    string      `json:"email"`
	Password string      `json:"password"`
	// Departments that they work in; none for all.
	Departments chat.DepartmentList `json:"departments,omitempty"`
}

// seedOptions are the flags of seed.
type seedOptions struct {
	workspaces    int
	seed          string
	table         string
	origins       origins
	password      string
	json          bool
	conversations int
	now           time.Time
}

// origins is a flag that may be given several times.
type origins []string

func (o *origins) String() string { return strings.Join(*o, " ") }

// Set implements flag.Value.
func (o *origins) Set(s string) error {
	if !identity.ValidOrigin(s) {
		return errors.New("not an origin such as https://shop.example (no path, no default port)")
	}
	*o = append(*o, s)
	return nil
}

func runSeed(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	args, env, err := throughStack(ctx, args, env)
	if err != nil {
		fmt.Fprintln(stderr, "parley seed:", err)
		return 1
	}
	o, err := parseSeed(args, env, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	client, err := newDynamoDB(env)
	if err == nil {
		var seeded Seeded
		if seeded, err = seed(ctx, registry(client, o.table), o); err == nil {
			err = seeded.live(ctx, client, o)
		}
		if err == nil {
			err = seeded.print(stdout, o.json)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "parley seed:", err)
		return 1
	}
	return 0
}

func parseSeed(args []string, env func(string) string, stderr io.Writer) (seedOptions, error) {
	var o seedOptions
	flags := flag.NewFlagSet("parley seed", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.workspaces, "workspaces", 1, "how many workspaces, 1 to 100")
	flags.StringVar(&o.seed, "seed", "demo", "text that ids derive from: the same seed writes the same items")
	flags.String("stack", "", "`address` of a running local stack, such as 127.0.0.1:8080, which knows all the rest; given first")
	flags.StringVar(&o.table, "chat-table", env("CHAT_TABLE"), "name of the chat table (or CHAT_TABLE)")
	flags.Var(&o.origins, "origin", "a further origin that widget and desk may run on; may be repeated")
	flags.StringVar(&o.password, "password", "", "everybody's password (default: "+demoPassword+" on a local endpoint, else a random one)")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	flags.IntVar(&o.conversations, "conversations", week.Conversations, fmt.Sprintf("how many conversations the week of each workspace has, up to %d; 0: people only, no departments", week.MaxConversations))
	o.now = time.Now()
	flags.Func("now", "`time` that the week ends at, such as 2026-11-23T15:00:00Z (default: the time of the first run)", func(text string) (err error) {
		o.now, err = time.Parse(time.RFC3339, text)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	err := o.complete(flags.NArg(), isLocal(env("AWS_ENDPOINT_URL_DYNAMODB")))
	if err != nil {
		fmt.Fprintln(stderr, "parley seed:", err)
	}
	return o, err
}

// complete checks the flags and picks the password.
func (o *seedOptions) complete(extra int, local bool) error {
	switch {
	case extra > 0:
		return errors.New("no arguments are expected behind the flags")
	case o.table == "":
		return errors.New("-chat-table or CHAT_TABLE is needed")
	case o.workspaces < 1 || o.workspaces > maxWorkspaces:
		return fmt.Errorf("-workspaces must be 1 to %d", maxWorkspaces)
	case o.conversations < 0 || o.conversations > week.MaxConversations:
		return fmt.Errorf("-conversations must be 0 to %d", week.MaxConversations)
	case !identity.ValidWidgetKey("wk_"+o.seed+"-100") || strings.ToLower(o.seed) != o.seed:
		return errors.New("-seed must be short and of lower-case letters, digits and -")
	case len(o.password) > identity.MaxPassword:
		return fmt.Errorf("-password must be at most %d bytes", identity.MaxPassword)
	case o.password == "" && local:
		o.password = demoPassword
	case o.password == "":
		o.password = rand.Text()
	}
	return nil
}

// isLocal says whether the endpoint is on this machine, where a known password does no harm.
func isLocal(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// seed writes the workspaces and their people. Ids derive from the seed and nothing else, so seeding again changes
// nothing but the salts of passwords.
func seed(ctx context.Context, r registrar, o seedOptions) (Seeded, error) {
	out := Seeded{ChatTable: o.table}
	for n := 1; n <= o.workspaces; n++ {
		w, err := seedWorkspace(ctx, r, o, n)
		if err != nil {
			return Seeded{}, fmt.Errorf("workspace %d: %w", n, err)
		}
		out.Workspaces = append(out.Workspaces, w)
	}
	return out, nil
}

func seedWorkspace(ctx context.Context, r registrar, o seedOptions, n int) (SeededWorkspace, error) {
	w := plan(o, n)
	if err := r.PutWorkspace(ctx, identity.Workspace{ID: w.Workspace, Name: w.Name, Origins: w.Origins}); err != nil {
		return w, err
	}
	if err := r.PutWidget(ctx, identity.Widget{Key: w.WidgetKey, Workspace: w.Workspace, Origins: w.Origins}); err != nil {
		return w, err
	}
	for _, s := range w.Staff {
		hash, err := r.Hash(s.Password)
		if err != nil {
			return w, err
		}
		account := identity.Account{Workspace: w.Workspace, User: s.User, Address: s.Email, Name: s.Name, Role: s.Role, Departments: s.Departments}
		if err := r.PutStaff(ctx, account, hash); err != nil {
			return w, err
		}
	}
	return w, nil
}

// plan says what the n-th workspace is, without writing anything. The first has the short names.
func plan(o seedOptions, n int) SeededWorkspace {
	label, domain := label(o, n), "example.com"
	if n > 1 {
		domain = fmt.Sprintf("w%d.example.com", n)
	}
	if o.seed != "demo" {
		domain = o.seed + "." + domain
	}
	w := SeededWorkspace{
		Workspace: chat.WorkspaceID(derive(chat.WorkspacePrefix, label, "workspace")),
		Name:      fmt.Sprintf("Demo %d", n),
		WidgetKey: "wk_" + label,
		Origin:    "http://localhost:8080",
		Origins:   append([]string{"http://localhost:*", "http://127.0.0.1:*"}, o.origins...),
	}
	for _, s := range demoStaff {
		staff := SeededStaff{
			User: chat.UserID(derive(chat.UserPrefix, label, s.login)), Name: s.name, Role: s.role,
			Email: s.login + "@" + domain, Password: o.password,
		}
		if o.conversations > 0 { // else there are no departments
			staff.Departments = departments(label, s.departments)
		}
		w.Staff = append(w.Staff, staff)
	}
	return w
}

// label is what the ids of the n-th workspace derive from.
func label(o seedOptions, n int) string {
	if n > 1 {
		return fmt.Sprintf("%s-%d", o.seed, n)
	}
	return o.seed
}

func departments(label string, names []string) chat.DepartmentList {
	var ids []chat.DepartmentID
	for _, name := range names {
		ids = append(ids, week.DepartmentID(label, name))
	}
	return chat.JoinDepartments(ids...)
}

// live gives every workspace a week of business.
func (s Seeded) live(ctx context.Context, api dynamo.API, o seedOptions) error {
	for i := range s.Workspaces {
		if o.conversations == 0 {
			return nil
		}
		w := &s.Workspaces[i]
		options := week.Options{Workspace: w.Workspace, Label: label(o, i+1), Now: o.now, Conversations: o.conversations}
		for n, staff := range w.Staff {
			options.Staff = append(options.Staff, week.Person{
				User: staff.User, Name: staff.Name, Role: staff.Role, Departments: staff.Departments, Skills: demoStaff[n].skills, Capacity: demoStaff[n].capacity,
			})
		}
		summary, err := week.Write(ctx, api, s.ChatTable, options)
		if err != nil {
			return fmt.Errorf("workspace %d: %w", i+1, err)
		}
		w.Week = &summary
	}
	return nil
}

// derive makes an id from a label.
func derive(prefix, label, what string) string {
	sum := sha256.Sum256([]byte("parley seed\x00" + label + "\x00" + what))
	return chat.FormatID(prefix, [16]byte(sum[:]))
}

func (s Seeded) print(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(s)
	}
	var text strings.Builder
	for _, ws := range s.Workspaces {
		fmt.Fprintf(&text, "%s  %s\n  widget key  %s\n  origins     %s\n", ws.Workspace, ws.Name, ws.WidgetKey, strings.Join(ws.Origins, " "))
		for _, staff := range ws.Staff {
			fmt.Fprintf(&text, "  %-10s  %-24s  password %s\n", staff.Role, staff.Email, staff.Password)
		}
		text.WriteString(weekText(ws.Week))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// weekText says in a line or two what the week holds; nothing for none.
func weekText(s *week.Summary) string {
	switch {
	case s == nil:
		return ""
	case s.Already:
		return "  week        is there already, and was left as it is\n"
	}
	var states []string
	total := 0
	for _, status := range chat.Statuses() {
		if n := s.Conversations[status]; n > 0 {
			states = append(states, fmt.Sprintf("%d %s", n, status))
			total += n
		}
	}
	return fmt.Sprintf("  week        %d conversations (%s), %d messages, %d contacts\n", total, strings.Join(states, ", "), s.Messages, s.Contacts)
}
