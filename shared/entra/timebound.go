package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Privileged Identity Management: requests change the schedules of assignments (source:
// Microsoft Graph, Create roleAssignmentScheduleRequests, List roleAssignmentSchedules).
const (
	scheduleRequestsPath = "/roleManagement/directory/roleAssignmentScheduleRequests"
	schedulesPath        = "/roleManagement/directory/roleAssignmentSchedules"
	eligiblePath         = "/roleManagement/directory/roleEligibilitySchedules"
)

// What an administrator may ask of a schedule.
const (
	adminAssign = "adminAssign"
	adminUpdate = "adminUpdate"
	adminRemove = "adminRemove"
)

// AssignRoleUntil gives a principal a directory role, by template id, for the whole tenant,
// that ends by itself. It does not read back. why is kept with the assignment.
//
// Faults of note are those of AssignRole, and PIMUnavailable (permanent) where the tenant
// has no licence for it.
func (c *Client) AssignRoleUntil(ctx context.Context, t account.TenantID, principalID, roleID string, until time.Time, why string) error {
	err := c.schedule(ctx, t, adminAssign, principalID, roleID, until, why)
	if isMissing(err) {
		return c.whoIsMissing(ctx, t, roleID, err)
	}
	return err
}

// ChangeRoleEnd moves the end of a role that AssignRoleUntil gave. It does not read back.
func (c *Client) ChangeRoleEnd(ctx context.Context, t account.TenantID, principalID, roleID string, until time.Time, why string) error {
	return c.schedule(ctx, t, adminUpdate, principalID, roleID, until, why)
}

// EndRole takes away a role that AssignRoleUntil gave. One that has ended is no error. It
// does not read back. RoleStillListed (waiting) in the first minutes of an assignment.
func (c *Client) EndRole(ctx context.Context, t account.TenantID, principalID, roleID string) error {
	err := c.schedule(ctx, t, adminRemove, principalID, roleID, time.Time{}, "taken away by Usher")
	if a, refused := errors.AsType[*refusal](err); refused && a.code == "RoleAssignmentDoesNotExist" {
		return nil
	}
	return unlessMissing(err)
}

// schedule asks for a change of a schedule. A zero end is none.
func (c *Client) schedule(ctx context.Context, t account.TenantID, action, principalID, roleID string, until time.Time, why string) error {
	call := call{
		doing: fmt.Sprintf("%s of role %s for %s", action, roleID, principalID), objects: []string{principalID, roleID},
		permission: changesRoles, missing: fault.UserNotReadable, conflict: fault.RoleConflict,
	}
	body := wireSchedule{Action: action, Justification: why, PrincipalID: principalID, RoleDefinitionID: roleID, DirectoryScopeID: "/"}
	if !until.IsZero() {
		body.ScheduleInfo = &wireScheduleInfo{Expiration: wireExpiration{Type: "afterDateTime", EndDateTime: until.UTC()}}
	}
	return c.run(ctx, t, call, func(s *session) error { return s.write(ctx, http.MethodPost, scheduleRequestsPath, body) })
}

// RoleEnd gives when the role that a principal holds ends by itself; zero for never, and
// for a role that is not held. PIMUnavailable as for AssignRoleUntil.
func (c *Client) RoleEnd(ctx context.Context, t account.TenantID, principalID, roleID string) (time.Time, error) {
	call := call{doing: "read when role " + roleID + " of " + principalID + " ends", objects: []string{principalID, roleID}, permission: readsRoles}
	found, err := collect(pages(ctx, c, t, call, schedulesPath+where("principalId", principalID), func(w wireSchedule) wireSchedule { return w }))
	if err != nil {
		return time.Time{}, err
	}
	for _, w := range found {
		if strings.EqualFold(w.RoleDefinitionID, roleID) && w.DirectoryScopeID == "/" && w.ScheduleInfo != nil {
			return w.ScheduleInfo.Expiration.EndDateTime, nil
		}
	}
	return time.Time{}, nil
}

// wireSchedule is a schedule, and a request for one, as Graph writes them.
type wireSchedule struct {
	ID               string            `json:"id,omitempty"`
	Action           string            `json:"action,omitempty"`
	Justification    string            `json:"justification,omitempty"`
	PrincipalID      string            `json:"principalId"`
	RoleDefinitionID string            `json:"roleDefinitionId"`
	DirectoryScopeID string            `json:"directoryScopeId"`
	ScheduleInfo     *wireScheduleInfo `json:"scheduleInfo,omitempty"`
}

func (w wireSchedule) key() string { return w.ID }

type wireScheduleInfo struct {
	Expiration wireExpiration `json:"expiration"`
}

type wireExpiration struct {
	Type        string    `json:"type"`
	EndDateTime time.Time `json:"endDateTime,omitzero"`
}
