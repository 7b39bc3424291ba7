package grantconsent

import (
	"context"
	"fmt"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// right is a permission that is wanted, and how it stands.
type right struct {
	account.AppPermission
	// api is the API's service principal, id the permission's id there.
	api account.ServicePrincipal
	id  string
	// grantID is what grants it; empty while it is not granted.
	grantID string
}

// scene is what the tenant shows of a consent.
type scene struct {
	app   account.ServicePrincipal
	there bool
	// rights are in the order of the arguments.
	rights []right
	// delegated are the delegated grants for everybody, by the API's object id.
	delegated map[string]account.DelegatedGrant
}

// look reads how the consent stands. A permission that does not exist stops it before
// anything is given.
func (h *Handler) look(ctx context.Context, t task) (s scene, err error) {
	if s.rights, err = h.resolve(ctx, t); err != nil {
		return s, err
	}
	if s.app, s.there, err = h.apps.ServicePrincipal(ctx, t.Tenant.ID, t.Args.AppID); err != nil || !s.there {
		return s, err
	}
	granted, err := h.permissions.Grants(ctx, t.Tenant.ID, s.app.ObjectID)
	if err != nil {
		return s, fmt.Errorf("list the permissions of %s: %w", t.Args.App, err)
	}
	delegated, err := h.delegations.DelegatedGrants(ctx, t.Tenant.ID, s.app.ObjectID)
	if err != nil {
		return s, fmt.Errorf("list the delegated permissions of %s: %w", t.Args.App, err)
	}
	s.delegated = map[string]account.DelegatedGrant{}
	for _, d := range delegated {
		if d.UserID == "" {
			s.delegated[d.ResourceID] = d
		}
	}
	for i := range s.rights {
		s.rights[i].find(granted, s.delegated)
	}
	return s, nil
}

func (r *right) find(granted []account.AppGrant, delegated map[string]account.DelegatedGrant) {
	if d := delegated[r.api.ObjectID]; r.Delegated && d.Holds(r.Name) {
		r.grantID = d.ID
	}
	for _, g := range granted {
		if !r.Delegated && g.Same(account.AppGrant{ResourceID: r.api.ObjectID, PermissionID: r.id}) {
			r.grantID = g.ID
		}
	}
}

// resolve finds the ids of the permissions that are asked for.
func (h *Handler) resolve(ctx context.Context, t task) ([]right, error) {
	apis := map[string]account.ServicePrincipal{}
	var rights []right
	for _, p := range t.Args.Permissions {
		api, known := apis[p.Resource]
		if !known {
			var err error
			if api, known, err = h.apps.ServicePrincipal(ctx, t.Tenant.ID, p.Resource); err != nil {
				return nil, fmt.Errorf("look up the API %s: %w", p.Resource, err)
			}
			if !known {
				return nil, fault.Stopf(fault.PermissionUnknown, "the tenant has no API %s, of which %s needs %s", p.Resource, t.Args.App, p.Name)
			}
			apis[p.Resource] = api
		}
		r := right{AppPermission: account.AppPermission(p), api: api, id: api.Permissions[p.Name]}
		if p.Delegated {
			r.id = api.Scopes[p.Name]
		}
		if r.id == "" {
			return nil, fault.Stopf(fault.PermissionUnknown, "%s offers no permission %s", api.DisplayName, r)
		}
		rights = append(rights, r)
	}
	if t.Args.AppID == "" || len(rights) == 0 {
		return nil, fault.Stopf(fault.MalformedCommand, "a consent needs an application and its permissions")
	}
	return rights, nil
}

// lacking names the rights that do not show.
func (s scene) lacking() (names []string) {
	for _, r := range s.rights {
		if r.grantID == "" {
			names = append(names, r.String())
		}
	}
	return names
}

// stand calls with every right on the account's row and what grants it now, the
// application itself first.
func (s scene) stand(a *account.Account, appID string, with func(g *account.Grant, by string)) {
	if g := a.Grant(account.Application, appID); g != nil {
		with(g, s.app.ObjectID)
	}
	for _, r := range s.rights {
		if g := a.Grant(r.Kind(), r.Target(appID)); g != nil {
			with(g, r.grantID)
		}
	}
}

// intent is what goes on record before the first effect: what was there before us, and
// what was not, so that it is ours when it shows. Nil when that is on record, or when
// there is nothing to give.
func (s scene) intent(t task) func(*account.Account) {
	anew := false
	s.stand(&t.Account, t.Args.AppID, func(g *account.Grant, by string) {
		anew = anew || g.State == account.GrantPlanned && by == ""
	})
	if !anew {
		return nil
	}
	return func(a *account.Account) {
		s.stand(a, t.Args.AppID, func(g *account.Grant, by string) {
			switch {
			case g.State != account.GrantPlanned:
			case by == "":
				g.State = account.GrantIntended
			default:
				g.State, g.AssignmentID, g.Ours = account.GrantGiven, by, false
			}
		})
	}
}

// learn puts what shows on record. A right that was only planned until now was there before us.
func (s scene) learn(t task) func(*account.Account) {
	return func(a *account.Account) {
		s.stand(a, t.Args.AppID, func(g *account.Grant, by string) {
			if by == "" {
				return
			}
			g.Ours = g.Ours && g.State != account.GrantPlanned
			g.State, g.AssignmentID = account.GrantGiven, by
		})
	}
}

func (s scene) names() (all []string) {
	for _, r := range s.rights {
		all = append(all, r.String())
	}
	return all
}
