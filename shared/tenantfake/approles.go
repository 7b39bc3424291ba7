package tenantfake

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// permissionTable gives the ids of application permissions (reference: Microsoft Graph permissions reference; Exchange docs, "App-only
// authentication"). A permission that is not in it gets an id made of its name.
var permissionTable = map[string]map[string]string{
	graphAppID: {
		"User.Read.All":                          "df021288-bdef-4463-88db-98f22de89214",
		"User.ReadWrite.All":                     "741f803b-c850-494e-b5df-cde7c675a1ca",
		"Directory.Read.All":                     "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
		"Directory.ReadWrite.All":                "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
		"RoleManagement.Read.Directory":          "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
		"RoleManagement.ReadWrite.Directory":     "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8",
		"Organization.Read.All":                  "498476ce-e0fe-48b0-b801-37ba7e2685c6",
		"Domain.Read.All":                        "dbb9058a-0e50-45d7-ae91-66909b5d4664",
		"LicenseAssignment.Read.All":             "e2f98668-2877-4f38-a2f4-8202e0717aa1",
		"Policy.Read.All":                        "246dd0d5-5bd0-4def-940b-0421030a5b68",
		"Application.Read.All":                   "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
		"Application.ReadWrite.All":              "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
		"AppRoleAssignment.ReadWrite.All":        "06b708a9-e830-4db3-a914-8e69da51d44f",
		"DelegatedPermissionGrant.ReadWrite.All": "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
		"Policy.ReadWrite.ConsentRequest":        "999f8c63-0a38-4f1b-91fd-ed1947bdd1a9",
		"Mail.Read":                              "810c84a8-4a9e-49e6-bf7d-12d183f40d01",
		"Mail.ReadWrite":                         "e2a3a72e-5f79-4c64-b1b1-878b674786c9",
		"Calendars.Read":                         "798ee544-9d2d-430c-a058-570e29e34338",
		"Calendars.ReadWrite":                    "ef54d2bf-783f-4e0f-bca1-3210c0444d99",
		"Files.Read.All":                         "01d4889c-1287-42c6-ac1f-5d1e02578ef6",
		"Files.ReadWrite.All":                    "75359482-378d-4052-8f01-80520e7db3cd",
		"Sites.Read.All":                         "332a536c-c7ef-4017-ab91-336970924f0d",
		"Sites.ReadWrite.All":                    "9492366f-7969-46a4-8d15-ed1a20078fff",
		"Group.Read.All":                         "5b567255-7703-4780-807c-7be8301ae99b",
		"Sites.FullControl.All":                  "a82116e5-55eb-4c41-a434-62fe8a61c773",
		"Mail.Send":                              "b633e1c5-b582-4048-a93e-9f11b44c7e96",
		"Reports.Read.All":                       "230c1aed-a721-4c5d-9cb4-a90514e508ef",
		"AuditLog.Read.All":                      "b0afded3-3588-46d8-8b3d-9842eff778da",

		"GroupMember.Read.All":                       "98830695-27a2-44f7-8c18-0c3ebc9698f6",
		"Policy.ReadWrite.AuthenticationMethod":      "29c18626-4985-4dcd-85c0-193eef327366",
		"Policy.ReadWrite.ConditionalAccess":         "01c0a623-fc9b-48e9-b794-0756f8e8f067",
		"RoleAssignmentSchedule.ReadWrite.Directory": "dd199f4a-f148-40a4-a2ec-f0069cc799ec",
		"User-PasswordProfile.ReadWrite.All":         "cc117bb9-00cf-4eb8-b580-ea2a878fe8f7",
	},
	exchangeAppID: {
		"Exchange.ManageAsApp": "dc50a0fb-09a3-484d-be87-e023b12c6440",
		"full_access_as_app":   "dc890d15-9560-4a4c-9b7f-a736ec74ec40",
		// Two that are easily mistaken for it.
		"Exchange.ManageAsAppV2":        permissionID("Exchange.ManageAsAppV2"),
		"Exchange.AdminAPI.ManageAsApp": permissionID("Exchange.AdminAPI.ManageAsApp"),
	},
}

