package events

import "time"

// Request is the canonical request a ticketing system posts. Its contract is
// schemas/request.v1.schema.json; a zero field means that the profile decides.
type Request struct {
	Schema    string    `json:"schema"`
	RequestID string    `json:"requestId,omitempty"`
	Action    string    `json:"action"`
	Rerun     int       `json:"rerun,omitempty"`
	Tenant    TenantRef `json:"tenant"`
	Profile   string    `json:"profile,omitempty"`
	Account   Account   `json:"account,omitzero"`
	Access    Access    `json:"access,omitzero"`
	Lifetime  Lifetime  `json:"lifetime,omitzero"`
	Offboard  *Offboard `json:"offboard,omitempty"`
	Delivery  *Delivery `json:"delivery,omitempty"`
	Owner     Person    `json:"owner,omitzero"`
	Reason    string    `json:"reason,omitempty"`
	Ticket    Ticket    `json:"ticket"`
	Approval  *Approval `json:"approval,omitempty"`
	// SentBy is the person who sent the document, where another than the requester did:
	// 'usher request' gives it.
	SentBy string `json:"sentBy,omitempty"`
}

// TenantRef names a configured tenant by alias, id or domain; what is given must agree.
type TenantRef struct {
	Alias  string `json:"alias,omitempty"`
	ID     string `json:"id,omitempty"`
	Domain string `json:"domain,omitempty"`
	Cloud  string `json:"cloud,omitempty"`
}

// Account says which account. Mode is create, existing, synced, or application: then an
// application signs in by an administrator's consent, and there is no account.
type Account struct {
	Mode          string    `json:"mode,omitempty"`
	UserName      string    `json:"userName,omitempty"`
	Domain        string    `json:"domain,omitempty"`
	GivenName     string    `json:"givenName,omitempty"`
	Surname       string    `json:"surname,omitempty"`
	DisplayName   string    `json:"displayName,omitempty"`
	UsageLocation string    `json:"usageLocation,omitempty"`
	Licenses      []string  `json:"licenses,omitempty"`
	Password      *Password `json:"password,omitempty"`
	MFA           string    `json:"mfa,omitempty"`
}

// Password says how the password is made; it never carries one.
type Password struct {
	Generate     *bool `json:"generate,omitempty"`
	ForceChange  *bool `json:"forceChange,omitempty"`
	NeverExpires *bool `json:"neverExpires,omitempty"`
	// Reference is where in a vault a password lies that the requester brings.
	Reference string `json:"reference,omitempty"`
}

// Access lists rights beyond (or instead of) the profile's.
type Access struct {
	DirectoryRoles     []string       `json:"directoryRoles,omitempty"`
	ExchangeRoleGroups []string       `json:"exchangeRoleGroups,omitempty"`
	AppConsents        []AppConsent   `json:"appConsents,omitempty"`
	ConsentPolicy      *ConsentPolicy `json:"consentPolicy,omitempty"`
	Scope              *Scope         `json:"scope,omitempty"`
	ReadOnly           *bool          `json:"readOnly,omitempty"`
}

// Scope is who the vendor may read: all, or selected users and groups.
type Scope struct {
	Mode   string   `json:"mode"`
	Users  []string `json:"users,omitempty"`
	Groups []string `json:"groups,omitempty"`
	// PrimaryUser is the user principal name whom the product works as, or asks first.
	PrimaryUser string `json:"primaryUser,omitempty"`
}

// Lifetime bounds the account's life.
type Lifetime struct {
	StartsAt  time.Time `json:"startsAt,omitzero"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	ReviewAt  time.Time `json:"reviewAt,omitzero"`
	Hold      *Hold     `json:"hold,omitempty"`
	// FederatedDomains are domains whose sign-in depends on the account: while one is
	// federated, the account is not taken away.
	FederatedDomains []string `json:"federatedDomains,omitempty"`
}

// Hold refuses offboarding for a reason.
type Hold struct {
	Reason string    `json:"reason"`
	Until  time.Time `json:"until,omitzero"`
}

// Offboard says how an account goes. A nil flag means yes, but for Force.
type Offboard struct {
	// Mode is delete (default) or disable.
	Mode string `json:"mode,omitempty"`
	// GraceDays is the time between disabling and deleting. Zero deletes at once.
	GraceDays       int   `json:"graceDays,omitempty"`
	RemoveRoles     *bool `json:"removeRoles,omitempty"`
	RemoveRoleGroup *bool `json:"removeRoleGroups,omitempty"`
	RevokeConsents  *bool `json:"revokeConsents,omitempty"`
	RevokeSessions  *bool `json:"revokeSessions,omitempty"`
	// Purge deletes for good after the soft delete; it cannot be undone.
	Purge bool `json:"purge,omitempty"`
	// Force overrides a hold.
	Force bool `json:"force,omitempty"`
}

// Delivery says how the password is handed over.
type Delivery struct {
	Method     string   `json:"method"`
	Recipients []string `json:"recipients,omitempty"`
}

// Person is somebody to ask.
type Person struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Team  string `json:"team,omitempty"`
}

// Ticket is where the request came from.
type Ticket struct {
	System    string `json:"system"`
	Account   string `json:"account,omitempty"`
	ID        string `json:"id"`
	Key       string `json:"key,omitempty"`
	URL       string `json:"url,omitempty"`
	Revision  string `json:"revision,omitempty"`
	Requester Person `json:"requester,omitzero"`
}

// Approval is a claim by the ticketing system that somebody approved. It counts when
// the configuration trusts the webhook's source with it; otherwise it is only recorded.
type Approval struct {
	ApprovedBy string    `json:"approvedBy"`
	ApprovedAt time.Time `json:"approvedAt,omitzero"`
	Reference  string    `json:"reference,omitempty"`
}
