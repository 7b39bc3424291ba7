package account

import "time"

// User is an account as Entra shows it, in the few fields we ask for.
type User struct {
	ObjectID          string
	UserPrincipalName string
	// Mail is the primary mail address; empty without a mailbox.
	Mail        string
	DisplayName string
	Enabled     bool
	// Stamp is the mark we leave on accounts we make (see StampOf); empty on others.
	Stamp string
	// Synced is true for an account mastered in on-premises Active Directory.
	Synced bool
	// ImmutableID is onPremisesImmutableId: by it a synced account is known for certain.
	// Empty for an account made in Entra.
	ImmutableID string
	// Licenses are the SKU ids assigned to it.
	Licenses []string
	// DeletedAt is set for a soft-deleted account.
	DeletedAt time.Time
}

// NewUser is an account to be made.
type NewUser struct {
	UserPrincipalName string
	MailNickname      string
	DisplayName       string
	GivenName         string
	Surname           string
	// UsageLocation is an ISO 3166-1 alpha-2 code; empty leaves it unset.
	UsageLocation string
	Password      Secret
	// PasswordNeverExpires sets the policy DisablePasswordExpiration.
	PasswordNeverExpires bool
	// Stamp is written where Entra shows it back (see StampOf).
	Stamp string
}

// RoleAssignment is a directory role held by a principal.
type RoleAssignment struct {
	ID          string
	RoleID      string
	PrincipalID string
	// Scope is "/" for the whole tenant.
	Scope string
}

// PrincipalsOf are those who hold one of the assignments, each once, by object id.
func PrincipalsOf(assignments []RoleAssignment) map[string]bool {
	all := map[string]bool{}
	for _, r := range assignments {
		all[r.PrincipalID] = true
	}
	return all
}

// Domain is a domain of a tenant.
type Domain struct {
	Name      string
	Initial   bool
	Verified  bool
	Federated bool
}

// Member names an account to Exchange, which knows it by name first and by
// Entra's object id only after replication.
type Member struct {
	ObjectID          string
	UserPrincipalName string
}

// StampOf is the mark on accounts made for a request. The sync finds strays by its prefix.
func StampOf(requestID string) string { return StampPrefix + requestID }

// StampPrefix begins every stamp.
const StampPrefix = "usher:"

// GlobalAdministrator is the template id of the role that needs approval and
// whose last holders are never touched (Microsoft Entra built-in roles).
const GlobalAdministrator = "62e90394-69f5-4237-9190-012177145e10"
