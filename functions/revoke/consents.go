package revoke

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Applications is what withdrawing a consent needs of the tenant's applications.
type Applications interface {
	ServicePrincipal(ctx context.Context, t account.TenantID, appID string) (account.ServicePrincipal, bool, error)
	RemoveServicePrincipal(ctx context.Context, t account.TenantID, principal string) error
}

// Permissions is what it needs of application permissions.
type Permissions interface {
	Grants(ctx context.Context, t account.TenantID, principal string) ([]account.AppGrant, error)
	WithdrawPermission(ctx context.Context, t account.TenantID, g account.AppGrant) error
}

// Delegations is what it needs of delegated permissions.
type Delegations interface {
	DelegatedGrants(ctx context.Context, t account.TenantID, client string) ([]account.DelegatedGrant, error)
	SetScopes(ctx context.Context, t account.TenantID, grantID string, scopes []string) error
	WithdrawDelegated(ctx context.Context, t account.TenantID, grantID string) error
}

// Consents withdraws what an application was granted: the parts RevokeAppRole,
// RevokeScope and RevokeApplication. The
// Handler passes them on.
type Consents struct {
	apps        Applications
	permissions Permissions
	delegations Delegations
}

// NewConsents makes the part of revoke that withdraws consents.
func NewConsents(a Applications, p Permissions, d Delegations) *Consents { return &Consents{a, p, d} }

// ConsentParts are what Consents does: see Handler.Pass.
var ConsentParts = []events.RevokePart{events.RevokeAppRole, events.RevokeScope, events.RevokeApplication}

// removal takes away what shows.
type removal func(context.Context) error

// Handle withdraws one permission, or removes the application, and is done when that
// can be read back. That it was seen goes on record first, as for a directory role: then
// its absence is believed.
func (c *Consents) Handle(ctx context.Context, t task) (step.Result, error) {
	if err := allowed(t); err != nil {
		return step.Result{}, err
	}
	kind := account.GrantKind(t.Args.Part)
	remove, kept, err := c.find(ctx, t)
	switch {
	case err != nil:
		return step.Result{}, err
	case kept != "":
		return taken(t, kind, kept), nil
	}
	grant := t.Account.Grant(kind, t.Args.Target)
	seen := grant == nil || grant.State == account.GrantLeaving
	if remove != nil && !seen {
		return step.Result{Again: true, Learn: func(a *account.Account) { a.Grant(kind, t.Args.Target).State = account.GrantLeaving }}, nil
	}
	if remove != nil {
		if err := remove(ctx); err != nil {
			return step.Result{}, fmt.Errorf("withdraw %s: %w", t.Args.Name, err)
		}
		if remove, _, err = c.find(ctx, t); err != nil {
			return step.Result{}, err
		}
	}
	switch {
	case remove != nil:
		return step.Result{}, fault.NotReadyf(fault.ConsentStillListed, "%s is withdrawn and still shows", t.Args.Name)
	case !seen && t.Now.Sub(t.Account.TriedAt) < lateness:
		return step.Result{}, fault.NotReadyf(fault.ConsentStillListed, "%s may still turn up: it was given moments ago and has not shown", t.Args.Name)
	}
	return taken(t, kind, t.Args.Name+" withdrawn"), nil
}

// find gives how to take away what the command is about: nil when it does not show.
// kept says why an application stays.
func (c *Consents) find(ctx context.Context, t task) (remove removal, kept string, err error) {
	kind := account.GrantKind(t.Args.Part)
	appID, permission, ok := kind.ParseTarget(t.Args.Target)
	if kind == account.Application {
		appID, ok = t.Args.Target, t.Args.Target != ""
	}
	if !ok {
		return nil, "", fault.Stopf(fault.MalformedCommand, "revoke knows no consent %q %q", t.Args.Part, t.Args.Target)
	}
	app, there, err := c.apps.ServicePrincipal(ctx, t.Tenant.ID, appID)
	if err != nil || !there {
		return nil, "", err
	}
	granted, err := c.permissions.Grants(ctx, t.Tenant.ID, app.ObjectID)
	if err != nil {
		return nil, "", fmt.Errorf("list the permissions of %s: %w", app.DisplayName, err)
	}
	delegated, err := c.delegations.DelegatedGrants(ctx, t.Tenant.ID, app.ObjectID)
	if err != nil {
		return nil, "", fmt.Errorf("list the delegated permissions of %s: %w", app.DisplayName, err)
	}
	if kind == account.Application {
		others, err := c.ofOthers(ctx, t, appID, granted, delegated)
		if err != nil {
			return nil, "", err
		}
		remove, kept = c.application(t, app, others)
		return remove, kept, nil
	}
	api, there, err := c.apps.ServicePrincipal(ctx, t.Tenant.ID, permission.Resource)
	if err != nil || !there {
		return nil, "", err
	}
	if permission.Delegated {
		return c.scope(t, delegated, api, appID, permission), "", nil
	}
	return c.appRole(t, granted, api, permission.Name), "", nil
}

