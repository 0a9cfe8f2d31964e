package expr

import (
	"math"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// parser holds what the parsers of all expressions share. A syntax error stops it at once (err); other
// refusals wait until the whole text has been read, since AWS reports syntax errors first, and then go
// by their rank.
type parser struct {
	symbols
	text      string
	tokens    []token
	pos       int
	operators int
	err       *attr.Error
	deferred  [ranks]*attr.Error
}

// Ranks of the refusals that wait, first reported first.
const (
	rankParentheses = iota
	rankFunction
	rankMisuse
	rankReserved
	rankSection
	rankOperands
	rankLimit
	ranks
)

// newParser returns a parser of the expression parameter kind, such as "UpdateExpression".
func newParser(kind, text string) (*parser, *attr.Error) {
	p := &parser{symbols: symbols{kind: kind}, text: text}
	if text == "" {
		return nil, p.invalid("The expression can not be empty;")
	}
	if len(text) > MaxSize {
		return nil, p.invalid("Expression size has exceeded the maximum allowed size; expression size: %d", len(text))
	}
	p.tokens = tokenize(text)
	return p, nil
}

// finish requires the end of the text and returns the first error in AWS's order.
func (p *parser) finish() *attr.Error {
	p.expect(endOfText)
	if p.err != nil {
		return p.err
	}
	if p.operators > MaxOperators {
		p.refuse(rankLimit, "The expression contains too many operators; operator count: %d", p.operators)
	}
	for _, err := range p.deferred {
		if err != nil {
			return err
		}
	}
	return nil
}

// refuse notes an error that is reported if the text has no syntax error and nothing of a lower rank.
func (p *parser) refuse(rank int, format string, args ...any) {
	if p.deferred[rank] == nil {
		p.deferred[rank] = p.invalid(format, args...)
	}
}

// peek returns the next token, endOfText after an error, so that every loop ends.
func (p *parser) peek() token {
	if p.err != nil {
		return p.tokens[len(p.tokens)-1]
	}
	return p.tokens[p.pos]
}

func (p *parser) next() token {
	t := p.peek()
	if t.kind != endOfText {
		p.pos++
	}
	return t
}

// take consumes the next token if it is of the kind.
func (p *parser) take(kind tokenKind) bool {
	if p.peek().kind != kind {
		return false
	}
	p.next()
	return true
}

// expect consumes a token of the kind, or fails.
func (p *parser) expect(kind tokenKind) token {
	t := p.peek()
	if t.kind != kind {
		p.syntaxError()
		return t
	}
	return p.next()
}

// keyword reports whether the next token is the keyword, in any case.
func (p *parser) keyword(keyword string) bool {
	t := p.peek()
	return t.kind == word && strings.EqualFold(p.source(t), keyword)
}

func (p *parser) takeKeyword(keyword string) bool {
	if !p.keyword(keyword) {
		return false
	}
	p.next()
	return true
}

func (p *parser) source(t token) string { return p.text[t.start:t.end] }

// syntaxError fails at the next token. AWS shows it, and the text from the token before to the one behind.
func (p *parser) syntaxError() {
	if p.err != nil {
		return
	}
	t := p.tokens[p.pos]
	shown := p.source(t)
	if t.kind == endOfText {
		shown = "<EOF>"
	}
	from, to := t, t
	if p.pos > 0 {
		from = p.tokens[p.pos-1]
	}
	if p.pos+1 < len(p.tokens) && p.tokens[p.pos+1].kind != endOfText {
		to = p.tokens[p.pos+1]
	}
	p.err = p.invalid(`Syntax error; token: "%s", near: "%s"`, shown, p.text[from.start:to.end])
}

// startsPath reports whether a document path may start at the next token.
func (p *parser) startsPath() bool {
	kind := p.peek().kind
	return kind == word || kind == nameRef
}

// parsePath reads a document path.
func (p *parser) parsePath() path {
	out := path{p.parseName()}
	for {
		switch {
		case p.take('.'):
			out = append(out, p.parseName())
		case p.take('['):
			out = append(out, p.parseIndex())
		default:
			return out
		}
	}
}

func (p *parser) parseName() step {
	t := p.peek()
	switch t.kind {
	case word:
		name := p.source(p.next())
		if isReserved(name) {
			p.refuse(rankReserved, "Attribute name is a reserved keyword; reserved keyword: %s", name)
		}
		return step{name: name, slot: -1, index: -1}
	case nameRef:
		return step{slot: intern(&p.names, p.source(p.next())), index: -1}
	default:
		p.syntaxError()
		return step{slot: -1, index: -1}
	}
}

func (p *parser) parseIndex() step {
	text := p.source(p.expect(digits))
	p.expect(']')
	index, err := strconv.ParseInt(text, 10, 64)
	if p.err == nil && (err != nil || index > math.MaxInt32) {
		p.refuse(rankOperands, "List index is not within the allowable range; index: [%s]", text)
		index = 0
	}
	return step{slot: -1, index: int32(index)}
}

// parseValueRef reads a :value.
func (p *parser) parseValueRef() *node {
	return &node{op: opValue, slot: intern(&p.values, p.source(p.expect(valueRef)))}
}

// atFunction reports whether a function call comes next.
func (p *parser) atFunction() bool {
	return p.peek().kind == word && p.tokens[p.pos+1].kind == '('
}

// parseArguments reads the operands of a function, in parentheses.
func (p *parser) parseArguments(operand func() *node) []*node {
	p.expect('(')
	args := []*node{operand()}
	for p.take(',') {
		args = append(args, operand())
	}
	p.expect(')')
	return args
}

// close consumes the parenthesis behind inner. AWS takes one pair around anything, but not two.
func (p *parser) close(inner *node) *node {
	p.expect(')')
	if inner.parens {
		p.refuse(rankParentheses, "The expression has redundant parentheses;")
	}
	inner.parens = true
	return inner
}

// checkArity refuses a call with too few or too many operands.
func (p *parser) checkArity(n *node, want int) {
	if len(n.args) != want {
		p.refuse(rankOperands, "Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", n.op, len(n.args))
		n.args = append(n.args, n.args[0], n.args[0])[:want] // the error stands; keep the tree well-formed
	}
}
