package workspace

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// prepare fills in what the server makes of an article: its excerpt, and the words that it is found by, the most frequent
// first.
func (a *Article) prepare() {
	plain := Plain(a.Markdown)
	a.Excerpt = cut(plain, excerptRunes)
	count := map[string]int{}
	for word := range strings.FieldsFuncSeq(strings.ToLower(plain), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if utf8.RuneCountInString(word) >= 3 && len(word) <= 40 {
			count[word]++
		}
	}
	words := make([]string, 0, len(count))
	for w := range count {
		words = append(words, w)
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	a.Words = nil
	for size := 0; len(words) > 0 && size+len(words[0])+1 <= wordBytes; words = words[1:] {
		a.Words = append(a.Words, words[0])
		size += len(words[0]) + 1
	}
}

// cut returns the first runes of a text, at the end of a word if there is one near.
func cut(text string, runes int) string {
	n := 0
	for i := range text {
		if n == runes {
			if at := strings.LastIndexByte(text[:i], ' '); at > i/2 {
				i = at
			}
			return strings.TrimSpace(text[:i]) + "…"
		}
		n++
	}
	return text
}

// Plain is the text of Markdown without its marks: enough for an excerpt and a search, and safe to show as text.
func Plain(markdown string) string {
	var b strings.Builder
	for line := range strings.Lines(markdown) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~") || strings.Trim(line, "-=*_ ") == "" {
			continue
		}
		line = strings.TrimLeft(line, "#>*+- ")
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(unlinked(line))
	}
	return strings.Join(strings.Fields(strings.NewReplacer("**", "", "__", "", "`", "", "~~", "", "*", "").Replace(b.String())), " ")
}

// unlinked keeps the words of links and pictures, and drops their addresses and HTML tags.
func unlinked(line string) string {
	var b strings.Builder
	for line != "" {
		i := strings.IndexAny(line, "[]<!")
		if i < 0 {
			break
		}
		b.WriteString(line[:i])
		rest := line[i+1:]
		switch c := line[i]; {
		case c == ']' && strings.HasPrefix(rest, "("):
			if end := strings.IndexByte(rest, ')'); end >= 0 {
				rest = rest[end+1:]
			}
		case c == '<':
			if end := strings.IndexByte(rest, '>'); end >= 0 {
				rest = rest[end+1:]
			} else {
				b.WriteByte(c)
			}
		case c == '!' && !strings.HasPrefix(rest, "["):
			b.WriteByte(c)
		}
		line = rest
	}
	return b.String() + line
}
