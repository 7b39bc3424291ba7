package intake

import (
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// tenantOf finds the one configured tenant that everything in the reference agrees with.
func (d *Desk) tenantOf(ref events.TenantRef) (account.Tenant, error) {
	var found []account.Tenant
	for _, t := range d.Tenants() {
		if agrees(ref, t) {
			found = append(found, t)
		}
	}
	if len(found) != 1 || ref.Alias == "" && ref.ID == "" && ref.Domain == "" {
		return account.Tenant{}, fault.Stopf(fault.UnknownTenant, "no single configured tenant has %s", describe(ref))
	}
	return found[0], nil
}

func (d *Desk) tenantByID(id account.TenantID) (account.Tenant, error) {
	for _, t := range d.Tenants() {
		if t.ID == id {
			return t, nil
		}
	}
	return account.Tenant{}, fault.Stopf(fault.UnknownTenant, "tenant %s is not configured any more", id)
}

const publicCloud = "public"

func agrees(ref events.TenantRef, t account.Tenant) bool {
	cloud := t.Cloud
	if cloud == "" {
		cloud = publicCloud
	}
	isDomain := func(domain string) bool { return strings.EqualFold(domain, ref.Domain) }
	return (ref.Alias == "" || ref.Alias == t.Alias) &&
		(ref.ID == "" || strings.EqualFold(ref.ID, string(t.ID))) &&
		(ref.Domain == "" || slices.ContainsFunc(t.Domains, isDomain)) &&
		(ref.Cloud == "" || ref.Cloud == cloud)
}

func describe(ref events.TenantRef) string {
	var said []string
	for _, part := range [][2]string{{"alias", ref.Alias}, {"id", ref.ID}, {"domain", ref.Domain}, {"cloud", ref.Cloud}} {
		if part[1] != "" {
			said = append(said, part[0]+" "+part[1])
		}
	}
	if len(said) == 0 {
		return "no name: give tenant.alias, tenant.id or tenant.domain"
	}
	return strings.Join(said, " and ")
}
