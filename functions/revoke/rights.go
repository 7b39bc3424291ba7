package revoke

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// roleGroup removes the membership, known or not: a lost reply may have made it.
func (h *Handler) roleGroup(ctx context.Context, t task) (step.Result, error) {
	group := t.Args.Target
	member := account.Member{ObjectID: t.Account.ObjectID, UserPrincipalName: t.Account.UserPrincipalName}
	err := h.RoleGroups.RemoveRoleGroupMember(ctx, t.Tenant.ID, group, member)
	switch {
	case fault.Is(err, fault.RoleGroupNotFound):
		return taken(t, account.RoleGroup, "The role group "+group+" is gone itself"), nil
	case err != nil && !fault.Is(err, fault.ExchangeNotReplicated):
		return step.Result{}, fmt.Errorf("remove %s from %s: %w", member.UserPrincipalName, group, err)
	}
	is, err := h.RoleGroups.IsRoleGroupMember(ctx, t.Tenant.ID, group, member)
	if err != nil {
		return step.Result{}, fmt.Errorf("read back the members of %s: %w", group, err)
	}
	if is {
		return step.Result{}, fault.NotReadyf(fault.MemberStillListed, "%s still lists %s", group, member.UserPrincipalName)
	}
	return taken(t, account.RoleGroup, "No longer a member of "+group), nil
}

// role removes the assignment and reads back that the principal does not hold it.
// That it was seen goes on record before it is removed: then its absence is believed.
// A role that was never seen is believed absent only some time after it may have been given.
func (h *Handler) role(ctx context.Context, t task) (step.Result, error) {
	if err := h.guardAdmins(ctx, t, t.Args.Target); err != nil {
		return step.Result{}, err
	}
	held, err := h.holds(ctx, t, t.Args.Target)
	if err != nil {
		return step.Result{}, err
	}
	grant := t.Account.Grant(account.DirectoryRole, t.Args.Target)
	seen := grant == nil || grant.State == account.GrantLeaving
	if held != nil && !seen {
		return step.Result{Again: true, Learn: func(a *account.Account) {
			a.Grant(account.DirectoryRole, t.Args.Target).State = account.GrantLeaving
		}}, nil
	}
	if err := h.removeRole(ctx, t, t.Args.Target, held); err != nil {
		return step.Result{}, err
	}
	if held, err = h.holds(ctx, t, t.Args.Target); err != nil {
		return step.Result{}, err
	}
	switch {
	case held != nil:
		return step.Result{}, fault.NotReadyf(fault.RoleStillListed, "%s still holds %s", t.Account.UserPrincipalName, t.Args.Name)
	case !seen && t.Now.Sub(t.Account.TriedAt) < lateness:
		return step.Result{}, fault.NotReadyf(fault.RoleStillListed, "%s may still turn up: it was given moments ago and has not shown", t.Args.Name)
	}
	if t.Args.ForReset {
		return borrowed(t), nil
	}
	return taken(t, account.DirectoryRole, t.Args.Name+" taken away"), nil
}

// borrowed is the result of a role that is gone for a moment. It stays one on its way out:
// until it is given back the account is not as promised, a revocation looks for the role,
// and what a list shows of it is not believed.
func borrowed(t task) step.Result {
	return become(t, account.DirectoryRole, account.GrantLeaving, t.Args.Name+" taken away")
}

// removeRole asks for the removal of the assignment that shows, and of the one on record.
func (h *Handler) removeRole(ctx context.Context, t task, role string, held *account.RoleAssignment) error {
	ids := map[string]bool{}
	g := t.Account.Grant(account.DirectoryRole, role)
	if g != nil && !g.Until.IsZero() {
		err := h.Roles.EndRole(ctx, t.Tenant.ID, t.Account.ObjectID, role)
		switch {
		case err == nil:
			return nil
		case !fault.Is(err, fault.PIMUnavailable): // or the licence ran out since, and the assignment goes like any other
			return fmt.Errorf("end role %s of %s: %w", role, t.Account.UserPrincipalName, err)
		}
	}
	if g != nil && g.AssignmentID != "" {
		ids[g.AssignmentID] = true
	}
	if held != nil {
		ids[held.ID] = true
	}
	for id := range ids {
		if err := h.Roles.RemoveRoleAssignment(ctx, t.Tenant.ID, id); err != nil {
			return fmt.Errorf("remove role assignment %s of %s: %w", id, t.Account.UserPrincipalName, err)
		}
	}
	return nil
}

func (h *Handler) holds(ctx context.Context, t task, role string) (*account.RoleAssignment, error) {
	held, err := h.Roles.RoleAssignments(ctx, t.Tenant.ID, t.Account.ObjectID)
	if err != nil {
		return nil, fmt.Errorf("list the roles of %s: %w", t.Account.UserPrincipalName, err)
	}
	for _, r := range held {
		if strings.EqualFold(r.RoleID, role) && r.Scope == "/" {
			return &r, nil
		}
	}
	return nil, nil
}

// guardAdmins refuses to take Global Administrator away where too few would be left;
// never is it taken from the last holder, nor for a moment where too many hold it to give it back.
func (h *Handler) guardAdmins(ctx context.Context, t task, role string) error {
	if !strings.EqualFold(role, account.GlobalAdministrator) {
		return nil
	}
	assigned, err := h.Roles.RoleHolders(ctx, t.Tenant.ID, role)
	if err != nil {
		return fmt.Errorf("count the Global Administrators: %w", err)
	}
	holders := account.PrincipalsOf(assigned)
	if !holders[t.Account.ObjectID] {
		return nil
	}
	limits := h.Limits(t.Tenant.Alias)
	if err := limits.MayRemove(len(holders)); err != nil {
		return fault.Stop(fault.LastGlobalAdmin, err)
	}
	if !t.Args.ForReset {
		return nil
	}
	// What may not be given again is not taken for a moment.
	if err := limits.MayAdd(len(holders) - 1); err != nil {
		return fault.Stop(fault.GlobalAdminCount, err)
	}
	return nil
}

// keepsAdmin reports whether ending the account would end a Global Administrator, whose
// role was not to be taken away first.
func keepsAdmin(t task) bool {
	g := t.Account.Grant(account.DirectoryRole, account.GlobalAdministrator)
	return ends(t.Args.Part) && g != nil && g.State != account.GrantTaken
}

func taken(t task, kind account.GrantKind, detail string) step.Result {
	return become(t, kind, account.GrantTaken, detail)
}

// become is the result of a right that does not show any more, and in which state it stays on record.
func become(t task, kind account.GrantKind, state account.GrantState, detail string) step.Result {
	return step.Result{Detail: detail, Learn: func(a *account.Account) {
		if g := a.Grant(kind, t.Args.Target); g != nil {
			g.State, g.AssignmentID, g.Until, g.Detail = state, "", time.Time{}, ""
		}
	}}
}
