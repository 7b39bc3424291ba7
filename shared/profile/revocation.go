package profile

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const day = 24 * time.Hour

// OffboardDisable is the offboard.mode that leaves the account disabled.
const OffboardDisable = "disable"

// CheckOffboard refuses a revocation that contradicts itself.
func CheckOffboard(acc account.Account, o events.Offboard) error {
	if acc.AppID != "" {
		return checkDisconnect(o)
	}
	switch deletes := o.Mode != OffboardDisable; {
	case deletes && !yes(o.RemoveRoles):
		return fault.Stopf(fault.RequestInvalid, "offboard.removeRoles false: an account that keeps its directory roles cannot be deleted; use offboard.mode disable")
	case !deletes && o.Purge:
		return fault.Stopf(fault.RequestInvalid, "offboard.purge does not go with offboard.mode disable")
	case !deletes && o.GraceDays > 0:
		return fault.Stopf(fault.RequestInvalid, "offboard.graceDays does not go with offboard.mode disable")
	}
	return nil
}

// Revocation plans how an account is taken away: role groups, consents, roles, exclusions,
// disable, sessions, then delete (after the grace) and purge if asked. Only Global and
// Privileged Authentication Administrators may disable or delete somebody who still
// holds an administrator role, so the order is fixed. An adopted account only loses
// what we gave. Call CheckOffboard first.
func Revocation(acc account.Account, o events.Offboard) []account.Step {
	var steps []account.Step
	names := namer{}
	if acc.Federation.Holds && !o.Force {
		steps = append(steps, partStep("federation", "See whether a federated domain depends on "+acc.UserPrincipalName, events.RevokeFederation))
	}
	if yes(o.RemoveRoleGroup) {
		steps = append(steps, revokeGrants(names, acc, account.RoleGroup, events.RevokeRoleGroup)...)
	}
	if yes(o.RevokeConsents) {
		steps = append(steps, revokeConsents(names, acc, o.Mode == OffboardDisable)...)
	}
	if yes(o.RemoveRoles) {
		steps = append(steps, revokeGrants(names, acc, account.DirectoryRole, events.RevokeRole)...)
	}
	steps = append(steps, endExclusions(names, acc)...)
	if acc.Origin == account.Adopted || acc.AppID != "" {
		return steps
	}
	upn := acc.UserPrincipalName
	if acc.Password.Handovers > 0 {
		steps = append(steps, handoverPart("withdraw", "Withdraw the open link of "+upn, events.HandOverWithdraw))
	}
	steps = append(steps, partStep("disable", "Disable "+upn, events.RevokeEnabled))
	if yes(o.RevokeSessions) {
		steps = append(steps, partStep("revoke-sessions", "Revoke the sessions of "+upn, events.RevokeSessions))
	}
	if o.Mode == OffboardDisable {
		return steps
	}
	gone := partStep("delete", "Delete "+upn, events.RevokeAccount)
	gone.Delay = time.Duration(o.GraceDays) * day
	steps = append(steps, gone)
	if o.Purge {
		steps = append(steps, partStep("purge", "Delete "+upn+" for good", events.RevokeForGood),
			handoverPart("discard", "Discard the sealed password of "+upn, events.HandOverDiscard))
	}
	return steps
}

// checkDisconnect refuses an offboarding that would leave an application what it may do.
func checkDisconnect(o events.Offboard) error {
	switch {
	case !yes(o.RevokeConsents):
		return fault.Stopf(fault.RequestInvalid, "offboard.revokeConsents false: the consents are all that an application has")
	case o.Purge:
		return fault.Stopf(fault.RequestInvalid, "offboard.purge: an application has no account that could be deleted for good")
	}
	return nil
}

// yes reads a flag of an offboarding: nil means yes.
func yes(flag *bool) bool { return flag == nil || *flag }

func revokeGrants(names namer, acc account.Account, kind account.GrantKind, part events.RevokePart) (steps []account.Step) {
	for _, g := range acc.Grants {
		theirs := acc.Origin == account.Adopted || isConsent(kind)
		if g.Kind != kind || g.State == account.GrantTaken || theirs && !provenOurs(acc, g) {
			continue
		}
		steps = append(steps, newStep(names.name("revoke-"+string(part)+"-", g.Name), events.Revoke,
			"Revoke "+g.Name, events.RevokeArgs{Part: part, Target: g.Target, Name: g.Name}))
	}
	return steps
}

// provenOurs reports whether a right of an adopted account was looked for and not
// found before we gave it. Adopting looks at the directory roles, the step that
// grants a role group looks for itself.
func provenOurs(acc account.Account, g account.Grant) bool {
	looked := g.State != account.GrantPlanned || g.Kind == account.DirectoryRole && acc.ObjectID != ""
	return g.Ours && looked
}

func partStep(name, title string, part events.RevokePart) account.Step {
	return newStep(name, events.Revoke, title, events.RevokeArgs{Part: part})
}

// Compensation plans how to take away what a request gave that failed for good. It
// is empty when nothing can exist: the account was never tried to be made, or the first
// try was refused.
func Compensation(req account.Request, acc account.Account) []account.Step {
	if create := req.Step(StepCreate); create != nil && acc.ObjectID == "" &&
		(create.State == account.StepSkipped || create.State == account.StepFailed && create.Failures <= 1) {
		return nil
	}
	if req.Reconnects != nil {
		acc = given(acc, *req.Reconnects)
	}
	steps := Revocation(acc, events.Offboard{Force: true}) // nobody uses it yet
	if acc.Origin == account.Created && acc.AppID == "" {
		// A failed onboarding is not taken back, so nobody needs its password any more.
		steps = append(steps, handoverPart("discard", "Discard the sealed password of "+acc.UserPrincipalName, events.HandOverDiscard))
	}
	for i := range steps {
		steps[i].Name = "undo-" + steps[i].Name
		steps[i].Compensates = true
	}
	return steps
}

// Restoration plans how an offboarding is taken back: restore and enable if the
// offboarding came that far, then every right the account was promised. Giving what
// it still has is no harm, so this also serves while a grace still runs.
func Restoration(offboard account.Request, acc account.Account) []account.Step {
	var steps []account.Step
	upn := acc.UserPrincipalName
	tried := triedParts(offboard)
	if tried[events.RevokeAccount] {
		steps = append(steps, partStep("restore", "Restore "+upn, events.RestoreAccount))
	}
	if tried[events.RevokeEnabled] {
		steps = append(steps, partStep("enable", "Enable "+upn, events.RestoreEnabled))
	}
	ours := slices.DeleteFunc(slices.Clone(acc.Grants), func(g account.Grant) bool { return !g.Ours })
	steps = append(steps, excludeAgain(acc, ours)...)
	return append(steps, grantSteps(ours, acc, policyAgain(acc))...)
}

// triedParts are the parts of an offboarding that were done, or may have been.
func triedParts(offboard account.Request) map[events.RevokePart]bool {
	parts := map[events.RevokePart]bool{}
	for _, s := range offboard.Steps {
		var args events.RevokeArgs
		if s.Attempt > 0 && s.Function == events.Revoke && json.Unmarshal(s.Args, &args) == nil {
			parts[args.Part] = true
		}
	}
	return parts
}
