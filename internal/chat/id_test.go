package chat_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_790_000_000_000)
	var ids []string
	for i := range 50 {
		ids = append(ids, chat.NewID(chat.EventPrefix, now.Add(time.Duration(i*i)*time.Millisecond)))
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != 50 {
		t.Fatal(ids)
	}
	if len(ids[0]) != chat.IDLength {
		t.Fatalf("%d bytes", len(ids[0]))
	}
}

func TestIDKinds(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ids := map[string]func(string) bool{
		chat.WorkspacePrefix:    func(s string) bool { return chat.WorkspaceID(s).Valid() },
		chat.UserPrefix:         func(s string) bool { return chat.UserID(s).Valid() },
		chat.ConversationPrefix: func(s string) bool { return chat.ConversationID(s).Valid() },
		chat.EventPrefix:        func(s string) bool { return chat.EventID(s).Valid() },
		chat.SessionPrefix:      func(s string) bool { return chat.SessionID(s).Valid() },
	}
	for prefix := range ids {
		id := chat.NewID(prefix, now)
		for other, valid := range ids {
			if valid(id) != (other == prefix) {
				t.Errorf("%s as a %s: %v", id, other, valid(id))
			}
		}
		for _, bad := range []string{"", prefix, id[:27], id + "0", strings.ToUpper(id), prefix + "8" + id[3:], id[:10] + "#" + id[11:], id[:10] + "i" + id[11:], " " + id[1:]} {
			if ids[prefix](bad) {
				t.Errorf("%q is taken for an id", bad)
			}
		}
	}
}

// Every id that is taken has one spelling: what is read is written again as it was.
func FuzzIDs(f *testing.F) {
	f.Add("m_01kaw3v4x00123456789abcdef")
	f.Add("m_7zzzzzzzzzzzzzzzzzzzzzzzzz")
	f.Add("m_8zzzzzzzzzzzzzzzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, s string) {
		b, ok := chat.IDBytes(chat.EventPrefix, s)
		if ok && chat.FormatID(chat.EventPrefix, b) != s {
			t.Fatalf("%q is written as %q", s, chat.FormatID(chat.EventPrefix, b))
		}
		if ok && (strings.ContainsAny(s, "#/ \n") || len(s) != chat.IDLength) {
			t.Fatalf("%q would break a key", s)
		}
	})
}

func TestErrorCodes(t *testing.T) {
	t.Parallel()
	retryable := []chat.Code{}
	for _, c := range chat.Codes() {
		if c.Retryable() {
			retryable = append(retryable, c)
		}
	}
	same(t, retryable, []chat.Code{chat.CodeTooFast, chat.CodeInProgress, chat.CodeUnavailable, chat.CodeInternal})
	same(t, chat.CodeOf(nil), chat.Code(""))
	same(t, chat.CodeOf(errors.New("x")), chat.CodeInternal)
	same(t, chat.CodeOf(fmt.Errorf("wrapped: %w", chat.Errorf(chat.CodeClosed, "x"))), chat.CodeClosed)
	same(t, chat.Errorf(chat.CodeClosed, "it is %d", 1).Error(), "closed: it is 1")
}

// Every code says in the source what it means: the list in the contract is made from there.
func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	documented := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || fmt.Sprint(spec.Type) != "Code" {
			return true
		}
		documented++
		name, value := spec.Names[0].Name, spec.Values[0].(*ast.BasicLit).Value
		if doc := spec.Doc.Text(); !strings.HasPrefix(doc, name+": ") || len(doc) < len(name)+20 {
			t.Errorf("%s is not documented", name)
		}
		if !slices.Contains(chat.Codes(), chat.Code(strings.Trim(value, `"`))) {
			t.Errorf("%s is not in Codes", name)
		}
		return true
	})
	if documented != len(chat.Codes()) {
		t.Errorf("%d codes are declared, %d listed", documented, len(chat.Codes()))
	}
}
