package profile

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/lifetime"
)

// StepCreate is the name of the step that makes or adopts the account.
const StepCreate = "create"

// Planned is what a request comes to.
type Planned struct {
	// Account is the row to be: without ID, RequestID and CreatedAt, which intake gives.
	Account account.Account
	Steps   []account.Step
	// OnFailure is the profile's policy.
	OnFailure account.FailurePolicy
}

// Plan turns an onboard or modify request into its steps. It is pure; a refusal is
// a permanent fault that names the field. A zero profile stands for a request
// without one.
//
// What the request gives wins over the profile. That holds for lists too: a list
// that is given, even an empty one, replaces the profile's, so that nobody gets a
// right that the request left out.
func Plan(p Profile, req events.Request, t account.Tenant, now time.Time) (Planned, error) {
	if err := checkModify(req); err != nil {
		return Planned{}, err
	}
	if err := checkSupported(p, req); err != nil {
		return Planned{}, err
	}
	mode, err := modeOf(p, req)
	if err != nil {
		return Planned{}, err
	}
	args, err := createArgs(p, req, t, mode)
	if err != nil {
		return Planned{}, err
	}
	grants, err := grantsOf(p, req, t, mode)
	if err != nil {
		return Planned{}, err
	}
	terms, err := lifetime.Of(req.Lifetime, lifetime.Defaults{Days: p.Lifetime.Days, ReviewDays: p.Lifetime.ReviewDays}, now)
	if err != nil {
		return Planned{}, err
	}
	acc := account.Account{
		Tenant: t.ID, UserPrincipalName: args.UserPrincipalName(), Origin: account.Created, Profile: p.Name,
		Owner: account.Owner(req.Owner), Grants: grants, State: account.AccountPlanned,
	}
	connect(&acc, p, t, mode)
	terms.Write(&acc)
	acc.Life.GraceDays = p.Lifetime.GraceDays
	if args.Adopt {
		acc.Origin = account.Adopted
	}
	if args.OnPremises != nil {
		acc.OnPremises.Domain = t.ActiveDirectory.BaseDN
	}
	if err := hold(&acc, p, req, t); err != nil {
		return Planned{}, err
	}
	aimed, err := aim(&acc, p, req)
	if err != nil {
		return Planned{}, err
	}
	if err := passwordOf(p, req, t, &args, &acc); err != nil {
		return Planned{}, err
	}
	steps := append(grantSteps(grants, acc, req.Access.ConsentPolicy), aimed...)
	if mode != Connected {
		steps = withFitness(&acc, FitnessArgs(p, req, acc, mode == Synced), append(createSteps(args), steps...))
		steps = append(steps, handoverSteps(acc.Delivery, acc.UserPrincipalName)...)
	}
	steps[0].Delay = terms.Delay(now)
	return Planned{Account: acc, Steps: steps, OnFailure: policyOf(p)}, nil
}

// UserPrincipalName gives the account a request is about, by the same rules as Plan.
func UserPrincipalName(p Profile, req events.Request, t account.Tenant) (string, error) {
	name := first(req.Account.UserName, p.Account.UserName)
	if connects(p, req) {
		name = first(name, p.Name)
	}
	if err := checkUserName(name); err != nil {
		return "", fault.Stop(fault.NameInvalid, err)
	}
	domain, err := domainOf(req, t)
	if err != nil {
		return "", err
	}
	return name + "@" + domain, nil
}

func policyOf(p Profile) account.FailurePolicy {
	return account.FailurePolicy(first(string(p.OnFailure), string(account.Compensate)))
}

// modeOf says how to come by the account: a modify is for one that exists.
func modeOf(p Profile, req events.Request) (Mode, error) {
	mode := Mode(req.Account.Mode)
	modify := req.Action == string(account.Modify)
	switch {
	case mode == "" && modify:
		mode = Existing
	case mode == "":
		mode = p.modes()[0]
	}
	if !p.allows(mode) {
		return "", fault.Stopf(fault.RequestInvalid, "account.mode %s: profile %s does not allow it", mode, p.Name)
	}
	if err := checkMode(mode, req); err != nil {
		return "", err
	}
	return mode, nil
}

