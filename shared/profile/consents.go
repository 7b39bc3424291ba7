package profile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
)

// graphAPI is the resource of a consent that names none.
const graphAPI = "Microsoft Graph"

// delegated is the type of a permission on behalf of users.
const delegated = "delegated"

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// application is whom a consent is for.
type application struct{ id, name string }

// consentsOf resolves the consents of a request to grants: each application, and each
// of its permissions.
func consentsOf(p Profile, req events.Request, wanted Rights, t account.Tenant) ([]account.Grant, error) {
	asked, err := askedConsents(p, req, wanted, t)
	if err != nil {
		return nil, err
	}
	var grants []account.Grant
	for _, c := range asked {
		api, known := policy.ResourceID(first(c.Resource, graphAPI))
		switch {
		case !guid.MatchString(c.AppID):
			return nil, fault.Stopf(fault.RequestInvalid, "access.appConsents: appId %q is no application id, and there is none in the profile", c.AppID)
		case !known && !guid.MatchString(c.Resource):
			return nil, fault.Stopf(fault.PermissionUnknown, "access.appConsents: Usher knows no resource %q; give its application id", c.Resource)
		case !known:
			api = strings.ToLower(c.Resource)
		}
		grants = append(grants, account.Grant{Kind: account.Application, Target: c.AppID, Name: first(c.DisplayName, c.AppID)})
		for _, name := range c.Permissions {
			right := account.AppPermission{Resource: api, Name: name, Delegated: c.Type == delegated}
			if name == "" || strings.ContainsAny(name, "/ ") {
				return nil, fault.Stopf(fault.PermissionUnknown, "access.appConsents: %q is no name of a permission, such as Mail.Read", name)
			}
			grants = append(grants, account.Grant{Kind: right.Kind(), Target: right.Target(c.AppID), Name: right.String()})
		}
	}
	return grants, nil
}

// askedConsents takes the request's consents, else the profile's. An entry of the
// request without permissions says only which application the profile's are for.
func askedConsents(p Profile, req events.Request, wanted Rights, t account.Tenant) ([]events.AppConsent, error) {
	app := application{first(t.Consents.Applications[p.Name], p.Consent.AppID), p.Consent.DisplayName}
	given := req.Access.AppConsents
	if len(given) == 1 && len(given[0].Permissions) == 0 && len(wanted.AppConsents) > 0 {
		if given[0].Resource != "" || given[0].Type != "" {
			return nil, fault.Stopf(fault.RequestInvalid, "access.appConsents: an entry with a resource or type needs its permissions")
		}
		app, given = application{first(given[0].AppID, app.id), first(given[0].DisplayName, app.name)}, nil
	}
	if given == nil {
		for _, c := range wanted.AppConsents {
			given = append(given, events.AppConsent{Resource: c.Resource, Type: c.Type, Permissions: c.Permissions})
		}
	}
	given = slices.Clone(given)
	for i := range given {
		c := &given[i]
		if len(c.Permissions) == 0 {
			return nil, fault.Stopf(fault.RequestInvalid, "access.appConsents: entry %d has no permissions", i+1)
		}
		if c.AppID == "" || strings.EqualFold(c.AppID, app.id) {
			c.AppID, c.DisplayName = app.id, first(c.DisplayName, app.name)
		}
		c.AppID = strings.ToLower(c.AppID)
	}
	return given, nil
}

// policyGrant stands for a change of the tenant's consent policy; none when it is not asked for.
func policyGrant(req events.Request) ([]account.Grant, error) {
	p := req.Access.ConsentPolicy
	switch {
	case p == nil:
		return nil, nil
	case p.Enabled == nil && p.Notify == nil && p.Remind == nil && len(p.Reviewers) == 0 && p.RequestExpiresDays == 0:
		return nil, fault.Stopf(fault.RequestInvalid, "access.consentPolicy says nothing: give enabled, reviewers, notify, remind or requestExpiresDays")
	case p.RequestExpiresDays < 0 || p.RequestExpiresDays > maxRequestDays:
		return nil, fault.Stopf(fault.RequestInvalid, "access.consentPolicy.requestExpiresDays is %d: a request waits 1 to %d days", p.RequestExpiresDays, maxRequestDays)
	}
	for _, r := range p.Reviewers {
		if err := checkReviewer(r); err != nil {
			return nil, err
		}
	}
	return []account.Grant{{Kind: account.ConsentPolicySetting, Target: account.ConsentRequestPolicy, Name: "the admin consent request policy"}}, nil
}

