package fault

// Meaning explains a code in words an administrator understands.
type Meaning struct {
	Code Code
	// What happened, in one sentence.
	What string
	// Remedy is what to do next.
	Remedy string
}

// Remedy gives what to do about a code, empty for a code that needs nothing done.
func Remedy(code Code) string {
	for _, m := range meanings {
		if m.Code == code {
			return m.Remedy
		}
	}
	return ""
}

// Meanings lists every code. Each has a runbook, docs/runbooks/<code>.md.
func Meanings() []Meaning { return append([]Meaning(nil), meanings...) }

var meanings = []Meaning{
	{Unexpected, "Something failed that Usher has no name for.", "Read the fault text; if it comes again, report it with the request id."},
	{Throttled, "The service asked us to slow down.", "Nothing: the step is tried again after the time the service named."},
	{ServiceUnavailable, "Microsoft's service could not answer.", "Nothing at first; check the Microsoft 365 service health page when it lasts."},
	{Unreachable, "The service could not be reached over the network.", "Check the network path, proxy and the endpoint settings of the tenant."},
	{AnswerNotUnderstood, "The service answered something that is not in its contract.", "If it lasts, look for a proxy between Usher and Microsoft, then report it."},
	{MalformedCommand, "A message on the queue is not a command of ours.", "Look at it with 'usher dead show'; discard it if nobody knows it."},
	{StepPanicked, "A handler crashed.", "Report it with the request id; the step was tried again."},
	{DeliveriesExceeded, "A message came too often without being finished, so the process probably died each time.", "Look for crashes in the log, then 'usher dead replay'."},
	{StepEndless, "A step went on and on and did not come to its end.", "See how far it came with 'usher status'; give the function more time, then 'usher dead replay'."},
	{LedgerUnavailable, "The ledger could not be written.", "Check disk space and permissions of the data directory, or that the PostgreSQL database can be reached; nothing was lost."},
	{SecretUnavailable, "The vault could not seal or open a password.", "The text names what cannot be opened: the vault, its key, or what a request's account.password.reference names. Put that right."},
	{CredentialInvalid, "The tenant refused Usher's own credential.", "Renew the secret or certificate (AZURE_CLIENT_…); then 'usher doctor'."},
	{WorkloadIdentityMissing, "AWS or Azure gave Usher no identity to sign in with.", "On AWS: 'aws iam enable-outbound-web-identity-federation', and sts:GetWebIdentityToken for the role. On Azure: give the app its managed identity. Then 'usher doctor'."},
	{TenantNotFound, "There is no such tenant in this cloud.", "Check the tenant id and USHER_CLOUD."},
	{ConsentMissing, "Usher's application is not known in the tenant.", "A Global Administrator of the tenant opens the admin consent link that 'usher reconnect TENANT' prints."},
	{IdentityNotFound, "The tenant does not know Usher's identity yet (\"Authorization identity not found\").", "Admin consent is needed: nothing to do in the first minutes after it; if it stays, a Global Administrator grants it again with the link of 'usher reconnect TENANT'."},
	{PermissionMissing, "Usher lacks a permission or directory role for this call (\"Insufficient privileges\"): no administrator has consented to it.", "Run 'usher doctor': it names what is missing; a Global Administrator or Privileged Role Administrator grants it."},
	{TokenRejected, "The service refused a fresh access token.", "Check the system clock and that the endpoint belongs to the configured cloud."},
	{NameTaken, "Another account has this user principal name and was not made by this request.", "Choose another user name, or ask for account.mode 'existing' if this very account is meant."},
	{NameInvalid, "The user name has characters that Entra does not take.", "Use A-Z a-z 0-9 and ' . - _ ! # ^ ~ only, at most 64 characters before the @."},
	{DomainFederated, "The domain is federated: an account made in Entra could never sign in under it.", "Leave the domain out to use the onmicrosoft.com domain, or have the account made in on-premises Active Directory (account.mode synced)."},
	{AccessPolicyNotFound, "The Conditional Access policy is not in the tenant any more.", "Nothing: what is not there catches nobody; the policies are looked at anew."},
	{AccessPolicyChanged, "Somebody changed the Conditional Access policy while Usher changed its exclusions.", "Nothing at first: it is looked at again. Compare the policy with the tenant's audit log, for the two changes may have met."},
	{FederationUnknown, "It could not be read whether a federated domain depends on the account, so nothing was taken away.", "See that the tenant can be read ('usher doctor'); then revoke the account again."},
	{ExclusionNotVisible, "A change of a Conditional Access policy's exclusions does not show yet.", "Nothing: it is looked at again."},
	{DomainNotVerified, "The domain is not a verified domain of the tenant.", "Leave the domain out to use the onmicrosoft.com domain, or verify it in the tenant."},
	{PasswordRejected, "Entra refused the generated password more than once.", "Look for a custom banned-password list in the tenant; then replay the step."},
	{UserNotFound, "There is no such account in the tenant (\"Unable to find a user matching\").", "Check the spelling of the whole user principal name; the account may have been deleted by hand, or renamed."},
	{UserNotReadable, "Entra made the account but does not show it yet.", "Nothing: replication inside Entra takes seconds to minutes."},
	{UserStillListed, "A deleted account still shows.", "Nothing: it is looked at again."},
	{UserStillPrivileged, "The account still holds an administrator role, so Entra does not let it be disabled or deleted.", "Nothing at first; if it lasts, take away the roles that 'usher status' names."},
	{UserSynced, "The account is mastered in on-premises Active Directory, so it cannot be changed in Entra.", "Change it in Active Directory and wait for the sync; Usher does so itself for the accounts that it made there (account.mode synced)."},
	{RoleNotFound, "There is no such directory role in the tenant.", "Check the role id in the profile."},
	{RoleNotVisible, "The role assignment is made but not readable yet.", "Nothing: it is looked at again."},
	{RoleStillListed, "A removed role assignment still shows.", "Nothing: it is looked at again."},
	{RoleConflict, "Entra says that the role is assigned already, but does not show it.", "Nothing at first; if it lasts, look at the role's assignments in the Entra admin centre."},
	{GraphRequestRejected, "Microsoft Graph refused the request.", "Read the fault text; a value in the request or profile is not accepted."},
	{QuotaExceeded, "The tenant has no room for more directory objects.", "Delete unused objects or ask Microsoft for more quota."},
	{RestoreWindowOver, "The account is not among the deleted ones any more (30 days).", "Ask for a new account."},
	{LastGlobalAdmin, "Too few Global Administrators would be left to the tenant.", "Make another Global Administrator first; then replay the step."},
	{PIMUnavailable, "The tenant has no licence for Privileged Identity Management, so no role can end by itself.", "Nothing: the role is given without an end of its own and taken away by the sync; with Microsoft Entra ID P2 it ends by itself."},
	{RolePolicyRefused, "The tenant's settings of the role in Privileged Identity Management do not allow the assignment.", "Ask for an earlier end date, or let the role's settings allow the time; then replay the step."},
	{GlobalAdminCount, "The tenant has too many Global Administrators for one more, or too few to take one away again.", "Bring their number within the policy's limits (2 to 8 by default); then send the request again."},
	{ListingExpired, "Microsoft Graph does not remember any more where a listing stood.", "Nothing: the listing is read again from its beginning."},
	{ApplicationUnknown, "No tenant offers the application that consent was asked for.", "Check the application id with the vendor, and that it belongs to the tenant's cloud."},
	{PermissionUnknown, "The API offers no permission of that name in this tenant.", "Check the permission's name and kind (application or delegated) with the vendor; an API appears when the tenant has its product."},
	{ConsentNotVisible, "The consent is given but does not show yet.", "Nothing: it is looked at again."},
	{ConsentDeclined, "An administrator declined the consent, or Microsoft's page did not let them give it.", "Settle it with the tenant's administrator, then ask for a new link; application permissions take a Global Administrator or a Privileged Role Administrator."},
	{ConsentElsewhere, "The consent link was opened by somebody of another tenant.", "Ask for a new link, and have an administrator of the tenant that the ticket names open it in a private browser window."},
	{ConsentExpired, "Nobody answered the consent link in time.", "Ask for a new link: send the ticket once more, or run 'usher consent link REQUEST'."},
	{ConsentAwaited, "An administrator of the tenant is to consent.", "An administrator opens the link of the ticket and accepts; 'usher consent link REQUEST' gives a new one."},
	{ConsentUnproven, "The consent link was answered with yes, and the tenant does not show all of it.", "Nothing for a quarter of an hour. Then compare the application's permissions in the Entra admin centre with the request, and ask for a new link."},
	{GroupNotFound, "There is no group, or no single one, of the name that a connection shall be limited to.", "Name one of the groups that the reason lists, by its whole name or its object id; a group that was deleted is taken off with 'usher targets remove'."},
	{TooManyTargets, "The connection would be for more users than its profile allows.", "Name fewer users or smaller groups, or raise access.maxTargets in a profile of your own; 'usher targets extend-to-all' opens the connection to everybody."},
	{TargetsShrank, "A sync of a connection's users would take away more than ten of them, and more than a tenth.", "See if the group was emptied on purpose; then 'usher targets sync CONNECTION --force'."},
	{ConsentPolicyNotVisible, "The tenant's admin consent request policy is set but does not show so yet.", "Nothing: it is looked at again; it can take an hour."},
	{ConsentStillListed, "A withdrawn consent still shows.", "Nothing: it is looked at again."},
	{ExchangeNotReplicated, "Exchange Online does not know the new account yet.", "Nothing at first: usually under 30 minutes, at most 24 hours; then ask Microsoft support for a forward sync of the object."},
	{ExchangeAccessMissing, "Exchange Online does not accept Usher's application.", "Grant Exchange.ManageAsApp and the Exchange Administrator role to the application; 'usher doctor' says which one is missing."},
	{ExchangeRequestRejected, "Exchange Online refused the command.", "Read the fault text; if it comes again, report it with the request id."},
	{ExchangeIncomplete, "Exchange Online cut its answer short.", "Nothing: it is asked again; nothing was concluded from half a list."},
	{RoleGroupNotFound, "There is no such role group in Exchange Online.", "Check the role group's name in the Exchange admin centre."},
	{MemberNotVisible, "The role group does not show its new member yet.", "Nothing: it is looked at again."},
	{MemberStillListed, "The role group still shows a removed member.", "Nothing: it is looked at again."},
	{ADCertificateUntrusted, "The domain controller's certificate is not trusted, so Usher did not sign in to it.", "Give Usher the authority that issued it, and an address that the certificate names."},
	{ADSignInRefused, "Active Directory does not let Usher's own account sign in.", "Check the account's name and password, and that it is neither disabled, locked nor expired."},
	{ADPermissionMissing, "Usher's account in Active Directory lacks a right there.", "Delegate to it, on the organizational unit, to create, change, delete and read users and to reset their passwords."},
	{ADReferral, "The domain controller does not hold that part of the directory, or may not write to it.", "Correct the base, or the address: it must name a writable controller of that very domain."},
	{ADContainerNotFound, "There is no such organizational unit in Active Directory.", "Make it there, or correct the unit in the profile or the base in the configuration."},
	{ADPasswordRejected, "The domain's password policy refused the generated password.", "Look for a password filter or a list of forbidden words in the domain; then replay the step."},
	{ADAccountAmbiguous, "Two accounts in Active Directory bear the stamp of one request.", "Find out which one is in use, delete the other, then replay the step."},
	{ADRequestRejected, "Active Directory refused the request.", "Read the fault text; an attribute or a value of the request or profile is not accepted."},
	{ADConnectionLost, "The connection to the domain controller ended before its answer, so it is not known whether it did what was asked.", "Nothing: the next attempt looks first. If it lasts, look for a firewall or a controller that restarts."},
	{ADBusy, "The domain controller is too busy to answer.", "Nothing at first; look at the controller's load when it lasts."},
	{ADNotConfigured, "The request needs on-premises Active Directory, and the tenant has none in Usher's configuration.", "Give the tenant its 'activeDirectory' in the configuration (docs/hybrid.md), or ask for account.mode 'create'."},
	{EntraConnectNotSynced, "Entra Connect has not brought the change from Active Directory to Entra yet.", "Nothing at first: it synchronises every 30 minutes. After an hour, look at Entra Connect Health; 'Start-ADSyncSyncCycle -PolicyType Delta' on its server starts a cycle."},
	{EntraConnectConflict, "Another account in Entra has the name that the synced one should have, so Entra Connect cannot bring it there as it is.", "Choose another user name; or have the other account renamed or deleted, if nobody needs it."},
	{AccountProtected, "The account is on the tenant's list of protected accounts.", "If it is really meant, take it off the list 'protected' in the configuration."},
	{AccountHeld, "A hold refuses the account's revocation.", "Remove the reason the hold names, or send the request with offboard.force."},
	{AccountBusy, "Another step works on the same account.", "An order by hand is given again when that is over; a step is tried again by itself."},
	{AccountUnknown, "Usher does not manage such an account.", "Check the name with 'usher list --accounts'; Usher only works on what it made or adopted."},
	{AlreadyManaged, "The account is already managed, or being made, for another request.", "Look at that request with 'usher list'; revoke it first or choose another name."},
	{ApprovalMissing, "The request needs an approval.", "One of the approvers, who is not the requester, runs 'usher approve REQUEST'; 'usher status REQUEST' says who may, and how."},
	{PolicyForbidden, "The policy gives what the request asks for to nobody.", "Ask for a narrower right ('usher policy explain FILE' proposes one), or list the right in the policy file."},
	{RequestExpired, "The end date of the request has passed already.", "Send it again with a later lifetime.expiresAt, or none."},
	{RequestInvalid, "The request does not have the form of usher.request/v1.", "Correct what the reason names. The form of a request document is events/schemas/request.v1.schema.json."},
	{StepUnsupported, "The request needs a step that this version does not have.", "Do that part by hand, or leave it out of the request."},
	{UnknownTenant, "The request names a tenant that is not configured.", "Add the tenant to the configuration, or correct the request."},
	{UnknownProfile, "There is no such profile.", "'usher profiles' lists them; more can be given with --profiles DIR."},
	{UnknownRole, "The request names a directory role that Usher does not know.", "Use the role's exact name or template id."},
	{UnknownRoleGroup, "The request names an Exchange role group that is not known for this tenant.", "Use its exact name; add custom groups to the tenant's roleGroups."},
	{SyncRunning, "A sync of this tenant is running already.", "Wait for it; 'usher list --all' shows it."},
	{CallbackFailed, "The ticketing system did not take the status event.", "Nothing at first: it is sent again; check the call-back address when it lasts."},
	{CallbackRefused, "The ticketing system refused the status event for good.", "Check the call-back address and its secret."},
	{NoticeOutOfOrder, "An earlier status event of the request has not been delivered yet.", "Nothing: it goes out after the earlier one."},
	{HandoverFailed, "The ticketing system did not take the message with the password, so the password is set anew.", "Put the call-back right, then 'usher approve REQUEST': the new password is handed over."},
	{HandoverNotTaken, "The message with the password is on its way to the ticketing system.", "Nothing at first; if it lasts, check the call-back address and its secret, then 'usher approve REQUEST'."},
	{HandoverOver, "This hand-over is over: its password was shown already, was withdrawn, or could not be set.", "Ask for a new password with 'usher rotate ACCOUNT'."},
	{PasswordNotShown, "A new password is set, and Entra does not show the date of the change yet.", "Nothing: it is looked at again."},
	{MailFailed, "The mail server could not be reached, or puts the mail off.", "Nothing at first: it is sent again for about a day; check mail.address and the server when it lasts."},
	{MailRefused, "The mail server refused a mail for good, or must not be trusted with it.", "Read the fault text: correct the address of the owner, or the section mail of the configuration; then 'usher dead replay'."},
}
