// Package policies reads the configured policy. It is apart from package parts, which
// checks it against its schema: that library costs every start of a function.
package policies

import (
	"fmt"
	"os"
	"slices"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/policy"
)

// Load gives the configured policy, or the built-in one where none is, with the
// configured approvers. check validates the file against policy.Schema.
func Load(c config.Config, check func(any) error) (policy.Policy, error) {
	p := policy.Builtin()
	if c.Policy != "" {
		text, err := os.ReadFile(c.Policy)
		if err != nil {
			return policy.Policy{}, config.Problems{{Where: "policy", What: fmt.Sprintf("the file cannot be read: %v", err)}}
		}
		if p, err = policy.Parse(text, check); err != nil {
			return policy.Policy{}, config.Problems{{Where: "policy in " + c.Policy, What: err.Error()}}
		}
	}
	if len(c.Approvers) > 0 {
		var err error
		if p, err = p.WithApprovers(c.Approvers); err != nil {
			return policy.Policy{}, config.Problems{{Where: "approvals", What: err.Error()}}
		}
	}
	return p, strangers(p, c)
}

// strangers refuses a part for a tenant that is not configured: a slip in an alias
// would tighten nothing.
func strangers(p policy.Policy, c config.Config) error {
	var known []string
	for _, t := range c.Tenants {
		known = append(known, t.Alias)
	}
	var found config.Problems
	for _, alias := range p.Tenants() {
		if !slices.Contains(known, alias) {
			found = append(found, config.Problem{
				Where: "policy in " + c.Policy, What: fmt.Sprintf("tenants.%s: no configured tenant has this alias (there are %v)", alias, known),
			})
		}
	}
	if len(found) > 0 {
		return found
	}
	return nil
}

// Known gives it as it is, for functions that take no requests in: intake, which does,
// has refused to open with one that is wrong.
func Known(c config.Config) (policy.Policy, error) { return Load(c, nil) }

// Bearers are the policy's approvers who have a token of their own. A token of nobody,
// or a second one of the same person, is refused.
func Bearers(c config.Config, p policy.Policy) (all []policy.Bearer, err error) {
	var found config.Problems
	people := p.For("").Approvers
	for _, t := range c.ApproverTokens {
		i := slices.IndexFunc(people, func(p policy.Person) bool { return p.Is(t.ID) })
		switch {
		case i < 0:
			found = append(found, config.Problem{Where: t.Where, What: "is the token of nobody who may approve: its id is none of the approvers'"})
		case slices.ContainsFunc(all, func(b policy.Bearer) bool { return b.ID == people[i].ID }):
			found = append(found, config.Problem{Where: t.Where, What: "is a second token of " + people[i].ID + "; a person has one"})
		default:
			all = append(all, policy.Bearer{Person: people[i], Token: t.Token})
		}
	}
	if len(found) > 0 {
		return nil, found
	}
	return all, nil
}
