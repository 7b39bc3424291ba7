package entra

import (
	"context"
	"net/url"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// AppPermissions reads back what an application, by application id, holds in a tenant
// for everybody, by name: application permissions, and delegated ones of every user. It
// is empty when the tenant does not know the application. A permission that its API
// does not offer any more is left out, for it lets nobody do anything.
func (c *Client) AppPermissions(ctx context.Context, t account.TenantID, appID string) ([]account.AppPermission, error) {
	p, found, err := c.ServicePrincipal(ctx, t, appID)
	if err != nil || !found {
		return nil, err
	}
	granted, err := c.Grants(ctx, t, p.ObjectID)
	if err != nil {
		return nil, err
	}
	delegated, err := c.DelegatedGrants(ctx, t, p.ObjectID)
	if err != nil {
		return nil, err
	}
	apis := apiCache{client: c, tenant: t, known: map[string]ServicePrincipal{}}
	var held []account.AppPermission
	for _, g := range granted {
		api, err := apis.read(ctx, g.ResourceID)
		if err != nil {
			return nil, err
		}
		for name, id := range api.Permissions {
			if g.Same(Grant{ResourceID: g.ResourceID, PermissionID: id}) {
				held = append(held, account.AppPermission{Resource: api.AppID, Name: name})
			}
		}
	}
	for _, d := range delegated {
		api, err := apis.read(ctx, d.ResourceID)
		if err != nil {
			return nil, err
		}
		for name := range api.Scopes {
			if d.UserID == "" && d.Holds(name) {
				held = append(held, account.AppPermission{Resource: api.AppID, Name: name, Delegated: true})
			}
		}
	}
	return held, nil
}

// apiCache reads each API once.
type apiCache struct {
	client *Client
	tenant account.TenantID
	known  map[string]ServicePrincipal
}

// read finds an API by the object id of its service principal.
func (a apiCache) read(ctx context.Context, id string) (ServicePrincipal, error) {
	if api, ok := a.known[id]; ok {
		return api, nil
	}
	call := call{doing: "read the API " + id, objects: []string{id}, permission: readsApps, missing: fault.IdentityNotFound}
	var w wirePrincipal
	err := a.client.run(ctx, a.tenant, call, func(s *session) error {
		return s.get(ctx, "/servicePrincipals/"+url.PathEscape(id)+principalFields, &w)
	})
	if err != nil {
		return ServicePrincipal{}, err
	}
	a.known[id] = w.principal()
	return a.known[id], nil
}
