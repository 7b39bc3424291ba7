package account

import (
	"slices"
	"strings"
	"time"
)

// Federation is what an account has to do with the tenant's federated domains. Where
// their sign-in depends on the account, it must not go while one of them is federated.
type Federation struct {
	// Holds is true when the account is to stay while a domain is federated.
	Holds bool `json:"holds,omitempty"`
	// Domains are those that depend on it; empty means every one of the tenant.
	Domains []string `json:"domains,omitempty"`
	// Federated are those that were federated at the latest look.
	Federated []string `json:"federated,omitempty"`
}

// In gives the domains of a tenant for whose sake the account has to stay: verified,
// federated, and depending on it.
func (f Federation) In(domains []Domain) (names []string) {
	for _, d := range domains {
		named := func(name string) bool { return strings.EqualFold(name, d.Name) }
		if f.Holds && d.Verified && d.Federated && (len(f.Domains) == 0 || slices.ContainsFunc(f.Domains, named)) {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return names
}

// WhyFederated says in words why the account stays for these domains.
func WhyFederated(domains []string) string {
	if len(domains) == 1 {
		return "the domain " + domains[0] + " is federated, and its sign-in depends on this account"
	}
	return "the domains " + strings.Join(domains, " and ") + " are federated, and their sign-in depends on this account"
}

// HeldBy is the hold that keeps the account from being taken away: the one a person set
// while that lasts, otherwise the one for its federated domains as they were last seen.
func (a Account) HeldBy(now time.Time) Hold {
	if !a.Hold.Active(now) && len(a.Federation.Federated) > 0 {
		return Hold{Reason: WhyFederated(a.Federation.Federated)}
	}
	return a.Hold
}
