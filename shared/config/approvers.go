package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/shared/policy"
)

// approversVariable names approvers by their ids alone, separated by commas.
const approversVariable = "USHER_APPROVERS"

// rawApprover is an approver as written.
type rawApprover struct {
	where           string
	id, name, email setting
	also            []setting
}

func (r *reader) readApprover(at string, n *yaml.Node) {
	a := rawApprover{where: where(at, n)}
	r.mapping(map[string]field{
		"id": r.one(&a.id), "name": r.one(&a.name), "email": r.one(&a.email), "also": r.texts(&a.also),
	})(at, n)
	r.approvers = append(r.approvers, a)
}

// people are the approvers. Somebody who would count for two is refused.
func (b *builder) people() (all []policy.Person) {
	for _, a := range b.approvers {
		p := policy.Person{ID: a.id.value, Name: a.name.value, Email: a.email.value, Also: b.filled(a.also)}
		switch {
		case p.ID == "":
			b.problems.add(a.where, "has no id; give what the person signs in with, such as id: ann@contoso.com")
		case p.Name == "":
			b.problems.add(a.where, "has no name; give the person's name as tickets write it")
		case strings.ContainsAny(p.ID, " \t<>"):
			b.problems.add(a.id.where, "%q is not an id; give what the person signs in with, such as ann@contoso.com", p.ID)
		case slices.ContainsFunc(all, p.Resembles):
			b.problems.add(a.where, "may be a person who is listed before, and would count for two")
		default:
			all = append(all, p)
		}
	}
	return all
}