// maxRequestDays is the most that the Entra admin centre takes (source: Microsoft Entra,
// Configure the admin consent workflow).
const maxRequestDays = 60

// checkReviewer refuses what cannot be looked up in any tenant.
func checkReviewer(text string) error {
	kind, name, prefixed := strings.Cut(text, ":")
	if !prefixed {
		kind, name = "", text
	}
	switch _, _, role := Role(name); {
	case strings.TrimSpace(name) == "":
		return fault.Stopf(fault.RequestInvalid, "access.consentPolicy.reviewers: %q names nobody", text)
	case kind == "role" && !role:
		return fault.Stopf(fault.UnknownRole, "access.consentPolicy.reviewers: Usher knows no directory role %q", name)
	case kind != "" && kind != "user" && kind != "group" && kind != "role":
		return fault.Stopf(fault.RequestInvalid, "access.consentPolicy.reviewers: %q begins with none of user:, group: and role:", text)
	case kind == "" && guid.MatchString(name):
		return fault.Stopf(fault.RequestInvalid, "access.consentPolicy.reviewers: write user:%s, group:%s or role:%s", name, name, name)
	}
	return nil
}

// consentSteps are the steps that give consents: the tenant's policy first, then one for
// each application.
func consentSteps(names namer, grants []account.Grant, c account.Connection, asked *events.ConsentPolicy) (steps []account.Step) {
	if asked != nil {
		steps = append(steps, newStep(names.name("", events.PartConsentPolicy), events.GrantConsent,
			"Set the admin consent request policy", events.GrantConsentArgs{Part: events.PartConsentPolicy, Policy: asked}))
	}
	for _, g := range grants {
		if g.Kind != account.Application {
			continue
		}
		args := events.GrantConsentArgs{AppID: g.Target, App: g.Name, Permissions: permissionsOf(grants, g.Target)}
		title := "Consent to " + g.Name
		if c.ConsentMethod == account.ConsentLink {
			args.Method, title = events.ConsentLink, "Have an administrator consent to "+g.Name
		}
		if len(args.Permissions) > 0 {
			steps = append(steps, newStep(names.name("grantconsent-", g.Name), events.GrantConsent, title, args))
		}
	}
	return steps
}

// permissionsOf are the permissions of one application.
func permissionsOf(grants []account.Grant, appID string) (all []events.AppPermission) {
	for _, g := range grants {
		if id, right, ok := g.Kind.ParseTarget(g.Target); ok && strings.EqualFold(id, appID) {
			all = append(all, events.AppPermission(right))
		}
	}
	return all
}

// revokeConsents withdraws each permission, then puts back who may use the application (it
// was for chosen users, and must not be for everybody while it holds anything), removes the
// applications that are ours (unless they are to stay known), and puts the tenant's consent
// policy back. What was not looked for before may have been there before us, and stays.
func revokeConsents(names namer, acc account.Account, keepApplications bool) (steps []account.Step) {
	for _, part := range []events.RevokePart{events.RevokeAppRole, events.RevokeScope, events.RevokeTargets, events.RevokeApplication, events.RevokeConsentPolicy} {
		if part == events.RevokeApplication && keepApplications {
			continue
		}
		steps = append(steps, revokeGrants(names, acc, account.GrantKind(part), part)...)
	}
	return steps
}

// isConsent tells the kinds that are given by consent.
func isConsent(k account.GrantKind) bool {
	switch k {
	case account.Application, account.AppRole, account.Scope, account.ConsentPolicySetting:
		return true
	}
	return false
}

// policyAgain is what a restoration asks of the consent policy: what it was set to. Nil
// when it was not set, or left as somebody else had set it.
func policyAgain(acc account.Account) *events.ConsentPolicy {
	g := acc.Grant(account.ConsentPolicySetting, account.ConsentRequestPolicy)
	if g == nil || !g.Ours || acc.PolicyChange == nil {
		return nil
	}
	set := acc.PolicyChange.Set
	again := &events.ConsentPolicy{Enabled: &set.Enabled, Notify: &set.Mails, Remind: &set.Reminders, RequestExpiresDays: set.Days}
	for _, r := range set.Reviewers {
		if r.Kind != account.ReviewerOther {
			again.Reviewers = append(again.Reviewers, string(r.Kind)+":"+r.ID)
		}
	}
	return again
}
