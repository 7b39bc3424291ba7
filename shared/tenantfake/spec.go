package tenantfake

import (
	"crypto/x509"
	"time"
)

// Cloud names a national cloud; it decides which token scopes the tenant knows.
type Cloud string

// The clouds (reference: Microsoft Graph docs, national cloud deployments).
const (
	Public   Cloud = "public"
	USGov    Cloud = "usgov"
	USGovDoD Cloud = "usgov-dod"
	China    Cloud = "china"
)

// TenantSpec describes a tenant at the start.
type TenantSpec struct {
	// ID is the tenant's GUID. Empty means a new one.
	ID          string
	DisplayName string
	// InitialDomain is the "….onmicrosoft.com" domain, always verified and managed. Required.
	InitialDomain string
	// Domains are the further domains.
	Domains []Domain
	// Cloud is Public when empty.
	Cloud Cloud
	// SecurityDefaults switches the tenant's security defaults on.
	SecurityDefaults  bool
	ConditionalAccess []ConditionalAccessPolicy
	// PremiumP2 is the licence that PIM requests need.
	PremiumP2 bool
	// OnPremisesSync marks the tenant as synchronised by Entra Connect.
	OnPremisesSync bool
	Apps           []App
	Users          []UserSpec
	// SKUs are the subscribed products.
	SKUs []SKU
	// RoleGroups are the names of Exchange role groups. Nil means the built-in ones.
	RoleGroups []string
	// Groups are the groups of the directory; User.Groups says who is in them.
	Groups []Group
	// Replication is the delay from Entra to Exchange. Zero means 20 minutes; a negative value means none.
	Replication time.Duration
	// TokenLifetime is the life of access tokens. Zero means one hour.
	TokenLifetime time.Duration
}

// Domain is a custom domain of a tenant.
type Domain struct {
	Name string
	// Unverified domains are listed but refused in user principal names.
	Unverified bool
	// Federated domains ask for onPremisesImmutableId on creation.
	Federated bool
	Default   bool
}

// App is an application that may sign in to the tenant: its service principal, credentials, consents and directory roles.
type App struct {
	// ClientID is the application id. Required.
	ClientID string
	// ObjectID is the id of the service principal. Empty means a new one.
	ObjectID    string
	DisplayName string
	// Secret is the client secret; SecretExpires, if set, is when it stops working.
	Secret        string
	SecretExpires time.Time
	// Certificates are the ones registered on the app; a client assertion must be signed with one of their keys.
	Certificates []*x509.Certificate
	// Federated are put on the application's registration, as PutFederatedCredential does: they hold in every tenant.
	Federated []FederatedCredential
	// Graph and Exchange are the names of the application permissions granted on each resource, for example "User.ReadWrite.All".
	Graph, Exchange []string
	// DirectoryRoles are the directory roles of the service principal, by display name or template id.
	DirectoryRoles []string
	// Disabled refuses tokens with AADSTS7000112.
	Disabled bool
	// AssignmentRequired lets in assigned users only; UserRoles are the roles it offers to users, none by default.
	AssignmentRequired bool
	UserRoles          []string
}

// UserSpec is a user who exists from the start, in Entra, in every replica and in Exchange.
type UserSpec struct {
	User
	// Password is kept as a salted hash. Empty means that nobody can sign in.
	Password string
	// Roles are directory roles by display name or template id, RoleGroups Exchange role groups by name.
	Roles, RoleGroups []string
}

// SKU is a subscribed product.
type SKU struct {
	SkuID, PartNumber string
	Enabled           int
	Plans             []ServicePlan
}

// ServicePlan is one service of a product.
type ServicePlan struct {
	ID, Name, Type string
}

// ConditionalAccessPolicy is a Conditional Access policy as far as it decides about a service account's sign-in.
type ConditionalAccessPolicy struct {
	// ID empty means a new one. State is enabled, disabled or enabledForReportingButNotEnforced; empty means enabled.
	ID, DisplayName, State string
	// IncludeUsers empty means "All". The other lists hold user ids, group ids and role template ids.
	IncludeUsers, ExcludeUsers, IncludeGroups, ExcludeGroups, IncludeRoles, ExcludeRoles []string
	// IncludeApplications empty means "All"; ClientAppTypes empty means "all".
	IncludeApplications, ClientAppTypes []string
	ExcludeApplications                 []string
	// IncludeLocations and ExcludeLocations hold ids of named locations, All or AllTrusted. Both empty mean no condition.
	IncludeLocations, ExcludeLocations []string
	// TransferMethods are such as deviceCodeFlow; empty means no condition.
	TransferMethods string
	// BuiltInControls are such as mfa or block. AuthenticationStrength asks for a strength that satisfies mfa instead.
	BuiltInControls        []string
	AuthenticationStrength bool
	// Modified is when it was changed last; zero for never.
	Modified time.Time
}

