package contacttest

import "testing"

func TestMemory(t *testing.T) {
	t.Parallel()
	Suite(t, func(*testing.T) Store { return &Memory{} })
}
