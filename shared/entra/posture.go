package entra

import (
	"context"
	"net/url"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/fitness"
)

const (
	readsPolicies    = "Policy.Read.All"
	readsMemberships = "GroupMember.Read.All"
	readsLicences    = "LicenseAssignment.Read.All"
	// readsMFA: reference: Microsoft Graph beta, Get authentication states.
	readsMFA = "Policy.ReadWrite.AuthenticationMethod"
)

// Posture reads what decides whether an account could sign in: of the tenant, and of the
// account, by object id or user principal name, or of the tenant alone for an account
// that is not made yet (idOrName is empty; the caller sets UserPrincipalName). A part
// that we have no permission for, or that this cloud's Graph does not offer, is named in
// Missing, and is no error; whatever else goes wrong is.
func (c *Client) Posture(ctx context.Context, t account.TenantID, idOrName string) (fitness.Facts, error) {
	var f fitness.Facts
	p := &postureReader{facts: &f}
	p.read("the domains", func() (err error) { f.Domains, err = c.Domains(ctx, t); return err })
	p.read("the security defaults", func() (err error) { f.SecurityDefaults, err = c.SecurityDefaults(ctx, t); return err })
	p.read(fitness.PartPolicies, func() (err error) { f.Policies, err = c.ConditionalAccess(ctx, t); return err })
	if idOrName == "" {
		return f, p.err
	}
	if p.err == nil {
		var u account.User
		u, p.err = c.User(ctx, t, idOrName) // without the account itself there is nothing to say
		f.Account = fitness.Account{ObjectID: u.ObjectID, UserPrincipalName: u.UserPrincipalName, Enabled: u.Enabled, Synced: u.Synced}
	}
	id := f.Account.ObjectID
	p.read("the directory roles of the account", func() (err error) { f.Account.Roles, err = c.rolesOf(ctx, t, id); return err })
	p.read("the groups of the account", func() (err error) { f.Account.Groups, err = c.GroupsOf(ctx, t, id); return err })
	p.read("the licences of the account", func() (err error) { f.Account.Plans, err = c.ServicePlansOf(ctx, t, id); return err })
	p.read("per-user multifactor authentication", func() (err error) { f.Account.PerUserMFA, err = c.PerUserMFA(ctx, t, id); return err })
	return f, p.err
}

// postureReader stops at the first error that is not a refusal of one part.
type postureReader struct {
	facts *fitness.Facts
	err   error
}

func (p *postureReader) read(part string, do func() error) {
	if p.err != nil {
		return
	}
	err := do()
	if fault.Is(err, fault.PermissionMissing) || fault.Is(err, fault.GraphRequestRejected) {
		p.facts.Missing = append(p.facts.Missing, fitness.Missing{Part: part, Why: err.Error()})
		return
	}
	p.err = err
}

// SecurityDefaults reports whether the tenant's security defaults are on.
func (c *Client) SecurityDefaults(ctx context.Context, t account.TenantID) (on bool, err error) {
	call := call{doing: "read the security defaults", permission: readsPolicies}
	var w struct {
		IsEnabled *bool `json:"isEnabled"`
	}
	err = c.run(ctx, t, call, func(s *session) error {
		if err := s.get(ctx, "/policies/identitySecurityDefaultsEnforcementPolicy?$select=id,isEnabled", &w); err != nil {
			return err
		}
		if w.IsEnabled == nil {
			return errIncomplete("security defaults that do not say whether they are on")
		}
		return nil
	})
	return value(w.IsEnabled), err
}

// ConditionalAccess lists the tenant's Conditional Access policies, of whatever state.
// Graph allows all applications together one such call a second and tenant, and refuses
// more without saying for how long (reference: Microsoft Graph, service-specific
// throttling limits), so ask once for many accounts.
func (c *Client) ConditionalAccess(ctx context.Context, t account.TenantID) ([]fitness.Policy, error) {
	call := call{doing: "list the Conditional Access policies", permission: readsPolicies, paced: true}
	return collect(pages(ctx, c, t, call, "/identity/conditionalAccess/policies", wirePolicyCA.policy))
}

// GroupsOf lists the object ids of the groups that an account is in, also through
// other groups.
func (c *Client) GroupsOf(ctx context.Context, t account.TenantID, id string) (groups []string, err error) {
	call := call{doing: "list the groups of user " + id, objects: []string{id}, permission: readsMemberships, missing: fault.UserNotFound}
	for m, err := range pages(ctx, c, t, call, userPath(id)+"/transitiveMemberOf?$select=id", func(m wireMembership) wireMembership { return m }) {
		if err != nil {
			return nil, err
		}
		if m.Type == "#microsoft.graph.group" {
			groups = append(groups, m.ID)
		}
	}
	return groups, nil
}

// ServicePlansOf lists the names of the service plans that an account is licensed for
// and that work.
func (c *Client) ServicePlansOf(ctx context.Context, t account.TenantID, id string) (plans []string, err error) {
	call := call{doing: "list the licences of user " + id, objects: []string{id}, permission: readsLicences, missing: fault.UserNotFound}
	for l, err := range pages(ctx, c, t, call, userPath(id)+"/licenseDetails", func(l wireLicence) wireLicence { return l }) {
		if err != nil {
			return nil, err
		}
		for _, p := range l.ServicePlans {
			if p.ProvisioningStatus == "Success" || p.ProvisioningStatus == "PendingActivation" {
				plans = append(plans, p.ServicePlanName)
			}
		}
	}
	return plans, nil
}

// PerUserMFA reads the legacy multifactor setting of an account: disabled, enabled or
// enforced. Graph has it in its beta version only (reference: Microsoft Graph beta, Get
// authentication states).
func (c *Client) PerUserMFA(ctx context.Context, t account.TenantID, id string) (state string, err error) {
	call := call{doing: "read per-user multifactor authentication of user " + id, objects: []string{id}, permission: readsMFA, missing: fault.UserNotFound}
	var w struct {
		State string `json:"perUserMfaState"`
	}
	err = c.run(ctx, t, call, func(s *session) error {
		if err := s.getBeta(ctx, userPath(id)+"/authentication/requirements", &w); err != nil {
			return err
		}
		if w.State == "" {
			return errIncomplete("no state of per-user multifactor authentication")
		}
		return nil
	})
	return w.State, err
}

// getBeta reads one object that v1.0 does not have.
func (s *session) getBeta(ctx context.Context, path string, v any) error {
	beta := *s
	base := *s.base
	base.Path = strings.TrimSuffix(base.Path, "/v1.0") + "/beta"
	beta.base = &base
	return beta.get(ctx, path, v)
}

func (c *Client) rolesOf(ctx context.Context, t account.TenantID, id string) (roles []string, err error) {
	held, err := c.RoleAssignments(ctx, t, id)
	for _, a := range held {
		roles = append(roles, a.RoleID)
	}
	return roles, err
}

func userPath(id string) string { return "/users/" + url.PathEscape(id) }

type wireMembership struct {
	ID   string
	Type string `json:"@odata.type"`
}

func (w wireMembership) key() string { return w.ID }

type wireLicence struct {
	ID           string
	ServicePlans []struct{ ServicePlanName, ProvisioningStatus string }
}

func (w wireLicence) key() string { return w.ID }