// The ids of the resources that tokens are issued for.
const (
	graphAppID    = "00000003-0000-0000-c000-000000000000"
	exchangeAppID = "00000002-0000-0ff1-ce00-000000000000"
)

// The applications that DefaultTenant registers: the one that makes accounts and gives them roles, and the one that grants consents. They have the
// same secret.
const (
	DefaultTenantID         = "0550b473-9fd2-4dbb-a058-a1640b4bf458"
	DefaultClientID         = "00001111-aaaa-2222-bbbb-3333cccc4444"
	DefaultConsentsClientID = "00001111-aaaa-2222-bbbb-3333cccc5555"
	DefaultClientSecret     = "fake-tenant-client-secret"
)

// The product that DefaultTenant's ordinary users hold.
const skuE3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"

// BuiltInRoleGroups are the names of Exchange's role groups in a new tenant.
var BuiltInRoleGroups = []string{
	"Organization Management", "View-Only Organization Management", "Recipient Management", "Help Desk", "Hygiene Management",
	"Discovery Management", "Records Management", "Compliance Management", "Security Reader", "Security Administrator", "Security Operator",
}

// DefaultTenant is Contoso: an app "usher" with every permission that provisioning needs and the directory roles Exchange Administrator and
// User Administrator, an app "usher consents" with every permission that granting consents and assigning users to applications needs, two
// break-glass Global Administrators and three licensed people.
func DefaultTenant() TenantSpec {
	return TenantSpec{
		ID: DefaultTenantID, DisplayName: "Contoso", InitialDomain: "contoso.onmicrosoft.com",
		Domains: []Domain{{Name: "contoso.com", Default: true}, {Name: "fed.contoso.com", Federated: true}},
		Apps: []App{{
			ClientID: DefaultClientID, ObjectID: "5a1f0000-0000-4000-8000-00000000a991", DisplayName: "usher", Secret: DefaultClientSecret,
			Graph: []string{"User.ReadWrite.All", "RoleManagement.ReadWrite.Directory", "Domain.Read.All", "Organization.Read.All",
				"LicenseAssignment.Read.All", "Policy.Read.All", "Policy.ReadWrite.ConditionalAccess", "Policy.ReadWrite.AuthenticationMethod",
				"RoleAssignmentSchedule.ReadWrite.Directory", "User-PasswordProfile.ReadWrite.All", "Application.Read.All"},
			Exchange:       []string{"Exchange.ManageAsApp"},
			DirectoryRoles: []string{"Exchange Administrator", "User Administrator"},
		}, {
			ClientID: DefaultConsentsClientID, ObjectID: "5a1f0000-0000-4000-8000-00000000a992", DisplayName: "usher consents", Secret: DefaultClientSecret,
			Graph: []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All", "Policy.Read.All",
				"Policy.ReadWrite.ConsentRequest", "User.Read.All", "GroupMember.Read.All", "RoleManagement.Read.Directory"},
		}},
		Users: []UserSpec{
			breakGlass("b9ea0000-0000-4000-8000-000000000001", "breakglass1"),
			breakGlass("b9ea0000-0000-4000-8000-000000000002", "breakglass2"),
			person("0e0e0000-0000-4000-8000-000000000001", "Adele", "Vance"),
			person("0e0e0000-0000-4000-8000-000000000002", "Diego", "Siciliani"),
			person("0e0e0000-0000-4000-8000-000000000003", "Lee", "Gu"),
		},
		SKUs: []SKU{
			{SkuID: skuE3, PartNumber: "SPE_E3", Enabled: 25, Plans: []ServicePlan{
				{ID: "efb87545-963c-4e0d-99df-69c6916d9eb0", Name: "EXCHANGE_S_ENTERPRISE", Type: "Exchange"},
				{ID: "41781fb2-bc02-4b7c-bd55-b576c07bb09d", Name: "AAD_PREMIUM", Type: "AADPremiumService"}}},
			{SkuID: "b05e124f-c7cc-45a0-a6aa-8cf78c946968", PartNumber: "EMSPREMIUM", Enabled: 1, Plans: []ServicePlan{
				{ID: "eec0eb4f-6444-4f95-aba0-50c24d67f998", Name: "AAD_PREMIUM_P2", Type: "AADPremiumService"}}},
		},
	}
}

func breakGlass(id, name string) UserSpec {
	return UserSpec{
		User: User{ID: id, UserPrincipalName: name + "@contoso.onmicrosoft.com", DisplayName: "Break glass " + name[len(name)-1:],
			MailNickname: name, AccountEnabled: true},
		Roles: []string{"Global Administrator"},
	}
}

func person(id, given, surname string) UserSpec {
	name := given + surname[:1]
	return UserSpec{User: User{
		ID: id, UserPrincipalName: name + "@contoso.com", DisplayName: given + " " + surname, GivenName: given, Surname: surname,
		MailNickname: name, Mail: name + "@contoso.com", UsageLocation: "GB", AccountEnabled: true, Licenses: []string{skuE3},
	}}
}
