// Package bootstrap prepares the home tenant for Usher: the app registrations of the
// provisioner, the read-only sync and, where they are asked for, the one that grants
// consents and the messenger, with the federated credentials they sign in by, the permissions and the directory role they
// need, and nothing else.
//
// Examine reads what is there, Plan compares it with what is wanted (a pure function),
// and Apply carries a plan out and reads it back. An application is found by its unique
// name and its tag, never by its display name.
package bootstrap

import "slices"

// Resource is an API of Microsoft whose permissions are granted.
type Resource struct{ AppID, Name string }

// The APIs (source: Microsoft, "Verify first-party Microsoft applications").
var (
	Graph    = Resource{"00000003-0000-0000-c000-000000000000", "Microsoft Graph"}
	Exchange = Resource{"00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online"}
)

// Permission is an application permission and what it is needed for.
type Permission struct {
	Resource Resource
	// Name is such as User.Read.All; its id is read from the tenant.
	Name string
	// Why completes the sentence "needed to …".
	Why string
}

// Role is a directory role and what it is needed for.
type Role struct {
	// Name is the display name of a built-in role.
	Name string `json:"name"`
	// Why completes the sentence "needed to …".
	Why string `json:"why"`
}

// The applications of ours that features add rights to.
const (
	ofProvisioner = "provisioner"
	ofConsents    = "consents"
	ofSync        = "sync"
)

// Rights are the least that one of our applications needs.
type Rights struct {
	// App is "provisioner", "sync", "consents" or "messenger".
	App         string
	Permissions []Permission
	// Roles are held by the service principal in every tenant that is served. They are
	// not part of an admin consent.
	Roles []Role
	// Why completes the sentence "needs no right in any directory to …"; empty for an
	// application that needs some.
	Why string
}

// exchangeDoor opens the Exchange admin API; what may be done there is the directory
// role's matter (source: Exchange Online PowerShell, "App-only authentication").
func exchangeDoor(why string) Permission { return Permission{Exchange, "Exchange.ManageAsApp", why} }

// Provisioner is what making, changing and revoking accounts needs (source: Microsoft
// Graph permissions reference), and the features besides. 'usher doctor' checks the same list.
func Provisioner(features ...Feature) Rights {
	return Rights{
		App: ofProvisioner,
		Permissions: []Permission{
			{Graph, "User.ReadWrite.All", "make, disable, delete and restore accounts"},
			{Graph, "RoleManagement.ReadWrite.Directory", "give and take directory roles"},
			{Graph, "Domain.Read.All", "know the tenant's domains"},
			exchangeDoor("add and remove members of Exchange role groups"),
		},
		Roles: []Role{{"Exchange Administrator", "change Exchange role groups"}},
	}.with(features)
}

// Sync is what the nightly comparison needs, and the hourly look at credentials: it
// reads, and can change nothing.
func Sync(features ...Feature) Rights {
	return Rights{
		App: ofSync,
		Permissions: []Permission{
			{Graph, "User.Read.All", "list accounts and their licences"},
			{Graph, "RoleManagement.Read.Directory", "list who holds which directory role"},
			{Graph, "Domain.Read.All", "know the tenant's domains"},
			exchangeDoor("list the members of Exchange role groups"),
		},
		Roles: []Role{{"Global Reader", "read Exchange role groups (View-Only Organization Management)"}},
	}.with(features)
}

// ForConsents is what the features need that give permissions to applications: in an
// application of their own, for who may give any permission must not be able to give
// any role as well. It is empty where none of these features is wanted.
func ForConsents(features ...Feature) Rights { return Rights{App: ofConsents}.with(features) }

// Messenger is for what is reached from outside or calls out: it needs no right in any
// directory. What it may do in Service Bus is not given here.
func Messenger() Rights {
	return Rights{App: "messenger", Why: "open the queues, and nothing else"}
}

// HomeOnly reports whether there is no right in any directory, so that only the home
// tenant needs to know the application.
func (r Rights) HomeOnly() bool { return len(r.Permissions)+len(r.Roles) == 0 }

// On gives the permissions of one API.
func (r Rights) On(api Resource) []Permission {
	return slices.DeleteFunc(slices.Clone(r.Permissions), func(p Permission) bool { return p.Resource != api })
}

// neverTogether are two permissions of which each is close to Global Administrator;
// with both, an application could give itself anything and hide it.
var neverTogether = []string{"RoleManagement.ReadWrite.Directory", "AppRoleAssignment.ReadWrite.All"}

// tooMuch reports whether the rights hold both permissions that must not be together.
func (r Rights) tooMuch() bool {
	return !slices.ContainsFunc(neverTogether, func(name string) bool {
		return !slices.ContainsFunc(r.Permissions, func(p Permission) bool { return p.Name == name })
	})
}