// permissionID is the id of a permission that the table does not know.
func permissionID(name string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("permission/"+name)).String()
}

// resource is an API whose permissions can be granted: its service principal in a tenant.
type resource struct{ appID, name string }

var resources = []resource{{graphAppID, "Microsoft Graph"}, {exchangeAppID, "Office 365 Exchange Online"}}

// objectID is the id of a resource's service principal in a tenant, always the same.
func (r resource) objectID(t *Tenant) string {
	return uuid.NewSHA1(uuid.MustParse(r.appID), []byte(t.ID())).String()
}

func (r resource) roleID(name string) string {
	if id, ok := permissionTable[r.appID][name]; ok {
		return id
	}
	return permissionID(name)
}

// roleName finds a permission by its id.
func (r resource) roleName(id string) (string, bool) {
	for name, known := range permissionTable[r.appID] {
		if strings.EqualFold(known, id) {
			return name, true
		}
	}
	return "", false
}

// granted are the names of the permissions that an app holds on the resource; what is changed there is in the next token.
func (r resource) granted(a *app) *[]string {
	if r.appID == graphAppID {
		return &a.spec.Graph
	}
	return &a.spec.Exchange
}

func (r resource) object(t *Tenant) map[string]any {
	roles := []any{}
	for _, name := range sortedKeys(permissionTable[r.appID]) {
		roles = append(roles, map[string]any{
			"id": r.roleID(name), "value": name, "displayName": name, "description": name, "isEnabled": true,
			"allowedMemberTypes": []any{"Application"}, "origin": "Application",
		})
	}
	return map[string]any{
		"id": r.objectID(t), "appId": r.appID, "displayName": r.name, "appDisplayName": r.name, "accountEnabled": true,
		"servicePrincipalType": "Application", "appRoleAssignmentRequired": false, "appRoles": roles,
		"oauth2PermissionScopes": r.scopeObjects(),
	}
}

func resourceByObject(t *Tenant, id string) (resource, bool) {
	i := slices.IndexFunc(resources, func(r resource) bool { return strings.EqualFold(r.objectID(t), id) })
	if i < 0 {
		return resource{}, false
	}
	return resources[i], true
}

