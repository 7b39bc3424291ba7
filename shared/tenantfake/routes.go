package tenantfake

import (
	"net/http"
	"net/url"
	"strings"
)

// route is one Graph operation.
type route struct {
	method, pattern string
	// permissions are the application permissions of which one is needed.
	permissions []string
	// body and result name the types of the request body and of the answer (for a list: of its items) in Microsoft's schema; empty for none.
	body, result string
	handle       func(*graphCall) *response
	// preview is set for an operation that only /beta has.
	preview bool
	// abroad is set for an operation that looks at the applications of other tenants.
	abroad bool
	// batch is set instead of handle for operations that do not run under the tenant's lock.
	batch func(*graphCall) *response
}

var (
	readUsers       = []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	writeUsers      = []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}
	patchUsers      = append([]string{"User.EnableDisableAccount.All", "User-PasswordProfile.ReadWrite.All"}, writeUsers...)
	deleteUsers     = append([]string{"User.DeleteRestore.All"}, writeUsers...)
	revokeSessions  = append([]string{"User.RevokeSessions.All"}, writeUsers...)
	readDirectory   = []string{"Directory.Read.All", "Directory.ReadWrite.All"}
	readRoles       = append([]string{"RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", "RoleManagement.Read.All"}, readDirectory...)
	writeRoles      = []string{"RoleManagement.ReadWrite.Directory"}
	writeActive     = append([]string{"RoleAssignmentSchedule.ReadWrite.Directory"}, writeRoles...)
	readActive      = append([]string{"RoleAssignmentSchedule.Read.Directory", "RoleManagement.Read.Directory"}, writeActive...)
	writeEligible   = append([]string{"RoleEligibilitySchedule.ReadWrite.Directory"}, writeRoles...)
	readEligible    = append([]string{"RoleEligibilitySchedule.Read.Directory", "RoleManagement.Read.Directory"}, writeEligible...)
	readDomains     = append([]string{"Domain.Read.All", "Domain.ReadWrite.All"}, readDirectory...)
	readOrg         = append([]string{"Organization.Read.All", "Organization.ReadWrite.All"}, readDirectory...)
	readSKUs        = append([]string{"LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"}, readOrg...)
	readLicenses    = append([]string{"LicenseAssignment.Read.All"}, readUsers...)
	readApps        = append([]string{"Application.Read.All", "Application.ReadWrite.All"}, readDirectory...)
	writeApps       = []string{"Application.ReadWrite.All"}
	writeGrants     = []string{"AppRoleAssignment.ReadWrite.All"}
	readDelegated   = append([]string{"DelegatedPermissionGrant.Read.All", "DelegatedPermissionGrant.ReadWrite.All"}, readDirectory...)
	writeDelegated  = []string{"DelegatedPermissionGrant.ReadWrite.All"}
	writeRequests   = []string{"Policy.ReadWrite.ConsentRequest", "Directory.ReadWrite.All"}
	readRequests    = append([]string{"Policy.Read.All"}, writeRequests...)
	readPolicies    = []string{"Policy.Read.All"}
	readMemberships = append([]string{"GroupMember.Read.All"}, readUsers...)
	readGroups      = append([]string{"GroupMember.Read.All", "Group.Read.All"}, readDirectory...)
	readMFA         = []string{"Policy.ReadWrite.AuthenticationMethod"}
	writeAccess     = []string{"Policy.ReadWrite.ConditionalAccess"}
	readConditional = []string{"Policy.Read.All", "Policy.Read.ConditionalAccess", "Policy.ReadWrite.ConditionalAccess"}
)

// routes is the table of operations. A fixed segment stands before a placeholder in the same place.
var routes []route

