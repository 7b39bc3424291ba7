// Package assignrole gives an account an Entra directory role, tenant-wide.
package assignrole

import (
	"context"
	"fmt"
	"strings"
	"time"

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
	// RoleHolders lists also those who may activate the role.
	RoleHolders(ctx context.Context, t account.TenantID, role string) ([]account.RoleAssignment, error)
}

// Schedules is what it needs of Entra for roles that end by themselves. Each gives
// fault.PIMUnavailable where the tenant has no licence for that.
type Schedules interface {
	AssignRoleUntil(ctx context.Context, t account.TenantID, principal, role string, until time.Time, why string) error
	ChangeRoleEnd(ctx context.Context, t account.TenantID, principal, role string, until time.Time, why string) error
	// RoleEnd is zero for a role without an end, and for one that is not held.
	RoleEnd(ctx context.Context, t account.TenantID, principal, role string) (time.Time, error)
}

// Options build a Handler. Every field is required.
type Options struct {
	Directory Directory
	Schedules Schedules
	// Limits bound the Global Administrators of a tenant, by its alias.
	Limits func(alias string) policy.Limits
}

// Handler assigns directory roles.
type Handler struct{ Options }

// Policy is how patient the function is.
var Policy = step.Policy{}

// New makes the handler.
func New(o Options) *Handler { return &Handler{o} }

type task = step.Task[events.AssignRoleArgs]

// Handle assigns the role and is done when the assignment can be read back.
func (h *Handler) Handle(ctx context.Context, t task) (step.Result, error) {
	if t.Account.ObjectID == "" {
		return step.Result{}, fault.Stopf(fault.UserNotFound, "the account %s was never made", t.Account.UserPrincipalName)
	}
	if !leaving(t) {
		if found, err := h.find(ctx, t); err != nil || found != nil {
			return h.settle(ctx, t, found, err)
		}
	}
	if end := t.Args.Until; !end.IsZero() && !end.After(t.Now) {
		return step.Result{}, fault.Stopf(fault.RequestExpired, "%s was to be given until %s, which has passed", t.Args.Role, end.UTC().Format(time.DateTime))
	}
	return h.assign(ctx, t)
}

// leaving tells that the role's removal was asked for, and then taken back or only for a
// moment: what a list shows of it may be old, so only Entra's answer to a new assignment counts.
func leaving(t task) bool {
	g := t.Account.Grant(account.DirectoryRole, t.Args.RoleID)
	return g != nil && g.State == account.GrantLeaving
}

func (h *Handler) assign(ctx context.Context, t task) (step.Result, error) {
	if err := h.guard(ctx, t); err != nil {
		return step.Result{}, err
	}
	id, until, err := h.give(ctx, t)
	conflict := fault.Is(err, fault.RoleConflict)
	if err != nil && !conflict {
		return step.Result{}, fmt.Errorf("assign %s: %w", t.Args.Role, err)
	}
	found, failed := h.find(ctx, t)
	switch {
	case failed != nil:
		return step.Result{}, failed
	case found != nil && (conflict || id == "" || found.ID == id):
		return h.settle(ctx, t, found, nil)
	case conflict:
		return step.Result{}, fault.NotReady(fault.RoleNotVisible, err)
	}
	// What was made is on record before it shows, so that a revocation finds it.
	known := func(a *account.Account) {
		if g := a.Grant(account.DirectoryRole, t.Args.RoleID); g != nil {
			g.AssignmentID, g.Until = id, until
		}
	}
	return step.Result{Learn: known}, fault.NotReadyf(fault.RoleNotVisible, "%s was assigned %s and does not show yet", t.Args.Role, id)
}

// give assigns the role: with an end where there is to be one and the tenant can, else
// directly. One that ends by itself has no id yet, and until is its end.
func (h *Handler) give(ctx context.Context, t task) (id string, until time.Time, err error) {
	if !t.Args.Until.IsZero() {
		err := h.Schedules.AssignRoleUntil(ctx, t.Tenant.ID, t.Account.ObjectID, t.Args.RoleID, t.Args.Until, "Usher request "+t.Request.ID)
		if !fault.Is(err, fault.PIMUnavailable) {
			return "", t.Args.Until, err
		}
	}
	id, err = h.Directory.AssignRole(ctx, t.Tenant.ID, t.Account.ObjectID, t.Args.RoleID)
	return id, time.Time{}, err
}

// unlicensed marks a role that cannot end by itself.
const unlicensed = "assigned without an end of its own: the tenant has no licence for Privileged Identity Management"