// grantID is opaque to clients, and the same whenever the same permission is granted to the same principal.
func grantID(principal, resource, role string) string {
	sum := sha256.Sum256([]byte(principal + " " + resource + " " + role))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (t *Tenant) grantObject(a *app, r resource, name string) map[string]any {
	return map[string]any{
		"id": grantID(a.spec.ObjectID, r.objectID(t), r.roleID(name)), "appRoleId": r.roleID(name),
		"principalId": a.spec.ObjectID, "principalType": "ServicePrincipal", "principalDisplayName": a.spec.DisplayName,
		"resourceId": r.objectID(t), "resourceDisplayName": r.name,
	}
}

// permission is an application permission of a resource, by name.
type permission struct{ resource, name string }

// permissionChange is when a permission was given or withdrawn.
type permissionChange struct {
	at   time.Time
	held bool
}

// permit gives or withdraws an application permission.
func (a *app) permit(r resource, name string, held bool, now time.Time) {
	list := r.granted(a)
	*list = slices.DeleteFunc(slices.Clone(*list), func(n string) bool { return n == name })
	if held {
		*list = append(*list, name)
	}
	if a.changed == nil {
		a.changed = map[permission]permissionChange{}
	}
	a.changed[permission{r.appID, name}] = permissionChange{now, held}
}

// eachShownGrant visits the permissions granted in the tenant as a reader sees them.
func (c *graphCall) eachShownGrant(visit func(a *app, r resource, name string)) {
	late := func(a *app, r resource, name string) bool {
		change, ok := a.changed[permission{r.appID, name}]
		return ok && !c.reaches(change.at, ReadGrants)
	}
	c.t.eachGrant(func(a *app, r resource, name string) {
		if !late(a, r, name) {
			visit(a, r, name)
		}
	})
	for _, a := range c.t.apps {
		for _, r := range resources {
			for _, name := range sortedKeys(permissionTable[r.appID]) {
				if late(a, r, name) && !a.changed[permission{r.appID, name}].held {
					visit(a, r, name)
				}
			}
		}
	}
}

// eachGrant visits every permission granted in the tenant.
func (t *Tenant) eachGrant(visit func(a *app, r resource, name string)) {
	for _, a := range t.apps {
		for _, r := range resources {
			for _, name := range *r.granted(a) {
				visit(a, r, name)
			}
		}
	}
}

// listGrants lists what the path's service principal holds; listGranted what is held on it.
func (c *graphCall) listGrants() *response {
	return c.grants("appRoleAssignments", func(a *app, _ resource) bool { return a == c.pathApp() })
}

func (c *graphCall) listGranted() *response {
	return c.grants("appRoleAssignedTo", func(_ *app, r resource) bool { return strings.EqualFold(r.objectID(c.t), c.params["id"]) })
}

func (c *graphCall) grants(navigation string, want func(*app, resource) bool) *response {
	_, known := resourceByObject(c.t, c.params["id"])
	if !known && c.pathApp() == nil {
		return c.notFound(c.params["id"])
	}
	objects := []map[string]any{}
	c.eachShownGrant(func(a *app, r resource, name string) {
		if want(a, r) {
			objects = append(objects, c.t.grantObject(a, r, name))
		}
	})
	if navigation == "appRoleAssignedTo" {
		objects = append(objects, c.shownAssignments()...)
	}
	return c.collection("servicePrincipals('"+c.params["id"]+"')/"+navigation, nil, objects)
}

// grant gives an application permission (reference: Microsoft Graph docs, serviceprincipal-post-approleassignedto).
func (c *graphCall) grant() *response {
	var body struct{ PrincipalID, ResourceID, AppRoleID string }
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	if id := c.params["id"]; !strings.EqualFold(id, body.ResourceID) && !strings.EqualFold(id, body.PrincipalID) {
		return c.badRequest(invalidValues)
	}
	if used := c.t.appByObject(body.ResourceID); used != nil {
		user := c.t.find(body.PrincipalID)
		if user == nil {
			return c.notFound(body.PrincipalID)
		}
		return c.assign(used, user, body.AppRoleID)
	}
	a := c.t.appByObject(body.PrincipalID)
	if a == nil || !c.reaches(a.created, ReadPrincipal) {
		return c.notFound(body.PrincipalID)
	}
	r, ok := resourceByObject(c.t, body.ResourceID)
	if !ok {
		return c.notFound(body.ResourceID)
	}
	name, ok := r.roleName(body.AppRoleID)
	if !ok {
		return c.badRequest("Permission being assigned was not found on application '" + r.appID + "'.")
	}
	if slices.Contains(*r.granted(a), name) {
		const text = "Permission being assigned already exists on the object"
		return c.badRequest(text, detail{"InvalidUpdate", text, ""})
	}
	a.permit(r, name, true, c.now)
	return c.entity(http.StatusCreated, "servicePrincipals('"+c.params["id"]+"')/appRoleAssignments/$entity", c.t.grantObject(a, r, name))
}

func (c *graphCall) withdrawGrant() *response {
	resp := c.notFound(c.params["grant"])
	if rec := c.t.assignmentOf(c.params["grant"]); rec != nil && rec.current() != nil {
		rec.set(c.now, nil)
		return newResponse(http.StatusNoContent)
	}
	c.t.eachGrant(func(a *app, r resource, name string) {
		if grantID(a.spec.ObjectID, r.objectID(c.t), r.roleID(name)) != c.params["grant"] {
			return
		}
		a.permit(r, name, false, c.now)
		resp = newResponse(http.StatusNoContent)
	})
	return resp
}