func init() { // a variable initialiser would be a cycle: the batch handler looks up routes
	routes = []route{
		{method: "POST", pattern: "/$batch", batch: (*graphCall).serveBatch},

		{method: "GET", pattern: "/users", permissions: readUsers, result: "user", handle: (*graphCall).listUsers},
		{method: "POST", pattern: "/users", permissions: writeUsers, body: "user", result: "user", handle: (*graphCall).createUser},
		{method: "GET", pattern: "/users/$count", permissions: readUsers, handle: (*graphCall).countUsers},
		{method: "GET", pattern: "/users/delta", permissions: readUsers, result: "user", handle: (*graphCall).usersDelta},
		{method: "GET", pattern: "/users/{id}", permissions: readUsers, result: "user", handle: (*graphCall).readUser},
		{method: "PATCH", pattern: "/users/{id}", permissions: patchUsers, body: "user", handle: (*graphCall).updateUser},
		{method: "DELETE", pattern: "/users/{id}", permissions: deleteUsers, handle: (*graphCall).deleteUser},
		{method: "GET", pattern: "/users/{id}/licenseDetails", permissions: readLicenses, result: "licenseDetails", handle: (*graphCall).licenseDetails},
		{method: "GET", pattern: "/users/{id}/transitiveMemberOf", permissions: readMemberships, result: "directoryObject", handle: (*graphCall).memberships},
		{method: "GET", pattern: "/users/{id}/authentication/requirements", permissions: readMFA, preview: true, handle: (*graphCall).authenticationRequirements},
		{method: "POST", pattern: "/users/{id}/revokeSignInSessions", permissions: revokeSessions, handle: (*graphCall).revokeSessions},

		{method: "GET", pattern: "/directory/deletedItems/microsoft.graph.user", permissions: readUsers, result: "user", handle: (*graphCall).listDeleted},
		{method: "GET", pattern: "/directory/deletedItems/{id}", permissions: readUsers, result: "user", handle: (*graphCall).readDeleted},
		{method: "POST", pattern: "/directory/deletedItems/{id}/restore", permissions: deleteUsers, body: "restore", result: "user", handle: (*graphCall).restoreUser},
		{method: "DELETE", pattern: "/directory/deletedItems/{id}", permissions: deleteUsers, handle: (*graphCall).purgeUser},

		{method: "GET", pattern: "/roleManagement/directory/roleDefinitions", permissions: readRoles, result: "unifiedRoleDefinition", handle: (*graphCall).listRoleDefinitions},
		{method: "GET", pattern: "/roleManagement/directory/roleDefinitions/{id}", permissions: readRoles, result: "unifiedRoleDefinition", handle: (*graphCall).readRoleDefinition},
		{method: "GET", pattern: "/roleManagement/directory/roleAssignments", permissions: readRoles, result: "unifiedRoleAssignment", handle: (*graphCall).listAssignments},
		{method: "POST", pattern: "/roleManagement/directory/roleAssignments", permissions: writeRoles, body: "unifiedRoleAssignment", result: "unifiedRoleAssignment", handle: (*graphCall).createAssignment},
		{method: "GET", pattern: "/roleManagement/directory/roleAssignments/{id}", permissions: readRoles, result: "unifiedRoleAssignment", handle: (*graphCall).readAssignment},
		{method: "DELETE", pattern: "/roleManagement/directory/roleAssignments/{id}", permissions: writeRoles, handle: (*graphCall).deleteAssignment},

		{method: "GET", pattern: "/roleManagement/directory/roleAssignmentSchedules", permissions: readActive, result: "unifiedRoleAssignmentSchedule", handle: (*graphCall).listStanding},
		{method: "GET", pattern: "/roleManagement/directory/roleAssignmentScheduleRequests", permissions: readActive, result: "unifiedRoleAssignmentScheduleRequest", handle: (*graphCall).listActive},
		{method: "POST", pattern: "/roleManagement/directory/roleAssignmentScheduleRequests", permissions: writeActive, body: "unifiedRoleAssignmentScheduleRequest", result: "unifiedRoleAssignmentScheduleRequest", handle: (*graphCall).requestActive},
		{method: "GET", pattern: "/roleManagement/directory/roleAssignmentScheduleRequests/{id}", permissions: readActive, result: "unifiedRoleAssignmentScheduleRequest", handle: (*graphCall).readActive},
		{method: "GET", pattern: "/roleManagement/directory/roleEligibilitySchedules", permissions: readEligible, result: "unifiedRoleEligibilitySchedule", handle: (*graphCall).listEligibilities},
		{method: "GET", pattern: "/roleManagement/directory/roleEligibilityScheduleRequests", permissions: readEligible, result: "unifiedRoleEligibilityScheduleRequest", handle: (*graphCall).listEligible},
		{method: "POST", pattern: "/roleManagement/directory/roleEligibilityScheduleRequests", permissions: writeEligible, body: "unifiedRoleEligibilityScheduleRequest", result: "unifiedRoleEligibilityScheduleRequest", handle: (*graphCall).requestEligible},
		{method: "GET", pattern: "/roleManagement/directory/roleEligibilityScheduleRequests/{id}", permissions: readEligible, result: "unifiedRoleEligibilityScheduleRequest", handle: (*graphCall).readEligible},

		{method: "GET", pattern: "/groups", permissions: readGroups, result: "group", handle: (*graphCall).listGroups},
		{method: "GET", pattern: "/groups/{id}/transitiveMembers", permissions: readGroups, result: "directoryObject", handle: (*graphCall).groupMembers},

		{method: "GET", pattern: "/domains", permissions: readDomains, result: "domain", handle: (*graphCall).listDomains},
		{method: "GET", pattern: "/domains/{id}", permissions: readDomains, result: "domain", handle: (*graphCall).readDomain},
		{method: "GET", pattern: "/organization", permissions: readOrg, result: "organization", handle: (*graphCall).listOrganization},
		{method: "GET", pattern: "/organization/{id}", permissions: readOrg, result: "organization", handle: (*graphCall).readOrganization},
		{method: "GET", pattern: "/subscribedSkus", permissions: readSKUs, result: "subscribedSku", handle: (*graphCall).listSKUs},

		{method: "GET", pattern: "/applications", permissions: readApps, result: "application", handle: (*graphCall).listApplications},
		{method: "POST", pattern: "/applications", permissions: writeApps, body: "application", result: "application", handle: (*graphCall).createApplication},
		{method: "GET", pattern: "/applications/{id}", permissions: readApps, result: "application", handle: (*graphCall).readApplication},
		{method: "PATCH", pattern: "/applications/{id}", permissions: writeApps, body: "application", result: "application", handle: (*graphCall).updateApplication},
		{method: "DELETE", pattern: "/applications/{id}", permissions: writeApps, handle: (*graphCall).deleteApplication},
		{method: "GET", pattern: "/applications/{id}/federatedIdentityCredentials", permissions: readApps, result: "federatedIdentityCredential", handle: (*graphCall).listFederated},
		{method: "POST", pattern: "/applications/{id}/federatedIdentityCredentials", permissions: writeApps, body: "federatedIdentityCredential", result: "federatedIdentityCredential", handle: (*graphCall).createFederated},
		{method: "GET", pattern: "/applications/{id}/federatedIdentityCredentials/{credential}", permissions: readApps, result: "federatedIdentityCredential", handle: (*graphCall).readFederated},
		{method: "PATCH", pattern: "/applications/{id}/federatedIdentityCredentials/{credential}", permissions: writeApps, body: "federatedIdentityCredential", result: "federatedIdentityCredential", handle: (*graphCall).updateFederated},
		{method: "DELETE", pattern: "/applications/{id}/federatedIdentityCredentials/{credential}", permissions: writeApps, handle: (*graphCall).deleteFederated},
		{method: "GET", pattern: "/servicePrincipals", permissions: readApps, result: "servicePrincipal", handle: (*graphCall).listApps},
		{method: "POST", pattern: "/servicePrincipals", permissions: writeApps, body: "servicePrincipal", result: "servicePrincipal", abroad: true, handle: (*graphCall).createPrincipal},
		{method: "GET", pattern: "/servicePrincipals/{id}", permissions: readApps, result: "servicePrincipal", handle: (*graphCall).readApp},
		{method: "PATCH", pattern: "/servicePrincipals/{id}", permissions: writeApps, body: "servicePrincipal", result: "servicePrincipal", abroad: true, handle: (*graphCall).updatePrincipal},
		{method: "DELETE", pattern: "/servicePrincipals/{id}", permissions: writeApps, handle: (*graphCall).deletePrincipal},
		{method: "GET", pattern: "/servicePrincipals/{id}/appRoleAssignments", permissions: readApps, result: "appRoleAssignment", handle: (*graphCall).listGrants},
		{method: "POST", pattern: "/servicePrincipals/{id}/appRoleAssignments", permissions: writeGrants, body: "appRoleAssignment", result: "appRoleAssignment", handle: (*graphCall).grant},
		{method: "DELETE", pattern: "/servicePrincipals/{id}/appRoleAssignments/{grant}", permissions: writeGrants, handle: (*graphCall).withdrawGrant},
		{method: "GET", pattern: "/servicePrincipals/{id}/appRoleAssignedTo", permissions: readApps, result: "appRoleAssignment", handle: (*graphCall).listGranted},
		{method: "POST", pattern: "/servicePrincipals/{id}/appRoleAssignedTo", permissions: writeGrants, body: "appRoleAssignment", result: "appRoleAssignment", handle: (*graphCall).grant},
		{method: "DELETE", pattern: "/servicePrincipals/{id}/appRoleAssignedTo/{grant}", permissions: writeGrants, handle: (*graphCall).withdrawGrant},
		{method: "GET", pattern: "/servicePrincipals/{id}/oauth2PermissionGrants", permissions: readDelegated, result: "oAuth2PermissionGrant", handle: (*graphCall).listDelegatedOf},
		{method: "GET", pattern: "/oauth2PermissionGrants", permissions: readDelegated, result: "oAuth2PermissionGrant", handle: (*graphCall).listDelegated},
		{method: "POST", pattern: "/oauth2PermissionGrants", permissions: writeDelegated, body: "oAuth2PermissionGrant", result: "oAuth2PermissionGrant", handle: (*graphCall).createDelegated},
		{method: "GET", pattern: "/oauth2PermissionGrants/{id}", permissions: readDelegated, result: "oAuth2PermissionGrant", handle: (*graphCall).readDelegated},
		{method: "PATCH", pattern: "/oauth2PermissionGrants/{id}", permissions: writeDelegated, body: "oAuth2PermissionGrant", handle: (*graphCall).updateDelegated},
		{method: "DELETE", pattern: "/oauth2PermissionGrants/{id}", permissions: writeDelegated, handle: (*graphCall).deleteDelegated},

		{method: "GET", pattern: "/policies/adminConsentRequestPolicy", permissions: readRequests, result: "adminConsentRequestPolicy", handle: (*graphCall).readConsentPolicy},
		{method: "PUT", pattern: "/policies/adminConsentRequestPolicy", permissions: writeRequests, body: "adminConsentRequestPolicy", handle: (*graphCall).putConsentPolicy},
		{method: "GET", pattern: "/policies/identitySecurityDefaultsEnforcementPolicy", permissions: readPolicies, result: "identitySecurityDefaultsEnforcementPolicy", handle: (*graphCall).securityDefaults},
		{method: "GET", pattern: "/identity/conditionalAccess/policies", permissions: readConditional, result: "conditionalAccessPolicy", handle: (*graphCall).listConditionalAccess},
		{method: "GET", pattern: "/identity/conditionalAccess/policies/{id}", permissions: readConditional, result: "conditionalAccessPolicy", handle: (*graphCall).readConditionalAccess},
		{method: "PATCH", pattern: "/identity/conditionalAccess/policies/{id}", permissions: writeAccess, body: "conditionalAccessPolicy", handle: (*graphCall).updateConditionalAccess},
	}
}

