package invoke

import (
	"context"
	"fmt"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// night is what a sync leaves.
type night struct {
	run             *ledger.SyncRun
	users, licensed int
	offboard        []due
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

// BeginInventory begins to count users, and keeps none: there was no inventory before.
func (m *Memory) BeginInventory(_ context.Context, t account.TenantID, run string) (ledger.Inventory, error) {
	m.night.users, m.night.licensed = 0, 0
	return ledger.Inventory{Tenant: t, Run: run, Generation: run}, nil
}

// AddToInventory counts users.
func (m *Memory) AddToInventory(_ context.Context, _ ledger.Inventory, users []account.User) error {
	for _, u := range users {
		m.night.users++
		m.night.licensed += min(len(u.Licenses), 1)
	}
	return nil
}

// FinishInventory gives what was counted.
func (m *Memory) FinishInventory(context.Context, ledger.Inventory) (count, licensed int, err error) {
	return m.night.users, m.night.licensed, nil
}

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
