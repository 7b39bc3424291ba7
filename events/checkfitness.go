package events

// FitnessPart is one part of the function checkfitness.
type FitnessPart string

const (
	// FitnessCheck looks whether the account would be able to sign in and do its job.
	FitnessCheck FitnessPart = "check"
	// FitnessExclude excludes the account from the Conditional Access policies that catch it.
	FitnessExclude FitnessPart = "exclude"
)

// CheckFitnessArgs are the arguments of checkfitness.
type CheckFitnessArgs struct {
	// Part is what to do; empty means FitnessCheck.
	Part FitnessPart `json:"part,omitempty"`
	// Mode says what follows a finding that would stop the account: warn goes on, park
	// waits for a person, exclude waits only for what no exclusion cures.
	Mode string `json:"mode"`
	// Policies are the ids of the policies to exclude from; empty means those that would
	// stop the account.
	Policies []string `json:"policies,omitempty"`
	// Excludes is true when the plan has a step of part FitnessExclude.
	Excludes          bool   `json:"excludes,omitempty"`
	UserPrincipalName string `json:"userPrincipalName"`
	// Existing is true for an account that was there before the request, Synced for one
	// mastered in on-premises Active Directory.
	Existing bool         `json:"existing,omitempty"`
	Synced   bool         `json:"synced,omitempty"`
	Needs    FitnessNeeds `json:"needs"`
}

// FitnessNeeds are what the product does with the account.
type FitnessNeeds struct {
	// Unattended is true when nobody is there to answer a second factor.
	Unattended bool `json:"unattended,omitempty"`
	// Roles are the template ids of the directory roles it is going to hold.
	Roles []string `json:"roles,omitempty"`
	// Applications are the ids of the applications it signs in to; empty when nobody knows.
	Applications []string `json:"applications,omitempty"`
	// Clients are kinds of client in Conditional Access' words; empty means a browser and
	// modern authentication.
	Clients []string `json:"clients,omitempty"`
	// AdminPortals is true when it works in an admin centre.
	AdminPortals bool          `json:"adminPortals,omitempty"`
	Plans        []FitnessPlan `json:"plans,omitempty"`
	// AppIdentity says whether the product can sign in as an application: accepted, only,
	// refused, or empty when nobody knows.
	AppIdentity string `json:"appIdentity,omitempty"`
}

// FitnessPlan is a service that the account must be licensed for.
type FitnessPlan struct {
	// For says what needs it, such as "a mailbox".
	For string `json:"for"`
	// AnyOf are names of service plans of which one will do.
	AnyOf []string `json:"anyOf"`
}

// StatusFinding is one thing found by the fitness check.
type StatusFinding struct {
	// Code names the kind, such as security-defaults; docs/fitness.md lists them.
	Code string `json:"code"`
	// Severity is blocking, warning or note.
	Severity string `json:"severity"`
	Text     string `json:"text"`
	// Remedy says what to do about it; empty when there is nothing to do.
	Remedy string `json:"remedy,omitempty"`
}

// The part of a revocation that takes the account out of a policy's exclusions, after
// the roles. RevokeArgs.Target is the policy's id.
const RevokeExclusion RevokePart = "exclusion"

// RevokeFederation is the first part of a revocation where a federated domain depends on
// the account: it goes on only when none does any more, and takes nothing away itself.
const RevokeFederation RevokePart = "federation"
