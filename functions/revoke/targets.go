package revoke

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Assignments is what taking the users from an application needs.
type Assignments interface {
	ServicePrincipal(ctx context.Context, t account.TenantID, appID string) (account.ServicePrincipal, bool, error)
	Assignments(ctx context.Context, t account.TenantID, principal string) ([]account.Assignment, error)
	Unassign(ctx context.Context, t account.TenantID, principal, assignment string) error
	RequireAssignment(ctx context.Context, t account.TenantID, principal string, required bool) error
}

// Targets takes the users we assigned from a vendor's application, and puts back who may
// use it: the part RevokeTargets, which Handler passes on (see Pass).
type Targets struct{ assignments Assignments }

// NewTargets makes the part of revoke that takes users from an application.
func NewTargets(a Assignments) *Targets { return &Targets{a} }

// Handle takes away what is ours, and is done when that reads back. An application that
// is gone took its assignments along.
func (h *Targets) Handle(ctx context.Context, t task) (step.Result, error) {
	if err := allowed(t); err != nil {
		return step.Result{}, err
	}
	app, there, err := h.assignments.ServicePrincipal(ctx, t.Tenant.ID, t.Args.Target)
	if err != nil {
		return step.Result{}, err
	}
	if !there {
		return untargeted(t, "the application is gone, and its users with it"), nil
	}
	if !slices.ContainsFunc(t.Account.Targets.Members, leaving) && slices.ContainsFunc(t.Account.Targets.Members, isOurs) {
		return step.Result{Again: true, Learn: leave}, nil
	}
	if finished, err := h.take(ctx, t, app); err != nil || !finished {
		return step.Result{Again: err == nil}, err
	}
	left, err := h.ours(ctx, t, app)
	if err != nil {
		return step.Result{}, err
	}
	if app, _, err = h.assignments.ServicePrincipal(ctx, t.Tenant.ID, t.Args.Target); err != nil {
		return step.Result{}, err
	}
	switch {
	case len(left) > 0:
		return step.Result{}, fault.NotReadyf(fault.ConsentStillListed, "%d users are taken from %s and still show", len(left), app.DisplayName)
	case unseen(t) && t.Now.Sub(t.Account.TriedAt) < lateness:
		return step.Result{}, fault.NotReadyf(fault.ConsentStillListed, "a user of %s may still turn up: they were assigned moments ago and have not shown", app.DisplayName)
	case changed(t, app):
		return step.Result{}, fault.NotReadyf(fault.ConsentStillListed, "%s does not show yet who may use it again", app.DisplayName)
	}
	return untargeted(t, "the users that we assigned are taken from "+app.DisplayName), nil
}

// take removes our assignments, then puts back who may use the application: so nobody
// gets in by the removal who could not before.
func (h *Targets) take(ctx context.Context, t task, app account.ServicePrincipal) (finished bool, err error) {
	held, err := h.ours(ctx, t, app)
	if err != nil {
		return false, err
	}
	timeLeft := step.TimeLeft(ctx)
	for _, a := range held {
		if !timeLeft() {
			return false, nil
		}
		if err := h.assignments.Unassign(ctx, t.Tenant.ID, app.ObjectID, a.ID); err != nil {
			return false, fmt.Errorf("take an assignment from %s: %w", app.DisplayName, err)
		}
	}
	if !changed(t, app) {
		return true, nil
	}
	if err := h.assignments.RequireAssignment(ctx, t.Tenant.ID, app.ObjectID, *t.Account.Targets.Before); err != nil {
		return false, fmt.Errorf("put back who may use %s: %w", app.DisplayName, err)
	}
	return true, nil
}

// changed reports whether the application still lets in whom we let in.
func changed(t task, app account.ServicePrincipal) bool {
	before := t.Account.Targets.Before
	return before != nil && *before != app.AssignmentRequired
}

// ours lists the assignments that show and are ours: those on record, and those of a
// member whose reply was lost.
func (h *Targets) ours(ctx context.Context, t task, app account.ServicePrincipal) ([]account.Assignment, error) {
	all, err := h.assignments.Assignments(ctx, t.Tenant.ID, app.ObjectID)
	if err != nil {
		return nil, fmt.Errorf("list who is assigned to %s: %w", app.DisplayName, err)
	}
	return slices.DeleteFunc(all, func(a account.Assignment) bool {
		return !slices.ContainsFunc(t.Account.Targets.Members, func(m account.TargetMember) bool {
			return m.Ours && strings.EqualFold(m.ObjectID, a.PrincipalID) && (m.AssignmentID == a.ID || m.AssignmentID == "" && a.RoleID == app.UserRole)
		})
	}), nil
}

func isOurs(m account.TargetMember) bool  { return m.Ours }
func leaving(m account.TargetMember) bool { return m.State == account.GrantLeaving }

// unseen reports whether an assignment was tried whose effect was never seen.
func unseen(t task) bool {
	return slices.ContainsFunc(t.Account.Targets.Members, func(m account.TargetMember) bool { return m.Ours && m.AssignmentID == "" })
}

// leave puts on record that our assignments are to go, before the first goes.
func leave(a *account.Account) {
	for i := range a.Targets.Members {
		if a.Targets.Members[i].Ours {
			a.Targets.Members[i].State = account.GrantLeaving
		}
	}
}

// untargeted keeps the choice, so that it can be given back, and forgets the members.
func untargeted(t task, detail string) step.Result {
	res := taken(t, account.TargetUsers, detail)
	learn := res.Learn
	res.Learn = func(a *account.Account) {
		learn(a)
		a.Targets.Members, a.Targets.Before = nil, nil
	}
	return res
}
