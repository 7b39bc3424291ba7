package invoke

import (
	"context"
	"fmt"
	"iter"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// night is what a sync leaves.
type night struct {
	run      *ledger.SyncRun
	offboard []due
}

// due is an account whose offboarding a sync would start.
type due struct {
	AccountID         string `json:"accountId"`
	UserPrincipalName string `json:"userPrincipalName"`
	Reason            string `json:"reason"`
}

// Accounts lists the accounts of f.Tenant. A sync narrows by nothing else.
func (m *Memory) Accounts(_ context.Context, f ledger.Filter) (found []account.Account, err error) {
	for _, a := range m.accounts {
		if a.Tenant == f.Tenant {
			found = append(found, *a)
		}
	}
	return found, nil
}

// Requests lists the requests of f.Tenant, and with f.Open those that can still do
// something. A sync narrows by nothing else.
func (m *Memory) Requests(_ context.Context, f ledger.Filter) (found []account.Request, err error) {
	for _, r := range m.requests {
		if r.Tenant == f.Tenant && !(f.Open && account.StateOf(*r).Terminal()) {
			found = append(found, *r)
		}
	}
	return found, nil
}

// Append keeps entries of the audit log.
func (m *Memory) Append(_ context.Context, entries ...ledger.Entry) error {
	m.audit = append(m.audit, entries...)
	return nil
}

// SaveInventory counts the users of a stream, and keeps none.
func (m *Memory) SaveInventory(_ context.Context, _ account.TenantID, _ string, users iter.Seq2[account.User, error]) (count, licensed int, err error) {
	for u, err := range users {
		if err != nil {
			return 0, 0, err
		}
		count++
		if len(u.Licenses) > 0 {
			licensed++
		}
	}
	return count, licensed, nil
}

// InventoryCount is zero: there was no inventory before.
func (m *Memory) InventoryCount(context.Context, account.TenantID) (int, error) { return 0, nil }

// SaveRun keeps what the sync found.
func (m *Memory) SaveRun(_ context.Context, run ledger.SyncRun) error {
	m.night.run = &run
	return nil
}

// Expire notes that the offboarding of an account would be started. A hold refuses it.
func (m *Memory) Expire(_ context.Context, a account.Account, reason string) error {
	if a.Hold.Active(m.now()) {
		return fault.Stop(fault.AccountHeld, fmt.Errorf("%s is held: %s", a.UserPrincipalName, a.Hold.Reason))
	}
	m.night.offboard = append(m.night.offboard, due{a.ID, a.UserPrincipalName, reason})
	return nil
}
