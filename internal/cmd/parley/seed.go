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

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// demoPassword is everybody's on a machine's own endpoint. Elsewhere a password is made up for each run.
const demoPassword = "parley-demo"

// maxWorkspaces bounds -workspaces: each costs four password hashes.
const maxWorkspaces = 100

// demoStaff of every workspace.
var demoStaff = []struct {
	login, name string
	role        chat.Role
}{
	{"ada", "Ada Lovelace", chat.RoleOperator},
	{"grace", "Grace Hopper", chat.RoleOperator},
	{"alan", "Alan Turing", chat.RoleOperator},
	{"hedy", "Hedy Lamarr", chat.RoleSupervisor},
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
}

// SeededStaff is one member of staff.
type SeededStaff struct {
	User     chat.UserID `json:"user"`
	Name     string      `json:"name"`
	Role     chat.Role   `json:"role"`
	Email    string      `json:"email"`
	Password string      `json:"password"`
}

// seedOptions are the flags of seed.
type seedOptions struct {
	workspaces int
	seed       string
	table      string
	origins    origins
	password   string
	json       bool
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
	flags.StringVar(&o.table, "chat-table", env("CHAT_TABLE"), "name of the chat table (or CHAT_TABLE)")
	flags.Var(&o.origins, "origin", "a further origin that widget and desk may run on; may be repeated")
	flags.StringVar(&o.password, "password", "", "everybody's password (default: "+demoPassword+" on a local endpoint, else a random one)")
	flags.BoolVar(&o.json, "json", false, "print JSON")
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

// seed writes the workspaces. Ids derive from the seed and nothing else, so seeding again changes nothing but the
// salts of passwords.
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
		account := identity.Account{Workspace: w.Workspace, User: s.User, Address: s.Email, Name: s.Name, Role: s.Role}
		if err := r.PutStaff(ctx, account, hash); err != nil {
			return w, err
		}
	}
	return w, nil
}

// plan says what the n-th workspace is, without writing anything. The first has the short names.
func plan(o seedOptions, n int) SeededWorkspace {
	label, domain := o.seed, "example.com"
	if n > 1 {
		label, domain = fmt.Sprintf("%s-%d", o.seed, n), fmt.Sprintf("w%d.example.com", n)
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
		w.Staff = append(w.Staff, SeededStaff{
			User: chat.UserID(derive(chat.UserPrefix, label, s.login)), Name: s.name, Role: s.role,
			Email: s.login + "@" + domain, Password: o.password,
		})
	}
	return w
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
			fmt.Fprintf(&text, "  %-10s  %s  password %s\n", staff.Role, staff.Email, staff.Password)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}
