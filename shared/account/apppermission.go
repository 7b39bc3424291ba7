package account

import "strings"

// The rights of an application, beside those of an account.
const (
	// Application is an application's service principal in the tenant, by application id.
	Application GrantKind = "application"
	// AppRole is an application permission, by AppPermission.Target.
	AppRole GrantKind = "approle"
	// Scope is a permission on behalf of every user, by AppPermission.Target.
	Scope GrantKind = "scope"
)

// AppPermission is what an application may do at an API, by the API's name for it.
type AppPermission struct {
	// Resource is the application id of the API.
	Resource string `json:"resource"`
	Name     string `json:"name"`
	// Delegated is true for a permission on behalf of users, and then of all of them.
	Delegated bool `json:"delegated,omitempty"`
}

// Same reports whether two are the same permission.
func (p AppPermission) Same(other AppPermission) bool {
	return strings.EqualFold(p.Resource, other.Resource) && strings.EqualFold(p.Name, other.Name) && p.Delegated == other.Delegated
}

// String gives the permission as people write it, such as "Mail.Read (delegated)".
func (p AppPermission) String() string {
	if p.Delegated {
		return p.Name + " (delegated)"
	}
	return p.Name
}

// Kind is the kind of the Grant that stands for the permission.
func (p AppPermission) Kind() GrantKind {
	if p.Delegated {
		return Scope
	}
	return AppRole
}

// Target names the permission, as one application holds it, in a Grant.
func (p AppPermission) Target(appID string) string {
	return strings.Join([]string{appID, p.Resource, p.Name}, "/")
}

// ParseTarget reads a Target of a Grant of this kind.
func (k GrantKind) ParseTarget(target string) (appID string, p AppPermission, ok bool) {
	parts := strings.Split(target, "/")
	if len(parts) != 3 || k != AppRole && k != Scope {
		return "", p, false
	}
	return parts[0], AppPermission{Resource: parts[1], Name: parts[2], Delegated: k == Scope}, true
}
