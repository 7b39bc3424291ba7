package profile

import (
	"fmt"
	"strings"
)

// maxLocalPart is how many characters Entra takes before the @ of a user principal name.
const maxLocalPart = 64

// checkUserName applies Entra's rules for the part of a user principal name before
// the @ (Microsoft Entra: password policies and account restrictions).
func checkUserName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("account.userName is missing, and the profile has no default")
	case len(name) > maxLocalPart:
		return fmt.Errorf("the user name has %d characters, Entra takes %d", len(name), maxLocalPart)
	case strings.HasPrefix(name, ".") || strings.HasSuffix(name, "."):
		return fmt.Errorf("user name %q begins or ends with a full stop", name)
	}
	for _, r := range name {
		if !validInName(r) {
			return fmt.Errorf("user name %q has the character %q, which Entra does not take", name, r)
		}
	}
	return nil
}

func validInName(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("'.-_!#^~", r)
}

// maxSlug keeps step names, and with them message ids, short.
const maxSlug = 40

// namer gives step names that are unique in a request.
type namer map[string]bool

// name joins a prefix and a right's name: "assignrole-security-administrator". The
// slug has at most 40 characters; a repeated name gets a number.
func (n namer) name(prefix, right string) string {
	base := prefix + slug(right, maxSlug)
	name := base
	for i := 2; n[name]; i++ {
		suffix := fmt.Sprintf("-%d", i)
		name = prefix + slug(right, maxSlug-len(suffix)) + suffix
	}
	n[name] = true
	return name
}

// slug writes a name in a-z, 0-9 and dashes, at most limit characters.
func slug(name string, limit int) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	s := b.String()
	if s == "" {
		s = "custom"
	}
	return strings.Trim(s[:min(len(s), limit)], "-")
}
