package tenantfake

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// noAppRole is the app role of an assignment to an application without roles for users.
const noAppRole = "00000000-0000-0000-0000-000000000000"

// Assignment is a user assigned to an application (an appRoleAssignment whose principal is a user).
type Assignment struct {
	ID string
	// ResourceID is the object id of the application's service principal.
	ResourceID, UserID, RoleID string
}

type assignedRecord struct{ record[Assignment] }

// Assigned returns the users who are assigned to applications, as they truly are.
func (t *Tenant) Assigned() []Assignment {
	t.lock()
	defer t.mu.Unlock()
	var out []Assignment
	for _, rec := range t.assigned {
		if a := rec.current(); a != nil {
			out = append(out, *a)
		}
	}
	return out
}

// AssignUser assigns a user (id or user principal name) to an application (client id), as an administrator does in the admin centre. It
// reports whether the tenant knows both.
func (t *Tenant) AssignUser(clientID, user string) bool {
	now := t.lock()
	defer t.mu.Unlock()
	a, u := t.app(clientID), t.find(user)
	if a == nil || u == nil {
		return false
	}
	t.assignUser(now, a, u.current().ID, a.defaultRole())
	return true
}

// AssignmentRequired reports whether only assigned users may use an application (client id).
func (t *Tenant) AssignmentRequired(clientID string) bool {
	t.lock()
	defer t.mu.Unlock()
	a := t.app(clientID)
	return a != nil && a.spec.AssignmentRequired
}

// SetAssignmentRequired is what an administrator sets under "Properties" of an enterprise application.
func (t *Tenant) SetAssignmentRequired(clientID string, required bool) bool {
	return t.changeApp(clientID, func(a *app) { a.spec.AssignmentRequired = required })
}

func (a *app) defaultRole() string {
	if len(a.spec.UserRoles) == 0 {
		return noAppRole
	}
	return permissionID(a.spec.UserRoles[0])
}

// roleObjects are the roles that the application offers to users.
func (a *app) roleObjects() []any {
	roles := []any{}
	for _, name := range a.spec.UserRoles {
		roles = append(roles, map[string]any{
			"id": permissionID(name), "value": name, "displayName": name, "description": name, "isEnabled": true,
			"allowedMemberTypes": []any{"User"}, "origin": "Application",
		})
	}
	return roles
}

func (t *Tenant) assignUser(now time.Time, a *app, user, role string) Assignment {
	g := Assignment{ID: grantID(user, a.spec.ObjectID, role), ResourceID: a.spec.ObjectID, UserID: user, RoleID: role}
	rec := t.assignmentOf(g.ID)
	if rec == nil {
		rec = &assignedRecord{}
		t.assigned = append(t.assigned, rec)
	}
	rec.set(now, &g)
	return g
}

// assignmentOf finds the record of an assignment that is there, or was.
func (t *Tenant) assignmentOf(id string) *assignedRecord {
	for _, rec := range t.assigned {
		for v := rec.head; v != nil; v = v.prev {
			if v.value != nil && v.value.ID == id {
				return rec
			}
		}
	}
	return nil
}

// unassign takes every assignment of an application, or of a user, away.
func (t *Tenant) unassign(now time.Time, id string) {
	for _, rec := range t.assigned {
		if g := rec.current(); g != nil && (g.ResourceID == id || g.UserID == id) {
			rec.set(now, nil)
		}
	}
}

func (c *graphCall) assignmentObject(g Assignment) map[string]any {
	resource, name := c.t.appByObject(g.ResourceID), ""
	if rec := c.t.find(g.UserID); rec != nil {
		name = rec.current().DisplayName
	}
	return map[string]any{
		"id": g.ID, "appRoleId": g.RoleID, "principalId": g.UserID, "principalType": "User", "principalDisplayName": name,
		"resourceId": g.ResourceID, "resourceDisplayName": resource.spec.DisplayName,
	}
}

// shownAssignments are the users assigned to the path's application, as this call's replica has them.
func (c *graphCall) shownAssignments() (objects []map[string]any) {
	a := c.pathApp()
	for _, rec := range c.t.assigned {
		g := rec.seen(c.now, ReadGrants, c.t.consistency[ReadGrants], c.stale)
		if g != nil && a != nil && g.ResourceID == a.spec.ObjectID && c.t.find(g.UserID) != nil {
			objects = append(objects, c.assignmentObject(*g))
		}
	}
	return objects
}

// assign makes an assignment of a user (reference: Microsoft Graph docs, serviceprincipal-post-approleassignedto). The default role is
// taken where the application has none of its own for users.
func (c *graphCall) assign(a *app, user *userRecord, role string) *response {
	known := slices.ContainsFunc(a.spec.UserRoles, func(name string) bool { return permissionID(name) == strings.ToLower(role) })
	if !known && (role != noAppRole || len(a.spec.UserRoles) > 0) {
		return c.badRequest("Permission being assigned was not found on application '" + a.spec.ClientID + "'.")
	}
	if rec := c.t.assignmentOf(grantID(user.current().ID, a.spec.ObjectID, strings.ToLower(role))); rec != nil && rec.current() != nil {
		const text = "Permission being assigned already exists on the object"
		return c.badRequest(text, detail{"InvalidUpdate", text, ""})
	}
	g := c.t.assignUser(c.now, a, user.current().ID, strings.ToLower(role))
	return c.entity(http.StatusCreated, "servicePrincipals('"+c.params["id"]+"')/appRoleAssignedTo/$entity", c.assignmentObject(g))
}
