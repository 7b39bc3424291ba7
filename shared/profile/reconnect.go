package profile

import (
	"slices"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// AppID is the application that a request's connection is for; empty for a request about a
// user, and for one that Plan refuses.
func AppID(p Profile, req events.Request, t account.Tenant) string {
	if !connects(p, req) {
		return ""
	}
	wanted, err := rightsOf(p, req)
	if err != nil {
		return ""
	}
	asked, err := askedConsents(p, req, wanted, t)
	if err != nil || len(asked) == 0 {
		return ""
	}
	return asked[0].AppID
}

// Reconnect plans a second onboarding of a connection's application on the row that
// stands: what is asked for is given, or looked at again; then what is no longer wanted is
// withdrawn, in the order of a revocation.
func Reconnect(acc account.Account, planned Planned) (account.Reconnection, []account.Step) {
	want := planned.Account
	change := account.Reconnection{
		Profile: want.Profile, Owner: want.Owner, ExpiresAt: want.ExpiresAt, Life: want.Life,
		MaxTargets: want.Targets.Max, ConsentMethod: want.ConsentMethod,
	}
	for _, g := range want.Grants {
		held := acc.Grant(g.Kind, g.Target)
		if held == nil || held.State == account.GrantTaken || held.State == account.GrantPlanned || g.Kind == account.ConsentPolicySetting {
			change.Gives = append(change.Gives, g)
		}
	}
	unwanted := only(acc, func(g account.Grant) bool { return isConsent(g.Kind) && want.Grant(g.Kind, g.Target) == nil })
	return change, append(slices.Clone(planned.Steps), revokeConsents(namer{}, unwanted, true)...)
}

// only is the account with those of its grants.
func only(acc account.Account, which func(account.Grant) bool) account.Account {
	acc.Grants = slices.DeleteFunc(slices.Clone(acc.Grants), func(g account.Grant) bool { return !which(g) })
	return acc
}

// given is the account with what a reconnection gave it. A consent policy of ours that it
// had changed before stays: what was before the first change is not this request's to restore.
func given(acc account.Account, r account.Reconnection) account.Account {
	return only(acc, func(g account.Grant) bool {
		if g.Kind == account.ConsentPolicySetting && (acc.PolicyChange == nil || acc.PolicyChange.Over != nil) {
			return false
		}
		return slices.ContainsFunc(r.Gives, func(new account.Grant) bool { return sameRight(new, g) })
	})
}
