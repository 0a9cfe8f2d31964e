package workspace_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/workspace"
)

// Settings that nobody has written yet are those of version 0, changed at no time.
func TestSettingsBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	c, _ := newCatalog()
	e, err := c.Get(t.Context(), boss().Principal, workspace.KindSettings, false, workspace.SettingsID)
	code(t, err, "", "")
	if m := workspace.MetaOf(e); m.Version != 0 || m.ChangedAt != 0 || m.ChangedBy != "" {
		t.Errorf("%+v", m)
	}
}
