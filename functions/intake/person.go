package intake

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
)

// nameOf writes a person as one text: Jane Doe <jane@contoso.com>.
func nameOf(p events.Person) string {
	switch {
	case p.Email == "":
		return p.Name
	case p.Name == "":
		return p.Email
	}
	return fmt.Sprintf("%s <%s>", p.Name, p.Email)
}

// samePerson reports whether two texts may name one person: by name, by address, or
// by the part of it before the @. It would rather refuse one approval too many.
func samePerson(a, b string) bool {
	for _, name := range namesIn(a) {
		if slices.Contains(namesIn(b), name) {
			return true
		}
	}
	return false
}

func namesIn(text string) (names []string) {
	text = strings.ToLower(text)
	name, address, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(text), ">"), "<")
	for _, n := range []string{name, address} {
		n = strings.Join(strings.Fields(n), " ")
		local, _, isAddress := strings.Cut(n, "@")
		if names = append(names, n); isAddress {
			names = append(names, local)
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}
