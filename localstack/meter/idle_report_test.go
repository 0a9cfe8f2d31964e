package meter

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReportsRepeatTheIdlePrice(t *testing.T) {
	t.Parallel()
	m := New(Options{Idle: []Line{{Price: alarmMonths, Unit: "alarms", Count: 10, USD: 1}}})
	for _, format := range []string{"", "?format=text"} {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path+format, nil))
		if body := w.Body.String(); !strings.Contains(body, "alarms") {
			t.Errorf("format %q: no idle price in\n%s", format, body)
		}
	}
}
