package entra

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const (
	assignmentsPath = "/roleManagement/directory/roleAssignments"
	changesRoles    = "RoleManagement.ReadWrite.Directory"
	readsRoles      = "RoleManagement.Read.Directory"
)

// AssignRole gives a principal a directory role, by template id, for the whole tenant,
// and returns Entra's id of the assignment. It does not read back.
//
// Faults of note: RoleConflict (permanent) when Entra has the assignment already, so
// read back; RoleNotFound (permanent) when the tenant has no such role; UserNotReadable
// (waiting) when the role exists, so it is the principal that is not known there yet.
func (c *Client) AssignRole(ctx context.Context, t account.TenantID, principalID, roleID string) (string, error) {
	var id string
	call := call{
		doing: fmt.Sprintf("assign role %s to %s", roleID, principalID), objects: []string{principalID, roleID},
		permission: changesRoles, missing: fault.UserNotReadable, conflict: fault.RoleConflict,
	}
	err := c.run(ctx, t, call, func(s *session) error {
		body := models.NewUnifiedRoleAssignment()
		body.SetOdataType(new("#microsoft.graph.unifiedRoleAssignment"))
		body.SetPrincipalId(&principalID)
		body.SetRoleDefinitionId(&roleID)
		body.SetDirectoryScopeId(new("/"))
		answer, err := s.sdk.roleAssignments().Post(ctx, body, nil)
		if err != nil {
			return err
		}
		if answer == nil || value(answer.GetId()) == "" {
			return errIncomplete("no role assignment with an id")
		}
		id = value(answer.GetId())
		return nil
	})
	if isMissing(err) {
		return "", c.whoIsMissing(ctx, t, roleID, err)
	}
	return id, err
}

// whoIsMissing tells an unknown role from an unknown principal, for Entra answers both
// alike. missing is the fault that stands when the role turns out to exist.
func (c *Client) whoIsMissing(ctx context.Context, t account.TenantID, roleID string, missing error) error {
	call := call{doing: "look up directory role " + roleID, objects: []string{roleID}, permission: readsRoles, missing: fault.RoleNotFound}
	err := c.run(ctx, t, call, func(s *session) error {
		var role struct{ ID string }
		return s.get(ctx, "/roleManagement/directory/roleDefinitions/"+url.PathEscape(roleID), &role)
	})
	if err != nil {
		return err
	}
	return missing
}

// RoleAssignments lists the directory roles of a principal. It reads an index that
// may lag behind what was assigned and removed.
func (c *Client) RoleAssignments(ctx context.Context, t account.TenantID, principalID string) ([]account.RoleAssignment, error) {
	return c.assignmentsWhere(ctx, t, "principalId", principalID)
}

// RoleHolders lists who holds a directory role, by template id, or may activate it
// through Privileged Identity Management where the tenant has that.
func (c *Client) RoleHolders(ctx context.Context, t account.TenantID, roleID string) ([]account.RoleAssignment, error) {
	active, err := c.assignmentsWhere(ctx, t, "roleDefinitionId", roleID)
	if err != nil {
		return nil, err
	}
	call := call{doing: "list who is eligible for role " + roleID, objects: []string{roleID}, permission: readsRoles}
	eligible, err := collect(pages(ctx, c, t, call, eligiblePath+where("roleDefinitionId", roleID), wireAssignment.assignment))
	if err != nil && !fault.Is(err, fault.PIMUnavailable) {
		return nil, err
	}
	return append(active, eligible...), nil
}

func (c *Client) assignmentsWhere(ctx context.Context, t account.TenantID, field, id string) ([]account.RoleAssignment, error) {
	call := call{doing: fmt.Sprintf("list role assignments with %s %s", field, id), objects: []string{id}, permission: readsRoles}
	return collect(pages(ctx, c, t, call, assignmentsPath+where(field, id), wireAssignment.assignment))
}

// where is a query for the objects with a field of that value.
func where(field, value string) string {
	return "?$filter=" + queryEscape(fmt.Sprintf("%s eq '%s'", field, strings.ReplaceAll(value, "'", "''")))
}

// RoleAssignmentPage reads a page of all directory role assignments of a tenant; cursor,
// next and faults are as in UserPage.
func (c *Client) RoleAssignmentPage(ctx context.Context, t account.TenantID, cursor string) (page []account.RoleAssignment, next string, err error) {
	call := call{doing: "list all role assignments", permission: readsRoles, unhurried: true}
	return readPage(ctx, c, t, call, assignmentsPath, cursor, wireAssignment.assignment)
}

// RemoveRoleAssignment takes a directory role away. An assignment that is gone already
// is no error. It does not read back.
func (c *Client) RemoveRoleAssignment(ctx context.Context, t account.TenantID, assignmentID string) error {
	call := call{doing: "remove role assignment " + assignmentID, objects: []string{assignmentID}, permission: changesRoles, missing: fault.RoleNotVisible}
	return unlessMissing(c.run(ctx, t, call, func(s *session) error {
		return s.sdk.roleAssignments().ByUnifiedRoleAssignmentId(assignmentID).Delete(ctx, nil)
	}))
}
