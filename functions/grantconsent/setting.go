package grantconsent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Settings is what setting the admin consent request policy needs of the tenant.
type Settings interface {
	ConsentPolicy(ctx context.Context, t account.TenantID) (account.ConsentPolicy, error)
	// SetConsentPolicy sends nothing when there is nothing to change.
	SetConsentPolicy(ctx context.Context, t account.TenantID, want account.ConsentPolicy) (before account.ConsentPolicy, err error)
}

// Setting sets the tenant's admin consent request policy: the part PartConsentPolicy. The
// policy before is on the row before it is changed, and is put back by revoke.
type Setting struct {
	settings Settings
	people   People
}

// NewSetting makes the part of grantconsent that sets the policy.
func NewSetting(s Settings, p People) *Setting { return &Setting{s, p} }

// settling is how long a read may still show the policy as it was a moment ago. Microsoft
// promises no figure; the lists of Entra lag by minutes.
const settling = 2 * time.Minute

// Handle sets what is asked for and is done when it can be read back. Microsoft's consent
// page may follow up to an hour later (Microsoft Entra: Configure the admin consent
// workflow), which cannot be read anywhere.
func (h *Setting) Handle(ctx context.Context, t task) (step.Result, error) {
	g := grantOf(&t.Account)
	if t.Args.Policy == nil || g == nil {
		return step.Result{}, fault.Stopf(fault.MalformedCommand, "a consent policy is set to what a request asks for")
	}
	now, want, err := h.Plan(ctx, t.Tenant.ID, *t.Args.Policy)
	if err != nil {
		return step.Result{}, err
	}
	tried := t.Account.PolicyChange
	switch begun := tried != nil && g.State != account.GrantPlanned; {
	case begun && same(now, tried.Set):
		return h.shown(t, g)
	case begun && same(now, tried.Found()):
		return h.set(ctx, t, tried.Set)
	case same(now, want):
		return there(begun || tried != nil && same(now, tried.Set)), nil
	case tried != nil && same(now, tried.Set):
		return intend(account.PolicyChange{Before: tried.Before, Set: want, Over: &tried.Set}), nil
	}
	return intend(account.PolicyChange{Before: now, Set: want}), nil
}

// Plan gives the policy as it is, and as it would be when what is asked for was set. It
// changes nothing.
func (h *Setting) Plan(ctx context.Context, t account.TenantID, asked events.ConsentPolicy) (now, want account.ConsentPolicy, err error) {
	if now, err = h.settings.ConsentPolicy(ctx, t); err != nil {
		return now, want, fmt.Errorf("read the admin consent request policy: %w", err)
	}
	reviewers, err := h.reviewers(ctx, t, asked.Reviewers)
	if err != nil {
		return now, want, err
	}
	want = merge(now, asked, reviewers)
	switch {
	case same(now, want):
	case want.Enabled && len(want.Reviewers) == 0:
		err = fault.Stopf(fault.RequestInvalid, "access.consentPolicy.reviewers: nobody would decide about requests: name a user, group or directory role")
	case want.Enabled && want.Days == 0:
		err = fault.Stopf(fault.RequestInvalid, "access.consentPolicy.requestExpiresDays: the tenant has no number of days yet: give 1 to 60")
	}
	return now, want, err
}

// set replaces the policy, and reads it back.
func (h *Setting) set(ctx context.Context, t task, want account.ConsentPolicy) (step.Result, error) {
	if _, err := h.settings.SetConsentPolicy(ctx, t.Tenant.ID, want); err != nil {
		return step.Result{}, fmt.Errorf("set the admin consent request policy: %w", err)
	}
	now, err := h.settings.ConsentPolicy(ctx, t.Tenant.ID)
	if err != nil {
		return step.Result{}, fmt.Errorf("read the admin consent request policy back: %w", err)
	}
	if !same(now, want) {
		return step.Result{}, fault.NotReadyf(fault.ConsentPolicyNotVisible, "the admin consent request policy is set and does not show yet: %s", strings.Join(now.Changes(want), "; "))
	}
	return given(t.Account.PolicyChange.Found().Changes(want)), nil
}

// shown is the end of a policy that shows as it was set. One that was being put back may
// show so for a moment only.
func (h *Setting) shown(t task, g *account.Grant) (step.Result, error) {
	if g.State == account.GrantLeaving && t.Waited() < settling {
		return step.Result{}, fault.NotReadyf(fault.ConsentPolicyNotVisible, "the admin consent request policy was being put back a moment ago: whether it was shows soon")
	}
	return given(t.Account.PolicyChange.Found().Changes(t.Account.PolicyChange.Set)), nil
}

// there is the end of a policy that is as it is asked for: before us, or because somebody
// added to what we set, which ours says.
func there(ours bool) step.Result {
	return step.Result{Detail: "The admin consent request policy is as asked for already", Learn: func(a *account.Account) {
		g := grantOf(a)
		g.State, g.Ours = account.GrantGiven, g.Ours && ours
	}}
}

// intend puts on record what will be done, and how to take it back.
func intend(change account.PolicyChange) step.Result {
	return step.Result{Again: true, Learn: func(a *account.Account) {
		g := grantOf(a)
		g.State, g.Ours, a.PolicyChange = account.GrantIntended, true, &change
	}}
}

func given(lines []string) step.Result {
	return step.Result{
		Detail: "The admin consent request policy is set (" + strings.Join(lines, "; ") + "); Microsoft's consent page follows within an hour",
		Learn:  func(a *account.Account) { grantOf(a).State = account.GrantGiven },
	}
}

func grantOf(a *account.Account) *account.Grant {
	return a.Grant(account.ConsentPolicySetting, account.ConsentRequestPolicy)
}

func same(a, b account.ConsentPolicy) bool { return len(a.Changes(b)) == 0 }
