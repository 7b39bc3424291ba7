package policy

import (
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
)

// Person is somebody who may approve.
type Person struct {
	// ID is what the console's sign-in, the command line or the ticketing system says
	// for this person: a user principal name, as a rule.
	ID    string `yaml:"id" json:"id"`
	Name  string `yaml:"name" json:"name"`
	Email string `yaml:"email" json:"email,omitempty"`
	// Also are other ids of the same person.
	Also []string `yaml:"also" json:"also,omitempty"`
}

// Bearer is an approver with a token of their own, which proves who they are.
type Bearer struct {
	Person
	Token account.Secret
}

// ids are what identifies the person. A name does not: two people may share it.
func (p Person) ids() []string {
	all := append([]string{p.ID, p.Email}, p.Also...)
	return slices.DeleteFunc(all, func(id string) bool { return id == "" })
}

// Is reports whether a text identifies this person: one of the ids or the mail
// address, in any case of letters.
func (p Person) Is(id string) bool {
	return slices.ContainsFunc(p.ids(), func(own string) bool { return strings.EqualFold(own, strings.TrimSpace(id)) })
}

// MayBe reports whether a text, as ticketing systems write people, may name this
// person. It would rather say yes once too often.
func (p Person) MayBe(text string) bool {
	return slices.ContainsFunc(append(p.ids(), p.Name), func(own string) bool { return SamePerson(own, text) })
}

// Resembles reports whether the two may be one person under two names.
func (p Person) Resembles(other Person) bool {
	return slices.ContainsFunc(append(p.ids(), p.Name), other.MayBe)
}

// SamePerson reports whether two texts ("Jane Doe <jane@contoso.com>") may name one
// person: by name, by address, or by the part of it before the @. It would rather say
// yes once too often. A text without a name is nobody's.
func SamePerson(a, b string) bool {
	others := namesIn(b)
	return slices.ContainsFunc(namesIn(a), func(name string) bool { return slices.Contains(others, name) })
}

func namesIn(text string) (names []string) {
	name, address, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(strings.ToLower(text)), ">"), "<")
	for _, n := range []string{name, address} {
		n = strings.Join(strings.Fields(n), " ")
		local, _, isAddress := strings.Cut(n, "@")
		if names = append(names, n); isAddress {
			names = append(names, local)
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// people checks the approvers of a file: each has an id, and nobody counts for two.
func (bad *problems) people(all []Person) {
	for i, p := range all {
		if strings.TrimSpace(p.ID) == "" || strings.TrimSpace(p.Name) == "" {
			bad.add("approvals.approvers[%d]: an approver has an id and a name", i)
			continue
		}
		for _, other := range all[:i] {
			if other.ID != "" && p.Resembles(other) {
				bad.add("approvals.approvers: %s and %s may be one person, who would count for two", other.ID, p.ID)
			}
		}
	}
}
