package profile

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// Fitness says what the product does with its account, so that what would stop it is
// found before any work starts.
type Fitness struct {
	// Mode says what follows a finding that would stop the account. Empty means warn.
	Mode  FitnessMode  `yaml:"mode,omitempty" json:"mode,omitempty"`
	Needs FitnessNeeds `yaml:"needs,omitempty" json:"needs,omitzero"`
	// Notes are conditions that break the product although every step succeeds.
	Notes []string `yaml:"notes,omitempty" json:"notes,omitempty"`
}

// Asked reports whether the profile says anything about fitness.
func (f Fitness) Asked() bool { return !reflect.ValueOf(f).IsZero() }

// FitnessMode says what follows a finding that would stop the account.
type FitnessMode string

const (
	// FitnessWarn says so on the ticket and goes on.
	FitnessWarn FitnessMode = "warn"
	// FitnessPark waits for a person.
	FitnessPark FitnessMode = "park"
	// FitnessExclude asks to have the account excluded from the Conditional Access
	// policies that catch it, with an approval, and waits for what no exclusion cures.
	FitnessExclude FitnessMode = "exclude"
)

// FitnessNeeds are what the product does with its account.
type FitnessNeeds struct {
	// Attended is true when somebody is there to answer a second factor.
	Attended bool `yaml:"attended,omitempty" json:"attended,omitempty"`
	// Applications are the ids of the applications it signs in to. Empty means that
	// nobody knows, so that a policy for any application counts.
	Applications []string `yaml:"applications,omitempty" json:"applications,omitempty"`
	// Clients are browser, mobileAppsAndDesktopClients, exchangeActiveSync and other.
	// Empty means the first two.
	Clients []string `yaml:"clients,omitempty" json:"clients,omitempty"`
	// AdminPortals is true when it works in the Azure portal or an admin centre.
	AdminPortals bool `yaml:"adminPortals,omitempty" json:"adminPortals,omitempty"`
	// Plans are what the account must be licensed for; none for an unlicensed account.
	Plans []ServicePlan `yaml:"plans,omitempty" json:"plans,omitempty"`
	// AppIdentity says whether the product can sign in as an application instead:
	// accepted, only, refused; empty when nobody has found out.
	AppIdentity string `yaml:"appIdentity,omitempty" json:"appIdentity,omitempty"`
}

// ServicePlan is a service that the account must be licensed for.
type ServicePlan struct {
	// For says what needs it, such as "a mailbox".
	For string `yaml:"for" json:"for"`
	// AnyOf are the names of the service plans of which one will do.
	AnyOf []string `yaml:"anyOf" json:"anyOf"`
}

// FitnessArgs gives the arguments of the fitness check of a planned account.
func FitnessArgs(p Profile, req events.Request, acc account.Account, synced bool) events.CheckFitnessArgs {
	n := p.Fitness.Needs
	args := events.CheckFitnessArgs{
		Part: events.FitnessCheck, Mode: first(string(p.Fitness.Mode), string(FitnessWarn)), Excludes: Excludes(p, req),
		UserPrincipalName: acc.UserPrincipalName, Existing: acc.Origin == account.Adopted, Synced: synced,
		Needs: events.FitnessNeeds{
			Unattended: !n.Attended, Applications: n.Applications, Clients: n.Clients, AdminPortals: n.AdminPortals, AppIdentity: n.AppIdentity,
		},
	}
	for _, plan := range n.Plans {
		args.Needs.Plans = append(args.Needs.Plans, events.FitnessPlan(plan))
	}
	for _, g := range acc.Grants {
		if g.Kind == account.DirectoryRole {
			args.Needs.Roles = append(args.Needs.Roles, g.Target)
		}
	}
	return args
}

// mfaExcluded is the account.mfa that asks for an exclusion.
const mfaExcluded = "excluded"

// Excludes reports whether the request, or its profile, asks to have the account excluded
// from the Conditional Access policies that catch it.
func Excludes(p Profile, req events.Request) bool {
	return req.Account.MFA == mfaExcluded || p.Fitness.Mode == FitnessExclude
}

