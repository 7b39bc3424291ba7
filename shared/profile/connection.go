package profile

import (
	"fmt"
	"regexp"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
)

// connects reports whether the request is about an application that signs in by consent.
func connects(p Profile, req events.Request) bool {
	mode := Mode(req.Account.Mode)
	return mode == Connected || mode == "" && p.modes()[0] == Connected
}

// checkMode refuses what an application cannot have.
func checkMode(mode Mode, req events.Request) error {
	if mode != Connected {
		return nil
	}
	a := req.Account
	for field, given := range map[string]bool{
		"account.password": a.Password != nil, "account.mfa": a.MFA != "",
		"account.usageLocation": a.UsageLocation != "", "delivery": req.Delivery != nil,
	} {
		if given {
			return fault.Stopf(fault.RequestInvalid, "%s does not go with account.mode application: an application signs in, and there is no user", field)
		}
	}
	return nil
}

// checkConnection wants one application, and nothing that only a user can hold.
func checkConnection(grants []account.Grant) error {
	apps := 0
	for _, g := range grants {
		switch g.Kind {
		case account.Application:
			apps++
		case account.DirectoryRole, account.RoleGroup:
			return fault.Stopf(fault.RequestInvalid, "access: %s does not go with account.mode application, which has no user to hold it", g.Name)
		}
	}
	if apps != 1 {
		return fault.Stopf(fault.RequestInvalid, "access.appConsents: account.mode application is for one application, and this names %d", apps)
	}
	return nil
}

// connect puts on the row which application signs in, and how consents are given.
func connect(acc *account.Account, p Profile, t account.Tenant, mode Mode) {
	for _, g := range acc.Grants {
		if g.Kind != account.Application {
			continue
		}
		acc.ConsentMethod = account.ConsentMethod(first(string(t.Consents.Method), string(p.Consent.Method), string(account.ConsentDirect)))
		if mode == Connected {
			acc.AppID = g.Target
		}
	}
}

var permissionForm = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// validateConsents checks what the strict decoder cannot see.
func (p Profile) validateConsents() (bad []error) {
	if m := p.Consent.Method; m != "" && !m.Known() {
		bad = append(bad, fmt.Errorf("consent.method %q: use direct or link", m))
	}
	if id := p.Consent.AppID; id != "" && !guid.MatchString(id) {
		bad = append(bad, fmt.Errorf("consent.appId %q is no application id", id))
	}
	all := p.Access.AppConsents
	if p.Access.ReadOnly != nil {
		all = append(all[:len(all):len(all)], p.Access.ReadOnly.AppConsents...)
	}
	for _, c := range all {
		if _, known := policy.ResourceID(c.Resource); !known && !guid.MatchString(c.Resource) {
			bad = append(bad, fmt.Errorf("consent to resource %q: Usher knows no such API; give its application id", c.Resource))
		}
		if c.Type != "application" && c.Type != delegated {
			bad = append(bad, fmt.Errorf("consent of type %q: use application or delegated", c.Type))
		}
		if len(c.Permissions) == 0 {
			bad = append(bad, fmt.Errorf("consent to %s names no permissions", c.Resource))
		}
		for _, name := range c.Permissions {
			if !permissionForm.MatchString(name) {
				bad = append(bad, fmt.Errorf("%q is no name of a permission, such as Mail.Read", name))
			}
		}
	}
	if len(all) > 0 && p.Consent.AppID == "" {
		bad = append(bad, fmt.Errorf("consent.appId is missing: it says which application access.appConsents is for"))
	}
	return bad
}
