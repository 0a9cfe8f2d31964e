package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// bodies are what the routes that want one accept.
var bodies = map[string]string{
	"startCustomerSession": `{"widgetKey":"wk_one"}`,
	"signIn":               `{"email":"one@example.com","password":"right"}`,
	"issueSocketTicket":    `{}`,
}

// ask sends a request of the operation as somebody who may make it.
func (w *world) ask(op Operation, query string) answer {
	w.t.Helper()
	for _, feature := range []map[string]fixture{commandFixtures(), operatorFixtures(), workspaceFixtures(), liveFixtures()} {
		if f, ok := feature[op.Name]; ok {
			return w.askAllowed(op, f, query)
		}
	}
	if f, ok := contactFixtures()[op.Name]; ok {
		if f.about == aboutSelf {
			return w.askCustomer(op, f, query)
		}
		return w.askArranged(op, f, query)
	}
	if f, ok := peopleFixtures()[op.Name]; ok {
		return w.askArranged(op, f, query)
	}
	s, token := w.operator()
	w.takesPart(s.User, s.Role)
	headers := []string{"Origin", desk, "Authorization", token}
	switch op.Name {
	case "startCustomerSession":
		headers = []string{"Origin", shop}
	case "signIn":
		headers = headers[:2]
	}
	path := strings.ReplaceAll(op.Path, "{id}", string(talk))
	if query != "" {
		path += "?" + query
	}
	return w.do(op.Method, path, bodies[op.Name], headers...)
}

// TestOperationsAnswerAsDocumented holds the table that the contract is made of to what the routes do.
func TestOperationsAnswerAsDocumented(t *testing.T) {
	t.Parallel()
	for _, op := range Operations() {
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			a := newWorld(t).ask(op, "")
			body, documented := op.Answers[a.StatusCode]
			if !documented {
				t.Fatalf("status %d is not documented: %s", a.StatusCode, a.body)
			}
			if body == nil {
				if len(a.body) > 0 {
					t.Errorf("a body where none is documented: %s", a.body)
				}
				return
			}
			if media, ok := body.(Media); ok {
				if got := a.Header.Get("Content-Type"); !strings.HasPrefix(got, string(media)) || len(a.body) < 100 {
					t.Errorf("%s, %d bytes; want %s", got, len(a.body), media)
				}
				return
			}
			decoder := json.NewDecoder(bytes.NewReader(a.body))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(reflect.New(reflect.TypeOf(body)).Interface()); err != nil {
				t.Errorf("%v: %s", err, a.body)
			}
		})
	}
}

func TestParametersAreTakenAsDocumented(t *testing.T) {
	t.Parallel()
	for _, op := range Operations() {
		for _, p := range op.Query {
			t.Run(op.Name+" "+p.Name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for _, v := range good(p) {
					if a := w.ask(op, p.Name+"="+v); a.StatusCode != http.StatusOK {
						t.Errorf("%s=%s: %d %s", p.Name, v, a.StatusCode, a.body)
					}
				}
				for _, v := range bad(p) {
					w.problem(p.Name+"="+v, w.ask(op, p.Name+"="+v), http.StatusBadRequest, chat.CodeInvalid, "")
				}
				w.problem("unknown parameter", w.ask(op, "bogus=1"), http.StatusBadRequest, chat.CodeInvalid, "")
			})
		}
	}
}

func good(p Parameter) []string {
	switch {
	case p.Number && p.Max > 0:
		return []string{strconv.Itoa(p.Min), strconv.Itoa(p.Max)}
	case p.Number:
		return []string{strconv.Itoa(p.Min), "3"}
	case len(p.Values) > 0:
		return p.Values
	default:
		return nil // a cursor: TestCursors
	}
}

func bad(p Parameter) []string {
	switch {
	case p.Number && p.Max > 0:
		return []string{strconv.Itoa(p.Min - 1), strconv.Itoa(p.Max + 1), "x"}
	case p.Number:
		return []string{"-1", "x"}
	case len(p.Values) > 1:
		return []string{"bogus"}
	default:
		return nil
	}
}

func TestOperationsAreWhole(t *testing.T) {
	t.Parallel()
	var names []string
	for _, op := range Operations() {
		if op.Name == "" || !strings.HasSuffix(op.Summary, ".") || len(op.Answers) == 0 || slices.Contains(names, op.Name) {
			t.Errorf("%s %s: name %q, summary %q, %d answers", op.Method, op.Path, op.Name, op.Summary, len(op.Answers))
		}
		names = append(names, op.Name)
		if makes := op.Method == http.MethodPost && !op.Open; op.Idempotent && !makes || op.Secret && !op.Idempotent || op.Polled && op.Method != http.MethodGet {
			t.Errorf("%s %s: idempotent %v, secret %v, polled %v", op.Method, op.Path, op.Idempotent, op.Secret, op.Polled)
		}
		if _, can := op.Problems[http.StatusUnauthorized]; !can && !op.Open {
			t.Errorf("%s needs a session and cannot answer 401", op.Name)
		}
		for _, p := range op.Query {
			if !strings.HasSuffix(p.Summary, ".") {
				t.Errorf("%s: %s: summary %q", op.Name, p.Name, p.Summary)
			}
		}
	}
}
