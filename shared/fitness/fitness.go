// Package fitness says, before any work starts, whether a service account would be able
// to sign in and do its job: what in the tenant would stop it, by name, and what to do
// about it. It is pure. Package entra reads the [Facts]; the profile of a request gives
// the [Needs]; [Evaluate] compares.
//
// Who wires it puts the findings on the ticket, and does with blocking ones what the
// profile says: warn, park, or exclude the account from the policies named.
package fitness

import (
	"strings"

	"github.com/usher365/usher/shared/account"
)

// Facts are what a tenant would do with an account. A part that could not be read is
// zero and named in Missing.
type Facts struct {
	Account Account
	Domains []account.Domain
	// SecurityDefaults is true when the tenant's security defaults are on.
	SecurityDefaults bool
	// Policies are the tenant's Conditional Access policies, of whatever state.
	Policies []Policy
	// Missing are the parts that could not be read.
	Missing []Missing
}

// Account is the account that is to sign in.
type Account struct {
	// ObjectID is empty for an account that is not made yet.
	ObjectID          string
	UserPrincipalName string
	// Enabled is false when sign-in is blocked. It says nothing of an account that is not made yet.
	Enabled bool
	// Synced is true for an account mastered in on-premises Active Directory.
	Synced bool
	// Roles are the template ids of the directory roles it holds, Groups the object ids
	// of the groups it is in, also through other groups. Dynamic groups that a new
	// account will fall into cannot be foreseen.
	Roles, Groups []string
	// PerUserMFA is the legacy setting: disabled, enabled or enforced; empty means disabled.
	PerUserMFA string
	// Plans are the names of the service plans it is licensed for, such as EXCHANGE_S_ENTERPRISE.
	Plans []string
}

// PartPolicies is the Part of Missing that stands for the Conditional Access policies.
const PartPolicies = "the Conditional Access policies"

// Missing is a part of the facts that could not be read.
type Missing struct {
	// Part says what, such as PartPolicies.
	Part string
	// Why is the reason in words, with what to grant.
	Why string
}

// Needs are what the product does with the account.
type Needs struct {
	// Unattended is true when nobody is there to answer a second factor.
	Unattended bool
	// Roles are the template ids of the directory roles that it is going to hold.
	Roles []string
	// Applications are the ids of the applications that it signs in to. Empty means that
	// nobody knows, so that a policy for any application counts.
	Applications []string
	// Clients are the kinds of client it signs in with. Empty means Browser and Modern.
	Clients []Client
	// AdminPortals is true when it works in the Azure portal or an admin centre.
	AdminPortals bool
	// Plans are what it must be licensed for; none for an unlicensed account.
	Plans []Plan
	// AppIdentity says whether the product could sign in as an application instead.
	AppIdentity AppIdentity
}

// Client is a kind of client, as Conditional Access tells them apart (reference:
// Microsoft Graph, conditionalAccessConditionSet, clientAppTypes).
type Client string

// The kinds of client. ActiveSync and Other are legacy authentication.
const (
	Browser    Client = "browser"
	Modern     Client = "mobileAppsAndDesktopClients"
	ActiveSync Client = "exchangeActiveSync"
	Other      Client = "other"
)

func (c Client) legacy() bool { return c == ActiveSync || c == Other }

func (c Client) words() string {
	switch c {
	case Browser:
		return "a browser"
	case Modern:
		return "modern authentication"
	case ActiveSync:
		return "Exchange ActiveSync"
	}
	return "legacy authentication"
}

// Plan is a service that the account must be licensed for.
type Plan struct {
	// For says what needs it, such as "a mailbox".
	For string
	// AnyOf are the names of the service plans of which one will do.
	AnyOf []string
}

// AppIdentity says whether a vendor's product can sign in as an application.
type AppIdentity string

// What is known of a product.
const (
	// AppUnknown is what nobody has found out.
	AppUnknown AppIdentity = ""
	// AppAccepted is a product that offers it.
	AppAccepted AppIdentity = "accepted"
	// AppOnly is a product that signs in as an application already.
	AppOnly AppIdentity = "only"
	// AppRefused is a product that takes a user name and a password only.
	AppRefused AppIdentity = "refused"
)

// Severity says how bad a finding is.
type Severity string

// The severities, worst first.
const (
	// Blocking stops the account from signing in or doing its job.
	Blocking Severity = "blocking"
	// Warning may stop it, under a condition that the finding names.
	Warning Severity = "warning"
	// Note is worth knowing.
	Note Severity = "note"
)

// Code names a kind of finding.
type Code string

// The kinds of finding.
const (
	SecurityDefaults     Code = "security-defaults"
	ConditionalAccess    Code = "conditional-access"
	PerUserMFA           Code = "per-user-mfa"
	MandatoryMFA         Code = "mandatory-mfa"
	LegacyAuthentication Code = "legacy-authentication"
	SignInBlocked        Code = "sign-in-blocked"
	DomainFederated      Code = "domain-federated"
	DomainNotVerified    Code = "domain-not-verified"
	LicenceMissing       Code = "licence-missing"
	NotRead              Code = "not-read"
	UseAppIdentity       Code = "app-identity"
)

// Finding is one thing that an administrator should know.
type Finding struct {
	Code     Code
	Severity Severity
	// Policy is the id of the Conditional Access policy; empty for other kinds.
	Policy string
	// Text says what was found, in words for an administrator.
	Text string
	// Remedy says what to do about it.
	Remedy string
}

// domainOf gives the part of a user principal name behind the @, in lower case.
func domainOf(userPrincipalName string) string {
	_, domain, _ := strings.Cut(userPrincipalName, "@")
	return strings.ToLower(domain)
}
