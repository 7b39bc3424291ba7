package revoke

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Settings is what putting the admin consent request policy back needs of the tenant.
type Settings interface {
	ConsentPolicy(ctx context.Context, t account.TenantID) (account.ConsentPolicy, error)
	// SetConsentPolicy sends nothing when there is nothing to change.
	SetConsentPolicy(ctx context.Context, t account.TenantID, want account.ConsentPolicy) (before account.ConsentPolicy, err error)
}

// ConsentSetting puts the tenant's admin consent request policy back: the part
// RevokeConsentPolicy.
type ConsentSetting struct{ settings Settings }

// NewConsentSetting makes the part of revoke that puts the policy back.
func NewConsentSetting(s Settings) *ConsentSetting { return &ConsentSetting{s} }

// Handle puts the policy back to what it was, but only while it is exactly what we set: a
// policy that somebody changed since is theirs, and stays. That it was seen as ours goes
// on record first: then, that it shows as before is believed.
func (c *ConsentSetting) Handle(ctx context.Context, t task) (step.Result, error) {
	g := t.Account.Grant(account.ConsentPolicySetting, t.Args.Target)
	change := t.Account.PolicyChange
	if g == nil || change == nil {
		return step.Result{}, fault.Stopf(fault.MalformedCommand, "nothing on record says how the admin consent request policy was set")
	}
	now, err := c.settings.ConsentPolicy(ctx, t.Tenant.ID)
	if err != nil {
		return step.Result{}, fmt.Errorf("read the admin consent request policy: %w", err)
	}
	seen := g.State == account.GrantLeaving
	switch since := change.Since(now); {
	case len(since) == 0 && !seen:
		return step.Result{Again: true, Learn: func(a *account.Account) { a.Grant(g.Kind, g.Target).State = account.GrantLeaving }}, nil
	case len(since) == 0:
		return c.putBack(ctx, t, *change)
	case len(change.Before.Changes(now)) > 0:
		return left(t, since), nil
	case !seen && t.Now.Sub(t.Account.TriedAt) < lateness:
		return step.Result{}, fault.NotReadyf(fault.ConsentPolicyNotVisible, "the admin consent request policy was set moments ago, and may still turn up")
	}
	return taken(t, g.Kind, "The admin consent request policy is as it was before"), nil
}

// putBack sets the policy to what it was, and reads it back.
func (c *ConsentSetting) putBack(ctx context.Context, t task, change account.PolicyChange) (step.Result, error) {
	if _, err := c.settings.SetConsentPolicy(ctx, t.Tenant.ID, change.Before); err != nil {
		return step.Result{}, fmt.Errorf("put the admin consent request policy back: %w", err)
	}
	now, err := c.settings.ConsentPolicy(ctx, t.Tenant.ID)
	if err != nil {
		return step.Result{}, fmt.Errorf("read the admin consent request policy back: %w", err)
	}
	if lacking := now.Changes(change.Before); len(lacking) > 0 {
		return step.Result{}, fault.NotReadyf(fault.ConsentPolicyNotVisible, "the admin consent request policy is put back and does not show yet: %s", strings.Join(lacking, "; "))
	}
	return taken(t, account.ConsentPolicySetting, "The admin consent request policy is put back: "+strings.Join(change.Set.Changes(change.Before), "; ")), nil
}

// left leaves the policy as somebody set it since. An undo leaves it as well.
func left(t task, since []string) step.Result {
	detail := "The admin consent request policy stays: somebody changed it since it was set (" + strings.Join(since, "; ") + ")"
	res := taken(t, account.ConsentPolicySetting, detail)
	forget := res.Learn
	res.Learn = func(a *account.Account) {
		forget(a)
		g := a.Grant(account.ConsentPolicySetting, t.Args.Target)
		g.Ours, g.Detail = false, "left as somebody else set it"
	}
	return res
}
