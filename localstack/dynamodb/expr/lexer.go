package expr

// tokenKind is the sort of a token; single characters stand for themselves.
type tokenKind byte

const (
	endOfText tokenKind = 0
	word      tokenKind = 'w' // a name, keyword or function
	nameRef   tokenKind = '#'
	valueRef  tokenKind = ':'
	digits    tokenKind = '0'
	notEqual  tokenKind = 'n' // <>
	atMost    tokenKind = 'm' // <=
	atLeast   tokenKind = 'l' // >=
	unknown   tokenKind = '?'
)

// token is a piece of the text.
type token struct {
	kind       tokenKind
	start, end int
}

// tokenize splits the text; the last token is endOfText. Nothing is refused here: the parser meets the
// unknown token where it stands.
func tokenize(text string) []token {
	tokens := make([]token, 0, len(text)/3+2)
	for pos := 0; pos < len(text); {
		if isSpace(text[pos]) {
			pos++
			continue
		}
		t := scan(text, pos)
		tokens = append(tokens, t)
		pos = t.end
	}
	return append(tokens, token{endOfText, len(text), len(text)})
}

func scan(text string, pos int) token {
	c := text[pos]
	switch {
	case isLetter(c):
		return token{word, pos, wordEnd(text, pos)}
	case isDigit(c):
		end := pos
		for end < len(text) && isDigit(text[end]) {
			end++
		}
		return token{digits, pos, end}
	case c == '#' || c == ':':
		if end := wordEnd(text, pos+1); end > pos+1 {
			return token{tokenKind(c), pos, end}
		}
	case c == '<' && pos+1 < len(text) && text[pos+1] == '>':
		return token{notEqual, pos, pos + 2}
	case c == '<' && pos+1 < len(text) && text[pos+1] == '=':
		return token{atMost, pos, pos + 2}
	case c == '>' && pos+1 < len(text) && text[pos+1] == '=':
		return token{atLeast, pos, pos + 2}
	}
	switch c {
	case '(', ')', '[', ']', ',', '.', '=', '<', '>', '+', '-':
		return token{tokenKind(c), pos, pos + 1}
	}
	return token{unknown, pos, pos + 1}
}

// wordEnd returns where the letters, digits and underscores that begin at pos end.
func wordEnd(text string, pos int) int {
	for pos < len(text) && (isLetter(text[pos]) || isDigit(text[pos]) || text[pos] == '_') {
		pos++
	}
	return pos
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
