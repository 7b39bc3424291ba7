package events

// GrantConsentArgs are the arguments of grantconsent.
type GrantConsentArgs struct {
	// AppID is the application (client) id, and App what people call it.
	AppID string `json:"appId"`
	App   string `json:"app"`
	// Permissions are all that it shall have, for every user.
	Permissions []AppPermission `json:"permissions"`
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
// roles: each permission, and last the application, if it is ours. RevokeArgs.Target is
// the grant's.
const (
	RevokeAppRole     RevokePart = "approle"
	RevokeScope       RevokePart = "scope"
	RevokeApplication RevokePart = "application"
)
