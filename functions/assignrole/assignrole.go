// Package assignrole gives an account an Entra directory role, tenant-wide.
package assignrole

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Directory is what this function needs of Entra.
type Directory interface {
	RoleAssignments(ctx context.Context, t account.TenantID, principal string) ([]account.RoleAssignment, error)
	// AssignRole gives the new assignment's id; fault.RoleConflict when it is assigned
	// already, fault.UserNotReadable when Entra does not show the principal yet.
	AssignRole(ctx context.Context, t account.TenantID, principal, role string) (id string, err error)
}

// Handler assigns directory roles.
type Handler struct{ directory Directory }

// Policy is how patient the function is.
var Policy = step.Policy{}

// New makes the handler.
func New(d Directory) *Handler { return &Handler{d} }

// Handle assigns the role and is done when the assignment can be read back.
func (h *Handler) Handle(ctx context.Context, t step.Task[events.AssignRoleArgs]) (step.Result, error) {
	if t.Account.ObjectID == "" {
		return step.Result{}, fault.Stopf(fault.UserNotFound, "the account %s was never made", t.Account.UserPrincipalName)
	}
	found, err := h.find(ctx, t)
	if err != nil {
		return step.Result{}, err
	}
	if found != nil {
		return given(t, *found), nil
	}
	id, err := h.directory.AssignRole(ctx, t.Tenant.ID, t.Account.ObjectID, t.Args.RoleID)
	if err != nil && !fault.Is(err, fault.RoleConflict) {
		return step.Result{}, fmt.Errorf("assign %s: %w", t.Args.Role, err)
	}
	conflict := err
	if found, err = h.find(ctx, t); err != nil {
		return step.Result{}, err
	}
	switch {
	case found != nil:
		return given(t, *found), nil
	case conflict != nil:
		return step.Result{}, fault.NotReady(fault.RoleNotVisible, conflict)
	}
	return step.Result{}, fault.NotReadyf(fault.RoleNotVisible, "%s was assigned as %s and does not show yet", t.Args.Role, id)
}

func (h *Handler) find(ctx context.Context, t step.Task[events.AssignRoleArgs]) (*account.RoleAssignment, error) {
	held, err := h.directory.RoleAssignments(ctx, t.Tenant.ID, t.Account.ObjectID)
	if err != nil {
		return nil, fmt.Errorf("list the roles of %s: %w", t.Account.UserPrincipalName, err)
	}
	for _, r := range held {
		if strings.EqualFold(r.RoleID, t.Args.RoleID) && r.Scope == "/" {
			return &r, nil
		}
	}
	return nil, nil
}

func given(t step.Task[events.AssignRoleArgs], r account.RoleAssignment) step.Result {
	return step.Result{
		Detail: t.Args.Role + " assigned",
		Learn: func(a *account.Account) {
			if g := a.Grant(account.DirectoryRole, t.Args.RoleID); g != nil {
				g.State, g.AssignmentID = account.GrantGiven, r.ID
			}
		},
	}
}
