package tenantfake

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

const (
	rolePath       = "roleManagement/directory/"
	conflictedText = "A conflicting object with one or more of the specified property values is present in the directory."
)

var roleFilters = map[string]filterable{"displayName": basic, "id": basic, "templateId": basic, "isBuiltIn": basic}

func (r roleDef) object() map[string]any {
	return map[string]any{
		"id": r.ID, "templateId": r.ID, "displayName": r.Name, "description": "Built-in role " + r.Name + ".",
		"isBuiltIn": true, "isEnabled": true, "resourceScopes": []any{"/"}, "version": "1",
		"rolePermissions": []any{map[string]any{
			"allowedResourceActions": []any{"microsoft.directory/users/basic/read"}, "condition": nil,
		}},
	}
}

func (c *graphCall) listRoleDefinitions() *response {
	objects := make([]map[string]any, 0, len(roleTable))
	for _, r := range roleTable {
		objects = append(objects, r.object())
	}
	return c.collection(rolePath+"roleDefinitions", roleFilters, objects)
}

func (c *graphCall) readRoleDefinition() *response {
	r := roleNamed(c.params["id"])
	if r == nil || r.Name == c.params["id"] {
		return c.notFound(c.params["id"])
	}
	return c.entity(http.StatusOK, rolePath+"roleDefinitions/$entity", pick(r.object(), c.option("select")))
}

func (a *RoleAssignment) object() map[string]any {
	return map[string]any{"id": a.ID, "roleDefinitionId": a.RoleDefinitionID, "principalId": a.PrincipalID, "directoryScopeId": a.DirectoryScopeID}
}

var assignmentFilters = map[string]filterable{"principalId": basic, "roleDefinitionId": basic, "directoryScopeId": basic, "id": basic}

// seeAssignment reads an assignment as this call's replica has it.
func (c *graphCall) seeAssignment(rec *assignmentRecord) *RoleAssignment {
	return rec.seen(c.now, ReadAssignments, c.t.consistency[ReadAssignments], c.stale)
}

func (c *graphCall) listAssignments() *response {
	objects := []map[string]any{}
	for _, rec := range c.t.roles {
		if a := c.seeAssignment(rec); a != nil {
			objects = append(objects, a.object())
		}
	}
	expand := c.option("expand")
	for _, o := range objects {
		if resp := c.expandAssignment(o, expand); resp != nil {
			return resp
		}
	}
	return c.collection(rolePath+"roleAssignments", assignmentFilters, objects)
}

// expandAssignment adds roleDefinition or principal to an assignment.
func (c *graphCall) expandAssignment(o map[string]any, expand string) *response {
	for _, name := range strings.Split(expand, ",") {
		switch name, _, _ = strings.Cut(strings.TrimSpace(name), "("); name {
		case "":
		case "roleDefinition":
			o[name] = roleNamed(o["roleDefinitionId"].(string)).object()
		case "principal":
			o[name] = c.principal(o["principalId"].(string))
		default:
			return c.notImplemented()
		}
	}
	return nil
}

func (c *graphCall) principal(id string) any {
	if rec := c.t.byID[id]; rec != nil && live(rec.current()) != nil {
		o := rec.current().project(defaultProps)
		o["@odata.type"] = "#microsoft.graph.user"
		return o
	}
	if a := c.t.appByObject(id); a != nil {
		o := a.object()
		o["@odata.type"] = "#microsoft.graph.servicePrincipal"
		return o
	}
	return nil
}

func (c *graphCall) readAssignment() *response {
	rec := c.t.roleByID[c.params["id"]]
	if rec == nil {
		return c.notFound(c.params["id"])
	}
	a := c.seeAssignment(rec)
	if a == nil {
		return c.notFound(c.params["id"])
	}
	o := a.object()
	if resp := c.expandAssignment(o, c.option("expand")); resp != nil {
		return resp
	}
	return c.entity(http.StatusOK, rolePath+"roleAssignments/$entity", pick(o, c.option("select")))
}

// deleteAssignment works on the truth: a replica that still shows the assignment does not bring it back.
func (c *graphCall) deleteAssignment() *response {
	rec := c.t.roleByID[c.params["id"]]
	if rec == nil || rec.current() == nil {
		return c.notFound(c.params["id"])
	}
	rec.set(c.now, nil)
	return newResponse(http.StatusNoContent)
}

// roleBody is the common part of role assignments and PIM requests.
type roleBody struct {
	RoleDefinitionID, PrincipalID string
	DirectoryScopeID, AppScopeID  *string
}

// checkTarget finds role and principal of a request; a principal that the role service's replica does not have yet is not found.
func (c *graphCall) checkTarget(b roleBody) (*roleDef, *response) {
	if b.DirectoryScopeID == nil && b.AppScopeID == nil || uuid.Validate(b.PrincipalID) != nil || uuid.Validate(b.RoleDefinitionID) != nil {
		return nil, c.badRequest(invalidValues)
	}
	if b.AppScopeID != nil {
		return nil, c.notImplemented()
	}
	if err := validScope(*b.DirectoryScopeID); err != nil {
		return nil, c.badRequest(fmt.Sprintf("Invalid value specified for property 'directoryScopeId': %v.", err))
	}
	def := roleNamed(b.RoleDefinitionID)
	if def == nil {
		return nil, c.notFound(b.RoleDefinitionID)
	}
	if c.t.principalType(b.PrincipalID) == "" {
		return nil, c.notFound(b.PrincipalID)
	}
	if rec := c.t.byID[strings.ToLower(b.PrincipalID)]; rec != nil && live(c.see(rec, ReadPrincipal)) == nil {
		return nil, c.notFound(b.PrincipalID)
	}
	if a := c.t.appByObject(b.PrincipalID); a != nil && !c.reaches(a.created, ReadPrincipal) {
		return nil, c.notFound(b.PrincipalID)
	}
	return def, nil
}

func (c *graphCall) createAssignment() *response {
	var body roleBody
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	def, resp := c.checkTarget(body)
	if resp != nil {
		return resp
	}
	principal := strings.ToLower(body.PrincipalID)
	if c.t.assignment(principal, def.ID, *body.DirectoryScopeID) != nil {
		return c.badRequest(conflictedText, detail{"ConflictingObjects", conflictedText, "roleAssignments"})
	}
	rec := c.t.assign(c.now, principal, def.ID, *body.DirectoryScopeID)
	return c.entity(http.StatusCreated, rolePath+"roleAssignments/$entity", rec.current().object())
}
