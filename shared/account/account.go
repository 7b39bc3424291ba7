// Package account holds the nouns and rules of Usher: tenants, service accounts,
// what they are granted, requests and their steps. It imports nothing but the
// standard library, so that a reader can take it as the glossary.
package account

import (
	"strings"
	"time"
)

// TenantID is the Entra tenant id (a GUID in lower case).
type TenantID string

// Tenant is one customer's Entra organisation as configured here.
type Tenant struct {
	// Alias is our short name for it ("contoso"); unique, used by the operator.
	Alias string
	ID    TenantID
	// Domains are the verified domains a request may name. The first one is the
	// initial onmicrosoft.com domain, where accounts are made unless told otherwise.
	Domains []string
	// Cloud is public, usgov, usgov-dod or china. Empty means public.
	Cloud string
	// Protected lists accounts Usher never touches, by user principal name or
	// object id: break-glass accounts above all.
	Protected []string
	// RoleGroups names custom Exchange role groups that may be requested, beside the built-in ones.
	RoleGroups []string
	// ActiveDirectory is where synced accounts are made; zero when the tenant has none.
	ActiveDirectory ActiveDirectory
	// Consents say how applications get their permissions here.
	Consents Consents
	// Delivery is how passwords are handed over where neither request nor profile says it.
	Delivery Delivery
	// PasswordReferences are the beginnings of references to passwords that requests may
	// bring, each with its end at a slash. Empty allows none.
	PasswordReferences []string
}

// InitialDomain gives the tenant's onmicrosoft.com domain, empty while it is not known.
func (t Tenant) InitialDomain() string {
	if len(t.Domains) == 0 {
		return ""
	}
	return t.Domains[0]
}

// Protects reports whether any of the given names (user principal name or object
// id) is on the tenant's list of accounts that are never touched.
func (t Tenant) Protects(names ...string) bool {
	for _, p := range t.Protected {
		for _, n := range names {
			if n != "" && strings.EqualFold(p, n) {
				return true
			}
		}
	}
	return false
}

// Origin tells whether we made an account or were given it.
type Origin string

const (
	// Created accounts are ours: deleted at the end.
	Created Origin = "created"
	// Adopted accounts existed before: at the end they are only relieved of what we gave.
	Adopted Origin = "adopted"
)

// Account is a service account we manage: one row of the ledger.
type Account struct {
	// ID is ours, stable over renames, made before the account exists in Entra.
	ID     string
	Tenant TenantID
	// UserPrincipalName is the sign-in name; shown to people, never used as the key.
	UserPrincipalName string
	// ObjectID is Entra's id, empty until the account exists.
	ObjectID string
	Origin   Origin
	// RequestID is the request that made it, and the stamp on the object in Entra.
	RequestID string
	Profile   string
	Owner     Owner
	// AppID is the application (client) id of a connection, where an application signs in
	// and there is no user: UserPrincipalName is then the connection's name. Empty for an
	// account that is a user.
	AppID string
	// Targets are the users of a connection; zero for an account that is a user.
	Targets Targets
	// OnPremises is where the account is mastered, if not in Entra.
	OnPremises OnPremises
	// SecretRef says where the sealed password lies. Empty for an adopted account, and
	// when it was handed over and the vault keeps no copy.
	SecretRef string
	// Delivery is how the password is handed over where a rotation does not say otherwise.
	Delivery Delivery
	Password Password
	// ExpiresAt ends the account's life; zero means no end.
	ExpiresAt time.Time
	// Life are the other dates, and what the nightly sync remembers about them.
	Life Life
	// Hold refuses revocation while set.
	Hold Hold
	// Grants are what we promised and gave.
	Grants []Grant
	// Federation is which federated domains depend on it.
	Federation Federation
	// Fitness is what the latest check found.
	Fitness Fitness
	// State is where the account stands.
	State     AccountState
	CreatedAt time.Time
	// TriedAt is when a step that gives something was last begun: until shortly
	// after, Entra may still come to show an effect whose reply was lost.
	TriedAt time.Time
	// RevokedAt is when the last revocation finished; zero while it lives.
	RevokedAt time.Time
	Connection
}

// AccountState is where a managed account stands.
type AccountState string

const (
	// AccountPlanned is promised but not known to exist in Entra yet.
	AccountPlanned AccountState = "planned"
	// AccountActive exists and is ours to keep right.
	AccountActive AccountState = "active"
	// AccountLeaving is being revoked.
	AccountLeaving AccountState = "leaving"
	// AccountGone has been revoked (deleted, or relieved when it was adopted).
	AccountGone AccountState = "gone"
)

// Owner is who answers for the account.
type Owner struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Team  string `json:"team,omitempty"`
}

// Hold refuses revocation for a reason, until a time (zero: until lifted).
type Hold struct {
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}

// Active reports whether the hold refuses revocation at the given time.
func (h Hold) Active(now time.Time) bool {
	return h.Reason != "" && (h.Until.IsZero() || now.Before(h.Until))
}

// GrantKind is the sort of right.
type GrantKind string

const (
	// DirectoryRole is an Entra directory role assignment, tenant-wide.
	DirectoryRole GrantKind = "role"
	// RoleGroup is membership of an Exchange role group.
	RoleGroup GrantKind = "rolegroup"
	// ConsentPolicySetting is the tenant's admin consent request policy as a request sets it.
	ConsentPolicySetting GrantKind = "consentpolicy"
)

// Grant is a right the account was promised.
type Grant struct {
	Kind GrantKind `json:"kind"`
	// Target is the role's template id, or the role group's name.
	Target string `json:"target"`
	// Name is what people call it.
	Name string `json:"name"`
	// AssignmentID is Entra's id of the role assignment, once read back.
	AssignmentID string `json:"assignmentId,omitempty"`
	// State says whether the right was read back as given, or as taken away.
	State GrantState `json:"state"`
	// Ours is false for a right that an adopted account already had: never taken away.
	Ours bool `json:"ours"`
	// Until is when Entra ends the right by itself; zero when it does not.
	Until time.Time `json:"until,omitzero"`
	// Detail says what is to be known about the right, such as why it has no end.
	Detail string `json:"detail,omitempty"`
	// Alert asks for an alarm when it is given: the policy says so.
	Alert bool `json:"alert,omitempty"`
}

// Over reports whether the right has ended by itself.
func (g Grant) Over(now time.Time) bool { return !g.Until.IsZero() && !g.Until.After(now) }

// GrantState is how far a right has come.
type GrantState string

const (
	// GrantPlanned is promised, not seen yet.
	GrantPlanned GrantState = "planned"
	// GrantIntended was looked for and not found, so what shows from now on is ours.
	GrantIntended GrantState = "intended"
	// GrantGiven has been read back.
	GrantGiven GrantState = "given"
	// GrantLeaving was seen and its removal was asked for, so when it no longer shows it is gone.
	GrantLeaving GrantState = "leaving"
	// GrantTaken has been read back as gone.
	GrantTaken GrantState = "taken"
)

// Grant finds the right of the given kind and target; nil when there is none.
func (a *Account) Grant(kind GrantKind, target string) *Grant {
	for i := range a.Grants {
		if a.Grants[i].Kind == kind && strings.EqualFold(a.Grants[i].Target, target) {
			return &a.Grants[i]
		}
	}
	return nil
}
