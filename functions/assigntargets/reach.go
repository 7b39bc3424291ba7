package assigntargets

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// reach gives and takes what is to be given and taken; not finished means that the time
// of this attempt was not enough. The door is opened before somebody is taken off the
// list, and shut after everybody is on it, so that nobody is kept out in between.
func (h *Handler) reach(ctx context.Context, t task, s scene) (finished bool, err error) {
	targets := t.Account.Targets
	if targets.Mode == account.TargetsAll {
		if err := h.require(ctx, t, s, false); err != nil {
			return false, err
		}
	}
	timeLeft := step.TimeLeft(ctx)
	for _, m := range targets.Members {
		if !timeLeft() {
			return false, nil
		}
		if err := h.settle(ctx, t, s, m); err != nil {
			return false, err
		}
	}
	if targets.Mode == account.TargetsChosen {
		if err := h.require(ctx, t, s, true); err != nil {
			return false, err
		}
	}
	return true, h.removePerUser(ctx, t, s)
}

// require sets whether only assigned users may use the application.
func (h *Handler) require(ctx context.Context, t task, s scene, required bool) error {
	if s.app.AssignmentRequired == required {
		return nil
	}
	if err := h.Applications.RequireAssignment(ctx, t.Tenant.ID, s.app.ObjectID, required); err != nil {
		return fmt.Errorf("set who may use %s: %w", s.app.DisplayName, err)
	}
	return nil
}

// settle gives one assignment, or takes one that is ours.
func (h *Handler) settle(ctx context.Context, t task, s scene, m account.TargetMember) error {
	switch m.State {
	case account.GrantIntended:
		// Also when it shows: what a list shows of one that was just taken may be old.
		if err := h.Assignments.Assign(ctx, t.Tenant.ID, s.app.ObjectID, m.ObjectID, s.app.UserRole); err != nil {
			return fmt.Errorf("assign %s: %w", m.UserPrincipalName, err)
		}
	case account.GrantLeaving:
		for _, a := range s.ours(m) {
			if err := h.Assignments.Unassign(ctx, t.Tenant.ID, s.app.ObjectID, a.ID); err != nil {
				return fmt.Errorf("take the assignment of %s away: %w", m.UserPrincipalName, err)
			}
		}
	}
	return nil
}

// ours are the assignments of a member that we gave: the one on record, or, while its
// reply is not known, the one of the role we give.
func (s scene) ours(m account.TargetMember) (list []account.Assignment) {
	for _, a := range s.held[m.ObjectID] {
		if m.Ours && (a.ID == m.AssignmentID || m.AssignmentID == "" && a.RoleID == s.app.UserRole) {
			list = append(list, a)
		}
	}
	return list
}

func (h *Handler) removePerUser(ctx context.Context, t task, s scene) error {
	if !t.Args.RemovePerUser {
		return nil
	}
	for _, g := range s.perUser {
		if err := h.Delegations.WithdrawDelegated(ctx, t.Tenant.ID, g.GrantID); err != nil {
			return fmt.Errorf("withdraw what %s consented to: %w", g.UserPrincipalName, err)
		}
	}
	return nil
}

// readBack puts what shows on record, and is an error while something is lacking.
func (h *Handler) readBack(t task, s scene) (step.Result, error) {
	members, lacking, staying := s.standing(t)
	learn := func(a *account.Account) {
		a.Targets.Members = members
		if !t.Args.RemovePerUser || len(s.perUser) == 0 {
			a.Targets.PerUser = s.perUser
		}
		if g := promise(a); len(lacking)+len(staying) == 0 {
			g.State, a.Targets.SyncedAt = account.GrantGiven, t.Now
		}
	}
	required := s.app.AssignmentRequired
	switch mode := t.Account.Targets.Mode; {
	case len(lacking) > 0:
		return step.Result{Learn: learn}, fault.NotReadyf(fault.ConsentNotVisible, "assigned and not shown yet: %s", strings.Join(lacking, ", "))
	case len(staying) > 0:
		return step.Result{Learn: learn}, fault.NotReadyf(fault.ConsentStillListed, "taken away and still shown: %s", strings.Join(staying, ", "))
	case mode == account.TargetsChosen && !required, mode == account.TargetsAll && required:
		return step.Result{Learn: learn}, fault.NotReadyf(fault.ConsentNotVisible, "%s does not show yet that it is for %s", s.app.DisplayName, t.Account.Targets.Chosen())
	case t.Args.RemovePerUser && len(s.perUser) > 0:
		return step.Result{Learn: learn}, fault.NotReadyf(fault.ConsentStillListed, "%d consents of single users are withdrawn and still show", len(s.perUser))
	}
	return step.Result{Learn: learn, Detail: s.detail(t, members)}, nil
}

// standing gives the members as they now are. An assignment that was never seen may still
// turn up for a while, so that it is not yet believed to be gone.
func (s scene) standing(t task) (members []account.TargetMember, lacking, staying []string) {
	for _, m := range t.Account.Targets.Members {
		held := s.held[m.ObjectID]
		switch {
		case m.State != account.GrantLeaving && len(held) == 0:
			lacking = append(lacking, m.UserPrincipalName)
		case m.State == account.GrantIntended:
			m.State, m.AssignmentID = account.GrantGiven, held[0].ID
			if i := slices.IndexFunc(held, func(a account.Assignment) bool { return a.RoleID == s.app.UserRole }); i >= 0 {
				m.AssignmentID = held[i].ID
			}
		case m.State != account.GrantLeaving:
		case len(s.ours(m)) > 0, m.AssignmentID == "" && t.Waited() < turnUp:
			staying = append(staying, m.UserPrincipalName)
		default:
			continue
		}
		members = append(members, m)
	}
	return members, lacking, staying
}

// detail says whom the application is for now, and what is not as one may think.
func (s scene) detail(t task, members []account.TargetMember) string {
	parts := []string{fmt.Sprintf("%s is for %s", s.app.DisplayName, t.Account.Targets.Chosen())}
	if t.Account.Targets.Mode == account.TargetsChosen {
		parts = append(parts, fmt.Sprintf("%d users in all", len(members)))
		known := func(id string) bool {
			return slices.ContainsFunc(members, func(m account.TargetMember) bool { return m.ObjectID == id })
		}
		others := 0
		for id := range s.held {
			if !known(id) {
				others++
			}
		}
		if others > 0 {
			parts = append(parts, fmt.Sprintf("%d users whom somebody else assigned may use it too", others))
		}
	}
	switch n := len(s.perUser); {
	case t.Args.RemovePerUser:
		parts = append(parts, "no consent of a single user is left"+withdrawn(t.Account.Targets.PerUser))
	case n > 0:
		parts = append(parts, fmt.Sprintf("%d users gave it consents of their own, which are not needed any more", n))
	}
	return strings.Join(parts, "; ")
}

// withdrawn says whose consents were there before.
func withdrawn(before []account.PerUserGrant) string {
	var whose []string
	for _, g := range before {
		if name := cmp.Or(g.UserPrincipalName, g.ObjectID); !slices.Contains(whose, name) {
			whose = append(whose, name)
		}
	}
	if len(whose) == 0 {
		return ""
	}
	return ", withdrawn are those of " + strings.Join(whose, ", ")
}
