package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/parley-chat/parley/"

// source is one package as the go command knows it.
type source struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

// list asks the go command, so that build constraints and the like are as in the build.
func list(t *testing.T, patterns ...string) map[string]source {
	t.Helper()
	raw, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-json=ImportPath,Standard,Imports,Deps"}, patterns...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]source{}
	for d := json.NewDecoder(strings.NewReader(string(raw))); ; {
		var p source
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

// The arrows: functions → adapters → chat → standard library. What an adapter may import of the module, besides
// chat and identity, is listed here; adapters do not know each other but for these.
var adapters = map[string][]string{
	"internal/config":                 nil,
	"internal/telemetry":              {"internal/config"},
	"internal/jsonscan":               nil,
	"internal/password":               nil,
	"internal/dynamo":                 {"internal/jsonscan"},
	"internal/streams":                {"internal/dynamo", "internal/jsonscan"},
	"internal/gateway":                {"internal/protocol"},
	"internal/queue":                  nil,
	"internal/protocol":               nil,
	"internal/wsapi":                  {"internal/protocol", "internal/jsonscan"},
	"internal/wsauth":                 {"internal/protocol", "internal/jsonscan"},
	"internal/oidc":                   nil,
	"internal/httpapi":                {"internal/protocol", "internal/jsonscan"},
	"internal/worker":                 {"internal/queue", "internal/jsonscan"},
	"internal/customertoken":          nil,
	"internal/integration/cloudevent": {"internal/protocol"},

	// What the mains share of their wiring: only they import it.
	"internal/function": {
		"internal/config", "internal/dynamo", "internal/gateway", "internal/protocol", "internal/queue", "internal/telemetry",
	},
}

// cores are what adapters stand around: each may import the standard library and these.
var cores = map[string][]string{
	"internal/chat":      nil,
	"internal/identity":  {"internal/chat"},
	"internal/workspace": {"internal/chat"},
	"internal/contact":   {"internal/chat", "internal/identity"},
}

// deployedLibraries are the modules that a function may hold; each is megabytes of cold start or worse.
var deployedLibraries = []string{
	"github.com/aws/aws-lambda-go/", "github.com/aws/aws-sdk-go-v2/", "github.com/aws/smithy-go", "golang.org/x/crypto/", "golang.org/x/sys/",
	"github.com/golang-jwt/jwt/v5", // customers' tokens
	// What talks to identity providers: in the api function.
	"github.com/coreos/go-oidc/v3/", "github.com/go-jose/go-jose/v4/", "golang.org/x/oauth2/",
}

func TestCoresImportTheStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for name, allowed := range cores {
		packages := list(t, "./"+strings.TrimPrefix(name, "internal/"))
		for _, imported := range packages[name].Imports {
			short := strings.TrimPrefix(imported, module)
			if !packages[short].Standard && !slices.Contains(allowed, short) {
				t.Errorf("%s imports %s", name, imported)
			}
		}
		if len(packages[name].Imports) == 0 {
			t.Errorf("%s was not looked at", name)
		}
	}
}

// What is deployed follows from the functions, so that a new package cannot escape the rule.
func TestArrows(t *testing.T) {
	t.Parallel()
	packages := list(t, "../functions/...")
	functions, looked := 0, 0
	for name, p := range packages {
		if !strings.HasPrefix(p.ImportPath, module) {
			if !p.Standard && !slices.ContainsFunc(deployedLibraries, func(l string) bool { return strings.HasPrefix(p.ImportPath+"/", l) || p.ImportPath == l }) {
				t.Errorf("a function holds %s", name)
			}
			continue
		}
		if strings.HasPrefix(name, "functions/") {
			functions++
			continue
		}
		if _, core := cores[name]; core {
			continue
		}
		looked++
		allowed, known := adapters[name]
		if !known {
			t.Errorf("%s is deployed and has no place in the architecture: add it to adapters, or do without it", name)
		}
		for _, imported := range p.Imports {
			short := strings.TrimPrefix(imported, module)
			_, core := cores[short]
			if strings.HasPrefix(imported, module) && !core && !slices.Contains(allowed, short) {
				t.Errorf("%s imports %s", name, short)
			}
		}
	}
	if functions < 7 || looked < 10 {
		t.Errorf("%d functions and %d adapters were looked at", functions, looked)
	}
}

// A function may import adapters and cores, never another function, and nothing deployed may hold what is for
// tests or for the local stack.
func TestNothingForTestsIsDeployed(t *testing.T) {
	t.Parallel()
	for name, p := range list(t, "../functions/...") {
		if !strings.HasPrefix(name, "functions/") {
			continue
		}
		if name != "functions/api" && slices.ContainsFunc(p.Deps, func(d string) bool { return strings.HasPrefix(d, "golang.org/x/oauth2") }) {
			t.Errorf("%s could talk to identity providers: that is for the api function", name)
		}
		for _, dep := range p.Deps {
			short := strings.TrimPrefix(dep, module)
			if dep == "testing" || dep == "net/http/httptest" || short != dep && (strings.HasPrefix(short, "localstack") || strings.HasPrefix(short, "functions/") ||
				strings.HasPrefix(short, "internal/cmd") || strings.HasSuffix(short, "test") || short == "internal/client" || short == "internal/sim") {
				t.Errorf("%s holds %s", name, short)
			}
		}
	}
}

// The local stack stands in for AWS: its engines share no code with the backend that they are to prove right, or both
// could be wrong alike. The end-to-end suites and the backend under virtual time are what puts the two together.
func TestTheLocalStackSharesNoCodeWithTheBackend(t *testing.T) {
	t.Parallel()
	looked := 0
	for name, p := range list(t, "../localstack/...") {
		if !strings.HasPrefix(name, "localstack") || strings.HasPrefix(name, "localstack/e2e") || name == "localstack/virtual" {
			continue
		}
		looked++
		for _, imported := range p.Imports {
			short := strings.TrimPrefix(imported, module)
			if short != imported && !strings.HasPrefix(short, "localstack/") && short != "internal/jsonscan" {
				t.Errorf("%s imports %s", name, short)
			}
		}
	}
	if looked < 15 {
		t.Errorf("%d packages were looked at", looked)
	}
}

// The wiring is the mains' own, and no row of the tables above is of a package that is gone.
func TestTablesAreCurrent(t *testing.T) {
	t.Parallel()
	packages := list(t, "./...", "../localstack/...")
	for name, p := range packages {
		if slices.Contains(p.Imports, module+"internal/function") {
			t.Errorf("%s imports internal/function, which is for mains", name)
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(adapters)), slices.Collect(maps.Keys(cores))) {
		if packages[name].ImportPath == "" {
			t.Errorf("%s does not exist", name)
		}
	}
}

// A function carries a service's client, its initialisation included, as soon as one of its packages imports it.
func TestFunctionsCarryTheClientsThatTheyUse(t *testing.T) {
	t.Parallel()
	const sdk = "github.com/aws/aws-sdk-go-v2/service/"
	want := map[string][]string{
		"functions/connect": nil, "functions/authorizer": {"dynamodb"}, "functions/relay": {"dynamodb", "dynamodbstreams", "sqs"},
	}
	for path, p := range list(t, "../functions/...") {
		if !strings.HasPrefix(path, "functions/") {
			continue
		}
		var carries []string
		for _, d := range p.Deps {
			if service, ok := strings.CutPrefix(d, sdk); ok && !strings.Contains(service, "/") {
				carries = append(carries, service)
			}
		}
		most, listed := want[path]
		if !listed {
			most = []string{"apigatewaymanagementapi", "dynamodb", "sqs"}
		}
		slices.Sort(carries)
		if !slices.Equal(carries, most) {
			t.Errorf("%s carries the clients of %v, and uses %v", path, carries, most)
		}
	}
}
