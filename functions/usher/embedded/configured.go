package embedded

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/tenantfake"
)

// Account is the tenant as Usher is told of it where nothing else is configured.
func Account() account.Tenant {
	return account.Tenant{Alias: "contoso", ID: tenantfake.DefaultTenantID, Protected: []string{
		"breakglass1@contoso.onmicrosoft.com", "breakglass2@contoso.onmicrosoft.com",
	}, ActiveDirectory: ActiveDirectory}
}

// Configured is the tenant with the settings of the configuration's entry for it, which is
// the one with its id: an alias is chosen freely, and an entry for a real tenant must not
// be played on an emulator because of its name. Its break-glass accounts stay protected.
//
// The error is config.Problems with all that cannot hold: entries for other tenants,
// another cloud, domains that the tenant does not have, an Active Directory, for it brings
// its own: nobody shall take a stand-in for their domain.
func Configured(c config.Config) (account.Tenant, error) {
	t := Account()
	if c.Assumed {
		return t, nil
	}
	var problems config.Problems
	for _, entry := range c.Tenants {
		if entry.ID != t.ID {
			problems = append(problems, config.Problem{Where: "tenants." + entry.Alias, What: fmt.Sprintf(
				"is for tenant %s, and the tenant that comes along is %s; give the entry that id, take it out, or use --tenant real", entry.ID, t.ID)})
			continue
		}
		problems = append(problems, cannotHold(entry)...)
		entry.ActiveDirectory = t.ActiveDirectory
		for _, p := range t.Protected {
			if !entry.Protects(p) {
				entry.Protected = append(entry.Protected, p)
			}
		}
		t = entry
	}
	if len(problems) > 0 {
		return account.Tenant{}, problems
	}
	return t, nil
}

// cannotHold says which settings of an entry are of things that the tenant does not have.
func cannotHold(entry account.Tenant) (problems config.Problems) {
	refuse := func(setting, format string, args ...any) {
		problems = append(problems, config.Problem{Where: "tenants." + entry.Alias + "." + setting, What: fmt.Sprintf(format, args...)})
	}
	if entry.Cloud != "" && entry.Cloud != config.Public {
		refuse("cloud", "is %s, and the tenant that comes along is in the public cloud; leave cloud out", entry.Cloud)
	}
	has := verified()
	for _, d := range entry.Domains {
		if !slices.Contains(has, d) {
			refuse("domains", "%s is no domain of the tenant that comes along, which has %s", d, strings.Join(has, ", "))
		}
	}
	if entry.ActiveDirectory.BaseDN != "" {
		refuse("activeDirectory", "the tenant that comes along has an on-premises Active Directory of its own, a stand-in; take it out, or use --tenant real")
	}
	return problems
}

// verified are the domains of the tenant.
func verified() []string {
	spec := tenantfake.DefaultTenant()
	names := []string{spec.InitialDomain}
	for _, d := range spec.Domains {
		names = append(names, d.Name)
	}
	return names
}
