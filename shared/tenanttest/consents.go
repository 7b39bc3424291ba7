package tenanttest

import (
	"context"
	"slices"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// The application that a vendor offers to the tenant in memory, and Microsoft Graph.
const (
	VendorApp = "77777777-aaaa-4bbb-8ccc-dddddddddddd"
	GraphAPI  = "00000003-0000-0000-c000-000000000000"
)

// apps is what the memory knows of applications.
type apps struct {
	// there are the service principals of the tenant, by application id.
	there     map[string]account.ServicePrincipal
	grants    map[string][]account.AppGrant // by the client's object id
	delegated []account.DelegatedGrant
	policy    account.ConsentPolicy
}

// microsofts are the applications of a new tenant.
func microsofts() apps {
	graph := account.ServicePrincipal{
		ObjectID: "principal-graph", AppID: GraphAPI, DisplayName: "Microsoft Graph",
		Permissions: map[string]string{"Mail.Read": "role-mail", "Calendars.Read": "role-calendars"},
		Scopes:      map[string]string{"Mail.Read": "scope-mail", "offline_access": "scope-offline"},
	}
	return apps{there: map[string]account.ServicePrincipal{GraphAPI: graph}, grants: map[string][]account.AppGrant{}}
}

// ServicePrincipal finds the service principal of an application.
func (m *Memory) ServicePrincipal(_ context.Context, _ account.TenantID, appID string) (p account.ServicePrincipal, ok bool, err error) {
	err = m.do("ServicePrincipal", func() error { p, ok = m.apps.there[appID]; return nil })
	return p, ok, err
}

// MakeServicePrincipal makes one of VendorApp, the only application that is offered.
func (m *Memory) MakeServicePrincipal(_ context.Context, _ account.TenantID, appID string) error {
	return m.do("MakeServicePrincipal", func() error {
		if _, there := m.apps.there[appID]; there {
			return nil
		}
		if appID != VendorApp {
			return fault.Stopf(fault.ApplicationUnknown, "nobody offers %s", appID)
		}
		m.apps.there[appID] = account.ServicePrincipal{ObjectID: m.id("principal"), AppID: appID, DisplayName: "Vendor's connector", UserRole: account.NoAppRole}
		return nil
	})
}

// RemoveServicePrincipal deletes a service principal with what it holds; one that is gone already is no error.
func (m *Memory) RemoveServicePrincipal(_ context.Context, _ account.TenantID, principal string) error {
	return m.do("RemoveServicePrincipal", func() error {
		for appID, p := range m.apps.there {
			if p.ObjectID == principal {
				delete(m.apps.there, appID)
			}
		}
		delete(m.apps.grants, principal)
		m.apps.delegated = slices.DeleteFunc(m.apps.delegated, func(g account.DelegatedGrant) bool { return g.ClientID == principal })
		return nil
	})
}

// knows is the look-up of what a grant is about.
func (m *Memory) knows(principals ...string) error {
	for _, id := range principals {
		found := false
		for _, p := range m.apps.there {
			found = found || p.ObjectID == id
		}
		if !found {
			return fault.NotReadyf(fault.IdentityNotFound, "no service principal %s", id)
		}
	}
	return nil
}

// Grants lists the application permissions of a service principal.
func (m *Memory) Grants(_ context.Context, _ account.TenantID, principal string) (list []account.AppGrant, err error) {
	err = m.do("Grants", func() error { list = slices.Clone(m.apps.grants[principal]); return m.knows(principal) })
	return list, err
}

// GivePermission gives an application permission; one that is held already is no error.
func (m *Memory) GivePermission(_ context.Context, _ account.TenantID, principal, resource, permission string) error {
	return m.do("GivePermission", func() error {
		g := account.AppGrant{ResourceID: resource, PermissionID: permission}
		if err := m.knows(principal, resource); err != nil || slices.ContainsFunc(m.apps.grants[principal], g.Same) {
			return err
		}
		g.ID = m.id("grant")
		m.apps.grants[principal] = append(m.apps.grants[principal], g)
		return nil
	})
}

// WithdrawPermission takes one away; one that is gone already is no error.
func (m *Memory) WithdrawPermission(_ context.Context, _ account.TenantID, g account.AppGrant) error {
	return m.do("WithdrawPermission", func() error {
		for principal, held := range m.apps.grants {
			m.apps.grants[principal] = slices.DeleteFunc(held, func(h account.AppGrant) bool { return h.ID == g.ID })
		}
		return nil
	})
}

// DelegatedGrants lists the delegated permissions of a service principal.
func (m *Memory) DelegatedGrants(_ context.Context, _ account.TenantID, client string) (list []account.DelegatedGrant, err error) {
	err = m.do("DelegatedGrants", func() error {
		for _, g := range m.apps.delegated {
			if g.ClientID == client {
				list = append(list, g)
			}
		}
		return nil
	})
	return list, err
}

// GiveDelegated makes a delegated grant, for everybody or one user.
func (m *Memory) GiveDelegated(_ context.Context, _ account.TenantID, g account.DelegatedGrant) error {
	return m.do("GiveDelegated", func() error {
		if err := m.knows(g.ClientID, g.ResourceID); err != nil {
			return err
		}
		for _, h := range m.apps.delegated {
			if h.ClientID == g.ClientID && h.ResourceID == g.ResourceID && h.UserID == g.UserID {
				return fault.NotReadyf(fault.ConsentNotVisible, "there is a grant already")
			}
		}
		g.ID = m.id("delegated")
		m.apps.delegated = append(m.apps.delegated, g)
		return nil
	})
}

// SetScopes replaces the scopes of a delegated grant.
func (m *Memory) SetScopes(_ context.Context, _ account.TenantID, grantID string, scopes []string) error {
	return m.do("SetScopes", func() error {
		for i := range m.apps.delegated {
			if m.apps.delegated[i].ID == grantID {
				m.apps.delegated[i].Scopes = scopes
				return nil
			}
		}
		return fault.NotReadyf(fault.IdentityNotFound, "no delegated grant %s", grantID)
	})
}

// WithdrawDelegated takes a delegated grant away; one that is gone already is no error.
func (m *Memory) WithdrawDelegated(_ context.Context, _ account.TenantID, grantID string) error {
	return m.do("WithdrawDelegated", func() error {
		m.apps.delegated = slices.DeleteFunc(m.apps.delegated, func(g account.DelegatedGrant) bool { return g.ID == grantID })
		return nil
	})
}

// ConsentPolicy reads the admin consent request policy.
func (m *Memory) ConsentPolicy(context.Context, account.TenantID) (p account.ConsentPolicy, err error) {
	err = m.do("ConsentPolicy", func() error { p = m.apps.policy; return nil })
	return p, err
}

// SetConsentPolicy replaces it, and returns the one before.
func (m *Memory) SetConsentPolicy(_ context.Context, _ account.TenantID, want account.ConsentPolicy) (before account.ConsentPolicy, err error) {
	err = m.do("SetConsentPolicy", func() error { before, m.apps.policy = m.apps.policy, want; return nil })
	return before, err
}
