package workspace

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ArticleQuery asks for articles: by words, tag, locale and status, all of which must fit.
type ArticleQuery struct {
	// Words of a search, at most 200 bytes; the last may be the beginning of one. "" lists all, by title.
	Words  string
	Tag    string
	Locale string
	// Status is for staff; customers are shown what is published.
	Status ArticleStatus
	// After is the place behind which a list goes on: how many were shown.
	After, Limit int
}

// Search orders the cards that fit a query: by how many of its words the title, the tags and the text have, then by title.
// Every word must be found somewhere.
func Search(cards []Card, q ArticleQuery) []Card {
	words := wordsOf(q.Words)
	words = words[:min(len(words), maxQuestions)]
	type hit struct {
		Card
		score int
	}
	var hits []hit
	for _, c := range cards {
		if q.Status != "" && c.Status != q.Status || q.Tag != "" && !slices.Contains(c.Tags, q.Tag) || !speaks(c.Locale, q.Locale) {
			continue
		}
		if score, ok := c.score(words); ok {
			hits = append(hits, hit{c, score})
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(fold(a.Title), fold(b.Title)), cmp.Compare(a.ID, b.ID))
	})
	out := make([]Card, len(hits))
	for i, h := range hits {
		out[i] = h.Card
	}
	return out
}

// speaks says whether an article of the locale is for a reader of the other: "pt" is for "pt-BR", too.
func speaks(article, reader string) bool {
	if article == "" || reader == "" {
		return true
	}
	article, reader = strings.ToLower(article), strings.ToLower(reader)
	return article == reader || strings.HasPrefix(reader, article+"-") || strings.HasPrefix(article, reader+"-")
}

// What a word that is found counts, by where.
const (
	inTitle = 8
	inTags  = 4
	inText  = 1
)

// score says whether every word is in the article, as the beginning of one of its words.
func (c Card) score(words []string) (score int, ok bool) {
	title, tags := wordsOf(c.Title), wordsOf(strings.Join(c.Tags, " "))
	for _, w := range words {
		n := 0
		for _, place := range []struct {
			words []string
			worth int
		}{{title, inTitle}, {tags, inTags}, {c.Words, inText}} {
			for _, has := range place.words {
				if has == w {
					n = max(n, 2*place.worth)
				} else if strings.HasPrefix(has, w) {
					n = max(n, place.worth)
				}
			}
		}
		if n == 0 {
			return 0, false
		}
		score += n
	}
	return score, true
}

// wordsOf splits a text into lower-case words of two runes and more, each once.
func wordsOf(text string) []string {
	var out []string
	seen := map[string]bool{}
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if utf8.RuneCountInString(word) >= 2 && len(word) <= 40 && !seen[word] {
			seen[word] = true
			out = append(out, word)
		}
	}
	return out
}
