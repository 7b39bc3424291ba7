package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/usher/bootstrap"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
)

// examination collects the checks of one tenant.
type examination struct {
	app    *App
	tenant account.Tenant
	report console.Report
}

// Doctor looks at everything Usher needs in a tenant. It changes nothing there. It
// asks for a new token first, for permissions are frozen into one when it is issued.
func (a *App) Doctor(ctx context.Context, t account.Tenant) console.Report {
	x := examination{app: a, tenant: t, report: console.Report{Tenant: t.Alias, TenantID: t.ID, OK: true}}
	a.Directory.Forget(t.ID)
	who, err := a.Directory.Identity(ctx, t.ID)
	if err != nil {
		x.fault("sign in", err)
		return x.report
	}
	x.passed("sign in", fmt.Sprintf("application %s, object %s", who.AppID, who.ObjectID)+x.method())
	x.permissions(who)
	x.domains(ctx)
	x.role(who)
	x.exchange(ctx)
	x.features(ctx, who)
	x.approvers()
	return x.report
}

// method adds how we sign in, and what is wrong with it.
func (x *examination) method() string {
	m := x.app.options.SignIn
	if m == "" {
		return ""
	}
	if warning := m.Warning(); warning != "" {
		return fmt.Sprintf(", by %s; %s", m, warning)
	}
	return fmt.Sprintf(", by %s", m)
}

func (x *examination) passed(name, detail string) {
	x.report.Checks = append(x.report.Checks, console.Check{Name: name, OK: true, Detail: detail})
}

func (x *examination) missing(name string, code fault.Code, detail, remedy string) {
	x.report.OK = false
	x.report.Checks = append(x.report.Checks, console.Check{Name: name, Code: code, Detail: detail, Remedy: remedy})
}

// fault notes a failed call with the remedy of its code, and the consent link where that is the cure.
func (x *examination) fault(name string, err error) {
	code := fault.CodeOf(err)
	remedy := fault.Remedy(code)
	if code == fault.ConsentMissing || code == fault.IdentityNotFound {
		remedy += " " + x.consentLink()
	}
	text := err.Error()
	if f, ok := errors.AsType[*fault.Error](err); ok {
		text = f.Err.Error()
	}
	x.missing(name, code, strings.Join(strings.Fields(text), " "), remedy)
}

func (x *examination) permissions(who entra.Identity) {
	for _, p := range bootstrap.Provisioner().On(bootstrap.Graph) {
		name := "permission " + p.Name
		if slices.Contains(who.Roles, p.Name) {
			x.passed(name, "needed to "+p.Why)
			continue
		}
		x.missing(name, fault.PermissionMissing, "not in the token; needed to "+p.Why, fmt.Sprintf(
			"Entra admin centre, App registrations, %s, API permissions: add the application permission %s of Microsoft Graph, then a Global Administrator grants admin consent: %s",
			who.AppID, p.Name, x.consentLink()))
	}
}

func (x *examination) domains(ctx context.Context) {
	found, err := x.app.Directory.Domains(ctx, x.tenant.ID)
	if err != nil {
		x.fault("domains", err)
		return
	}
	x.passed("domains", strings.Join(host.Verified(found), ", "))
}

func (x *examination) role(who entra.Identity) {
	role := bootstrap.Provisioner().Roles[0]
	name := "directory role " + role.Name
	id, _, _ := profile.Role(role.Name)
	if slices.Contains(who.DirectoryRoles, id) || slices.Contains(who.DirectoryRoles, account.GlobalAdministrator) {
		x.passed(name, "needed to "+role.Why)
		return
	}
	x.missing(name, fault.PermissionMissing, "not held by our identity; needed to "+role.Why, fmt.Sprintf(
		"Entra admin centre, Roles and administrators, %s: add an assignment for the enterprise application %s", role.Name, who.AppID))
}

func (x *examination) exchange(ctx context.Context) {
	if err := x.app.Exchange.Reach(ctx, x.tenant.ID); err != nil {
		x.fault("Exchange Online", err)
		return
	}
	x.passed("Exchange Online", "reached, and it lets us in")
}

// approvers says what proves who approves. It is no fault that nothing does: an
// installation may have one person, or a console that knows its people, before it.
func (x *examination) approvers() {
	people := x.app.Policy.For(x.tenant.Alias).Approvers
	if len(people) == 0 {
		x.passed("approvers", "none are configured: what needs an approval stays parked")
		return
	}
	var proven, claimed []string
	for _, p := range people {
		if slices.ContainsFunc(x.app.bearers, func(b policy.Bearer) bool { return b.ID == p.ID }) {
			proven = append(proven, p.ID)
		} else {
			claimed = append(claimed, p.ID)
		}
	}
	if len(proven) > 0 {
		x.passed("approvers with a token of their own", strings.Join(proven, ", "))
	}
	if len(claimed) > 0 {
		x.passed("approvers without a token of their own", strings.Join(claimed, ", ")+
			": whoever has the shared token can approve in their name, so such an approval is only as good as the secrecy of that token (docs/policy.md)")
	}
}

// consentLink is where an administrator of the tenant grants everything the
// application asks for (source: Microsoft identity platform, admin consent endpoint).
func (x *examination) consentLink() string {
	link := x.app.Config.Endpoints.Login + "/" + string(x.tenant.ID) + "/adminconsent"
	if id := x.app.options.ClientID; id != "" {
		link += "?client_id=" + url.QueryEscape(id)
	}
	return link
}
