package tenantfake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errUnterminated = errors.New("string literal is not closed")

// value parses a literal. A word that is neither true, false, null nor a number is a GUID or a time, kept as text.
func (p *parser) value() (any, error) {
	t := p.next()
	if t.kind == 's' {
		return t.text, nil
	}
	if t.kind != 'w' {
		return nil, fmt.Errorf("expected a value, found %q", t.text)
	}
	switch strings.ToLower(t.text) {
	case "true", "$true":
		return true, nil
	case "false", "$false":
		return false, nil
	case "null", "$null":
		return nil, nil
	}
	if f, err := strconv.ParseFloat(t.text, 64); err == nil && len(t.text) < 16 {
		return f, nil
	}
	return t.text, nil
}

func isWord(c byte) bool {
	return c == '_' || c == '/' || c == '.' || c == '-' || c == '$' || c == '+' ||
		'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// lexOData splits a $filter into tokens. A colon belongs to a word inside a time (10:00), and separates after a lambda's variable.
func lexOData(s string) ([]token, error) {
	return lex(s, func(w string) string { return w })
}

// lexOPATH splits an Exchange filter into tokens: -eq is eq.
func lexOPATH(s string) ([]token, error) {
	return lex(s, func(w string) string {
		if op, ok := strings.CutPrefix(w, "-"); ok {
			return op
		}
		return w
	})
}

func lex(s string, word func(string) string) ([]token, error) {
	var out []token
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == '(' || c == ')' || c == ',' || c == ':':
			out = append(out, token{c, string(c)})
			i++
		case c == '\'':
			text, n, err := quoted(s[i:])
			if err != nil {
				return nil, err
			}
			out = append(out, token{'s', text})
			i += n
		case isWord(c):
			n := wordLength(s[i:])
			out = append(out, token{'w', word(s[i : i+n])})
			i += n
		default:
			return nil, fmt.Errorf("unexpected character %q", c)
		}
	}
	return out, nil
}

// wordLength is the length of the word at the start of s; a colon between digits belongs to it.
func wordLength(s string) int {
	digit := func(i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }
	n := 0
	for n < len(s) && (isWord(s[n]) || s[n] == ':' && n > 0 && digit(n-1) && digit(n+1)) {
		n++
	}
	return n
}

// quoted reads a string literal, in which two quotes stand for one, and returns the length it had.
func quoted(s string) (text string, n int, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, nil
	}
	return "", 0, errUnterminated
}
