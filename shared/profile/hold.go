package profile

import (
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// hold writes what keeps the account from being taken away: what the request says, and
// the federated domains that depend on it.
func hold(acc *account.Account, p Profile, req events.Request, t account.Tenant) error {
	if h := req.Lifetime.Hold; h != nil {
		acc.Hold = account.Hold{Reason: h.Reason, Until: h.Until}
	}
	f := &acc.Federation
	f.Holds = p.Lifetime.HoldWhileFederated || len(req.Lifetime.FederatedDomains) > 0
	for _, name := range req.Lifetime.FederatedDomains {
		domain, ok := find(t.Domains, name)
		if !ok {
			return fault.Stopf(fault.DomainNotVerified, "lifetime.federatedDomains: %q is not one of the domains of tenant %s (%s)",
				name, t.Alias, strings.Join(t.Domains, ", "))
		}
		f.Domains = append(f.Domains, domain)
	}
	return nil
}
