package secrets

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/usher365/usher/shared/account"
)

const (
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
	// symbols are those of Entra's list (source: Microsoft Entra, "Combined password
	// policy and check for weak passwords") that mean nothing to shells, forms, XML,
	// CSV and format strings.
	symbols  = "-_.@="
	alphabet = upper + lower + digits + symbols

	passwordLength = 32
	// minNamePart is the shortest part of a name worth keeping out.
	minNamePart = 3
	// maxTries is far beyond bad luck: about two candidates in three are good.
	maxTries = 1000
)

// NewPassword makes a password of 32 characters (about 190 bits) with all four of
// Entra's character classes, a letter first (never taken for an option) and a letter
// or digit last (never lost in copying). Every such password is equally likely. It
// contains none of the parts of at least three letters of the names to avoid (user
// name, display name). A nil reader means crypto/rand.
func NewPassword(random io.Reader, avoid ...string) (account.Secret, error) {
	if random == nil {
		random = rand.Reader
	}
	source := bufio.NewReaderSize(random, 64)
	parts := nameParts(avoid)
	for range maxTries {
		candidate, err := draw(source)
		if err != nil {
			return account.Secret{}, fmt.Errorf("make a password: %w", err)
		}
		if acceptable(candidate, parts) {
			return account.NewSecret(candidate), nil
		}
	}
	return account.Secret{}, errors.New("make a password: the random source does not give random bytes")
}

// draw takes each character evenly: bytes beyond the last full round of the alphabet are passed over.
func draw(source io.ByteReader) (string, error) {
	const even = 256 - 256%len(alphabet)
	out := make([]byte, 0, passwordLength)
	for len(out) < passwordLength {
		b, err := source.ReadByte()
		if err != nil {
			return "", err
		}
		if int(b) < even {
			out = append(out, alphabet[int(b)%len(alphabet)])
		}
	}
	return string(out), nil
}

func acceptable(candidate string, avoid []string) bool {
	for _, class := range []string{upper, lower, digits, symbols} {
		if !strings.ContainsAny(candidate, class) {
			return false
		}
	}
	first, last := candidate[:1], candidate[len(candidate)-1:]
	if !strings.Contains(upper+lower, first) || strings.Contains(symbols, last) {
		return false
	}
	folded := strings.ToLower(candidate)
	for _, part := range avoid {
		if strings.Contains(folded, part) {
			return false
		}
	}
	return true
}

// nameParts gives the runs of letters in names, in lower case.
func nameParts(names []string) (parts []string) {
	for _, name := range names {
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }) {
			if len(part) >= minNamePart {
				parts = append(parts, strings.ToLower(part))
			}
		}
	}
	return parts
}