// application removes the application unless somebody else has granted it something.
func (c *Consents) application(t task, app account.ServicePrincipal, others int) (removal, string) {
	if others > 0 {
		return nil, fmt.Sprintf("%s stays in the tenant: others have granted it permissions", app.DisplayName)
	}
	return func(ctx context.Context) error { return c.apps.RemoveServicePrincipal(ctx, t.Tenant.ID, app.ObjectID) }, ""
}

func (c *Consents) appRole(t task, granted []account.AppGrant, api account.ServicePrincipal, name string) removal {
	for _, g := range granted {
		if g.Same(account.AppGrant{ResourceID: api.ObjectID, PermissionID: api.Permissions[name]}) {
			return func(ctx context.Context) error { return c.permissions.WithdrawPermission(ctx, t.Tenant.ID, g) }
		}
	}
	return nil
}

// scope leaves the other scopes of the grant as they are, but for those that were taken
// before: the list may be old, and what is set replaces all of it.
func (c *Consents) scope(t task, delegated []account.DelegatedGrant, api account.ServicePrincipal, appID string, p account.AppPermission) removal {
	for _, g := range delegated {
		if g.UserID != "" || g.ResourceID != api.ObjectID || !g.Holds(p.Name) {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(g.Scopes), func(s string) bool {
			other := account.AppPermission{Resource: p.Resource, Name: s, Delegated: true}
			ours := t.Account.Grant(account.Scope, other.Target(appID))
			return strings.EqualFold(s, p.Name) || ours != nil && ours.Ours && ours.State == account.GrantTaken
		})
		return func(ctx context.Context) error {
			if len(rest) == 0 {
				return c.delegations.WithdrawDelegated(ctx, t.Tenant.ID, g.ID)
			}
			return c.delegations.SetScopes(ctx, t.Tenant.ID, g.ID, rest)
		}
	}
	return nil
}

// ofOthers counts what an application holds beside what is ours: of that a list may be old
// and show what was taken, and what could not be taken goes with the application.
func (c *Consents) ofOthers(ctx context.Context, t task, appID string, granted []account.AppGrant, delegated []account.DelegatedGrant) (count int, err error) {
	var ours []account.AppGrant
	scopes, apis := map[string][]string{}, map[string]account.ServicePrincipal{}
	for _, g := range t.Account.Grants {
		id, p, ok := g.Kind.ParseTarget(g.Target)
		if !ok || !g.Ours || !strings.EqualFold(id, appID) {
			continue
		}
		api, known := apis[p.Resource]
		if !known {
			if api, _, err = c.apps.ServicePrincipal(ctx, t.Tenant.ID, p.Resource); err != nil {
				return 0, err
			}
			apis[p.Resource] = api
		}
		if p.Delegated {
			scopes[api.ObjectID] = append(scopes[api.ObjectID], p.Name)
		} else {
			ours = append(ours, account.AppGrant{ResourceID: api.ObjectID, PermissionID: api.Permissions[p.Name]})
		}
	}
	for _, g := range granted {
		if !slices.ContainsFunc(ours, g.Same) {
			count++
		}
	}
	for _, g := range delegated {
		if g.UserID != "" || slices.ContainsFunc(g.Scopes, func(s string) bool { return !slices.Contains(scopes[g.ResourceID], s) }) {
			count++
		}
	}
	return count, nil
}
