package tenantfake

// The applications of AddVendors: stand-ins for those of two vendors of products.
const (
	ScannerAppID  = "3a6c1f52-0d84-4e7b-9c15-7b20e4d9a001"
	CalendarAppID = "3a6c1f52-0d84-4e7b-9c15-7b20e4d9a002"
)

// vendorsTenantID is their home.
const vendorsTenantID = "7be0d000-0000-4000-8000-00000000be0d"

// AddVendors adds a tenant that offers two applications to all others: one that scans mail and files by itself, one that reads and writes
// calendars and mail for its users. redirects are the addresses to which their consent pages may send the browser.
func (s *Server) AddVendors(redirects ...string) *Tenant {
	t := s.AddTenant(TenantSpec{ID: vendorsTenantID, DisplayName: "Vendors", InitialDomain: "vendors.onmicrosoft.com"})
	t.offer(ScannerAppID, "Cloud App Security connector", redirects, map[string][]string{
		graphAppID:    {"Directory.Read.All", "Files.ReadWrite.All", "Group.Read.All", "Mail.ReadWrite", "Sites.ReadWrite.All", "User.Read.All"},
		exchangeAppID: {"full_access_as_app"},
	}, nil)
	t.offer(CalendarAppID, "Mediafly Intelligence connector", redirects, map[string][]string{
		graphAppID: {"Calendars.ReadWrite", "Mail.ReadWrite", "User.Read.All"},
	}, map[string][]string{graphAppID: {"Calendars.ReadWrite", "Contacts.Read", "Mail.ReadWrite", "Mail.Send", "User.Read", "offline_access"}})
	return t
}

// offer registers an application for other tenants, by the names of what it asks for.
func (t *Tenant) offer(appID, name string, redirects []string, permissions, delegated map[string][]string) {
	t.Register(Registration{
		ClientID: appID, DisplayName: name, SignInAudience: "AzureADMultipleOrgs", RedirectURIs: redirects,
		Permissions: idsOf(permissions, permissionTable), Delegated: idsOf(delegated, scopeTable),
	})
}

func idsOf(names map[string][]string, table map[string]map[string]string) map[string][]string {
	ids := map[string][]string{}
	for resource, list := range names {
		for _, name := range list {
			ids[resource] = append(ids[resource], table[resource][name])
		}
	}
	return ids
}
