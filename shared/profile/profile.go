// Package profile knows the guides: which account a vendor's product wants, with
// which rights, for how long. It turns a request into a plan (which steps, with
// which arguments), a managed account into the steps that take it away again, and
// an offboarding into the steps that give it back. All of that is pure.
package profile

import (
	"github.com/usher365/usher/shared/account"
)

// Profile is one vendor guide as data: a YAML file. Every field of a request that
// is given wins over the profile.
type Profile struct {
	// Name is what requests say: lower-case letters, digits and dashes.
	Name   string `yaml:"name" json:"name"`
	Title  string `yaml:"title" json:"title"`
	Vendor string `yaml:"vendor" json:"vendor"`
	// Notes are what the vendor's guide tells an administrator, in our words.
	Notes    []string `yaml:"notes,omitempty" json:"notes,omitempty"`
	Account  Account  `yaml:"account" json:"account"`
	Access   Access   `yaml:"access" json:"access"`
	Lifetime Lifetime `yaml:"lifetime" json:"lifetime"`
	Delivery Delivery `yaml:"delivery,omitempty" json:"delivery,omitzero"`
	Rotation Rotation `yaml:"rotation,omitempty" json:"rotation,omitzero"`
	// OnFailure says what follows a step that failed for good. Empty means compensate.
	OnFailure account.FailurePolicy `yaml:"onFailure,omitempty" json:"onFailure,omitempty"`
	Approval  Approval              `yaml:"approval" json:"approval"`
	Fitness   Fitness               `yaml:"fitness,omitempty" json:"fitness,omitzero"`
	// Consent says which application access.appConsents is for, and how it is given.
	Consent Application `yaml:"consent,omitempty" json:"consent,omitzero"`
}

// Application is the vendor's application that an administrator consents to.
type Application struct {
	// AppID is the application (client) id, and DisplayName what people call it. A
	// request or the tenant's configuration may name another one.
	AppID       string `yaml:"appId,omitempty" json:"appId,omitempty"`
	DisplayName string `yaml:"displayName,omitempty" json:"displayName,omitempty"`
	// Method is how consent is given where the tenant's configuration does not say;
	// empty means direct.
	Method account.ConsentMethod `yaml:"method,omitempty" json:"method,omitempty"`
}

// Mode is how Usher comes by an account.
type Mode string

const (
	// Create makes a new account.
	Create Mode = "create"
	// Existing adopts an account that is there.
	Existing Mode = "existing"
	// Synced makes the account in on-premises Active Directory and waits until Entra
	// Connect has brought it to Entra.
	Synced Mode = "synced"
	// Connected is an application that signs in by consent: there is no account.
	Connected Mode = "application"
)

// Account says which account the product wants.
type Account struct {
	// Modes are the ways the guide allows; the first is the default. Empty allows
	// create and existing.
	Modes       []Mode `yaml:"modes,omitempty" json:"modes,omitempty"`
	UserName    string `yaml:"userName,omitempty" json:"userName,omitempty"`
	DisplayName string `yaml:"displayName,omitempty" json:"displayName,omitempty"`
	GivenName   string `yaml:"givenName,omitempty" json:"givenName,omitempty"`
	Surname     string `yaml:"surname,omitempty" json:"surname,omitempty"`
	// UsageLocation is an ISO 3166-1 alpha-2 code; empty leaves it unset.
	UsageLocation        string `yaml:"usageLocation,omitempty" json:"usageLocation,omitempty"`
	PasswordNeverExpires bool   `yaml:"passwordNeverExpires" json:"passwordNeverExpires"`
	// ActiveDirectory is for accounts of mode synced.
	ActiveDirectory ActiveDirectory `yaml:"activeDirectory,omitempty" json:"activeDirectory,omitzero"`
}

// ActiveDirectory says how an account is made in on-premises Active Directory.
type ActiveDirectory struct {
	// OU is the organizational unit, below the base of the tenant's domain or in full.
	// Empty takes the one of the tenant's configuration, and without that CN=Users.
	OU string `yaml:"ou,omitempty" json:"ou,omitempty"`
	// Attributes are further ones, by their names in LDAP. Names, flags, password and
	// memberships are not among them: the function create refuses those.
	Attributes map[string][]string `yaml:"attributes,omitempty" json:"attributes,omitempty"`
}

// Access is what the account may do.
type Access struct {
	Rights `yaml:",inline"`
	// ReadOnly replaces the rights when a request asks for access.readOnly. Nil means
	// that the product has no read-only use.
	ReadOnly *Rights `yaml:"readOnly,omitempty" json:"readOnly,omitempty"`
	// MaxTargets is how many users a connection may be limited to, those of groups
	// counted. Zero means account.MaxTargets.
	MaxTargets int `yaml:"maxTargets,omitempty" json:"maxTargets,omitempty"`
}

// Rights are directory roles, Exchange role groups and consents.
type Rights struct {
	DirectoryRoles     []RoleRef `yaml:"directoryRoles,omitempty" json:"directoryRoles,omitempty"`
	ExchangeRoleGroups []string  `yaml:"exchangeRoleGroups,omitempty" json:"exchangeRoleGroups,omitempty"`
	AppConsents        []Consent `yaml:"appConsents,omitempty" json:"appConsents,omitempty"`
}

// RoleRef names a directory role twice, so that a slip in either shows.
type RoleRef struct {
	Name string `yaml:"name" json:"name"`
	// ID is the role's template id.
	ID string `yaml:"id" json:"id"`
}

// Consent is what an application may do at one resource.
type Consent struct {
	Resource string `yaml:"resource" json:"resource"`
	// Type is application or delegated.
	Type string `yaml:"type" json:"type"`
	// Permissions are the resource's names for them.
	Permissions []string `yaml:"permissions" json:"permissions"`
}

// Lifetime bounds the account's life when the request does not.
type Lifetime struct {
	// Days until the account expires. Zero means no end.
	Days int `yaml:"days" json:"days"`
	// ReviewDays is how long after its start the owner is asked whether the account is
	// still needed. Zero means never.
	ReviewDays int `yaml:"reviewDays,omitempty" json:"reviewDays,omitempty"`
	// GraceDays is how long an expired account stays disabled before it is deleted. Zero
	// deletes it at once.
	GraceDays int `yaml:"graceDays,omitempty" json:"graceDays,omitempty"`
	// HoldWhileFederated keeps the account from being taken away while a domain of the
	// tenant, or one that the request names, is federated.
	HoldWhileFederated bool `yaml:"holdWhileFederated,omitempty" json:"holdWhileFederated,omitempty"`
}

// Approval says what a person has to agree to, beside what the policy asks for.
type Approval struct {
	// Roles are names or template ids of directory roles.
	Roles []string `yaml:"roles,omitempty" json:"roles,omitempty"`
}

// Approves reports whether the guide itself wants a person's word for a directory role.
func (p Profile) Approves(roleID string) bool {
	for _, r := range p.Approval.Roles {
		if id, _, ok := Role(r); ok && id == roleID {
			return true
		}
	}
	return false
}

// allows reports whether the guide knows this way to come by an account.
func (p Profile) allows(m Mode) bool {
	for _, allowed := range p.modes() {
		if allowed == m {
			return true
		}
	}
	return false
}

func (p Profile) modes() []Mode {
	if len(p.Account.Modes) == 0 {
		return []Mode{Create, Existing}
	}
	return p.Account.Modes
}
