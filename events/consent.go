package events

// AppConsent asks for permissions of an application at one API. An entry without
// permissions says only which application the profile's permissions are for.
type AppConsent struct {
	// AppID is the application (client) id; empty means the profile's, or the tenant's
	// own one for the profile.
	AppID string `json:"appId,omitempty"`
	// DisplayName is what people call the application.
	DisplayName string `json:"displayName,omitempty"`
	// Resource is the API, by name or application id; empty means Microsoft Graph.
	Resource string `json:"resource,omitempty"`
	// Permissions are the API's names for them.
	Permissions []string `json:"permissions,omitempty"`
	// Type is application (the default) or delegated.
	Type string `json:"type,omitempty"`
}

// ConsentPolicy is what the tenant's admin consent request policy shall be: whether
// users may ask an administrator for a consent, and who hears of it. What is left out
// stays as it is in the tenant.
type ConsentPolicy struct {
	Enabled *bool `json:"enabled,omitempty"`
	// Reviewers are added to those there are: users by user principal name, directory
	// roles and groups by name, each by id with user:, role: or group: before it.
	Reviewers []string `json:"reviewers,omitempty"`
	// Notify mails the reviewers of a request, Remind of one that is about to expire.
	Notify *bool `json:"notify,omitempty"`
	Remind *bool `json:"remind,omitempty"`
	// RequestExpiresDays is how long a request waits for its decision, 1 to 60 days;
	// zero leaves it.
	RequestExpiresDays int `json:"requestExpiresDays,omitempty"`
}