func createArgs(p Profile, req events.Request, t account.Tenant, mode Mode) (events.CreateArgs, error) {
	upn, err := UserPrincipalName(p, req, t)
	if err != nil {
		return events.CreateArgs{}, err
	}
	if t.Protects(upn) {
		return events.CreateArgs{}, fault.Stopf(fault.AccountProtected, "%s is on the list of protected accounts of tenant %s", upn, t.Alias)
	}
	name, domain, _ := strings.Cut(upn, "@")
	a, d := req.Account, p.Account
	if mode == Existing {
		d = Account{} // the account has names of its own
	}
	args := events.CreateArgs{
		Adopt: mode == Existing, UserName: name, Domain: domain,
		GivenName: first(a.GivenName, d.GivenName), Surname: first(a.Surname, d.Surname),
		UsageLocation: first(a.UsageLocation, d.UsageLocation), PasswordNeverExpires: d.PasswordNeverExpires,
	}
	args.DisplayName = first(a.DisplayName, strings.TrimSpace(a.GivenName+" "+a.Surname), d.DisplayName, name)
	if a.Password != nil && a.Password.NeverExpires != nil {
		args.PasswordNeverExpires = *a.Password.NeverExpires
	}
	if mode == Synced {
		args.OnPremises, err = onPremisesArgs(p, req, t)
	}
	return args, err
}

func domainOf(req events.Request, t account.Tenant) (string, error) {
	initial := t.InitialDomain()
	switch {
	case initial == "":
		return "", fault.Stopf(fault.DomainNotVerified, "the domains of tenant %s are not configured", t.Alias)
	case req.Account.Domain == "":
		return initial, nil
	}
	domain, ok := find(t.Domains, req.Account.Domain)
	if !ok {
		return "", fault.Stopf(fault.DomainNotVerified, "account.domain %q is not one of the domains of tenant %s (%s)",
			req.Account.Domain, t.Alias, strings.Join(t.Domains, ", "))
	}
	return domain, nil
}

func createSteps(args events.CreateArgs) []account.Step {
	upn := args.UserPrincipalName()
	title := "Create " + upn
	if args.Adopt {
		title = "Adopt " + upn
	}
	return append([]account.Step{newStep(StepCreate, events.Create, title, args)}, awaitSync(args)...)
}

// grantSteps gives consents and roles first: Entra answers at once, Exchange makes us wait.
// A role is to end by itself when the account expires.
func grantSteps(grants []account.Grant, acc account.Account, asked *events.ConsentPolicy) (steps []account.Step) {
	names := namer{}
	steps = consentSteps(names, grants, acc.Connection, asked)
	for _, g := range grants {
		if g.Kind == account.DirectoryRole {
			steps = append(steps, newStep(names.name("assignrole-", g.Name), events.AssignRole,
				"Assign "+g.Name, events.AssignRoleArgs{RoleID: g.Target, Role: g.Name, Until: acc.ExpiresAt}))
		}
	}
	for _, g := range grants {
		if g.Kind == account.RoleGroup {
			steps = append(steps, newStep(names.name("grantrolegroup-", g.Name), events.GrantRoleGroup,
				"Grant "+g.Name, events.GrantRoleGroupArgs{RoleGroup: g.Target}))
		}
	}
	for _, g := range grants {
		if g.Kind == account.TargetUsers {
			steps = append(steps, newStep(StepTargets, events.AssignTargets, "Assign the "+g.Name, events.AssignTargetsArgs{Change: events.TargetsSync}))
		}
	}
	return steps
}

func newStep(name, function, title string, args any) account.Step {
	b, err := json.Marshal(args)
	if err != nil {
		// The argument types of package events hold strings and booleans only.
		panic("profile: arguments cannot be written: " + err.Error())
	}
	return account.Step{Name: name, Function: function, Title: title, Args: b, State: account.StepPending}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
