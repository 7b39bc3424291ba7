package profile

import (
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// checkSupported refuses a request that needs a step which does not exist yet, so
// that nothing is half-run.
func checkSupported(p Profile, req events.Request) error {
	missing := func(format string, args ...any) error { return fault.Stopf(fault.StepUnsupported, format, args...) }
	pw := req.Account.Password
	switch {
	case len(req.Account.Licenses) > 0:
		return missing("account.licenses needs a licence step, which this version does not have")
	case pw != nil && pw.Generate != nil && *pw.Generate == (pw.Reference != ""):
		return fault.Stopf(fault.RequestInvalid, "account.password: generate is false with a reference to a password in a vault, and only then; a request never carries a password")
	case pw != nil && pw.ForceChange != nil && *pw.ForceChange:
		return missing("account.password.forceChange: an unattended sign-in cannot change its password")
	case req.Account.MFA == "required":
		return missing("account.mfa required needs a step that registers a second factor, which this version does not have")
	case req.Account.MFA == "excluded" && req.Reason == "" && req.Approval == nil:
		return fault.Stopf(fault.RequestInvalid, "account.mfa excluded needs a reason or an approval to be on record")
	}
	return nil
}

// grantsOf resolves every right by name. Each counts as ours until the step that
// adopts the account or gives the right finds that it was there before.
func grantsOf(p Profile, req events.Request, t account.Tenant, mode Mode) ([]account.Grant, error) {
	wanted, err := rightsOf(p, req)
	if err != nil {
		return nil, err
	}
	var grants []account.Grant
	for _, r := range wanted.DirectoryRoles {
		id, name, ok := Role(first(r.ID, r.Name))
		if !ok {
			return nil, fault.Stopf(fault.UnknownRole, "access.directoryRoles: Usher knows no directory role %q", r.Name)
		}
		grants = append(grants, account.Grant{Kind: account.DirectoryRole, Target: id, Name: name})
	}
	for _, g := range wanted.ExchangeRoleGroups {
		name, ok := knownRoleGroup(g, t)
		if !ok {
			return nil, fault.Stopf(fault.UnknownRoleGroup, "access.exchangeRoleGroups: %q is neither built in nor one of the role groups configured for tenant %s", g, t.Alias)
		}
		grants = append(grants, account.Grant{Kind: account.RoleGroup, Target: name, Name: name})
	}
	for _, of := range []func() ([]account.Grant, error){
		func() ([]account.Grant, error) { return consentsOf(p, req, wanted, t) },
		func() ([]account.Grant, error) { return policyGrant(req) },
	} {
		more, err := of()
		if err != nil {
			return nil, err
		}
		grants = append(grants, more...)
	}
	grants = slices.CompactFunc(sortedGrants(grants), sameRight)
	for i := range grants {
		grants[i].State, grants[i].Ours = account.GrantPlanned, true
	}
	if mode == Connected {
		return grants, checkConnection(grants)
	}
	if len(grants) == 0 && mode == Existing {
		return nil, fault.Stopf(fault.RequestInvalid, "access: there is nothing to give to an existing account")
	}
	return grants, nil
}

func sortedGrants(grants []account.Grant) []account.Grant {
	slices.SortStableFunc(grants, func(a, b account.Grant) int {
		return strings.Compare(string(a.Kind)+a.Name, string(b.Kind)+b.Name)
	})
	return grants
}

func sameRight(a, b account.Grant) bool { return a.Kind == b.Kind && a.Target == b.Target }

func knownRoleGroup(name string, t account.Tenant) (string, bool) {
	if canonical, ok := RoleGroup(name); ok {
		return canonical, true
	}
	return find(t.RoleGroups, name)
}

// rightsOf takes the profile's rights, or its read-only ones, and puts the lists
// that the request gives in their place.
func rightsOf(p Profile, req events.Request) (Rights, error) {
	wanted := p.Access.Rights
	if ro := req.Access.ReadOnly; ro != nil && *ro && p.Name != "" {
		if p.Access.ReadOnly == nil {
			return wanted, fault.Stopf(fault.RequestInvalid, "access.readOnly: profile %s has no read-only variant", p.Name)
		}
		wanted = *p.Access.ReadOnly
	}
	if req.Access.DirectoryRoles != nil {
		wanted.DirectoryRoles = nil
		for _, name := range req.Access.DirectoryRoles {
			wanted.DirectoryRoles = append(wanted.DirectoryRoles, RoleRef{Name: name})
		}
	}
	if req.Access.ExchangeRoleGroups != nil {
		wanted.ExchangeRoleGroups = req.Access.ExchangeRoleGroups
	}
	return wanted, nil
}
