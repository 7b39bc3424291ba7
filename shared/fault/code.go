package fault

// Code names one cause of failure, in kebab case. Each has a runbook,
// docs/runbooks/<code>.md; Codes lists them all with the remedy in one line.
type Code string

// General causes.
const (
	Unexpected         Code = "unexpected"
	Throttled          Code = "throttled"
	ServiceUnavailable Code = "service-unavailable"
	Unreachable        Code = "unreachable"
	MalformedCommand   Code = "malformed-command"
	StepPanicked       Code = "step-panicked"
	StepEndless        Code = "step-endless"
	DeliveriesExceeded Code = "deliveries-exceeded"
	LedgerUnavailable  Code = "ledger-unavailable"
	SecretUnavailable  Code = "secret-unavailable"
)

// Causes found while signing in to a tenant.
const (
	CredentialInvalid       Code = "credential-invalid"
	WorkloadIdentityMissing Code = "workload-identity-missing"
	TenantNotFound          Code = "tenant-not-found"
	ConsentMissing          Code = "consent-missing"
	IdentityNotFound        Code = "identity-not-found"
	PermissionMissing       Code = "permission-missing"
	TokenRejected           Code = "token-rejected"
)

// Causes found in Entra.
const (
	NameTaken            Code = "name-taken"
	NameInvalid          Code = "name-invalid"
	DomainNotVerified    Code = "domain-not-verified"
	DomainFederated      Code = "domain-federated"
	AccessPolicyNotFound Code = "access-policy-not-found"
	AccessPolicyChanged  Code = "access-policy-changed"
	FederationUnknown    Code = "federation-unknown"
	ExclusionNotVisible  Code = "exclusion-not-visible"
	PasswordRejected     Code = "password-rejected"
	UserNotFound         Code = "user-not-found"
	UserNotReadable      Code = "user-not-readable"
	UserStillListed      Code = "user-still-listed"
	UserStillPrivileged  Code = "user-still-privileged"
	UserSynced           Code = "user-synced"
	RoleNotFound         Code = "role-not-found"
	RoleNotVisible       Code = "role-not-visible"
	RoleStillListed      Code = "role-still-listed"
	RoleConflict         Code = "role-conflict"
	GraphRequestRejected Code = "graph-request-rejected"
	QuotaExceeded        Code = "quota-exceeded"
	RestoreWindowOver    Code = "restore-window-over"
	LastGlobalAdmin      Code = "last-global-administrator"
	GlobalAdminCount     Code = "global-administrator-count"
	PIMUnavailable       Code = "pim-unavailable"
	RolePolicyRefused    Code = "role-policy-refused"
	AnswerNotUnderstood  Code = "answer-not-understood"
	ListingExpired       Code = "listing-expired"
)

// Causes found while an application is consented to.
const (
	ApplicationUnknown      Code = "application-unknown"
	PermissionUnknown       Code = "permission-unknown"
	ConsentNotVisible       Code = "consent-not-visible"
	ConsentStillListed      Code = "consent-still-listed"
	ConsentDeclined         Code = "consent-declined"
	ConsentElsewhere        Code = "consent-other-tenant"
	ConsentExpired          Code = "consent-expired"
	ConsentAwaited          Code = "consent-awaited"
	ConsentUnproven         Code = "consent-unproven"
	ConsentPolicyNotVisible Code = "consent-policy-not-visible"
	GroupNotFound           Code = "group-not-found"
	TooManyTargets          Code = "too-many-targets"
	TargetsShrank           Code = "targets-shrank"
)

// Causes found in Exchange Online.
const (
	ExchangeNotReplicated   Code = "exchange-not-replicated"
	ExchangeAccessMissing   Code = "exchange-access-missing"
	ExchangeRequestRejected Code = "exchange-request-rejected"
	ExchangeIncomplete      Code = "exchange-incomplete"
	RoleGroupNotFound       Code = "role-group-not-found"
	MemberNotVisible        Code = "member-not-visible"
	MemberStillListed       Code = "member-still-listed"
)

// Causes found in on-premises Active Directory.
const (
	ADCertificateUntrusted Code = "ad-certificate-untrusted"
	ADSignInRefused        Code = "ad-sign-in-refused"
	ADPermissionMissing    Code = "ad-permission-missing"
	ADReferral             Code = "ad-referral"
	ADContainerNotFound    Code = "ad-container-not-found"
	ADPasswordRejected     Code = "ad-password-rejected"
	ADAccountAmbiguous     Code = "ad-account-ambiguous"
	ADRequestRejected      Code = "ad-request-rejected"
	ADConnectionLost       Code = "ad-connection-lost"
	ADBusy                 Code = "ad-busy"
	ADNotConfigured        Code = "ad-not-configured"
	EntraConnectNotSynced  Code = "entra-connect-not-synced"
	EntraConnectConflict   Code = "entra-connect-conflict"
)

// Causes that are our own rules.
const (
	AccountProtected Code = "account-protected"
	AccountHeld      Code = "account-held"
	AccountBusy      Code = "account-busy"
	AccountUnknown   Code = "account-unknown"
	AlreadyManaged   Code = "already-managed"
	ApprovalMissing  Code = "approval-missing"
	PolicyForbidden  Code = "policy-forbidden"
	RequestExpired   Code = "request-expired"
	RequestInvalid   Code = "request-invalid"
	StepUnsupported  Code = "step-unsupported"
	UnknownTenant    Code = "unknown-tenant"
	UnknownProfile   Code = "unknown-profile"
	UnknownRole      Code = "unknown-role"
	UnknownRoleGroup Code = "unknown-role-group"
	SyncRunning      Code = "sync-running"
)

// Causes found while telling the ticketing system, or people by mail.
const (
	CallbackFailed   Code = "callback-failed"
	CallbackRefused  Code = "callback-refused"
	NoticeOutOfOrder Code = "notice-out-of-order"
	MailFailed       Code = "mail-failed"
	MailRefused      Code = "mail-refused"
)

// Causes found while a password is set and handed over.
const (
	HandoverFailed   Code = "handover-failed"
	HandoverNotTaken Code = "handover-not-taken"
	HandoverOver     Code = "handover-over"
	PasswordNotShown Code = "password-not-shown"
)
