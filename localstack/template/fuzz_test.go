package template

import (
	"errors"
	"os"
	"testing"
)

// FuzzParse holds that the loader answers any input with a plan or with errors that name a line, and never panics.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/chat.yaml"} {
		source, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	for _, c := range wrong {
		f.Add([]byte(c.source))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		plan, err := Parse("/nonexistent/t.yaml", source, Options{})
		if (plan == nil) == (err == nil) {
			t.Fatalf("plan %v with error %v", plan, err)
		}
		var errs Errors
		if errors.As(err, &errs) && len(errs) == 0 {
			t.Fatal("no errors in Errors")
		}
	})
}
