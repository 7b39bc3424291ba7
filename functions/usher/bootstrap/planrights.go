package bootstrap

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/profile"
)

// grants compares the permissions held in the home tenant.
func (p *Plan) grants(found Found) {
	var wanted []entra.Grant
	for _, want := range p.granted() {
		api := found.Resources[want.Resource.AppID]
		g := entra.Grant{ResourceID: api.ObjectID, PermissionID: api.Permissions[want.Name]}
		wanted = append(wanted, g)
		if slices.ContainsFunc(found.Grants, g.Same) {
			p.line(Keep, "grant of "+want.Name, "needed to "+want.Why)
			continue
		}
		p.line(Add, "grant of "+want.Name, "needed to "+want.Why)
		p.write("grant "+want.Name, toGrant, func(ctx context.Context, on *target) error {
			return on.GivePermission(ctx, on.Tenant, on.principal.ObjectID, g.ResourceID, g.PermissionID)
		})
	}
	for _, g := range found.Grants {
		if !slices.ContainsFunc(wanted, g.Same) {
			p.withdraw(found.nameOf(g), g)
		}
	}
}

// granted are the permissions to be held in the home tenant.
func (p *Plan) granted() []Permission {
	if !p.App.AtHome {
		return nil
	}
	return p.App.Permissions
}

func (p *Plan) withdraw(name string, g entra.Grant) {
	reason := "nothing needs it"
	switch {
	case slices.Contains(neverTogether, name):
		reason = "nothing needs it, and its holder can make itself anything"
	case !p.App.AtHome:
		reason = "the home tenant is not served"
	}
	p.line(Remove, "grant of "+name, reason)
	p.write("withdraw "+name, toGrant, func(ctx context.Context, on *target) error { return on.WithdrawPermission(ctx, on.Tenant, g) })
}

// nameOf names what was granted.
func (f Found) nameOf(g entra.Grant) string {
	for appID, api := range f.Resources {
		if api.ObjectID == g.ResourceID {
			return f.permission(appID, g.PermissionID)
		}
	}
	return strings.TrimSpace(g.ResourceName + " " + g.PermissionID)
}

// roles compares the directory roles held in the home tenant.
func (p *Plan) roles(found Found) {
	var wanted []string
	for _, role := range p.App.Roles {
		id, _, _ := profile.Role(role.Name)
		if !p.App.AtHome {
			continue
		}
		wanted = append(wanted, id)
		object := "directory role " + role.Name
		if slices.ContainsFunc(found.Roles, func(r account.RoleAssignment) bool { return r.RoleID == id && r.Scope == "/" }) {
			p.line(Keep, object, "needed to "+role.Why)
			continue
		}
		p.line(Add, object, "needed to "+role.Why)
		p.write("assign the "+object, toAssign, func(ctx context.Context, on *target) error { return on.assign(ctx, id) })
	}
	for _, r := range found.Roles {
		if slices.Contains(wanted, r.RoleID) && r.Scope == "/" {
			continue
		}
		object := "directory role " + roleName(r.RoleID)
		if r.Scope != "/" {
			object += " on " + r.Scope
		}
		p.line(Remove, object, "nothing needs it")
		p.write("remove the "+object, toAssign, func(ctx context.Context, on *target) error {
			return on.RemoveRoleAssignment(ctx, on.Tenant, r.ID)
		})
	}
}

// keys reports what else signs in. It is never removed: something may live by it.
func (p *Plan) keys(found Found) {
	if found.Application == nil {
		return
	}
	for _, k := range found.Application.Secrets {
		p.line(Drift, "client secret "+describe(k), "federated credentials need none: remove it when nothing signs in with it")
	}
	for _, k := range found.Application.Certificates {
		p.line(Drift, "certificate "+describe(k), "it signs in too: remove it unless AZURE_CLIENT_CERTIFICATE_PATH is in use")
	}
}

func describe(k entra.Key) string {
	text := k.Name
	if text == "" {
		text = k.ID
	}
	if !k.Ends.IsZero() {
		text += fmt.Sprintf(" (ends %s)", k.Ends.UTC().Format(time.DateOnly))
	}
	return text
}

// assign gives the directory role. A conflict means that it is held: who, which role
// and where are its whole key.
func (on *target) assign(ctx context.Context, role string) error {
	_, err := on.AssignRole(ctx, on.Tenant, on.principal.ObjectID, role)
	if fault.Is(err, fault.RoleConflict) {
		return nil
	}
	return err
}
