package fullsync

import (
	"context"
	"fmt"
	"slices"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// Domains is what the sync reads of the tenant's domains.
type Domains interface {
	Domains(ctx context.Context, t account.TenantID) ([]account.Domain, error)
}

// federation learns which federated domains depend on accounts, and gives the accounts
// as they are then. A hold that a person set is left alone. Domains that cannot be read
// change nothing: the revocation of such an account looks for itself before it begins.
func (h *Handler) federation(ctx context.Context, t step.Task[events.FullSyncArgs], accounts []account.Account) ([]account.Account, error) {
	holds := func(a account.Account) bool { return a.Federation.Holds && a.State == account.AccountActive }
	if h.Domains == nil || !slices.ContainsFunc(accounts, holds) {
		return accounts, nil
	}
	domains, err := h.Domains.Domains(ctx, t.Tenant.ID)
	if err != nil {
		if err := h.books.Append(ctx, entry(t, "federation.unread", "", "it could not be read which domains are federated: "+err.Error())); err != nil {
			return nil, fmt.Errorf("record that the domains could not be read: %w", err)
		}
		return accounts, nil
	}
	accounts = slices.Clone(accounts)
	for i, a := range accounts {
		names := a.Federation.In(domains)
		if !holds(a) || slices.Equal(names, a.Federation.Federated) {
			continue
		}
		accounts[i].Federation.Federated = names
		if err := h.holdFor(ctx, t, a, names); err != nil {
			return nil, fmt.Errorf("keep which federated domains depend on %s: %w", a.UserPrincipalName, err)
		}
	}
	return accounts, nil
}

// holdFor puts what was learned on record.
func (h *Handler) holdFor(ctx context.Context, t step.Task[events.FullSyncArgs], a account.Account, names []string) error {
	return h.books.Update(ctx, a.RequestID, func(rec *ledger.Record) error {
		if rec.Account.ID != a.ID || rec.Account.State != account.AccountActive {
			return nil
		}
		rec.Account.Federation.Federated = names
		kind, text := "hold.lifted", "no federated domain depends on the account any more"
		if len(names) > 0 {
			kind, text = "hold.set", account.WhyFederated(names)
		}
		rec.Audit = append(rec.Audit, entry(t, kind, a.ID, a.UserPrincipalName+": "+text))
		return nil
	})
}
