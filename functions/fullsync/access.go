package fullsync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/fitness"
)

// AccessPolicies is what the sync reads about Conditional Access.
type AccessPolicies interface {
	// ConditionalAccess lists the tenant's policies. It is called once a delivery.
	ConditionalAccess(ctx context.Context, t account.TenantID) ([]fitness.Policy, error)
	// GroupsOf lists the object ids of the groups that an account is in.
	GroupsOf(ctx context.Context, t account.TenantID, id string) ([]string, error)
}

// Products knows what the products need that use the accounts.
type Products interface {
	// SignsIn gives what an account needs in order to sign in. asked is false when its
	// profile does not ask for fitness.
	SignsIn(acc account.Account) (needs events.FitnessNeeds, asked bool)
}

// Conditional is what the sync needs to look after Conditional Access. Every field is required.
type Conditional struct {
	Policies AccessPolicies
	Products Products
	Books    HealthBooks
}

// needs gives what an account needs; false when it is not to be compared.
func (c *Conditional) needs(a account.Account) (fitness.Needs, bool) {
	needs, asked := c.Products.SignsIn(a)
	return fitness.NeedsOf(needs), asked || excluded(a)
}

// Access is what the tenant's Conditional Access shows.
type Access struct {
	Policies []fitness.Policy
	// Needs are what the accounts need that are compared, by account id: those with an
	// exclusion on record, and those whose profile asks for fitness.
	Needs map[string]fitness.Needs
	// Unread says what could not be read, and why; empty when all of it could.
	Unread string
}

// access reads the policies, when there is an account to compare with them, and then the
// groups of those accounts for which a policy that nobody was told of hangs on them. What
// cannot be read is a finding, and no failure of the sync: the application that only reads
// may lack the permission.
func (l *look) access(ctx context.Context) error {
	if l.Conditional == nil {
		return nil
	}
	seen := &Access{Needs: map[string]fitness.Needs{}}
	for _, a := range l.managed {
		_, there := l.Seen.Users[a.ObjectID]
		needs, concerned := l.Conditional.needs(a)
		if there && concerned && l.StartedAt.Sub(a.TriedAt) >= settling {
			seen.Needs[a.ID] = needs
		}
	}
	if len(seen.Needs) == 0 {
		return nil
	}
	l.Seen.Access = seen
	var err error
	if seen.Policies, err = l.Conditional.Policies.ConditionalAccess(ctx, l.task.Tenant.ID); err != nil {
		seen.Unread = "the Conditional Access policies could not be read, so that accounts were not compared with them: " + err.Error()
		return ctx.Err()
	}
	return l.groupsOf(ctx, seen)
}

// groupsOf reads the groups of the accounts that policies may catch through them.
func (l *look) groupsOf(ctx context.Context, seen *Access) error {
	if l.Seen.Groups == nil { // a place that another version left
		l.Seen.Groups = map[string][]string{}
	}
	for _, a := range l.managed {
		needs, compared := seen.Needs[a.ID]
		if _, known := l.Seen.Groups[a.ObjectID]; !compared || known {
			continue
		}
		hang := fitness.ThroughGroups(l.Seen.facts(a), needs)
		if len(hang) == 0 {
			continue
		}
		groups, err := l.Conditional.Policies.GroupsOf(ctx, l.task.Tenant.ID, a.ObjectID)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !fault.Is(err, fault.UserNotFound):
			seen.Unread = fmt.Sprintf("the groups of %s could not be read, so that it was not compared with the Conditional Access policies that hang on them: %v", a.UserPrincipalName, err)
			continue
		}
		l.Seen.Groups[a.ObjectID] = named(groups, hang)
		if !l.timeLeft() {
			return errLater
		}
	}
	return nil
}

// named are the groups that policies name; of the others the sync need not know.
func named(groups []string, by []fitness.Policy) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(id string) bool {
		is := func(other string) bool { return strings.EqualFold(id, other) }
		return !slices.ContainsFunc(by, func(p fitness.Policy) bool {
			return slices.ContainsFunc(p.IncludeGroups, is) || slices.ContainsFunc(p.ExcludeGroups, is)
		})
	})
}

// excluded reports whether an exclusion of the account is on record.
func excluded(a account.Account) bool { return slices.ContainsFunc(a.Grants, exclusion) }

func exclusion(g account.Grant) bool {
	return g.Kind == account.Exclusion && g.State == account.GrantGiven && g.Target != account.EveryPolicy
}

// facts are what decides which policies catch an account: its roles and groups, and the
// policies that work, without those that somebody was told stop it.
func (o Observed) facts(a account.Account) fitness.Facts {
	f := fitness.Facts{Account: fitness.Account{ObjectID: a.ObjectID, UserPrincipalName: a.UserPrincipalName, Groups: o.Groups[a.ObjectID]}}
	for _, r := range o.Roles[a.ObjectID] {
		f.Account.Roles = append(f.Account.Roles, r.RoleID)
	}
	for _, p := range o.Access.Policies {
		if p.State == fitness.Enabled && !told(a, p.ID, fitness.Blocking) {
			f.Policies = append(f.Policies, p)
		}
	}
	return f
}

// told reports whether the check of the account told of a policy, and that it is as bad.
func told(a account.Account, policy string, severity fitness.Severity) bool {
	g := a.Grant(account.Exclusion, policy)
	return (g == nil || !exclusion(*g)) && slices.ContainsFunc(a.Fitness.Findings, func(f account.Finding) bool {
		return strings.EqualFold(f.Policy, policy) && f.Severity == string(severity)
	})
}
