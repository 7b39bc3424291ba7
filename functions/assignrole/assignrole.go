// Package assignrole gives an account an Entra directory role, tenant-wide.
package assignrole

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/step"
)

// Directory is what this function needs of Entra.
type Directory interface {
	RoleAssignments(ctx context.Context, t account.TenantID, principal string) ([]account.RoleAssignment, error)
	// AssignRole gives the new assignment's id; fault.RoleConflict when it is assigned
	// already, fault.UserNotReadable when Entra does not show the principal yet.
	AssignRole(ctx context.Context, t account.TenantID, principal, role string) (id string, err error)
	RoleHolders(ctx context.Context, t account.TenantID, role string) ([]account.RoleAssignment, error)
}

// Handler assigns directory roles.
type Handler struct {
	directory Directory
	limits    func(alias string) policy.Limits
}

// Policy is how patient the function is.
var Policy = step.Policy{}

// New makes the handler. limits bound the Global Administrators of a tenant, by its alias.
func New(d Directory, limits func(alias string) policy.Limits) *Handler { return &Handler{d, limits} }

// Handle assigns the role and is done when the assignment can be read back.
func (h *Handler) Handle(ctx context.Context, t step.Task[events.AssignRoleArgs]) (step.Result, error) {
	if t.Account.ObjectID == "" {
		return step.Result{}, fault.Stopf(fault.UserNotFound, "the account %s was never made", t.Account.UserPrincipalName)
	}
	if !leaving(t) {
		if found, err := h.find(ctx, t); err != nil || found != nil {
			return given(t, found), err
		}
	}
	return h.assign(ctx, t)
}

// leaving tells that the role's removal was asked for (and then taken back): what a
// list shows of it may be old, so only Entra's answer to a new assignment counts.
func leaving(t step.Task[events.AssignRoleArgs]) bool {
	g := t.Account.Grant(account.DirectoryRole, t.Args.RoleID)
	return g != nil && g.State == account.GrantLeaving
}

func (h *Handler) assign(ctx context.Context, t step.Task[events.AssignRoleArgs]) (step.Result, error) {
	if err := h.guard(ctx, t); err != nil {
		return step.Result{}, err
	}
	id, err := h.directory.AssignRole(ctx, t.Tenant.ID, t.Account.ObjectID, t.Args.RoleID)
	conflict := fault.Is(err, fault.RoleConflict)
	if err != nil && !conflict {
		return step.Result{}, fmt.Errorf("assign %s: %w", t.Args.Role, err)
	}
	found, failed := h.find(ctx, t)
	switch {
	case failed != nil:
		return step.Result{}, failed
	case found != nil && (conflict || found.ID == id):
		return given(t, found), nil
	case conflict:
		return step.Result{}, fault.NotReady(fault.RoleNotVisible, err)
	}
	// The id is on record before it shows, so that a revocation finds the assignment by it.
	known := func(a *account.Account) {
		if g := a.Grant(account.DirectoryRole, t.Args.RoleID); g != nil {
			g.AssignmentID = id
		}
	}
	return step.Result{Learn: known}, fault.NotReadyf(fault.RoleNotVisible, "%s was assigned as %s and does not show yet", t.Args.Role, id)
}

// guard refuses to make more Global Administrators than the policy lets a tenant have,
// and one where there are too few to take the role away again.
func (h *Handler) guard(ctx context.Context, t step.Task[events.AssignRoleArgs]) error {
	if !strings.EqualFold(t.Args.RoleID, account.GlobalAdministrator) {
		return nil
	}
	held, err := h.directory.RoleHolders(ctx, t.Tenant.ID, t.Args.RoleID)
	if err != nil {
		return fmt.Errorf("count the Global Administrators: %w", err)
	}
	others := map[string]bool{}
	for _, r := range held {
		if r.PrincipalID != t.Account.ObjectID { // an earlier attempt may show already
			others[r.PrincipalID] = true
		}
	}
	if err := h.limits(t.Tenant.Alias).MayAdd(len(others)); err != nil {
		return fault.Stop(fault.GlobalAdminCount, err)
	}
	return nil
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

// given is the result of a role that shows; of one that does not, it is empty.
func given(t step.Task[events.AssignRoleArgs], r *account.RoleAssignment) step.Result {
	if r == nil {
		return step.Result{}
	}
	return step.Result{
		Detail: t.Args.Role + " assigned",
		Learn: func(a *account.Account) {
			if g := a.Grant(account.DirectoryRole, t.Args.RoleID); g != nil {
				g.State, g.AssignmentID = account.GrantGiven, r.ID
			}
		},
	}
}
