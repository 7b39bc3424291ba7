package host

import (
	"slices"
	"sync"

	"github.com/usher365/usher/shared/account"
)

// Tenants are the configured tenants with what was learned about them since. It is
// safe for concurrent use.
type Tenants struct {
	mu   sync.RWMutex
	list []account.Tenant
}

// NewTenants begins with what the configuration says.
func NewTenants(configured []account.Tenant) *Tenants {
	return &Tenants{list: slices.Clone(configured)}
}

// All lists the tenants.
func (t *Tenants) All() []account.Tenant {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Clone(t.list)
}

// Find gives the tenant with that id.
func (t *Tenants) Find(id account.TenantID) (account.Tenant, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	i := slices.IndexFunc(t.list, func(one account.Tenant) bool { return one.ID == id })
	if i < 0 {
		return account.Tenant{}, false
	}
	return t.list[i], true
}

// Learn sets the domains of a tenant, the initial one first.
func (t *Tenants) Learn(id account.TenantID, domains []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.list {
		if t.list[i].ID == id {
			t.list[i].Domains = domains
		}
	}
}

// Unknown lists the tenants whose domains are not known yet: no request can name
// them by domain, and no account can be planned in them.
func (t *Tenants) Unknown() (unknown []account.Tenant) {
	for _, one := range t.All() {
		if len(one.Domains) == 0 {
			unknown = append(unknown, one)
		}
	}
	return unknown
}
