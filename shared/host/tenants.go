package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// domainsNote is where the ledger keeps the domains of a tenant.
func domainsNote(id account.TenantID) string { return "domains/" + string(id) }

// LearnDomains asks for the domains of the tenants where they are not known yet, and
// keeps them in the ledger for processes that cannot ask. Tenants that cannot be asked
// stay unknown; their errors are returned together.
func (e *Engines) LearnDomains(ctx context.Context, ask func(context.Context, account.TenantID) ([]account.Domain, error)) error {
	var failures []error
	for _, t := range e.Tenants.Unknown() {
		found, err := ask(ctx, t.ID)
		if err != nil {
			failures = append(failures, fmt.Errorf("ask tenant %s for its domains: %w", t.Alias, err))
			continue
		}
		if names := Verified(found); len(names) > 0 {
			e.Tenants.Learn(t.ID, names)
			failures = append(failures, e.keepDomains(ctx, t, names))
		}
	}
	return errors.Join(failures...)
}

func (e *Engines) keepDomains(ctx context.Context, t account.Tenant, names []string) error {
	text, err := json.Marshal(names)
	if err == nil {
		err = e.Ledger.SetNote(ctx, domainsNote(t.ID), text)
	}
	if err != nil {
		return fmt.Errorf("keep the domains of tenant %s: %w", t.Alias, err)
	}
	return nil
}

// RecallDomains takes from the ledger what another process learned.
func (e *Engines) RecallDomains(ctx context.Context) error {
	for _, t := range e.Tenants.Unknown() {
		text, err := e.Ledger.Note(ctx, domainsNote(t.ID))
		var names []string
		if err == nil && text != nil {
			err = json.Unmarshal(text, &names)
		}
		if err != nil {
			return fmt.Errorf("recall the domains of tenant %s: %w", t.Alias, err)
		}
		e.Tenants.Learn(t.ID, names)
	}
	return nil
}

// Verified names the verified domains, the initial one first: it is where accounts
// without a domain of their own go.
func Verified(found []account.Domain) (names []string) {
	for _, d := range found {
		switch {
		case d.Initial:
			names = append([]string{d.Name}, names...)
		case d.Verified:
			names = append(names, d.Name)
		}
	}
	return names
}
