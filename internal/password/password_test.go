package password

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	var a Argon2id
	encoded, err := a.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("encoded %q", encoded)
	}
	if !a.Verify(encoded, "correct horse") {
		t.Error("the right password is refused")
	}
	for _, wrong := range []string{"", "correct hors", "Correct horse", "correct horse\x00"} {
		if a.Verify(encoded, wrong) {
			t.Errorf("%q is accepted", wrong)
		}
	}
	again, err := a.Hash("correct horse")
	if err != nil || again == encoded {
		t.Errorf("the salt repeats: %v", err)
	}
}

// The reference implementation's own vector (phc-winner-argon2, test.c, version 0x13: m=2^16, t=2, p=1).
func TestReferenceVector(t *testing.T) {
	t.Parallel()
	const vector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if !(Argon2id{}).Verify(vector, "password") {
		t.Error("the reference vector does not verify")
	}
}

func TestMalformedHashesVerifyNothing(t *testing.T) {
	t.Parallel()
	const good = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, bad := range []string{
		"", "$", "password", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=65536", "m=4294967295", 1), strings.Replace(good, "m=65536", "m=065536", 1),
		strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "t=2", "t=4000000", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "p=1", "p=255", 1), good + "$", good + "=",
		"$argon2id$v=19$m=65536,t=2,p=1$$",
	} {
		if _, ok := parse(bad); ok {
			t.Errorf("%q parses", bad)
		}
	}
	if (Argon2id{}).Verify("", "") || (Argon2id{}).Verify("", "x") {
		t.Error("no hash verifies")
	}
}

// An unknown address must cost a hash too. The bound is loose: what it would catch is a shortcut, which is
// thousands of times faster.
func TestUnknownCostsAsMuchAsKnown(t *testing.T) {
	t.Parallel()
	runtime.GC()
	begin := time.Now()
	(Argon2id{}).Verify("", "guess")
	if took := time.Since(begin); took < 2*time.Millisecond {
		t.Errorf("no hash is verified in %s", took)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		if h, ok := parse(encoded); ok && !h.bounded() {
			t.Errorf("%q is out of bounds", encoded)
		}
	})
}
