package tenantfake

import (
	"fmt"
	"strings"
)

// expr is a parsed filter. The two dialects, OData ($filter) and OPATH (Exchange's Filter), share it.
type expr struct {
	op    string // "and", "or", "not", "any", or a comparison: eq ne gt ge lt le in startswith endswith like
	left  *expr
	right *expr
	field string
	// value is a string, bool, float64 or nil; for "in" a []any.
	value any
}

// maxDepth bounds the nesting of a filter, so that hostile input cannot exhaust the stack.
const maxDepth = 100

// token kinds: 'w' word, 's' string, '(' ')' ',' ':' punctuation, 0 end.
type token struct {
	kind byte
	text string
}

type parser struct {
	tokens []token
	pos    int
	depth  int
}

func (p *parser) peek() token {
	if p.pos >= len(p.tokens) {
		return token{}
	}
	return p.tokens[p.pos]
}

func (p *parser) next() token {
	t := p.peek()
	p.pos++
	return t
}

func (p *parser) word(w string) bool {
	if t := p.peek(); t.kind == 'w' && strings.EqualFold(t.text, w) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(kind byte) error {
	if t := p.next(); t.kind != kind {
		return fmt.Errorf("expected %q, found %q", string(kind), t.text)
	}
	return nil
}

// parseFilter parses an OData $filter.
func parseFilter(s string) (*expr, error) { return parseTokens(lexOData(s)) }

// parseOPATH parses a filter of the Exchange cmdlets, whose operators have a dash in front.
func parseOPATH(s string) (*expr, error) { return parseTokens(lexOPATH(s)) }

func parseTokens(tokens []token, err error) (*expr, error) {
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != 0 {
		return nil, fmt.Errorf("unexpected %q", t.text)
	}
	return e, nil
}

func (p *parser) or() (*expr, error)  { return p.chain("or", p.and) }
func (p *parser) and() (*expr, error) { return p.chain("and", p.unary) }

// chain parses operands joined by one operator, without recursion to the right.
func (p *parser) chain(op string, operand func() (*expr, error)) (*expr, error) {
	left, err := operand()
	for err == nil && p.word(op) {
		var right *expr
		if right, err = operand(); err == nil {
			left = &expr{op: op, left: left, right: right}
		}
	}
	return left, err
}

func (p *parser) unary() (*expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	if p.word("not") {
		e, err := p.unary()
		return &expr{op: "not", left: e}, err
	}
	if p.peek().kind == '(' {
		p.pos++
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		return e, p.expect(')')
	}
	return p.comparison()
}

func (p *parser) comparison() (*expr, error) {
	name := p.next()
	if name.kind != 'w' {
		return nil, fmt.Errorf("expected a property, found %q", name.text)
	}
	switch fn := strings.ToLower(name.text); {
	case (fn == "startswith" || fn == "endswith") && p.peek().kind == '(':
		return p.function(fn)
	case strings.HasSuffix(fn, "/any") && p.peek().kind == '(':
		return p.any(name.text[:len(name.text)-len("/any")])
	}
	op := strings.ToLower(p.next().text)
	switch op {
	case "eq", "ne", "gt", "ge", "lt", "le", "like":
		v, err := p.value()
		return &expr{op: op, field: name.text, value: v}, err
	case "in":
		v, err := p.list()
		return &expr{op: op, field: name.text, value: v}, err
	}
	return nil, fmt.Errorf("unknown operator %q", op)
}

// function parses startswith(field,'x') after its name.
func (p *parser) function(fn string) (*expr, error) {
	p.pos++
	field := p.next()
	if field.kind != 'w' {
		return nil, fmt.Errorf("%s: expected a property, found %q", fn, field.text)
	}
	if err := p.expect(','); err != nil {
		return nil, fmt.Errorf("%s: %w", fn, err)
	}
	v, err := p.value()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fn, err)
	}
	return &expr{op: fn, field: field.text, value: v}, p.expect(')')
}

// any parses field/any(x:x/part eq value) after its name; the variable is dropped.
func (p *parser) any(field string) (*expr, error) {
	p.pos++
	variable := p.next()
	if variable.kind != 'w' {
		return nil, fmt.Errorf("any: expected a variable, found %q", variable.text)
	}
	if err := p.expect(':'); err != nil {
		return nil, fmt.Errorf("any: %w", err)
	}
	inner, err := p.comparison()
	if err != nil {
		return nil, fmt.Errorf("any: %w", err)
	}
	if inner.op == "any" {
		return nil, fmt.Errorf("any: nested")
	}
	inner.field = strings.TrimPrefix(strings.TrimPrefix(inner.field, variable.text), "/")
	return &expr{op: "any", field: field, left: inner}, p.expect(')')
}

func (p *parser) list() ([]any, error) {
	if err := p.expect('('); err != nil {
		return nil, err
	}
	var out []any
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		if p.peek().kind != ',' {
			return out, p.expect(')')
		}
		p.pos++
	}
}
