package config

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/usher365/usher/shared/account"
)

var (
	alias = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`) })
	guid  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	})
	domain = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
	})
	// initial is the domain that every tenant is born with (source: Microsoft Entra, "Add your custom domain").
	initial = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\.(onmicrosoft\.(com|us|de)|onmschina\.cn)$`) })
)

func (b *builder) tenantsOf(cloud string) []account.Tenant {
	var tenants []account.Tenant
	taken := map[string]bool{}
	for _, t := range b.tenants {
		tenants = append(tenants, account.Tenant{
			Alias: b.alias(t, taken), ID: account.TenantID(b.tenantID(t, taken)), Cloud: b.tenantCloud(t.cloud, cloud),
			Domains: b.domains(t, taken), Protected: b.protected(t.protected), RoleGroups: b.filled(t.roleGroups),
			ActiveDirectory: account.ActiveDirectory{BaseDN: t.activeDirectory.values["baseDN"].value, OU: t.activeDirectory.values["ou"].value},
			Delivery:        b.delivery(t.delivery), PasswordReferences: b.passwordPlaces(t.passwordReferences),
			Consents: b.consents(t.consents),
		})
	}
	return tenants
}

// home is the tenant where our application is registered.
func (b *builder) home(tenants []account.Tenant) account.TenantID {
	id := strings.ToLower(lookup(b.env, homeVariable))
	switch {
	case id == "" && len(tenants) > 0:
		return tenants[0].ID
	case id != "" && !guid().MatchString(id) && b.tenants[0].where != homeVariable:
		b.problems.add(homeVariable, "%q is not a tenant id, such as 0550b473-9fd2-4dbb-a058-a1640b4bf458", id)
	}
	return account.TenantID(id)
}

// only refuses a name that another tenant has.
func (b *builder) only(taken map[string]bool, kind string, s setting) {
	if taken[kind+s.value] {
		b.problems.add(s.where, "%q is given to two tenants", s.value)
	}
	taken[kind+s.value] = true
}

func (b *builder) alias(t rawTenant, taken map[string]bool) string {
	switch {
	case t.alias.value == "":
		b.problems.add(t.where, "has no alias; give the tenant a short name, such as alias: contoso")
	case !alias().MatchString(t.alias.value):
		b.problems.add(t.alias.where, "%q is not a name of at most 40 lower-case letters, digits and -", t.alias.value)
	default:
		b.only(taken, "alias ", t.alias)
	}
	return t.alias.value
}

func (b *builder) tenantID(t rawTenant, taken map[string]bool) string {
	s := t.id
	s.value = strings.ToLower(s.value)
	switch {
	case s.value == "":
		b.problems.add(t.where, "has no id; it is in the Entra admin centre, Overview, Tenant ID")
	case !guid().MatchString(s.value):
		b.problems.add(s.where, "%q is not a tenant id, such as 0550b473-9fd2-4dbb-a058-a1640b4bf458", t.id.value)
	default:
		b.only(taken, "id ", s)
	}
	return s.value
}

func (b *builder) tenantCloud(s setting, otherwise string) string {
	if _, known := Hosts(s.value); !known {
		b.problems.add(s.where, "%q is not a cloud; use %s", s.value, cloudNames())
	}
	return cmp.Or(s.value, otherwise)
}

// domains puts the initial domain first, where accounts are made.
func (b *builder) domains(t rawTenant, taken map[string]bool) []string {
	var names []string
	for _, s := range t.domains {
		s.value = strings.ToLower(s.value)
		if !domain().MatchString(s.value) {
			b.problems.add(s.where, "%q is not a domain", s.value)
			continue
		}
		b.only(taken, "domain ", s)
		names = append(names, s.value)
	}
	first := slices.IndexFunc(names, initial().MatchString)
	if len(names) > 0 && first < 0 {
		b.problems.add(t.domains[0].where, "the tenant's onmicrosoft.com domain is missing; add it, or leave domains out to have them read from the tenant")
	}
	if first > 0 {
		own := names[first]
		names = slices.Insert(slices.Delete(names, first, first+1), 0, own)
	}
	return names
}

func (b *builder) protected(given []setting) []string {
	for _, s := range given {
		if s.value != "" && !strings.Contains(s.value, "@") && !guid().MatchString(strings.ToLower(s.value)) {
			b.problems.add(s.where, "%q protects nothing; write a user principal name (NAME@DOMAIN) or an object id", s.value)
		}
	}
	return b.filled(given)
}

func (b *builder) filled(given []setting) []string {
	var values []string
	for _, s := range given {
		if s.value == "" {
			b.problems.add(s.where, "is empty")
			continue
		}
		values = append(values, s.value)
	}
	return values
}
