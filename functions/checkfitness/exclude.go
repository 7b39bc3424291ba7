package checkfitness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/fitness"
	"github.com/usher365/usher/shared/step"
)

// readable is how long one replica of Entra may not show an account that another one
// has shown.
const readable = 5 * time.Minute

// exclude excludes the account from the policies that catch it as it is now, one policy
// a call. Which these are goes on record before anything is changed, so that a crash
// leaves no exclusion that nobody knows of; and each is looked at anew before it is
// changed, for a policy may have been changed, deleted or replaced meanwhile.
func (h *Handler) exclude(ctx context.Context, t task) (step.Result, error) {
	if t.Account.ObjectID == "" {
		return step.Result{}, fault.Stopf(fault.UserNotFound, "the account %s was never made", t.Account.UserPrincipalName)
	}
	facts, err := h.tenant.Posture(ctx, t.Tenant.ID, t.Account.ObjectID)
	switch {
	case fault.Is(err, fault.UserNotFound) && t.Waited() < readable:
		return step.Result{}, fault.NotReady(fault.UserNotReadable, err)
	case fault.Is(err, fault.Throttled):
		return step.Result{}, fault.NotReady(fault.Throttled, err)
	case err != nil:
		return step.Result{}, fmt.Errorf("see which policies catch %s: %w", t.Account.UserPrincipalName, err)
	}
	if why := unreadPolicies(facts); why != "" {
		return step.Result{}, fault.Stopf(fault.PermissionMissing, "see which policies catch %s: %s", t.Account.UserPrincipalName, why)
	}
	found := fitness.Evaluate(facts, fitness.NeedsOf(t.Args.Needs))
	catching := catching(facts, found, t.Args.Policies)
	if fresh := unrecorded(catching, t.Account); len(fresh) > 0 {
		return step.Result{Again: true, Learn: func(a *account.Account) { intend(a, fresh) }}, nil
	}
	for _, g := range t.Account.Grants {
		if g.Kind == account.Exclusion && g.State == account.GrantIntended {
			return h.excludeFrom(ctx, t, g, facts, catching)
		}
	}
	return concluded(t, found), nil
}

// unreadPolicies says why the policies could not be read; empty when they could.
func unreadPolicies(f fitness.Facts) string {
	for _, m := range f.Missing {
		if m.Part == fitness.PartPolicies {
			return m.Why
		}
	}
	return ""
}

// catching are the policies that would stop the account, or the ones that the command names.
func catching(f fitness.Facts, found []fitness.Finding, named []string) (policies []fitness.Policy) {
	for _, p := range f.Policies {
		stops := func(one fitness.Finding) bool { return one.Policy == p.ID && one.Severity == fitness.Blocking }
		if slices.Contains(named, p.ID) || len(named) == 0 && slices.ContainsFunc(found, stops) {
			policies = append(policies, p)
		}
	}
	return policies
}

// unrecorded are the policies for which there is no grant yet, or one that was taken away,
// perhaps to be given back.
func unrecorded(policies []fitness.Policy, a account.Account) (fresh []fitness.Policy) {
	for _, p := range policies {
		if g := a.Grant(account.Exclusion, p.ID); g == nil || g.State == account.GrantTaken || g.State == account.GrantPlanned {
			fresh = append(fresh, p)
		}
	}
	return fresh
}

// intend writes down what will be changed. An exclusion that is there already is not ours.
func intend(a *account.Account, policies []fitness.Policy) {
	for _, p := range policies {
		g := a.Grant(account.Exclusion, p.ID)
		if g == nil {
			a.Grants = append(a.Grants, account.Grant{Kind: account.Exclusion, Target: p.ID})
			g = &a.Grants[len(a.Grants)-1]
		}
		g.Name, g.State, g.Ours = p.Name, account.GrantIntended, !p.Excludes(a.ObjectID)
	}
}

// excludeFrom does one exclusion. The policy that shows it already was changed by an
// attempt whose reply was lost; one that catches the account no more is left alone.
func (h *Handler) excludeFrom(ctx context.Context, t task, g account.Grant, f fitness.Facts, catching []fitness.Policy) (step.Result, error) {
	become := func(s account.GrantState) (step.Result, error) {
		return step.Result{Again: true, Learn: func(a *account.Account) { a.Grant(account.Exclusion, g.Target).State = s }}, nil
	}
	is := func(p fitness.Policy) bool { return strings.EqualFold(p.ID, g.Target) }
	i := slices.IndexFunc(f.Policies, is)
	switch {
	case i >= 0 && f.Policies[i].Excludes(t.Account.ObjectID):
		return become(account.GrantGiven)
	case !slices.ContainsFunc(catching, is):
		return become(account.GrantTaken)
	}
	switch err := h.policies.SetExcluded(ctx, t.Tenant.ID, g.Target, t.Account.ObjectID, true); {
	case fault.Is(err, fault.AccessPolicyNotFound):
		return become(account.GrantTaken)
	case fault.Is(err, fault.Throttled):
		return step.Result{}, fault.NotReady(fault.Throttled, err)
	case err != nil:
		return step.Result{}, fmt.Errorf("exclude %s from %q: %w", t.Account.UserPrincipalName, g.Name, err)
	}
	return become(account.GrantGiven)
}

// concluded tells what the account is excluded from, and what stands in the way all the
// same. A person is asked only about what the check before did not tell.
func concluded(t task, found []fitness.Finding) step.Result {
	var names []string
	given := map[string]bool{}
	for _, g := range t.Account.Grants {
		if g.Kind == account.Exclusion && g.State == account.GrantGiven {
			names, given[g.Target] = append(names, fmt.Sprintf("%q", g.Name)), true
		}
	}
	left := slices.DeleteFunc(found, func(f fitness.Finding) bool { return given[f.Policy] })
	detail := "No Conditional Access policy stops the account"
	if len(names) > 0 {
		detail = "Excluded from " + strings.Join(names, " and ")
	}
	if fresh := unheard(left, t.Account.Fitness); len(fresh) > 0 {
		detail += "; " + summary(fresh)
	}
	return step.Result{Detail: detail, Park: parked(unheard(left, t.Account.Fitness), t.Args), Learn: func(a *account.Account) {
		if len(t.Args.Policies) == 0 {
			a.Fitness = remembered(t.Now, left)
		}
		a.Grants = slices.DeleteFunc(a.Grants, func(g account.Grant) bool { return g.Kind == account.Exclusion && g.Target == account.EveryPolicy })
		for i, g := range a.Grants {
			if g.Kind == account.Exclusion && g.State == account.GrantPlanned { // the policy it was to come back to is gone
				a.Grants[i].State = account.GrantTaken
			}
		}
	}}
}

// unheard are the blocking findings that were not there at the look before.
func unheard(found []fitness.Finding, before account.Fitness) (fresh []fitness.Finding) {
	for _, f := range found {
		known := func(b account.Finding) bool { return b.Code == string(f.Code) && b.Policy == f.Policy }
		if f.Severity == fitness.Blocking && !slices.ContainsFunc(before.Findings, known) {
			fresh = append(fresh, f)
		}
	}
	return fresh
}
