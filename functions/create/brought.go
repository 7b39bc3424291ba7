package create

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// References opens passwords that requesters bring, by where in a vault they lie.
type References interface {
	Resolve(ctx context.Context, ref string) (account.Secret, error)
}

// WithReferences lets requests bring passwords.
func (h *Handler) WithReferences(r References) *Handler {
	h.references = r
	return h
}

// brought reads the password that the requester brings. It is not sealed a second time:
// it lies in the requester's vault, and nowhere of ours.
func (h *Handler) brought(ctx context.Context, a events.CreateArgs) (account.Secret, error) {
	if h.references == nil {
		return account.Secret{}, fault.Stopf(fault.SecretUnavailable, "account.password.reference: passwords cannot be brought here")
	}
	s, err := h.references.Resolve(ctx, a.PasswordReference)
	if err != nil {
		return s, fmt.Errorf("open the password that the request brings: %w", err)
	}
	if what := weakness(s.Reveal(), a); what != "" {
		return s, fault.Stopf(fault.PasswordRejected, "the password that account.password.reference names %s", what)
	}
	return s, nil
}

const (
	// shortest and longest are Entra's bounds, in characters, and classes how many kinds it
	// wants (Microsoft Entra, "Combined password policy and check for weak passwords").
	shortest, longest, classes = 8, 256, 3
	// shortName is below which a user name may be part of any word.
	shortName = 4
)

// weakness says what Entra would not take, as far as we know its rules; it never quotes.
func weakness(password string, a events.CreateArgs) string {
	var lower, upper, digit, other int
	for _, r := range password {
		switch {
		case r > unicode.MaxASCII || r < ' ' || r == 0x7f:
			return "has a character outside printable ASCII; a line end at the end counts too"
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			other = 1
		}
	}
	switch {
	case len(password) < shortest || len(password) > longest:
		return fmt.Sprintf("has not %d to %d characters", shortest, longest)
	case lower+upper+digit+other < classes:
		return fmt.Sprintf("has not %d of: lower case, upper case, digits, symbols", classes)
	case len(a.UserName) >= shortName && strings.Contains(strings.ToLower(password), strings.ToLower(a.UserName)):
		return "contains the user name"
	}
	return ""
}