// The names of the steps that look whether the account will do, and that exclude it
// from what would stop it.
const (
	StepFitness = "checkfitness"
	stepExclude = "exclude"
)

// withFitness puts the check before the steps of an account, and the exclusion, where it
// is asked for, behind those that make or adopt it. The grant stands for what is asked
// until the step knows the policies.
func withFitness(acc *account.Account, args events.CheckFitnessArgs, steps []account.Step) []account.Step {
	check := newStep(StepFitness, events.CheckFitness, "Check the fitness of "+args.UserPrincipalName, args)
	if args.Excludes {
		acc.Grants = append(acc.Grants, account.Grant{
			Kind: account.Exclusion, Target: account.EveryPolicy, Name: "the Conditional Access policies that catch it", State: account.GrantPlanned, Ours: true,
		})
		made := slices.IndexFunc(steps, func(s account.Step) bool { return s.Function != events.Create })
		if made < 0 {
			made = len(steps)
		}
		steps = slices.Insert(steps, made, excludeStep(args))
	}
	return append([]account.Step{check}, steps...)
}

func excludeStep(args events.CheckFitnessArgs) account.Step {
	args.Part = events.FitnessExclude
	return newStep(stepExclude, events.CheckFitness, "Exclude "+args.UserPrincipalName+" from the policies that catch it", args)
}

var (
	fitnessModes  = []FitnessMode{"", FitnessWarn, FitnessPark, FitnessExclude}
	clientKinds   = []string{"browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "other"}
	appIdentities = []string{"", "accepted", "only", "refused"}
)

// validate checks what the strict decoder cannot see.
func (f Fitness) validate() error {
	var bad []error
	if !slices.Contains(fitnessModes, f.Mode) {
		bad = append(bad, fmt.Errorf("fitness.mode %q: use warn, park or exclude", f.Mode))
	}
	for _, c := range f.Needs.Clients {
		if !slices.Contains(clientKinds, c) {
			bad = append(bad, fmt.Errorf("fitness.needs.clients %q: use browser, mobileAppsAndDesktopClients, exchangeActiveSync or other", c))
		}
	}
	if !slices.Contains(appIdentities, f.Needs.AppIdentity) {
		bad = append(bad, fmt.Errorf("fitness.needs.appIdentity %q: use accepted, only or refused, or leave it out", f.Needs.AppIdentity))
	}
	for _, p := range f.Needs.Plans {
		if p.For == "" || len(p.AnyOf) == 0 {
			bad = append(bad, errors.New("fitness.needs.plans: each names what it is for, and in anyOf the service plans of which one will do"))
		}
	}
	return errors.Join(bad...)
}

// endExclusions takes the account out of the policies' exclusions that are ours.
func endExclusions(names namer, acc account.Account) (steps []account.Step) {
	for _, g := range acc.Grants {
		if g.Kind != account.Exclusion || g.Target == account.EveryPolicy || g.State == account.GrantTaken || !g.Ours {
			continue
		}
		steps = append(steps, newStep(names.name("revoke-exclusion-", g.Name), events.Revoke,
			"End the exclusion from "+g.Name, events.RevokeArgs{Part: events.RevokeExclusion, Target: g.Target, Name: g.Name}))
	}
	return steps
}

// excludeAgain gives back the exclusions that an account had.
func excludeAgain(acc account.Account, ours []account.Grant) []account.Step {
	args := events.CheckFitnessArgs{Mode: string(FitnessWarn), Excludes: true, UserPrincipalName: acc.UserPrincipalName, Existing: true}
	for _, g := range ours {
		if g.Kind == account.Exclusion && g.Target != account.EveryPolicy {
			args.Policies = append(args.Policies, g.Target)
		}
	}
	if len(args.Policies) == 0 {
		return nil
	}
	return []account.Step{excludeStep(args)}
}
