package revoke

import (
	"context"
	"fmt"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Domains is what the look at the federation needs of the tenant.
type Domains interface {
	Domains(ctx context.Context, t account.TenantID) ([]account.Domain, error)
}

// Federation proves, before anything is taken away, that no federated domain depends on
// the account any more: the part RevokeFederation.
type Federation struct{ domains Domains }

// NewFederation makes the part of revoke that looks at the federation.
func NewFederation(d Domains) *Federation { return &Federation{d} }

// Handle refuses with fault.AccountHeld and the domains' names while one is federated.
// What cannot be read is not taken for over: the step waits, and then ends with
// fault.FederationUnknown.
func (f *Federation) Handle(ctx context.Context, t task) (step.Result, error) {
	domains, err := f.domains.Domains(ctx, t.Tenant.ID)
	switch {
	case err != nil && fault.ClassOf(err) == fault.Permanent:
		return step.Result{}, fault.Stop(fault.FederationUnknown, fmt.Errorf("see which domains are federated: %w", err))
	case err != nil:
		return step.Result{}, fault.NotReady(fault.FederationUnknown, fmt.Errorf("see which domains are federated: %w", err))
	}
	names := t.Account.Federation.In(domains)
	res := step.Result{Detail: "No federated domain depends on the account", Learn: func(a *account.Account) { a.Federation.Federated = names }}
	if len(names) > 0 {
		return step.Result{Learn: res.Learn}, fault.Stopf(fault.AccountHeld, "%s is on hold: %s", t.Account.UserPrincipalName, account.WhyFederated(names))
	}
	return res, nil
}
