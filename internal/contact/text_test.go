package contact

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/identity"
)

// Whatever is sent: what is kept is one visible line within the limit, and cleaning it again changes nothing.
func FuzzCleanText(f *testing.F) {
	for _, seed := range []string{"Ada", "a\u202eb", "\x00\n", "<b>", strings.Repeat("é", 60), "\u2028\ufeff", "a\xff", " \u00a0 "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, err := cleanText("name", in, 100)
		if err != nil {
			if out != "" {
				t.Errorf("%q: refused, and yet %q", in, out)
			}
			return
		}
		if len(out) > 100 || !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return identity.Invisible(r) || unicode.IsControl(r) }) {
			t.Errorf("%q became %q", in, out)
		}
		if again, err := cleanText("name", out, 100); err != nil || again != out {
			t.Errorf("%q became %q, and then %q (%v)", in, out, again, err)
		}
		for _, key := range NameKeys(out) {
			if key == "" || len(key) > MaxNameKey || !utf8.ValidString(key) {
				t.Errorf("%q is found by %q", out, key)
			}
		}
	})
}

func FuzzCleanAddress(f *testing.F) {
	f.Add("Ada@Shop.example")
	f.Add("+41 (44) 000-00 00")
	f.Fuzz(func(t *testing.T, in string) {
		for _, kind := range AddressKinds() {
			out, err := CleanAddress(kind, in)
			if err != nil {
				continue
			}
			if again, err := CleanAddress(kind, out); err != nil || again != out || len(out) > 254 {
				t.Errorf("%s %q became %q, and then %q (%v)", kind, in, out, again, err)
			}
		}
	})
}
