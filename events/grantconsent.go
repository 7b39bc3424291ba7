package events

// The ways of consent, of GrantConsentArgs.Method.
const (
	// ConsentDirect gives the permissions itself.
	ConsentDirect = "direct"
	// ConsentLink has an administrator of the tenant give them on Microsoft's page.
	ConsentLink = "link"
)

// PartConsentPolicy is GrantConsentArgs.Part of the step that sets the tenant's admin
// consent request policy.
const PartConsentPolicy = "consentpolicy"

// GrantConsentArgs are the arguments of grantconsent.
type GrantConsentArgs struct {
	// Part is empty for the consent to an application, else PartConsentPolicy.
	Part string `json:"part,omitempty"`
	// Method is ConsentDirect, which empty means too, or ConsentLink.
	Method string `json:"method,omitempty"`
	// AppID is the application (client) id, and App what people call it.
	AppID string `json:"appId,omitempty"`
	App   string `json:"app,omitempty"`
	// Permissions are all that it shall have, for every user.
	Permissions []AppPermission `json:"permissions,omitempty"`
	// Policy is what the consent policy shall be; of PartConsentPolicy only.
	Policy *ConsentPolicy `json:"policy,omitempty"`
}

// AppPermission is a permission of an API, by the API's name for it.
type AppPermission struct {
	// Resource is the application id of the API.
	Resource string `json:"resource"`
	Name     string `json:"name"`
	// Delegated is true for a permission on behalf of users.
	Delegated bool `json:"delegated,omitempty"`
}

// The parts of a revocation that withdraw a consent, between the role groups and the
// roles: each permission, then the application, if it is ours, and last the tenant's
// consent policy, which is put back. RevokeArgs.Target is the grant's.
const (
	RevokeAppRole       RevokePart = "approle"
	RevokeScope         RevokePart = "scope"
	RevokeApplication   RevokePart = "application"
	RevokeConsentPolicy RevokePart = "consentpolicy"
)