// findRoute returns the operation for a method and path; when there is none, unknown tells a wrong path from a wrong method.
func findRoute(method string, segs []string) (r *route, params map[string]string, unknown bool) {
	unknown = true
	var best *route
	for i := range routes {
		got := match(routes[i].pattern, segs)
		if got == nil {
			continue
		}
		unknown = false
		if routes[i].method == method && (best == nil || len(got) < len(params)) {
			best, params = &routes[i], got
		}
	}
	return best, params, unknown
}

// match compares a pattern with path segments and returns the placeholders' values, or nil. Fixed segments match in any case.
func match(pattern string, segs []string) map[string]string {
	want := strings.Split(pattern[1:], "/")
	if len(want) != len(segs) {
		return nil
	}
	params := map[string]string{}
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{"):
			params[strings.Trim(w, "{}")] = segs[i]
		case !strings.EqualFold(w, segs[i]):
			return nil
		}
	}
	return params
}

// segments splits an escaped path; OData keys and calls become segments of their own: users('x') is users/x, delta() is delta.
func segments(escaped string) []string {
	var out []string
	for _, raw := range strings.Split(strings.Trim(escaped, "/"), "/") {
		seg, err := url.PathUnescape(raw)
		if err != nil {
			seg = raw
		}
		if kind, ok := strings.CutPrefix(seg, "graph."); ok { // the SDK's short form of a type cast
			seg = "microsoft.graph." + kind
		}
		name, key, keyed := strings.Cut(strings.TrimPrefix(seg, "microsoft.graph.delta"), "(")
		switch {
		case strings.HasPrefix(seg, "microsoft.graph.delta"):
			out = append(out, "delta")
		case !keyed || !strings.HasSuffix(key, ")") || name == "":
			out = append(out, seg)
		case key == ")":
			out = append(out, name)
		default:
			out = append(out, name, unquoteKey(strings.TrimSuffix(key, ")")))
		}
	}
	return out
}

// unquoteKey turns 'x' into x and appId='x' into appId=x.
func unquoteKey(key string) string {
	name, value, named := strings.Cut(key, "=")
	if !named {
		name, value = "", key
	}
	value = strings.ReplaceAll(strings.Trim(value, "'"), "''", "'")
	if named {
		return name + "=" + value
	}
	return value
}

// notImplemented answers a query option that the emulator does not have.
func (c *graphCall) notImplemented() *response {
	return c.fail(http.StatusNotImplemented, "NotImplemented", "This operation target is not yet supported.")
}
