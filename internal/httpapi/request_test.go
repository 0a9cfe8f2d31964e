package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/workspace"
)

func TestWrongTypesAreToldByDocumentedNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body, want string
		decode     func(string) error
	}{
		{`{"after":"x"}`, `"after"`, decoded[TransferRequest]},
		{`{"operator":1}`, `"operator"`, decoded[TransferRequest]},
		{`{"title":1}`, `"title"`, decoded[workspace.Article]},
		{`{"hours":{"zone":1}}`, `"hours.zone"`, decoded[workspace.Settings]},
	} {
		if err := c.decode(c.body); err == nil || !strings.Contains(err.Error(), "field "+c.want+" has the wrong type") {
			t.Errorf("%s: %v", c.body, err)
		}
	}
}

func decoded[T any](body string) error {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	_, err := decode[T](r, false)
	return err
}
