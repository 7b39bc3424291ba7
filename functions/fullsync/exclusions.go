package fullsync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fitness"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// The kinds of finding about Conditional Access. The first two are also notices.
const (
	// ExclusionMissing is an account that a policy does not exclude any more.
	ExclusionMissing = "exclusion.missing"
	// PolicyCatches is a policy that stops the account, and that its check did not tell of.
	PolicyCatches = "policy.catches"
	// PolicyMayCatch is one that may stop it, likewise.
	PolicyMayCatch = "policy.maycatch"
	// PolicyMissing is a policy that is gone, and with it the exclusion.
	PolicyMissing = "policy.missing"
	// PolicyUnread says that accounts were not compared with the policies.
	PolicyUnread = "policy.unread"
)

// access compares the exclusions on record with the policies, and tells of policies that
// stop the account and did not when it was checked.
func (c *comparison) access(seen Observed) {
	if seen.Access == nil || seen.Access.Policies == nil {
		return
	}
	needs, compared := seen.Access.Needs[c.account.ID]
	if !compared {
		return
	}
	facts := seen.facts(c.account)
	if _, known := seen.Groups[c.account.ObjectID]; !known {
		facts.Policies = without(facts.Policies, fitness.ThroughGroups(facts, needs))
	}
	catching := fitness.Catching(facts, needs)
	for _, g := range c.account.Grants {
		if exclusion(g) {
			c.exclusion(g, seen.Access.Policies, catching)
		}
	}
	for _, f := range catching {
		if g := c.account.Grant(account.Exclusion, f.Policy); g != nil && exclusion(*g) || told(c.account, f.Policy, f.Severity) {
			continue
		}
		kind := PolicyCatches
		if f.Severity != fitness.Blocking {
			kind = PolicyMayCatch
		}
		c.add(kind, f.Policy, f.Text+" What to do: "+f.Remedy+".")
	}
}

func (c *comparison) exclusion(g account.Grant, policies []fitness.Policy, catching []fitness.Finding) {
	i := slices.IndexFunc(policies, func(p fitness.Policy) bool { return strings.EqualFold(p.ID, g.Target) })
	switch {
	case i < 0:
		c.add(PolicyMissing, g.Target, fmt.Sprintf("the Conditional Access policy %q, from which it was excluded, is gone", g.Name))
	case !policies[i].Excludes(c.account.ObjectID):
		effect := "As it is, the policy does not stop it."
		if f := slices.IndexFunc(catching, func(f fitness.Finding) bool { return f.Policy == policies[i].ID }); f >= 0 {
			effect = catching[f].Text
		}
		c.add(ExclusionMissing, g.Target, fmt.Sprintf("is no longer excluded from %q. %s Usher does not exclude it again by itself: do that in Entra if it is wanted, or take the account back.", policies[i].Name, effect))
	}
}

func without(policies, some []fitness.Policy) []fitness.Policy {
	return slices.DeleteFunc(slices.Clone(policies), func(p fitness.Policy) bool {
		return slices.ContainsFunc(some, func(s fitness.Policy) bool { return s.ID == p.ID })
	})
}

// unread is the one finding that tells of what could not be read, where that can hide
// something: an exclusion on record, or an account whose check did read the policies. Where
// nobody granted the permission, the check of each account has told of it.
func (a *Access) unread(managed []account.Account) []ledger.Finding {
	matters := func(acc account.Account) bool {
		_, compared := a.Needs[acc.ID]
		return compared && (excluded(acc) || policiesWereRead(acc.Fitness))
	}
	if a == nil || a.Unread == "" || !slices.ContainsFunc(managed, matters) {
		return nil
	}
	return []ledger.Finding{{Kind: PolicyUnread, Text: a.Unread}}
}

func policiesWereRead(f account.Fitness) bool {
	unread := func(one account.Finding) bool {
		return one.Code == string(fitness.NotRead) && strings.Contains(one.Text, fitness.PartPolicies)
	}
	return !f.CheckedAt.IsZero() && !slices.ContainsFunc(f.Findings, unread)
}

// tellAccess raises a notice for what stops an account, once, and clears those that are
// over. What could not be compared is neither raised nor cleared.
func (h *Handler) tellAccess(ctx context.Context, t step.Task[events.FullSyncArgs], all []account.Account, seen Observed, findings []ledger.Finding) error {
	if h.Conditional == nil {
		return nil
	}
	l := &health{Prober: &Prober{ProberOptions{Books: h.Conditional.Books}}, tenant: t.Tenant, now: t.Now, found: map[string]*ledger.Notice{}}
	open, err := l.open(ctx, t.Tenant, ExclusionMissing, PolicyCatches)
	if err != nil {
		return err
	}
	accounts := map[string]account.Account{}
	for _, a := range all {
		accounts[a.ID] = a
	}
	for key, n := range open {
		a, there := accounts[n.AccountID]
		if _, concerned := h.Conditional.needs(a); !there || a.State != account.AccountActive || !concerned || seen.compared(a) {
			l.well(key)
		}
	}
	for _, f := range findings {
		if f.Kind == ExclusionMissing || f.Kind == PolicyCatches {
			n := h.accessNotice(t, accounts[f.AccountID], f)
			n.Key = l.key(f.Kind, f.AccountID, f.Target)
			l.found[n.Key] = n
		}
	}
	_, err = l.settle(ctx, open)
	return err
}

// compared reports whether all was read that an account is compared with.
func (o Observed) compared(a account.Account) bool {
	if o.Access == nil {
		return false
	}
	_, compared := o.Access.Needs[a.ID]
	return compared && o.Access.Unread == ""
}

func (h *Handler) accessNotice(t step.Task[events.FullSyncArgs], a account.Account, f ledger.Finding) *ledger.Notice {
	n := &ledger.Notice{
		Tenant: a.Tenant, AccountID: a.ID, RequestID: a.RequestID, Kind: f.Kind, Text: f.Text, Mail: h.Operators, By: events.FullSync, RaisedAt: t.Now,
	}
	if a.Owner.Email != "" {
		n.Mail = []string{a.Owner.Email}
	}
	return n
}
