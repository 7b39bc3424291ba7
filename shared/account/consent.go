package account

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ServicePrincipal is an application as one tenant knows it, or an API of Microsoft.
type ServicePrincipal struct {
	ObjectID, AppID, DisplayName string
	// Permissions are the ids of the application permissions it offers, by name.
	Permissions map[string]string
	// Scopes are the ids of the delegated permissions it offers, by name.
	Scopes map[string]string
	// Disabled is true when nobody can sign in to it, and it can sign in nowhere.
	Disabled bool
	// AssignmentRequired is true when only assigned users and applications may use it.
	AssignmentRequired bool
	// UserRole is the id of the role that users are assigned with: the first it offers to
	// users, by name, or NoAppRole.
	UserRole string
}

// AppGrant is an application permission that a service principal holds.
type AppGrant struct {
	ID string
	// ResourceID is the object id of the API's service principal in the tenant.
	ResourceID, ResourceName string
	PermissionID             string
}

// Same reports whether two grant the same permission of the same API.
func (g AppGrant) Same(other AppGrant) bool {
	return strings.EqualFold(g.ResourceID, other.ResourceID) && strings.EqualFold(g.PermissionID, other.PermissionID)
}

// ClientSecret is a client secret of an application, without its value.
type ClientSecret struct {
	Name string
	// Hint is the first three characters of the value (source: Microsoft Graph,
	// passwordCredential); empty when Graph did not say.
	Hint string
	// Ends is when it stops working; zero when Graph did not say.
	Ends time.Time
}

// DelegatedGrant is what a service principal may do at one API on behalf of users.
// There is one for everybody, and one for each user, of every client and API.
type DelegatedGrant struct {
	ID string
	// ClientID and ResourceID are object ids of service principals in the tenant.
	ClientID, ResourceID string
	// UserID is the object id of the one user it is for; empty is every user.
	UserID string
	// Scopes are names of delegated permissions of the API.
	Scopes []string
}

// Holds reports whether the grant has the scope.
func (g DelegatedGrant) Holds(scope string) bool {
	return slices.ContainsFunc(g.Scopes, func(s string) bool { return strings.EqualFold(s, scope) })
}

// ReviewerKind is the sort of reviewer of admin consent requests.
type ReviewerKind string

const (
	// ReviewerUser is one user, by object id.
	ReviewerUser ReviewerKind = "user"
	// ReviewerGroup is every member of a group, by the group's object id.
	ReviewerGroup ReviewerKind = "group"
	// ReviewerRole is every holder of a directory role, by the role's template id.
	ReviewerRole ReviewerKind = "role"
	// ReviewerOther is a reviewer in a form that Usher does not write itself: ID is the
	// query as Graph has it, kept so that setting the policy loses nobody.
	ReviewerOther ReviewerKind = "other"
)

// Reviewer is who decides about admin consent requests.
type Reviewer struct {
	Kind ReviewerKind `json:"kind"`
	ID   string       `json:"id"`
}

// ConsentPolicy is a tenant's admin consent request policy: whether users may ask an
// administrator for a consent, and who hears of it.
type ConsentPolicy struct {
	Enabled   bool       `json:"enabled"`
	Reviewers []Reviewer `json:"reviewers"`
	// Mails tells the reviewers of a request, Reminders of one that is about to expire.
	Mails     bool `json:"mails"`
	Reminders bool `json:"reminders"`
	// Days is how long a request waits for its decision.
	Days int `json:"days"`
}

// Changes says in words what turns this policy into another, one line for each
// setting; empty when nothing does. The order of the reviewers does not matter.
func (p ConsentPolicy) Changes(want ConsentPolicy) (lines []string) {
	for _, s := range []struct {
		name     string
		is, will any
	}{
		{"users may ask for admin consent", p.Enabled, want.Enabled},
		{"reviewers are told by mail", p.Mails, want.Mails},
		{"reviewers are reminded", p.Reminders, want.Reminders},
		{"days until a request expires", p.Days, want.Days},
	} {
		if s.is != s.will {
			lines = append(lines, fmt.Sprintf("%s: %v -> %v", s.name, s.is, s.will))
		}
	}
	for _, r := range p.Reviewers {
		if !slices.Contains(want.Reviewers, r) {
			lines = append(lines, fmt.Sprintf("reviewer %s %s: removed", r.Kind, r.ID))
		}
	}
	for _, r := range want.Reviewers {
		if !slices.Contains(p.Reviewers, r) {
			lines = append(lines, fmt.Sprintf("reviewer %s %s: added", r.Kind, r.ID))
		}
	}
	return lines
}
