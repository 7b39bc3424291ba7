package fitness

import (
	"slices"

	"github.com/usher365/usher/events"
)

// NeedsOf gives the needs of a command.
func NeedsOf(n events.FitnessNeeds) Needs {
	needs := Needs{
		Unattended: n.Unattended, Roles: n.Roles, Applications: n.Applications, AdminPortals: n.AdminPortals,
		AppIdentity: AppIdentity(n.AppIdentity),
	}
	for _, c := range n.Clients {
		needs.Clients = append(needs.Clients, Client(c))
	}
	for _, p := range n.Plans {
		needs.Plans = append(needs.Plans, Plan(p))
	}
	return needs
}

// Catching is the part of Evaluate about Conditional Access: a finding for each policy
// that catches the account. Policies and Account are all it looks at.
func Catching(f Facts, n Needs) []Finding {
	if n.AppIdentity == AppOnly {
		return nil
	}
	return conditionalAccess(f, n)
}

// ThroughGroups gives the policies of which only the account's groups decide whether they
// catch it, whatever groups the facts name.
func ThroughGroups(f Facts, n Needs) (policies []Policy) {
	roles := slices.Concat(n.Roles, f.Account.Roles)
	for _, p := range f.Policies {
		if _, works := p.works(n); works && n.AppIdentity != AppOnly && p.hangsOnGroups(f.Account, roles) {
			policies = append(policies, p)
		}
	}
	return policies
}

func (p Policy) hangsOnGroups(a Account, roles []string) bool {
	a.Groups = nil
	if _, caught := p.who(a, roles); caught {
		return len(p.ExcludeGroups) > 0
	}
	a.Groups, p.ExcludeGroups = p.IncludeGroups, nil
	_, possible := p.who(a, roles)
	return possible
}

// Excludes reports whether a policy names the account, by object id, among the users
// whom it excludes.
func (p Policy) Excludes(objectID string) bool { return contains(p.ExcludeUsers, objectID) }
