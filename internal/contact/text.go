package contact

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// cleanText makes one line of text fit to be shown beside others: control characters and blanks become single
// spaces, and what cannot be seen is left out. Markup stays: it is text, and is shown as such. Anything that is too
// long, or no UTF-8, is refused; so nothing is cut in the middle.
func cleanText(field, text string, most int) (string, error) {
	if !utf8.ValidString(text) || len(text) > 4*most+256 {
		return "", tooLong(field, most)
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case identity.Invisible(r) || r == utf8.RuneError:
			return -1
		case unicode.IsControl(r) || unicode.IsSpace(r):
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		return "", tooLong(field, most)
	}
	return text, nil
}

func tooLong(field string, most int) error {
	return chat.Errorf(chat.CodeInvalid, "%s: text of at most %d bytes", field, most)
}

// CleanAddress returns the one spelling of an address under which it is stored.
func CleanAddress(kind AddressKind, value string) (string, error) {
	switch kind {
	case Email:
		address, ok := identity.NormalizeAddress(value)
		if !ok {
			return "", chat.Errorf(chat.CodeInvalid, "email: not an e-mail address")
		}
		return address, nil
	case Phone:
		number := strings.Map(func(r rune) rune {
			if strings.ContainsRune(" ()-./", r) {
				return -1
			}
			return r
		}, value)
		digits := strings.TrimPrefix(number, "+")
		// ITU-T E.164: at most 15 digits.
		if len(value) > 64 || len(digits) < 3 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
			return "", chat.Errorf(chat.CodeInvalid, "phone: a number of 3 to 15 digits, with + and the country's code first")
		}
		return number, nil
	}
	return "", chat.Errorf(chat.CodeInvalid, "kind: email or phone")
}

// cleanIdentity checks a channel and an external id. The id is opaque, and compared byte by byte.
func cleanIdentity(i Identity) error {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789_-"
	if i.Channel == "" || len(i.Channel) > MaxChannel || strings.Trim(i.Channel, alphabet) != "" {
		return chat.Errorf(chat.CodeInvalid, "channel: 1 to %d lower-case letters, digits, - or _", MaxChannel)
	}
	if i.External == "" || len(i.External) > MaxExternal || !utf8.ValidString(i.External) ||
		strings.ContainsFunc(i.External, func(r rune) bool { return unicode.IsControl(r) || identity.Invisible(r) }) {
		return chat.Errorf(chat.CodeInvalid, "externalId: 1 to %d bytes of text", MaxExternal)
	}
	return nil
}

// cleanFields checks custom fields. Values are one line each; "" takes a field off.
func cleanFields(fields map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(fields))
	if len(fields) > MaxFields {
		return nil, chat.Errorf(chat.CodeInvalid, "fields: at most %d", MaxFields)
	}
	for name, value := range fields {
		if name == "" || len(name) > MaxField || strings.Trim(name, fieldAlphabet) != "" {
			return nil, chat.Errorf(chat.CodeInvalid, "fields: names are 1 to %d letters, digits, -, _ or .", MaxField)
		}
		clean, err := cleanText("fields."+name, value, MaxValue)
		if err != nil {
			return nil, err
		}
		out[name] = clean
	}
	return out, nil
}

const fieldAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// cleanLocale checks the shape of a language tag (RFC 5646), not whether there is such a language.
func cleanLocale(tag string) (string, error) {
	if len(tag) > MaxLocale || strings.Trim(tag, fieldAlphabet[:62]+"-") != "" {
		return "", chat.Errorf(chat.CodeInvalid, "locale: a language tag such as de-CH")
	}
	return tag, nil
}

// cleanZone checks that there is such a time zone.
func cleanZone(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	if len(name) > MaxZone || name == "Local" {
		return "", chat.Errorf(chat.CodeInvalid, "timeZone: a name such as Europe/Zurich")
	}
	if strings.Trim(name, fieldAlphabet[:62]+"-_+/") != "" || strings.Contains(name, "//") {
		return "", chat.Errorf(chat.CodeInvalid, "timeZone: a name such as Europe/Zurich")
	}
	if _, err := time.LoadLocation(name); err != nil {
		return "", chat.Errorf(chat.CodeInvalid, "timeZone: %.64q is not known", name)
	}
	return name, nil
}

// NameKeys are what a name is found by: it is folded, and every one of its first MaxNameKeys words begins one.
func NameKeys(name string) []string {
	words := strings.Fields(FoldName(name))
	var out []string
	for n := range min(len(words), MaxNameKeys) {
		key := strings.Join(words[n:], " ")
		if !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}

// MaxNameKeys bounds how many rows find one name.
const MaxNameKeys = 3

// FoldName lower-cases a name and bounds it, for looking it up.
func FoldName(name string) string {
	folded := strings.Join(strings.Fields(strings.ToLower(name)), " ")
	if len(folded) > MaxNameKey {
		folded = strings.ToValidUTF8(folded[:MaxNameKey], "")
	}
	return folded
}

// MaxNameKey is how much of a name counts for looking it up, in bytes.
const MaxNameKey = 100