// settle confirms a role that shows, once it is known that no other Global Administrator
// too many was made in the meantime: two requests may have found room for one.
func (h *Handler) settle(ctx context.Context, t task, found *account.RoleAssignment, failed error) (step.Result, error) {
	if g := t.Account.Grant(account.DirectoryRole, t.Args.RoleID); failed == nil && guarded(t) && g != nil && g.Ours && g.State != account.GrantGiven {
		others, err := h.others(ctx, t)
		if err != nil {
			return step.Result{}, err
		}
		if err := h.Limits(t.Tenant.Alias).Exceeded(others); err != nil {
			return step.Result{}, fault.Stop(fault.GlobalAdminCount, err)
		}
	}
	return h.confirm(ctx, t, found, failed)
}

// confirm is the result of a role that shows, once its end is read back, too. An end that
// is another than asked for is moved, where the role ends by itself at all.
func (h *Handler) confirm(ctx context.Context, t task, found *account.RoleAssignment, failed error) (step.Result, error) {
	if failed != nil || t.Args.Until.IsZero() {
		return given(t, found, time.Time{}, ""), failed
	}
	end, err := h.Schedules.RoleEnd(ctx, t.Tenant.ID, t.Account.ObjectID, t.Args.RoleID)
	switch {
	case fault.Is(err, fault.PIMUnavailable):
		return given(t, found, time.Time{}, unlicensed), nil
	case err != nil:
		return step.Result{}, fmt.Errorf("read when %s of %s ends: %w", t.Args.Role, t.Account.UserPrincipalName, err)
	case end.IsZero():
		return given(t, found, time.Time{}, "assigned without an end of its own"), nil
	case end.Sub(t.Args.Until).Abs() < time.Second || !ours(t):
		return given(t, found, end, ""), nil
	}
	if err := h.Schedules.ChangeRoleEnd(ctx, t.Tenant.ID, t.Account.ObjectID, t.Args.RoleID, t.Args.Until, "Usher request "+t.Request.ID); err != nil {
		return step.Result{}, fmt.Errorf("move the end of %s: %w", t.Args.Role, err)
	}
	return step.Result{}, fault.NotReadyf(fault.RoleNotVisible, "the end of %s was moved and does not show yet", t.Args.Role)
}

// ours is false for a role that an adopted account had before.
func ours(t task) bool {
	g := t.Account.Grant(account.DirectoryRole, t.Args.RoleID)
	return g != nil && g.Ours
}

func guarded(t task) bool { return strings.EqualFold(t.Args.RoleID, account.GlobalAdministrator) }

// guard refuses to make more Global Administrators than the policy lets a tenant have,
// and one where there are too few to take the role away again.
func (h *Handler) guard(ctx context.Context, t task) error {
	if !guarded(t) {
		return nil
	}
	others, err := h.others(ctx, t)
	if err != nil {
		return err
	}
	if err := h.Limits(t.Tenant.Alias).MayAdd(others); err != nil {
		return fault.Stop(fault.GlobalAdminCount, err)
	}
	return nil
}

// others counts who else holds the role, or may activate it. An earlier attempt to give
// it to the account may show already.
func (h *Handler) others(ctx context.Context, t task) (int, error) {
	held, err := h.Directory.RoleHolders(ctx, t.Tenant.ID, t.Args.RoleID)
	if err != nil {
		return 0, fmt.Errorf("count the Global Administrators: %w", err)
	}
	others := account.PrincipalsOf(held)
	delete(others, t.Account.ObjectID)
	return len(others), nil
}

func (h *Handler) find(ctx context.Context, t task) (*account.RoleAssignment, error) {
	held, err := h.Directory.RoleAssignments(ctx, t.Tenant.ID, t.Account.ObjectID)
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

// given is the result of a role that shows, and ends at until, or never.
func given(t task, r *account.RoleAssignment, until time.Time, detail string) step.Result {
	if r == nil {
		return step.Result{}
	}
	said := t.Args.Role + " assigned"
	switch {
	case !until.IsZero():
		said += " until " + until.UTC().Format(time.DateTime)
	case detail != "":
		said = t.Args.Role + " " + detail
	}
	return step.Result{
		Detail: said,
		Learn: func(a *account.Account) {
			if g := a.Grant(account.DirectoryRole, t.Args.RoleID); g != nil {
				g.State, g.AssignmentID, g.Until, g.Detail = account.GrantGiven, r.ID, until, detail
			}
		},
	}
}
