package revoke

import (
	"context"
	"fmt"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// AccessPolicies is what taking an exclusion back needs of Conditional Access.
type AccessPolicies interface {
	// SetExcluded reads back; fault.AccessPolicyNotFound when the policy is gone.
	SetExcluded(ctx context.Context, t account.TenantID, policy, user string, excluded bool) error
}

// Exclusions takes the account out of the exclusions of a Conditional Access policy: the
// part RevokeExclusion.
type Exclusions struct{ policies AccessPolicies }

// NewExclusions makes the part of revoke that ends exclusions.
func NewExclusions(p AccessPolicies) *Exclusions { return &Exclusions{p} }

// Handle ends one exclusion. One that was there before us stays.
func (e *Exclusions) Handle(ctx context.Context, t task) (step.Result, error) {
	g := t.Account.Grant(account.Exclusion, t.Args.Target)
	switch {
	case t.Args.Target == "" || t.Args.Target == account.EveryPolicy || g == nil:
		return step.Result{}, fault.Stopf(fault.MalformedCommand, "revoke knows no exclusion %q of %s", t.Args.Target, t.Account.UserPrincipalName)
	case !g.Ours:
		return step.Result{Detail: fmt.Sprintf("%s stays excluded from %q, as before us", t.Account.UserPrincipalName, g.Name)}, nil
	case t.Account.ObjectID == "":
		return taken(t, account.Exclusion, "Nothing there: the account was never made"), nil
	}
	switch err := e.policies.SetExcluded(ctx, t.Tenant.ID, t.Args.Target, t.Account.ObjectID, false); {
	case fault.Is(err, fault.AccessPolicyNotFound):
		return taken(t, account.Exclusion, fmt.Sprintf("The policy %q is gone itself", g.Name)), nil
	case fault.Is(err, fault.Throttled):
		return step.Result{}, fault.NotReady(fault.Throttled, err)
	case err != nil:
		return step.Result{}, fmt.Errorf("end the exclusion from %q: %w", g.Name, err)
	}
	return taken(t, account.Exclusion, fmt.Sprintf("No longer excluded from %q", g.Name)), nil
}
